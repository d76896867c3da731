// SPDX-License-Identifier: GPL-2.0

//! Failures of a client, of any of its jobs and user queues: how many there were, and the eventfd that it has
//! for them.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    },
};
use kernel_ext::eventfd::EventFd;

use crate::{
    driver::Driver,
    file::File,
    uapi::accel_failure_eventfd, //
};

/// Rings when something fails.
#[pin_data]
pub(crate) struct Alarm {
    failures: Atomic<u64>,
    #[pin]
    bell: SpinLockIrq<Option<EventFd>>,
}

impl Alarm {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                failures: Atomic::new(0),
                bell <- new_spinlock_irq!(None, "accel_alarm"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Something has failed. Any context.
    pub(crate) fn ring(&self) {
        self.failures.fetch_add(1, Relaxed);
        if let Some(bell) = &*self.bell.lock() {
            bell.signal();
        }
    }

    /// Returns how often it has rung.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    fn set(&self, bell: Option<EventFd>) {
        let old = core::mem::replace(&mut *self.bell.lock(), bell);
        drop(old);
    }
}

/// ACCEL_IOCTL_FAILURE_EVENTFD
pub(crate) fn eventfd<T: Driver>(file: &File<T>, args: &mut accel_failure_eventfd) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let bell = match args.fd {
        -1 => None,
        fd => Some(EventFd::from_fd(fd)?),
    };
    file.client.share.alarm.set(bell);
    Ok(())
}
