// SPDX-License-Identifier: GPL-2.0

//! A queue, as its jobs know it: exists while anybody can submit to it, or a job of it is left.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed, //
        },
        Arc,
        UniqueArc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

use crate::{
    context::Life,
    device::{
        Bound,
        Device, //
    },
    driver::{
        Driver,
        QueueSetup, //
    },
    engine::NEVER,
    job::Refusal,
    logic::{
        recovery::Culprit,
        schedule::QueueId, //
    },
    scheduler::Scheduler,
    share::Share,
    statuses::Statuses, //
};

/// How long to wait until nothing is left of ended jobs, and how often.
const SETTLE_US: i64 = 50;
const SETTLE_TRIES: u32 = 1000;

/// As what a scheduler knows a queue.
struct Entry<T: Driver> {
    share: Arc<Share<T>>,
    /// In [`Device::schedulers`].
    scheduler: usize,
    id: QueueId,
}

impl<T: Driver> Entry<T> {
    fn new(share: Arc<Share<T>>, setup: &QueueSetup<'_, T>) -> Result<Self> {
        let schedulers = &share.device().schedulers;
        let mut all = schedulers.iter().enumerate();
        let found = all.find(|(_, scheduler)| scheduler.engines() == setup.engines);
        let (index, scheduler) = found.ok_or(EINVAL)?;
        let id = scheduler.add_queue(share.id(index)?, setup.priority)?;
        Ok(Self {
            share,
            scheduler: index,
            id,
        })
    }

    fn scheduler(&self) -> Option<&Scheduler<T>> {
        Some(self.share.device().schedulers.get(self.scheduler)?)
    }
}

impl<T: Driver> Drop for Entry<T> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler() {
            scheduler.remove_queue(self.id);
        }
    }
}

/// A queue of jobs. Must not be dropped where locks are held, or jobs are completed.
pub(crate) struct Queue<T: Driver> {
    /// What the driver keeps of it.
    pub(crate) driver: T::Queue,
    /// A number that no other queue of the client has had.
    name: u32,
    statuses: Arc<Statuses>,
    life: Arc<Life>,
    timeout_ns: u64,
    /// Jobs that have ended and of which something is left.
    pub(crate) unsettled: Atomic<u32>,
    /// How many [`Look`](crate::look::Look)s there are at its jobs.
    pub(crate) looks: Atomic<u32>,
    entry: Entry<T>,
}

impl<T: Driver> Queue<T> {
    /// Makes a queue of the client with this `share`, which gave it the number `name`.
    ///
    /// # Errors
    ///
    /// EINVAL: there are no such engines; ENOMEM; what the driver says.
    pub(crate) fn new(
        bound: &Bound<'_, T>,
        file: &T::File,
        share: Arc<Share<T>>,
        name: u32,
        statuses: Arc<Statuses>,
        setup: QueueSetup<'_, T>,
    ) -> Result<Arc<Self>, Refusal> {
        let entry = Entry::new(share, &setup)?;
        let place = UniqueArc::<Self>::new_uninit(GFP_KERNEL_ACCOUNT).map_err(Error::from)?;
        let life = setup.life.clone();
        let timeout_ns = match setup.timeout_ns {
            0 => NEVER,
            ns => ns,
        };
        let queue = Self {
            name,
            life,
            timeout_ns,
            driver: T::create_queue(&bound.data, file, setup)?,
            statuses,
            unsettled: Atomic::new(0),
            looks: Atomic::new(0),
            entry,
        };
        Ok(place.write(queue).into())
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        self.entry.share.device()
    }

    /// Returns N of its fences' "accelM/queueN".
    pub(crate) fn name(&self) -> u32 {
        self.name
    }

    /// Returns how its jobs are.
    pub(crate) fn statuses(&self) -> &Arc<Statuses> {
        &self.statuses
    }

    /// Returns the life of its context.
    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    /// Returns how long its jobs may take on an engine that allows `ns` nanoseconds.
    #[inline]
    pub(crate) fn timeout_ns(&self, ns: u64) -> u64 {
        self.timeout_ns.min(ns)
    }

    /// Returns the share of its client.
    pub(crate) fn share(&self) -> &Share<T> {
        &self.entry.share
    }

    /// Looks whether it takes jobs. May sleep. ECANCELED: its context has ended, or its client is
    /// banned; EIO: the device is wedged or isolated.
    #[inline]
    pub(crate) fn check(&self) -> Result {
        match self.device().is_troubled.load(Relaxed) {
            true => self.check_all(),
            false => Ok(()),
        }
    }

    #[cold]
    fn check_all(&self) -> Result {
        self.share().check_in(&self.life)?;
        self.scheduler().ok_or(ENODEV)?.check()
    }

    /// Returns whether its jobs are not to start.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.life.is_over()
            || self.share().conduct.is_banned()
            || self.device().health.is_isolated()
    }

    /// Returns whose jobs it has.
    pub(crate) fn culprit(&self) -> Culprit {
        Culprit {
            client: self.entry.share.client(),
            context: self.life.id.get(),
        }
    }

    /// Drops the jobs that have ended, and waits for those that others are being told of or drop, which
    /// takes a moment. May sleep; the device must not be held bound.
    pub(crate) fn settle(&self) {
        self.reap();
        if self.unsettled.load(Acquire) != 0 {
            self.settle_later();
        }
    }

    #[cold]
    fn settle_later(&self) {
        self.poll(|| {
            self.reap();
            self.unsettled.load(Acquire) == 0
        });
    }

    /// Waits until `is_over` says so, but not for long. May sleep.
    #[inline]
    pub(crate) fn poll(&self, mut is_over: impl FnMut() -> bool) {
        for _ in 0..SETTLE_TRIES {
            if is_over() {
                break;
            }
            fsleep(Delta::from_micros(SETTLE_US));
        }
    }

    /// Drops the jobs that have ended and everybody was told of. May sleep; the device must not be held
    /// bound.
    #[inline]
    pub(crate) fn reap(&self) {
        if let (Some(guard), Some(scheduler)) = (self.device().cell.enter(), self.scheduler()) {
            guard.with(|_| scheduler.reap());
        }
    }

    /// Returns whether there is a [`Look`](crate::look::Look) at any of its jobs.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.looks.load(Acquire) != 0
    }

    /// Returns as what its scheduler knows it.
    pub(crate) fn id(&self) -> QueueId {
        self.entry.id
    }

    /// Returns who runs its jobs: there always is one.
    pub(crate) fn scheduler(&self) -> Option<&Scheduler<T>> {
        self.entry.scheduler()
    }
}

impl<T: Driver> Drop for Queue<T> {
    fn drop(&mut self) {
        // Else the device has forgotten it.
        if let Ok(guard) = self.device().enter_awake() {
            guard.with(|bound| T::destroy_queue(&bound.data, &self.driver));
        }
    }
}
