// SPDX-License-Identifier: GPL-2.0

//! The health of a device, and who wants to know when it changes.

use kernel::{
    fs::File,
    prelude::*,
    sync::poll::{
        PollCondVar,
        PollTable, //
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
}

impl State {
    /// Returns the name used in sysfs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Operational => "operational",
            State::Resetting => "resetting",
            State::Wedged => "wedged",
        }
    }
}

/// The health of a device.
#[pin_data]
pub(crate) struct Health {
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
        match self.get().health {
            uapi::ACCEL_HEALTH_OPERATIONAL => State::Operational,
            uapi::ACCEL_HEALTH_RESETTING => State::Resetting,
            _ => State::Wedged,
        }
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

    /// Changes the state.
    pub(crate) fn set(&self, state: State) {
        let now = monotonic_ns();
        self.status.update(|status| {
            if status.health != state as u32 {
                status.health = state as u32;
                status.since_ns = now;
                status.changes += 1;
            }
        });
        self.changed.notify_all();
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
