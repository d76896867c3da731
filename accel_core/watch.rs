// SPDX-License-Identifier: GPL-2.0

//! Looks after a device again and again, and brings back what does not answer.

use kernel::{
    impl_has_delayed_work,
    prelude::*,
    sync::Arc,
    workqueue::{
        impl_has_work,
        DelayedWork,
        Work,
        WorkItem, //
    },
};
use kernel_ext::{
    device::bus_name,
    time::jiffies_from_ns,
    workqueue::{
        cancel_delayed_sync,
        cancel_sync,
        system_dfl, //
    },
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    health::State,
    lock_class,
    user_queue::UserQueues,
    worker, //
};

const LOOK: u64 = 0;
const ANNOUNCE: u64 = 1;
const DUMP: u64 = 2;
const END: u64 = 3;
const ISOLATE: u64 = 4;

/// Watches a device. Exists while the device is bound.
#[pin_data]
pub(crate) struct Watch<T: Driver> {
    device: Arc<Device<T>>,
    #[pin]
    look: DelayedWork<Self, LOOK>,
    #[pin]
    announce: Work<Self, ANNOUNCE>,
    #[pin]
    dump: Work<Self, DUMP>,
    #[pin]
    end: Work<Self, END>,
    #[pin]
    isolate: Work<Self, ISOLATE>,
}

impl_has_delayed_work! {
    impl{T: Driver} HasDelayedWork<Self, 0> for Watch<T> { self.look }
}

impl_has_work! {
    impl{T: Driver} HasWork<Self, 1> for Watch<T> { self.announce }
    impl{T: Driver} HasWork<Self, 2> for Watch<T> { self.dump }
    impl{T: Driver} HasWork<Self, 3> for Watch<T> { self.end }
    impl{T: Driver} HasWork<Self, 4> for Watch<T> { self.isolate }
}

impl<T: Driver> Watch<T> {
    pub(crate) fn new(device: Arc<Device<T>>) -> Result<Arc<Self>> {
        let (watch, timer) = (lock_class::watch(), lock_class::watch_timer());
        let (announce, dump) = (lock_class::announce(), lock_class::dump());
        let (end, isolate) = (lock_class::end(), lock_class::isolate());
        Arc::pin_init(
            pin_init!(Self {
                device,
                look <- DelayedWork::new(watch.0, watch.1, timer.0, timer.1),
                announce <- Work::new(announce.0, announce.1),
                dump <- Work::new(dump.0, dump.1),
                end <- Work::new(end.0, end.1),
                isolate <- Work::new(isolate.0, isolate.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Looks after the device in a while, if the driver wants that, or has user queues.
    pub(crate) fn arm(self: Arc<Self>) {
        if T::HAS_IS_WELL || T::UserQueues::MAX_PAYLOAD.is_some() {
            let delay = jiffies_from_ns(u64::from(T::WATCH_MS) * 1_000_000);
            let _ = worker::queue().enqueue_delayed::<_, LOOK>(self, delay);
        }
    }

    /// Tells user space of a reset of the device, as `drm_dev_wedged_event()` does: whether it is
    /// over, or what else may help. Later, as that takes memory.
    pub(crate) fn announce(self: Arc<Self>) {
        let _ = system_dfl().enqueue::<_, ANNOUNCE>(self);
    }

    /// Gives a dump to user space; later, likewise.
    pub(crate) fn give_dump(self: Arc<Self>) {
        let _ = system_dfl().enqueue::<_, DUMP>(self);
    }

    /// Ends the user queues that may not go on; later, as others allocate with their list locked.
    pub(crate) fn end_user_queues(self: Arc<Self>) {
        if T::UserQueues::MAX_PAYLOAD.is_some() {
            let _ = system_dfl().enqueue::<_, END>(self);
        }
    }

    /// Isolates the device; later, as that tells user space.
    pub(crate) fn isolate(self: Arc<Self>) {
        let _ = system_dfl().enqueue::<_, ISOLATE>(self);
    }

    /// Takes the work back; nobody may ask for more.
    pub(crate) fn cancel(this: &Arc<Self>) {
        cancel_delayed_sync::<Self, LOOK>(this);
        cancel_sync::<Self, ANNOUNCE>(this);
        cancel_sync::<Self, DUMP>(this);
        cancel_sync::<Self, END>(this);
        cancel_sync::<Self, ISOLATE>(this);
    }

    /// Returns whether to go on: not while the device sleeps, and who wakes it begins again.
    fn look(self: &Arc<Self>, bound: &Bound<'_, T>) -> bool {
        if !self.device.power.is_awake() {
            return false;
        }
        self.clone().end_user_queues();
        !T::HAS_IS_WELL || T::is_well(&bound.data) || self.device.revive(bound)
    }
}

impl<T: Driver> WorkItem<ANNOUNCE> for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let device = &this.device;
        let what = match device.health.state() {
            State::Wedged if bus_name(&device.parent) == c"pci" => c"WEDGED=rebind,bus-reset",
            State::Wedged => c"WEDGED=rebind",
            _ => c"WEDGED=none",
        };
        if let Some(nodes) = &*device.nodes.lock() {
            nodes.compute.changed(what);
        }
    }
}

impl<T: Driver> WorkItem<DUMP> for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.device.give_dump();
    }
}

impl<T: Driver> WorkItem<END> for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.device.end_user_queues();
    }
}

impl<T: Driver> WorkItem<ISOLATE> for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let guard = this.device.cell.enter();
        if let Some(guard) = guard {
            guard.with(|bound| this.device.isolate(bound, true));
        }
    }
}

impl<T: Driver> WorkItem<LOOK> for Watch<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let guard = this.device.cell.enter();
        if guard.is_some_and(|guard| guard.with(|bound| this.look(bound))) {
            this.arm();
        }
    }
}
