// SPDX-License-Identifier: GPL-2.0

//! Own work queues, and taking work back.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::Arc,
    workqueue::{
        HasDelayedWork,
        HasWork,
        Queue,
        Work,
        WorkItem, //
    }, //
};

/// A work queue of one's own; finishes all work when dropped.
///
/// # Invariants
///
/// It exists.
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A work queue has its own locks.
unsafe impl Send for OwnedQueue {}
// SAFETY: As above.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes an unbound queue that makes progress in memory reclaim, too.
    pub fn new(name: &CStr) -> Result<Self> {
        Self::with_flags(
            name,
            bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM,
            0,
        )
    }

    /// Makes one that does one work at a time, in their order, and none in memory reclaim.
    pub fn ordered(name: &CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags___WQ_ORDERED;
        Self::with_flags(name, flags, 1)
    }

    fn with_flags(name: &CStr, flags: u32, most: c_int) -> Result<Self> {
        // SAFETY: `name` is passed through "%s".
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(c"%s".as_char_ptr(), flags, most, name.as_char_ptr())
        };
        // INVARIANT: Just made.
        Ok(Self(NonNull::new(queue).ok_or(ENOMEM)?))
    }
}

impl Deref for OwnedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the type invariants.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; not used after this.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}

/// Returns the queue of the system for work that has no needs. It makes no progress in memory reclaim:
/// nobody who frees memory may wait for such work.
pub fn system_dfl() -> &'static Queue {
    // SAFETY: It exists from boot on.
    unsafe { Queue::from_raw(bindings::system_dfl_wq) }
}

/// Takes `item` back from its queue, or waits until it has run; returns whether it will not run.
///
/// Nobody may enqueue it meanwhile.
pub fn cancel_sync<T, const ID: u64>(item: &Arc<T>) -> bool
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasWork<T, ID>,
{
    let ptr = Arc::as_ptr(item).cast_mut();
    // SAFETY: `ptr` is valid; the field was initialised by `Work::new`.
    let cancelled =
        unsafe { bindings::cancel_work_sync(Work::raw_get(T::raw_get_work(ptr).cast_const())) };
    if cancelled {
        // SAFETY: The queue owned a reference, which it will not give back.
        drop(unsafe { Arc::from_raw(ptr.cast_const()) });
    }
    cancelled
}

/// As [`cancel_sync`] for delayed work.
pub fn cancel_delayed_sync<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    cancel_by(item, bindings::cancel_delayed_work_sync);
}

/// Takes delayed work back, if it has not begun to run. Any context.
pub fn cancel_delayed<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    cancel_by(item, bindings::cancel_delayed_work);
}

/// Takes delayed work back by `cancel`, one of the functions of that name.
fn cancel_by<T, const ID: u64>(
    item: &Arc<T>,
    cancel: unsafe extern "C" fn(*mut bindings::delayed_work) -> bool,
) where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    let ptr = Arc::as_ptr(item).cast_mut();
    // SAFETY: `ptr` is valid; by `HasDelayedWork` the work is the `work` field of a `delayed_work`.
    let cancelled = unsafe {
        let work = Work::raw_get(T::raw_get_work(ptr).cast_const());
        cancel(kernel::container_of!(work, bindings::delayed_work, work))
    };
    if cancelled {
        // SAFETY: The queue owned a reference, which it will not give back.
        drop(unsafe { Arc::from_raw(ptr.cast_const()) });
    }
}
