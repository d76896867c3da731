// SPDX-License-Identifier: GPL-2.0

//! Preemption: the user queues of an address space are suspended while something that is mapped there
//! is out of place.
//!
//! The lock is taken where memory is reclaimed: nothing is allocated under it, and no lock that is held
//! over an allocation is taken.

use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex,
        UniqueArc, //
    },
};

use crate::{
    device::Bound,
    driver::Driver,
    job::Refusal,
    lock_class,
    user_queue::{
        QueueOf,
        UserQueues, //
    },
};

/// The user queues of an address space.
#[pin_data]
pub(crate) struct Preemption<T: Driver> {
    #[pin]
    state: Mutex<State<T>>,
    /// How often they were suspended.
    count: Atomic<u32>,
}

struct State<T: Driver> {
    /// By their own addresses.
    queues: RBTree<usize, Arc<QueueOf<T>>>,
    /// How much is out of place.
    out: usize,
    is_suspended: bool,
    /// The device goes: they stay suspended.
    is_closed: bool,
}

impl<T: Driver> Preemption<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::preemption();
        let state = State {
            queues: RBTree::new(),
            out: 0,
            is_suspended: false,
            is_closed: false,
        };
        pin_init!(Self {
            state <- Mutex::new(state, name, key),
            count: Atomic::new(0),
        })
    }

    /// Returns how often the queues were suspended.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// Adds the queue that `create` makes, which may run at once. EAGAIN: something is out of place;
    /// ENODEV: the device goes; errors of `create`; ENOMEM.
    pub(crate) fn add(
        &self,
        create: impl FnOnce() -> Result<QueueOf<T>, Refusal>,
    ) -> Result<Arc<QueueOf<T>>, Refusal> {
        let place = UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT).map_err(Error::from)?;
        let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(ENODEV.into());
        }
        if state.is_suspended {
            return Err(EAGAIN.into());
        }
        let queue = create()?;
        let queue: Arc<_> = place.write(queue).into();
        let id = Arc::as_ptr(&queue) as usize;
        state.queues.insert(node.into_node(id, queue.clone()));
        Ok(queue)
    }

    /// Takes a queue out, which does not run any more when this returns; `bound` is `None` if the device
    /// is gone.
    pub(crate) fn remove(&self, bound: Option<&Bound<'_, T>>, queue: &Arc<QueueOf<T>>) {
        let id = Arc::as_ptr(queue) as usize;
        let mut state = self.state.lock();
        if let (Some(bound), false) = (bound, state.is_suspended) {
            T::UserQueues::suspend(&bound.data, queue);
            T::UserQueues::suspend_wait(&bound.data, queue);
        }
        let node = state.queues.remove_node(&id);
        drop(state);
        drop(node);
    }

    /// Something goes out of place: none of the queues runs when this returns. In bounded time.
    pub(crate) fn take_out(&self, bound: &Bound<'_, T>) {
        if self.hold(bound) {
            self.count.fetch_add(1, Relaxed);
        }
    }

    /// As [`Preemption::take_out`], for another reason, which is not counted. Returns whether any queue
    /// could run.
    pub(crate) fn hold(&self, bound: &Bound<'_, T>) -> bool {
        let mut state = self.state.lock();
        state.out += 1;
        state.suspend(bound)
    }

    /// It is in place again, if `in_step`; once for each [`Preemption::take_out`] and
    /// [`Preemption::hold`].
    pub(crate) fn put_back(&self, bound: &Bound<'_, T>, in_step: bool) {
        let mut state = self.state.lock();
        state.out -= 1;
        if in_step {
            state.resume(bound);
        }
    }

    /// What the device goes by is in step again.
    pub(crate) fn resume(&self, bound: &Bound<'_, T>) {
        self.state.lock().resume(bound);
    }

    /// The device goes: none of the queues runs any more, and none is added.
    pub(crate) fn close(&self, bound: &Bound<'_, T>) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.suspend(bound);
    }
}

impl<T: Driver> State<T> {
    /// Returns whether they were not suspended.
    fn suspend(&mut self, bound: &Bound<'_, T>) -> bool {
        if self.is_suspended {
            return false;
        }
        self.is_suspended = true;
        // Together: the time for one is the time for all.
        for queue in self.queues.values() {
            T::UserQueues::suspend(&bound.data, queue);
        }
        for queue in self.queues.values() {
            T::UserQueues::suspend_wait(&bound.data, queue);
        }
        true
    }

    fn resume(&mut self, bound: &Bound<'_, T>) {
        if !self.is_suspended || self.out != 0 || self.is_closed {
            return;
        }
        self.is_suspended = false;
        for queue in self.queues.values() {
            T::UserQueues::resume(&bound.data, queue);
        }
    }
}
