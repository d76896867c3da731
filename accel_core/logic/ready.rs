// SPDX-License-Identifier: GPL-2.0

//! The jobs that can run, in the order of their queues, and a [`Schedule`] that says whose comes next.
//!
//! Each job needs one credit. Nothing here allocates.

use super::{
    fifo::Deque,
    schedule::{
        ClientSlot,
        QueueId,
        QueueSlot,
        Schedule,
        Ticket, //
    },
};
use core::{
    mem::swap,
    ops::DerefMut, //
};

/// The jobs that can run: clients in the storage `C`, queues in `Q`, a list of jobs for each slot of
/// `Q` in `L`.
pub(crate) struct Ready<C, Q, L> {
    pub(crate) schedule: Schedule<C, Q>,
    lists: L,
    count: u32,
}

impl<C, Q, L, F> Ready<C, Q, L>
where
    C: DerefMut<Target = [ClientSlot]>,
    Q: DerefMut<Target = [QueueSlot]>,
    L: DerefMut<Target = [F]>,
    F: Deque,
{
    /// `lists` has one, empty, for each slot for queues of `schedule`.
    pub(crate) fn new(schedule: Schedule<C, Q>, lists: L) -> Self {
        Self {
            schedule,
            lists,
            count: 0,
        }
    }

    /// Returns how many jobs there are.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Changes to larger storages for queues, and returns the old ones without jobs; or returns the
    /// new ones if they are not larger.
    pub(crate) fn grow_queues(&mut self, slots: Q, mut lists: L) -> (Q, L) {
        match self.schedule.grow_queues(slots) {
            Ok(old) => {
                for (new, old) in lists.iter_mut().zip(&mut *self.lists) {
                    swap(new, old);
                }
                swap(&mut lists, &mut self.lists);
                (old, lists)
            }
            Err(slots) => (slots, lists),
        }
    }

    /// Adds a job behind the others of its queue; gives it back if there is no such queue.
    pub(crate) fn push(&mut self, queue: QueueId, job: F::Item) -> Option<F::Item> {
        let Some(jobs) = self.lists.get_mut(queue.slot()) else {
            return Some(job);
        };
        let is_first = jobs.is_empty();
        jobs.push_back(job);
        self.count += 1;
        if is_first {
            self.schedule.wake(queue, 1);
        }
        None
    }

    /// Puts jobs back that were taken, in the order in which that was done: each comes before all of its
    /// queue, `queue_of` it, that were not.
    pub(crate) fn put_back(&mut self, mut jobs: F, queue_of: impl Fn(&F::Item) -> QueueId) {
        while let Some(job) = jobs.pop_back() {
            let queue = queue_of(&job);
            if let Some(jobs) = self.lists.get_mut(queue.slot()) {
                jobs.push_front(job);
                self.count += 1;
                self.schedule.wake(queue, 1);
            }
        }
    }

    /// Takes the job that is to be started now.
    pub(crate) fn next(&mut self, now: u64) -> Option<(F::Item, Ticket)> {
        let pick = self.schedule.pick_any(now)?;
        let jobs = self.lists.get_mut(pick.queue().slot())?;
        let job = jobs.pop_front()?;
        let ticket = pick.start((!jobs.is_empty()).then_some(1));
        self.count -= 1;
        Some((job, ticket))
    }

    /// Returns whether a queue has a job.
    pub(crate) fn has(&self, queue: QueueId) -> bool {
        let jobs = self.lists.get(queue.slot());
        jobs.is_some_and(|jobs| !jobs.is_empty())
    }

    /// Takes the first job of a queue; none of its jobs is to be started.
    pub(crate) fn take(&mut self, queue: QueueId) -> Option<F::Item> {
        let job = self.lists.get_mut(queue.slot())?.pop_front()?;
        self.count -= 1;
        self.schedule.sleep(queue);
        Some(job)
    }

    /// As [`Ready::take`], of whatever queue has one.
    pub(crate) fn take_any(&mut self, queue_of: impl Fn(&F::Item) -> QueueId) -> Option<F::Item> {
        let job = self.lists.iter_mut().find_map(F::pop_front)?;
        self.count -= 1;
        self.schedule.sleep(queue_of(&job));
        Some(job)
    }
}
