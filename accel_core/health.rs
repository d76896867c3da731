// SPDX-License-Identifier: GPL-2.0

//! The health of a device, and who wants to know when it changes.

use kernel::{
    fs::File,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::{
            PollCondVar,
            PollTable, //
        },
    },
};
use kernel_ext::{
    seqlock::SeqLock,
    time::monotonic_ns, //
};

use crate::{
    lock_class,
    uapi::{
        self,
        accel_info_status, //
    },
};

/// `enum accel_health`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    Operational = uapi::ACCEL_HEALTH_OPERATIONAL,
    Resetting = uapi::ACCEL_HEALTH_RESETTING,
    Wedged = uapi::ACCEL_HEALTH_WEDGED,
    Isolated = uapi::ACCEL_HEALTH_ISOLATED,
}

impl State {
    /// Returns the one with this number.
    fn of(status: &accel_info_status) -> Self {
        match status.health {
            uapi::ACCEL_HEALTH_OPERATIONAL => State::Operational,
            uapi::ACCEL_HEALTH_RESETTING => State::Resetting,
            uapi::ACCEL_HEALTH_ISOLATED => State::Isolated,
            _ => State::Wedged,
        }
    }

    /// Returns the name used in sysfs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Operational => "operational",
            State::Resetting => "resetting",
            State::Wedged => "wedged",
            State::Isolated => "isolated",
        }
    }
}

/// That the state changed.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) before: State,
    pub(crate) now: State,
}

/// The health of a device.
#[pin_data]
pub(crate) struct Health {
    /// It gets no work even if it is operational, so that is not what it is called.
    is_isolated: Atomic<bool>,
    #[pin]
    status: SeqLock<accel_info_status>,
    #[pin]
    changed: PollCondVar,
}

impl Health {
    pub(crate) fn new() -> impl PinInit<Self> {
        let status = accel_info_status {
            health: State::Operational as u32,
            epoch: 0,
            since_ns: monotonic_ns(),
            changes: 0,
            resets: 0,
        };
        let (lock, changed) = (lock_class::health(), lock_class::health_changed());
        pin_init!(Self {
            is_isolated: Atomic::new(false),
            status <- SeqLock::new(status, lock.0, lock.1),
            changed <- PollCondVar::new(changed.0, changed.1),
        })
    }

    /// Returns everything about it.
    #[inline]
    pub(crate) fn get(&self) -> accel_info_status {
        self.status.read()
    }

    /// Returns the state.
    pub(crate) fn state(&self) -> State {
        State::of(&self.get())
    }

    /// Returns whether it is to get no work.
    #[inline]
    pub(crate) fn is_isolated(&self) -> bool {
        self.is_isolated.load(Relaxed)
    }

    /// Returns how often the state changed.
    pub(crate) fn changes(&self) -> u64 {
        self.get().changes
    }

    /// Counts a reset that has ended, well or not, and an epoch: `is_new` if it was one of all of
    /// the device, and helped.
    pub(crate) fn count_reset(&self, is_new: bool) {
        self.status.update(|status| {
            status.resets += 1;
            status.epoch += u32::from(is_new);
        });
    }

    /// Changes the state; returns the change, if it is one.
    pub(crate) fn set(&self, state: State) -> Option<Change> {
        self.change(|_| state)
    }

    /// Has it get no work, whatever becomes of it, or no longer so. Returns whether that is new, and the
    /// change of the state, if it is one.
    pub(crate) fn isolate(&self, is_wanted: bool) -> (bool, Option<Change>) {
        let mut is_new = false;
        let change = self.change(|before| {
            is_new = self.is_isolated.xchg(is_wanted, Relaxed) != is_wanted;
            before
        });
        (is_new, change)
    }

    fn change(&self, next: impl FnOnce(State) -> State) -> Option<Change> {
        let time = monotonic_ns();
        let change = self.status.update(|status| {
            let before = State::of(status);
            let now = match next(before) {
                State::Operational | State::Isolated if self.is_isolated() => State::Isolated,
                State::Isolated => State::Operational,
                state => state,
            };
            (now != before).then(|| {
                status.health = now as u32;
                status.since_ns = time;
                status.changes += 1;
                Change { before, now }
            })
        });
        self.changed.notify_all();
        change
    }

    /// Wakes everybody because the device is gone.
    pub(crate) fn gone(&self) {
        self.changed.notify_all();
    }

    /// Registers a poller.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) {
        table.register_wait(file, &self.changed);
    }
}
