// SPDX-License-Identifier: GPL-2.0

//! Jobs that are done: first everybody is told of them, then they are dropped.
//!
//! Telling calls back, so it is done without locks; dropping may sleep, so it is left to the worker of an
//! engine.

use kernel::list::{
    List,
    ListArc, //
};
use kernel_ext::dma_fence::Signalling;

use crate::{
    driver::Driver,
    job::{
        Job,
        Outcome, //
    },
};

/// A job that has ended, of which nobody was told yet.
#[must_use]
pub(crate) struct Done<T: Driver>(ListArc<Job<T>>);

impl<T: Driver> Done<T> {
    /// Ends a job: whoever has it has nothing left. Any context.
    #[inline]
    pub(crate) fn new(job: ListArc<Job<T>>, now: u64, outcome: Outcome) -> Self {
        job.end(now, outcome);
        Self(job)
    }
}

/// Jobs that have ended, of which nobody was told yet.
#[must_use]
pub(crate) struct DoneList<T: Driver>(List<Job<T>>);

impl<T: Driver> DoneList<T> {
    pub(crate) fn new() -> Self {
        Self(List::new())
    }

    #[inline]
    pub(crate) fn push(&mut self, job: Done<T>) {
        self.0.push_back(job.0);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells everybody. Any context, without locks.
    pub(crate) fn tell(self) -> Told<T> {
        let signalling = Signalling::begin();
        for job in self.0.iter() {
            job.armed.tell();
        }
        drop(signalling);
        Told(self.0)
    }
}

/// Jobs that have ended, of which everybody was told.
#[must_use]
pub(crate) struct Told<T: Driver>(List<Job<T>>);

/// Jobs of which nothing is left but to drop them.
pub(crate) struct Retired<T: Driver>(List<Job<T>>);

impl<T: Driver> Retired<T> {
    pub(crate) fn new() -> Self {
        Self(List::new())
    }

    /// Adds jobs.
    pub(crate) fn add(&mut self, Told(mut jobs): Told<T>) {
        self.0.push_all_back(&mut jobs);
    }

    /// Adds jobs that are kept for long: nobody is to wait until they are dropped
    /// ([`Queue::settle`](crate::queue::Queue::settle)).
    pub(crate) fn keep(&mut self, Told(mut jobs): Told<T>) {
        for job in jobs.iter() {
            job.queue.end();
        }
        self.0.push_all_back(&mut jobs);
    }

    /// Takes the jobs of another one.
    pub(crate) fn append(&mut self, jobs: &mut Self) {
        self.0.push_all_back(&mut jobs.0);
    }

    /// Drops the jobs, or gives them back ([`Job::retire`]); may sleep. Returns those that somebody
    /// still looks at.
    pub(crate) fn drop_jobs(mut self) -> Option<Self> {
        let mut left = Self::new();
        while let Some(job) = self.0.pop_front() {
            if let Some(job) = Job::retire(job) {
                left.0.push_back(job);
            }
        }
        (!left.0.is_empty()).then_some(left)
    }
}
