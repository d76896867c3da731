// SPDX-License-Identifier: GPL-2.0

//! A queue that can be submitted to: when nobody has it any more, what waits in it is canceled.

use core::ops::Deref;
use kernel::{
    prelude::*,
    rbtree::RBTreeNode,
    str::CString,
    sync::Arc, //
};

use crate::{
    device::Bound,
    driver::{
        Driver,
        QueueSetup, //
    },
    job::{
        Fault,
        FaultKind,
        Refusal, //
    },
    queue::Queue,
    reservations::Reservations,
    share::Share,
    statuses::Statuses,
    submissions::Submissions, //
};

/// A queue that its client can use.
pub(crate) struct OpenQueue<T: Driver>(Arc<Submissions<T>>);

impl<T: Driver> OpenQueue<T> {
    /// Makes a queue of the client with this `share` and `reservations`.
    ///
    /// # Errors
    ///
    /// EINVAL: no such engine; ENOMEM; what the driver says.
    pub(crate) fn new(
        bound: &Bound<'_, T>,
        file: &T::File,
        share: &Arc<Share<T>>,
        reservations: &Arc<Reservations>,
        setup: QueueSetup<'_, T>,
    ) -> Result<Self, Refusal> {
        let device = share.device();
        let (index, number) = (device.index(), share.next_name());
        let name = CString::try_from_fmt(fmt!("accel{index}/queue{number}"))?;
        let statuses = Statuses::new(T::NAME, &name, share.jobs().clone())?;
        let queue = Queue::new(bound, file, share.clone(), number, statuses, setup)?;
        let submissions = Submissions::new(queue, reservations.clone())?;
        let id = Arc::as_ptr(&submissions) as usize;
        let node = RBTreeNode::new(id, submissions.clone(), GFP_KERNEL_ACCOUNT)?;
        device.queues.lock().insert(node);
        Ok(Self(submissions))
    }

    /// Ends what has not begun.
    fn cancel(&self, bound: &Bound<'_, T>) {
        let canceled = Fault::new(FaultKind::Canceled);
        Submissions::close(&self.0, bound, canceled);
        let queue = self.0.queue();
        if let Some(scheduler) = queue.scheduler() {
            scheduler.cancel(bound, queue);
        }
        let id = Arc::as_ptr(&self.0) as usize;
        let node = queue.device().queues.lock().remove_node(&id);
        drop(node);
    }
}

impl<T: Driver> Deref for OpenQueue<T> {
    type Target = Arc<Submissions<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Driver> Drop for OpenQueue<T> {
    fn drop(&mut self) {
        let queue = self.0.queue();
        // Otherwise all jobs end, or have ended, because the device is gone.
        if let Some(guard) = queue.device().cell.enter() {
            guard.with(|bound| self.cancel(bound));
        }
        let statuses = queue.statuses();
        statuses.abandon();
        if !queue.scheduler().is_some_and(|s| s.has(queue)) {
            statuses.tell();
        }
    }
}
