// SPDX-License-Identifier: GPL-2.0

//! What an engine does in process context: time-outs, jobs that the CPU runs, dropping ended jobs.

use kernel::{
    impl_has_delayed_work,
    prelude::*,
    sync::Arc,
    workqueue::{
        impl_has_work,
        system_unbound,
        DelayedWork,
        Queue,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    time::jiffies_from_ns,
    workqueue::{
        cancel_delayed,
        cancel_delayed_sync,
        cancel_sync, //
    }, //
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    lock_class,
    scheduler::Scheduler, //
};

const TIMEOUT: u64 = 0;
const RUN: u64 = 1;
const REAP: u64 = 2;
const RECOVER: u64 = 3;

/// The worker of one engine. Exists while the device is bound.
#[pin_data]
pub(crate) struct Worker<T: Driver> {
    device: Arc<Device<T>>,
    engine: usize,
    #[pin]
    timeout: DelayedWork<Self, TIMEOUT>,
    #[pin]
    run: Work<Self, RUN>,
    #[pin]
    reap: DelayedWork<Self, REAP>,
    #[pin]
    recover: Work<Self, RECOVER>,
}

/// Where all workers run.
pub(crate) fn queue() -> &'static Queue {
    match crate::WORKQUEUE.get() {
        Some(queue) => queue,
        // There is no device before or after it.
        None => system_unbound(),
    }
}

impl_has_delayed_work! {
    impl{T: Driver} HasDelayedWork<Self, 0> for Worker<T> { self.timeout }
    impl{T: Driver} HasDelayedWork<Self, 2> for Worker<T> { self.reap }
}

impl_has_work! {
    impl{T: Driver} HasWork<Self, 1> for Worker<T> { self.run }
    impl{T: Driver} HasWork<Self, 3> for Worker<T> { self.recover }
}

impl<T: Driver> Worker<T> {
    pub(crate) fn new(device: Arc<Device<T>>, engine: usize) -> Result<Arc<Self>> {
        let (timeout, timer) = (lock_class::timeout(), lock_class::timeout_timer());
        let (reap, reap_timer) = (lock_class::reap(), lock_class::reap_timer());
        let (run, recover) = (lock_class::run(), lock_class::recover());
        Arc::pin_init(
            pin_init!(Self {
                device,
                engine,
                timeout <- DelayedWork::new(timeout.0, timeout.1, timer.0, timer.1),
                run <- Work::new(run.0, run.1),
                reap <- DelayedWork::new(reap.0, reap.1, reap_timer.0, reap_timer.1),
                recover <- Work::new(recover.0, recover.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Checks for a time-out in `ns` nanoseconds, and not when that was asked for before, if it was. Under
    /// the lock of the scheduler; any context, as the following.
    pub(crate) fn arm_timeout(self: &Arc<Self>, ns: u64) {
        let delay = jiffies_from_ns(ns);
        cancel_delayed::<Self, TIMEOUT>(self);
        let _ = queue().enqueue_delayed::<_, TIMEOUT>(self.clone(), delay);
    }

    /// Runs the running job on the CPU.
    pub(crate) fn run_deferred(self: &Arc<Self>) {
        let _ = queue().enqueue::<_, RUN>(self.clone());
    }

    /// Drops ended jobs soon, if those who wait for them do not do so first: that is cheaper than to wake
    /// a worker for each.
    pub(crate) fn reap(self: &Arc<Self>) {
        let _ = queue().enqueue_delayed::<_, REAP>(self.clone(), 1);
    }

    /// Resets the engine after a fault.
    pub(crate) fn recover(self: &Arc<Self>) {
        let _ = queue().enqueue::<_, RECOVER>(self.clone());
    }

    /// Takes all work back; nobody may ask for more.
    pub(crate) fn cancel(this: &Arc<Self>) {
        cancel_delayed_sync::<Self, TIMEOUT>(this);
        cancel_sync::<Self, RUN>(this);
        cancel_delayed_sync::<Self, REAP>(this);
        cancel_sync::<Self, RECOVER>(this);
        if let Some(scheduler) = this.scheduler() {
            scheduler.reap();
        }
    }

    fn scheduler(&self) -> Option<&Scheduler<T>> {
        self.device.scheduler_of(self.engine)
    }

    /// Calls `f` while the device is bound.
    fn with(&self, f: impl FnOnce(&Scheduler<T>, &Bound<'_, T>)) {
        if let (Some(guard), Some(scheduler)) = (self.device.cell.enter(), self.scheduler()) {
            guard.with(|bound| f(scheduler, bound));
        }
    }
}

impl<T: Driver> WorkItem<TIMEOUT> for Worker<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.with(|scheduler, bound| scheduler.check_timeout(&this.device, bound, this.engine));
    }
}

impl<T: Driver> WorkItem<RECOVER> for Worker<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.with(|scheduler, bound| scheduler.recover(&this.device, bound, this.engine));
    }
}

impl<T: Driver> WorkItem<RUN> for Worker<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.with(|scheduler, bound| scheduler.run_deferred(bound, this.engine));
    }
}

impl<T: Driver> WorkItem<REAP> for Worker<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Some(scheduler) = this.scheduler() {
            if !scheduler.reap_late() {
                this.reap();
            }
        }
    }
}
