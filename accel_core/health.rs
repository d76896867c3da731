// SPDX-License-Identifier: GPL-2.0

//! The health of a device, and who wants to know when it changes.

use kernel::{
    fs::File,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        poll::{
            PollCondVar,
            PollTable, //
        },
        SpinLockIrq,
    },
};
use kernel_ext::time::monotonic_ns;

use crate::{
    lock_class,
    uapi, //
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

/// A snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) since_ns: u64,
    pub(crate) resets: u64,
}

/// The health of a device.
#[pin_data]
pub(crate) struct Health {
    #[pin]
    status: SpinLockIrq<Status>,
    /// How often the state changed; read without the lock by poll.
    changes: Atomic<u64>,
    #[pin]
    changed: PollCondVar,
}

impl Health {
    pub(crate) fn new() -> impl PinInit<Self> {
        let status = Status {
            state: State::Operational,
            since_ns: monotonic_ns(),
            resets: 0,
        };
        let (lock, changed) = (lock_class::health(), lock_class::health_changed());
        pin_init!(Self {
            status <- SpinLockIrq::new(status, lock.0, lock.1),
            changes: Atomic::new(0),
            changed <- PollCondVar::new(changed.0, changed.1),
        })
    }

    /// Returns the status and how often the state changed.
    pub(crate) fn get(&self) -> (Status, u64) {
        let status = self.status.lock();
        (*status, self.changes.load(Acquire))
    }

    /// Returns how often the state changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Acquire)
    }

    /// Changes the state; `reset_ended` also counts a reset.
    pub(crate) fn set(&self, state: State, reset_ended: bool) {
        let mut status = self.status.lock();
        status.resets += u64::from(reset_ended);
        if status.state != state {
            status.state = state;
            status.since_ns = monotonic_ns();
            self.changes.store(self.changes.load(Acquire) + 1, Release);
        }
        drop(status);
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
