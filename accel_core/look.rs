// SPDX-License-Identifier: GPL-2.0

//! Looking at a job without the lock of its scheduler.

use core::ops::Deref;
use kernel::{
    list::ListArc,
    sync::{
        atomic::{
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

use crate::{
    driver::Driver,
    job::Job,
    queue::Queue, //
};

/// A job that somebody looks at, which stays and is not used again until that is over. Fields are
/// dropped in order.
pub(crate) struct Look<T: Driver> {
    job: Arc<Job<T>>,
    _count: Count<T>,
}

impl<T: Driver> Look<T> {
    /// To be called with the scheduler's lock, while the job is in flight.
    pub(crate) fn at(job: &ListArc<Job<T>>) -> Self {
        Self {
            job: job.clone_arc(),
            _count: Count::new(&job.queue),
        }
    }
}

impl<T: Driver> Deref for Look<T> {
    type Target = Job<T>;

    fn deref(&self) -> &Job<T> {
        &self.job
    }
}

/// One of those that look at jobs of a queue.
struct Count<T: Driver>(Arc<Queue<T>>);

impl<T: Driver> Count<T> {
    fn new(queue: &Arc<Queue<T>>) -> Self {
        queue.looks.fetch_add(1, Relaxed);
        Self(queue.clone())
    }
}

impl<T: Driver> Drop for Count<T> {
    fn drop(&mut self) {
        self.0.looks.fetch_sub(1, Release);
    }
}
