// SPDX-License-Identifier: GPL-2.0

//! The queue of a job, which counts the job from its end until nothing is left of it
//! ([`Queue::settle`](crate::queue::Queue::settle)).

use core::ops::Deref;
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

use crate::{
    driver::Driver,
    queue::Queue, //
};

/// The last field of a [`Job`](crate::job::Job), so that all others are dropped before it.
pub(crate) struct Settling<T: Driver> {
    queue: Arc<Queue<T>>,
    is_counted: Atomic<bool>,
}

impl<T: Driver> Settling<T> {
    #[inline]
    pub(crate) fn new(queue: Arc<Queue<T>>) -> Self {
        Self {
            queue,
            is_counted: Atomic::new(false),
        }
    }

    /// The job has ended; to be called before anybody can know. Any context.
    #[inline]
    pub(crate) fn begin(&self) {
        self.is_counted.store(true, Relaxed);
        self.queue.unsettled.fetch_add(1, Relaxed);
    }

    /// Nobody is to wait any more until nothing is left of it; by whoever has the job. Any context.
    #[inline]
    pub(crate) fn end(&self) {
        if self.is_counted.load(Relaxed) {
            self.is_counted.store(false, Relaxed);
            self.queue.unsettled.fetch_sub(1, Release);
        }
    }
}

impl<T: Driver> Deref for Settling<T> {
    type Target = Arc<Queue<T>>;

    fn deref(&self) -> &Arc<Queue<T>> {
        &self.queue
    }
}

impl<T: Driver> Drop for Settling<T> {
    fn drop(&mut self) {
        self.end();
    }
}
