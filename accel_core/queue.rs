// SPDX-License-Identifier: GPL-2.0

//! A queue, as its jobs know it: exists while anybody can submit to it, or a job of it is left.

use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    device::Device,
    driver::Driver,
    logic::schedule::{
        Priority,
        QueueId, //
    },
    scheduler::Scheduler,
    share::Share,
    statuses::Statuses, //
};

/// A queue of jobs.
pub(crate) struct Queue<T: Driver> {
    share: Arc<Share<T>>,
    statuses: Arc<Statuses>,
    /// In [`Device::schedulers`].
    scheduler: usize,
    id: QueueId,
}

impl<T: Driver> Queue<T> {
    /// Makes a queue of the client with this `share`, whose jobs the scheduler with this index runs.
    /// ENODEV: there is no such scheduler; ENOMEM.
    pub(crate) fn new(
        share: Arc<Share<T>>,
        statuses: Arc<Statuses>,
        scheduler: usize,
        priority: Priority,
    ) -> Result<Arc<Self>> {
        let client = share.id(scheduler).ok_or(ENODEV)?;
        let schedulers = &share.device().schedulers;
        let id = schedulers
            .get(scheduler)
            .ok_or(ENODEV)?
            .add_queue(client, priority)?;
        let queue = Self {
            share,
            statuses,
            scheduler,
            id,
        };
        Ok(Arc::new(queue, GFP_KERNEL_ACCOUNT)?)
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        self.share.device()
    }

    /// Returns how its jobs are.
    pub(crate) fn statuses(&self) -> &Arc<Statuses> {
        &self.statuses
    }

    /// Returns as what its scheduler knows it.
    pub(crate) fn id(&self) -> QueueId {
        self.id
    }

    /// Returns who runs its jobs: there always is one.
    pub(crate) fn scheduler(&self) -> Option<&Scheduler<T>> {
        let scheduler = self.device().schedulers.get(self.scheduler)?;
        Some(scheduler)
    }
}

impl<T: Driver> Drop for Queue<T> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler() {
            scheduler.remove_queue(self.id);
        }
    }
}
