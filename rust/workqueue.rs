// SPDX-License-Identifier: GPL-2.0

//! Own work queues, and taking work back.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
    },
    workqueue::{
        HasDelayedWork,
        HasWork,
        Queue,
        Work,
        WorkItem, //
    }, //
};

/// A work queue of a module: unbound, and usable to make progress in memory reclaim. For statics.
pub struct ModuleQueue(Atomic<*mut c_void>);

impl ModuleQueue {
    /// Makes a queue that is not there yet.
    pub const fn new() -> Self {
        Self(Atomic::new(core::ptr::null_mut()))
    }

    /// Creates the queue; it exists until the result is dropped.
    pub fn create(&'static self, name: &'static CStr) -> Result<Creation> {
        // SAFETY: `name` has no format directives that need arguments: it is passed through "%s".
        let queue = NonNull::new(unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM,
                0,
                name.as_char_ptr(),
            )
        })
        .ok_or(ENOMEM)?;
        self.0.store(queue.as_ptr().cast(), Release);
        Ok(Creation(self))
    }

    /// Returns the queue; the system's unbound one as long as it is not there.
    pub fn get(&'static self) -> &'static Queue {
        let queue = self.0.load(Acquire);
        if queue.is_null() {
            return kernel::workqueue::system_unbound();
        }
        // SAFETY: Valid until `Creation` is dropped at module exit, when no user is left.
        unsafe { Queue::from_raw(queue.cast()) }
    }
}

impl Default for ModuleQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// The existence of a [`ModuleQueue`]; finishes all work and destroys it when dropped.
pub struct Creation(&'static ModuleQueue);

impl Drop for Creation {
    fn drop(&mut self) {
        let queue = self.0 .0.load(Acquire);
        self.0 .0.store(core::ptr::null_mut(), Release);
        // SAFETY: Created in `create`, destroyed once.
        unsafe { bindings::destroy_workqueue(queue.cast()) };
    }
}

/// Takes `item` back from its queue, or waits until it has run.
///
/// Nobody may enqueue it meanwhile.
pub fn cancel_sync<T, const ID: u64>(item: &Arc<T>)
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
}

/// As [`cancel_sync`] for delayed work.
pub fn cancel_delayed_sync<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    let ptr = Arc::as_ptr(item).cast_mut();
    // SAFETY: `ptr` is valid; by `HasDelayedWork` the work is the `work` field of a `delayed_work`.
    let cancelled = unsafe {
        let work = Work::raw_get(T::raw_get_work(ptr).cast_const());
        bindings::cancel_delayed_work_sync(kernel::container_of!(
            work,
            bindings::delayed_work,
            work
        ))
    };
    if cancelled {
        // SAFETY: The queue owned a reference, which it will not give back.
        drop(unsafe { Arc::from_raw(ptr.cast_const()) });
    }
}
