// SPDX-License-Identifier: GPL-2.0

//! The armed fences of a context, in the order in which they are to be signalled.
//!
//! The C side of [`dma_fence_context`](crate::dma_fence_context), which has the lock. What 7.3 asks
//! for (`drivers/dma-buf/dma-fence.c`), and how it is met:
//! - No release and no wait operation, so `dma_fence_signal_timestamp_locked()` detaches the fence
//!   from our operations, which are code of this module. Somebody may still be in them until an RCU
//!   grace period has passed; `free_module()` waits for one.
//! - The fence is at the start of its allocation, which has nothing to drop: it ends with
//!   `kfree_rcu(fence)`. The names, which the operations return, are freed the same way, and after
//!   all fences that have them are signalled.
//! - The lock is within the fence. Its lock class is one of the kernel's: one of ours would be gone
//!   with the module, while fences may stay. So to lockdep all such fences are alike, and a
//!   callback of one fence must not signal another.
//!
//! C header: [`include/linux/dma-fence.h`](srctree/include/linux/dma-fence.h)

use core::{
    mem::MaybeUninit,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};

use crate::{
    bindings as ext,
    dma_fence::Fence, //
};

/// The size of a name with its NUL; more is not shown (`struct sync_fence_info`).
const NAME_SIZE: usize = 32;

#[repr(C)]
struct NamesInner {
    rcu: Opaque<bindings::kvfree_rcu_head>,
    driver: [u8; NAME_SIZE],
    timeline: [u8; NAME_SIZE],
}

/// The names of a context: strings that stay for an RCU grace period after this is dropped.
pub(crate) struct Names(NonNull<NamesInner>);

// SAFETY: Owned, and not written any more.
unsafe impl Send for Names {}
// SAFETY: As above.
unsafe impl Sync for Names {}

impl Names {
    pub(crate) fn new(driver: &CStr, timeline: &CStr) -> Result<Self> {
        let mut names = KBox::new(
            NamesInner {
                rcu: Opaque::uninit(),
                driver: [0; NAME_SIZE],
                timeline: [0; NAME_SIZE],
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        copy_name(&mut names.driver, driver);
        copy_name(&mut names.timeline, timeline);
        Ok(Self(NonNull::from(KBox::leak(names))))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // SAFETY: From a box in `new`; nobody finds it any more.
        unsafe {
            let rcu = self.0.as_ref().rcu.get();
            bindings::kvfree_call_rcu(rcu, self.0.as_ptr().cast());
        }
    }
}

fn copy_name(to: &mut [u8; NAME_SIZE], name: &CStr) {
    for (to, from) in to[..NAME_SIZE - 1].iter_mut().zip(name.to_bytes()) {
        *to = *from;
    }
}

/// A fence, and what its queue needs to know of it.
///
/// # Invariants
///
/// `names` stays for an RCU grace period after the fence was signalled. `next` and `ended` are only
/// used with the queue.
#[repr(C)]
pub(crate) struct Slot {
    /// First: `dma_fence_free()` frees the slot.
    fence: Opaque<bindings::dma_fence>,
    names: NonNull<NamesInner>,
    next: *mut Slot,
    /// When its work ended, 0 if it has not. The error is in the fence from then on.
    ended: u64,
}

const _: () = assert!(core::mem::offset_of!(Slot, fence) == 0 && !core::mem::needs_drop::<Slot>());

// SAFETY: A slot is as good as its fence; the rest is used as the invariants say.
unsafe impl Send for Slot {}
// SAFETY: As above.
unsafe impl Sync for Slot {}

/// A static, so that there is one only, in this module.
static OPS: bindings::dma_fence_ops = bindings::dma_fence_ops {
    get_driver_name: Some(Slot::driver_name),
    get_timeline_name: Some(Slot::timeline_name),
    ..pin_init::zeroed()
};

impl Slot {
    /// # Safety
    ///
    /// `fence` must be the field of a [`Slot`], within an RCU section that began before it was
    /// signalled.
    unsafe extern "C" fn driver_name(fence: *mut bindings::dma_fence) -> *const c_char {
        // SAFETY: By the requirements and the type invariants.
        unsafe { (*fence.cast::<Self>()).names.as_ref() }
            .driver
            .as_ptr()
            .cast()
    }

    /// # Safety
    ///
    /// As [`Slot::driver_name`].
    unsafe extern "C" fn timeline_name(fence: *mut bindings::dma_fence) -> *const c_char {
        // SAFETY: By the requirements and the type invariants.
        unsafe { (*fence.cast::<Self>()).names.as_ref() }
            .timeline
            .as_ptr()
            .cast()
    }
}

/// A reference to the fence of a slot, hence to the slot.
///
/// # Invariants
///
/// It owns a reference to the fence.
pub(crate) struct SlotRef(NonNull<Slot>);

// SAFETY: As a reference to a slot.
unsafe impl Send for SlotRef {}
// SAFETY: As above.
unsafe impl Sync for SlotRef {}

impl SlotRef {
    #[inline]
    pub(crate) fn fence(&self) -> &Fence {
        // SAFETY: By the type invariants.
        unsafe { Fence::from_raw(self.0.cast().as_ptr()) }
    }

    /// Signals the fence, unless it is signalled.
    pub(crate) fn signal(&self, time: u64) {
        // CAST: A time of CLOCK_MONOTONIC.
        // SAFETY: By the type invariants.
        unsafe { bindings::dma_fence_signal_timestamp(self.fence().as_raw(), time as i64) };
    }
}

impl Clone for SlotRef {
    fn clone(&self) -> Self {
        self.fence().inc_ref();
        Self(self.0)
    }
}

impl Drop for SlotRef {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { Fence::dec_ref(self.0.cast()) };
    }
}

/// The queue; all use of it is serialised.
///
/// # Invariants
///
/// From `first` on, `next` leads to the slots that are queued, in the order of their numbers, and
/// to `last`. The queue owns a reference to the fence of each.
pub(crate) struct FenceQueue {
    seqno: u64,
    first: *mut Slot,
    last: *mut Slot,
}

// SAFETY: It owns what it points to.
unsafe impl Send for FenceQueue {}

impl FenceQueue {
    pub(crate) const fn new() -> Self {
        Self {
            seqno: 0,
            first: core::ptr::null_mut(),
            last: core::ptr::null_mut(),
        }
    }

    /// Returns the number of the last fence.
    pub(crate) fn seqno(&self) -> u64 {
        self.seqno
    }

    /// Makes a fence with the next number, at the end of the queue.
    ///
    /// # Safety
    ///
    /// `names` must not be dropped before the fence is signalled.
    pub(crate) unsafe fn push(
        &mut self,
        memory: KBox<MaybeUninit<Slot>>,
        context: u64,
        names: &Names,
    ) -> SlotRef {
        let slot = KBox::leak(memory).write(Slot {
            fence: Opaque::uninit(),
            names: names.0,
            next: core::ptr::null_mut(),
            ended: 0,
        });
        let ptr = NonNull::from(slot);
        self.seqno += 1;
        let lock = core::ptr::null_mut();
        // SAFETY: The fence is ours, and not initialised; it may ask for the names from now on.
        unsafe {
            let fence = ptr.cast().as_ptr();
            bindings::dma_fence_init64(fence, &OPS, lock, context, self.seqno);
        }
        let this = SlotRef(ptr);
        core::mem::forget(this.clone());
        match self.last.is_null() {
            true => self.first = ptr.as_ptr(),
            // SAFETY: By the type invariants.
            false => unsafe { (*self.last).next = ptr.as_ptr() },
        }
        self.last = ptr.as_ptr();
        this
    }

    /// Notes that the work of a fence has ended, unless that is known.
    ///
    /// # Safety
    ///
    /// The fence must be of this queue.
    pub(crate) unsafe fn end(&mut self, slot: &SlotRef, outcome: Result, now: u64) {
        // SAFETY: By the requirements; `&mut self` serialises.
        unsafe { Self::end_slot(slot.0.as_ptr(), outcome, now) };
    }

    /// As [`FenceQueue::end`] for all that are queued.
    pub(crate) fn end_all(&mut self, outcome: Result, now: u64) {
        let mut slot = self.first;
        while !slot.is_null() {
            // SAFETY: By the type invariants.
            slot = unsafe {
                Self::end_slot(slot, outcome, now);
                (*slot).next
            };
        }
    }

    /// # Safety
    ///
    /// `slot` must be valid, and nobody else may use it.
    unsafe fn end_slot(slot: *mut Slot, outcome: Result, now: u64) {
        // SAFETY: By the requirements. The fence is not signalled: that happens after `ended` is
        // set.
        unsafe {
            if (*slot).ended != 0 {
                return;
            }
            if let Err(e) = outcome {
                let fence = &raw mut (*slot).fence;
                ext::accel_helper_dma_fence_set_error(fence.cast(), e.to_errno());
            }
            (*slot).ended = now.max(1);
        }
    }

    /// Returns the first fence if its work has ended, and when that was.
    pub(crate) fn first_ended(&self) -> Option<(SlotRef, u64)> {
        let slot = NonNull::new(self.first)?;
        // SAFETY: By the type invariants.
        let ended = unsafe { (*slot.as_ptr()).ended };
        if ended == 0 {
            return None;
        }
        let queued = core::mem::ManuallyDrop::new(SlotRef(slot));
        Some((SlotRef::clone(&queued), ended))
    }

    /// Takes a fence that is signalled off the queue, if it is the first one.
    pub(crate) fn pop(&mut self, slot: &SlotRef) {
        if self.first != slot.0.as_ptr() {
            return;
        }
        // SAFETY: By the type invariants.
        self.first = unsafe { (*self.first).next };
        if self.first.is_null() {
            self.last = core::ptr::null_mut();
        }
        // The queue's reference; the caller has another one.
        drop(SlotRef(slot.0));
    }
}
