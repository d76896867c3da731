// SPDX-License-Identifier: GPL-2.0

//! Engine time of user queues: the kernel sees none of their packets, so the device is asked.
//!
//! What a device says is believed as far as it can be true, and charged to the client and the device
//! when somebody asks, or the queue ends. Here is known, too, which user queues there are, and those are
//! ended whose context has come to its end, or whose client is banned.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    accounting,
    time::monotonic_ns, //
};

use crate::{
    address_space::AddressSpace,
    context::Life,
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    job::{
        Fault,
        FaultKind, //
    },
    lock_class,
    per_engine::PerEngine,
    queue_events::QueueEvents,
    share::Share,
    user_queue::{
        QueueOf,
        UserQueues, //
    },
};

/// A user queue, as its device knows it.
pub(crate) struct Served<T: Driver> {
    pub(crate) driver: Arc<QueueOf<T>>,
    engine: usize,
    share: Arc<Share<T>>,
    /// Of its context.
    life: Arc<Life>,
    pub(crate) space: Arc<AddressSpace<T>>,
    pub(crate) events: Arc<QueueEvents>,
    since: u64,
    /// What was charged; changed with the list locked.
    charged: Atomic<u64>,
}

impl<T: Driver> Served<T> {
    pub(crate) fn new(
        driver: Arc<QueueOf<T>>,
        engine: usize,
        share: Arc<Share<T>>,
        life: Arc<Life>,
        space: Arc<AddressSpace<T>>,
        events: Arc<QueueEvents>,
    ) -> Self {
        Self {
            driver,
            engine,
            share,
            life,
            space,
            events,
            since: monotonic_ns(),
            charged: Atomic::new(0),
        }
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        self.share.device()
    }

    /// Ends it if it may not go on, unless it has ended already: it does not run any more then, though its
    /// client still has it.
    fn end_if_over(&self, bound: &Bound<'_, T>) {
        if self.events.fault().is_none() && self.share.check_in(&self.life).is_err() {
            self.events.failed(Fault::new(FaultKind::Canceled));
            self.space.preemption().remove(Some(bound), &self.driver);
        }
    }

    fn charge(&self, bound: &Bound<'_, T>) {
        let Some(busy) = T::UserQueues::busy_ns(&bound.data, &self.driver) else {
            return;
        };
        let busy = busy.min(monotonic_ns().saturating_sub(self.since));
        let charged = self.charged.load(Relaxed);
        // Else the device has lost count.
        if busy > charged {
            self.charged.store(busy, Relaxed);
            if accounting::is_on() {
                self.share.user_times.add(self.engine, busy - charged);
                self.device()
                    .user_times
                    .times
                    .add(self.engine, busy - charged);
            }
        }
    }
}

/// The user queues that a device has, and what all that it had have used.
#[pin_data]
pub(crate) struct UserTimes<T: Driver> {
    #[pin]
    queues: Mutex<KVec<Arc<Served<T>>>>,
    /// Nanoseconds.
    times: PerEngine,
}

impl<T: Driver> UserTimes<T> {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        let (name, key) = lock_class::served();
        try_pin_init!(Self {
            queues <- Mutex::new(KVec::new(), name, key),
            times: PerEngine::new(T::ENGINES.len())?,
        })
    }

    /// From now on `queue` is asked for its time. May sleep. ENOMEM.
    pub(crate) fn add(&self, queue: &Arc<Served<T>>) -> Result {
        Ok(self.queues.lock().push(queue.clone(), GFP_KERNEL)?)
    }

    /// Returns whether there are any.
    pub(crate) fn has_queues(&self) -> bool {
        !self.queues.lock().is_empty()
    }

    /// Charges what `queue` has used, for the last time.
    pub(crate) fn remove(&self, bound: Option<&Bound<'_, T>>, queue: &Arc<Served<T>>) {
        let mut queues = self.queues.lock();
        if let Some(bound) = bound {
            queue.charge(bound);
        }
        let at = queues.iter().position(|other| Arc::ptr_eq(other, queue));
        let removed = at.and_then(|at| queues.remove(at).ok());
        drop(queues);
        drop(removed);
    }
}

impl<T: Driver> Device<T> {
    /// Charges what user queues have used until now, unless the device sleeps. May sleep.
    pub(crate) fn charge_user_queues(&self) {
        if T::UserQueues::MAX_PAYLOAD.is_none() {
            return;
        }
        if let Ok(guard) = self.enter_if_awake() {
            guard.with(|bound| {
                let queues = self.user_times.queues.lock();
                queues.iter().for_each(|queue| queue.charge(bound));
            });
        }
    }

    /// Ends the user queues that may not go on. May sleep.
    pub(crate) fn end_user_queues(&self) {
        if !self.user_times.has_queues() {
            return;
        }
        if let Ok(guard) = self.enter_awake() {
            guard.with(|bound| {
                let queues = self.user_times.queues.lock();
                queues.iter().for_each(|queue| queue.end_if_over(bound));
            });
        }
    }

    /// Returns for how long an engine has worked for user queues, as of when that was charged.
    pub(crate) fn user_time(&self, engine: usize) -> u64 {
        self.user_times.times.get(engine)
    }
}
