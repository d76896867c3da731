// SPDX-License-Identifier: GPL-2.0

//! Looks after a device again and again, and brings back what does not answer.

use kernel::{
    impl_has_delayed_work,
    prelude::*,
    sync::Arc,
    workqueue::{
        DelayedWork,
        WorkItem, //
    },
};
use kernel_ext::{
    time::jiffies_from_ns,
    workqueue::cancel_delayed_sync, //
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    health::State,
    lock_class,
    worker, //
};

/// Watches a device. Exists while the device is bound.
#[pin_data]
pub(crate) struct Watch<T: Driver> {
    device: Arc<Device<T>>,
    #[pin]
    work: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl{T: Driver} HasDelayedWork<Self> for Watch<T> { self.work }
}

impl<T: Driver> Watch<T> {
    pub(crate) fn new(device: Arc<Device<T>>) -> Result<Arc<Self>> {
        let (watch, timer) = (lock_class::watch(), lock_class::watch_timer());
        Arc::pin_init(
            pin_init!(Self {
                device,
                work <- DelayedWork::new(watch.0, watch.1, timer.0, timer.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Looks after the device in a while, if the driver wants that.
    pub(crate) fn arm(self: Arc<Self>) {
        if T::HAS_IS_WELL {
            let delay = jiffies_from_ns(u64::from(T::WATCH_MS) * 1_000_000);
            let _ = worker::queue().enqueue_delayed(self, delay);
        }
    }

    /// Takes the work back; nobody may ask for more.
    pub(crate) fn cancel(this: &Arc<Self>) {
        cancel_delayed_sync::<Self, 0>(this);
    }

    /// Returns whether to go on.
    fn look(&self, bound: &Bound<'_, T>) -> bool {
        if !T::HAS_IS_WELL || T::is_well(&bound.data) {
            return true;
        }
        let (health, _recovery) = (&self.device.health, self.device.recovery.lock());
        if health.state() == State::Wedged {
            return false;
        }
        health.set(State::Resetting, false);
        let revived = match T::HAS_REVIVE {
            true => T::revive(&bound.data),
            false => Err(EIO),
        };
        match revived {
            Ok(()) => health.set(State::Operational, true),
            Err(_) => {
                health.set(State::Wedged, true);
                self.device.schedulers.iter().for_each(|s| s.wedge(bound));
            }
        }
        revived.is_ok()
    }
}

impl<T: Driver> WorkItem for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let guard = this.device.cell.enter();
        if guard.is_some_and(|guard| guard.with(|bound| this.look(bound))) {
            this.arm();
        }
    }
}
