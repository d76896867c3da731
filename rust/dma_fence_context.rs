// SPDX-License-Identifier: GPL-2.0

//! Fences of one's own: made without a number, armed in the order of their context, signalled in
//! that order.
//!
//! Everything that can fail happens before a fence is armed. From then on it must end, so its
//! [`FenceContext`] keeps every armed fence in a list of its own: whatever happens to the
//! [`ArmedFence`], when the context is closed the fence is signalled.
//!
//! Others rely on the order: a `dma_resv` forgets a fence when a later one of the same context is
//! added. So a fence that ends before an earlier one is signalled after that, and one that is
//! forgotten holds up the later ones until the context is closed.
//!
//! An open context keeps this module, whose code the fences need while they are not signalled.
//!
//! C header: [`include/linux/dma-fence.h`](srctree/include/linux/dma-fence.h)

use core::mem::MaybeUninit;
use kernel::{
    alloc::Flags,
    bindings,
    prelude::*,
    sync::{
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    }, //
};

use crate::{
    bindings as ext,
    dma_fence::{
        Fence,
        Signalling, //
    },
    dma_fence_queue::{
        FenceQueue,
        Names,
        Slot,
        SlotRef, //
    },
    time::monotonic_ns,
};

struct State {
    queue: FenceQueue,
    closed: Option<Error>,
}

/// What a context shares with its armed fences.
///
/// # Invariants
///
/// When it is dropped all fences are signalled: [`FenceContext`] closed it.
#[pin_data]
struct Shared {
    id: u64,
    names: Names,
    #[pin]
    state: SpinLockIrq<State>,
}

impl Shared {
    /// Signals the fences at the front of the queue whose work has ended; `next` is the first of
    /// them.
    ///
    /// When this returns they are signalled, even if another thread began with it: a fence leaves
    /// the queue only after that. Their callbacks run without the lock of the context.
    fn signal(&self, mut next: Option<(SlotRef, u64)>) {
        while let Some((slot, time)) = next {
            slot.signal(time);
            let mut state = self.state.lock();
            state.queue.pop(&slot);
            next = state.queue.first_ended();
            drop(state);
        }
    }

    /// Signals the fences whose work has ended, as far as earlier ones allow.
    fn flush(&self) {
        let _signalling = Signalling::begin();
        let state = self.state.lock();
        let next = state.queue.first_ended();
        drop(state);
        self.signal(next);
    }

    fn close(&self, error: Error) {
        let _signalling = Signalling::begin();
        let now = monotonic_ns();
        let mut state = self.state.lock();
        state.closed.get_or_insert(error);
        state.queue.end_all(Err(error), now);
        let next = state.queue.first_ended();
        drop(state);
        self.signal(next);
    }
}

/// A context: the owner of armed fences, which end in order. Dropping it closes it with ECANCELED.
pub struct FenceContext(Arc<Shared>);

impl FenceContext {
    /// Makes a context. Of each name 31 bytes are kept. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM; ENODEV: this module is being removed.
    pub fn new(driver: &CStr, timeline: &CStr) -> Result<Self> {
        let names = Names::new(driver, timeline)?;
        let shared = Arc::pin_init(
            pin_init!(Shared {
                // SAFETY: May always be called.
                id: unsafe { bindings::dma_fence_context_alloc(1) },
                names,
                state <- new_spinlock_irq!(
                    State {
                        queue: FenceQueue::new(),
                        closed: None,
                    },
                    "dma_fence_context"
                ),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        // SAFETY: Our own module; `drop` puts it.
        match unsafe { ext::accel_helper_try_this_module_get() } {
            true => Ok(Self(shared)),
            false => Err(ENODEV),
        }
    }

    /// Returns the number of the context, [`Fence::context`] of its fences.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Returns the number of the fence that was armed last, 0 if there was none.
    pub fn seqno(&self) -> u64 {
        self.0.state.lock().queue.seqno()
    }

    /// Gives a fence its number: from now on it must end, and may be published. Does not fail and
    /// does not allocate; any context. If the context is closed, the fence ends at once.
    ///
    /// Once it is published, what comes before its end is [`Signalling`].
    pub fn arm(&self, fence: UnarmedFence) -> ArmedFence {
        let mut state = self.0.state.lock();
        // SAFETY: By the invariants of `Shared`, the names outlast the fence.
        let slot = unsafe { state.queue.push(fence.0, self.0.id, &self.0.names) };
        let closed = state.closed;
        drop(state);
        // INVARIANT: It was just pushed there.
        let armed = ArmedFence {
            slot,
            shared: self.0.clone(),
        };
        if let Some(error) = closed {
            armed.end(Err(error), monotonic_ns());
            self.flush();
        }
        armed
    }

    /// Signals the fences whose work has ended ([`ArmedFence::end`]), as far as all earlier ones
    /// have. When it returns they are signalled, whoever did it. Any context, with locks held that
    /// callbacks of fences do not take.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// Ends all armed fences with `error`, and those that are still to be armed; fences whose work
    /// has ended keep their outcome. When it returns, all are signalled, in order. Any context.
    ///
    /// What the fences stand for must have stopped.
    pub fn close(&self, error: Error) {
        self.0.close(error);
    }
}

impl Drop for FenceContext {
    fn drop(&mut self) {
        self.close(ECANCELED);
        // SAFETY: Got in `new`.
        unsafe { ext::accel_helper_this_module_put() };
    }
}

/// The memory of a fence that is still to be armed.
pub struct UnarmedFence(KBox<MaybeUninit<Slot>>);

impl UnarmedFence {
    /// Allocates it.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub fn new(flags: Flags) -> Result<Self> {
        Ok(Self(KBox::new_uninit(flags)?))
    }
}

/// The duty to end an armed fence. Whoever drops it undone ends the fence with ECANCELED.
///
/// # Invariants
///
/// `slot` is of the context that `shared` is of.
pub struct ArmedFence {
    slot: SlotRef,
    shared: Arc<Shared>,
}

impl ArmedFence {
    /// Returns the fence, for those who wait for it.
    #[inline]
    pub fn fence(&self) -> &Fence {
        self.slot.fence()
    }

    /// Notes that its work has ended at `time`, CLOCK_MONOTONIC in nanoseconds; only the first call
    /// counts. The fence is signalled by the next [`FenceContext::flush`], or when this is dropped:
    /// calls no callback. Any context.
    pub fn end(&self, outcome: Result, time: u64) {
        let mut state = self.shared.state.lock();
        // SAFETY: By the type invariants.
        unsafe { state.queue.end(&self.slot, outcome, time) };
    }

    /// Its work has ended: signals the fence, as soon as all earlier ones of the context are
    /// signalled. Any context, with locks held that callbacks of fences do not take.
    pub fn signal(self, outcome: Result) {
        self.signal_at(outcome, monotonic_ns());
    }

    /// As [`ArmedFence::signal`]; the work ended at `time`, CLOCK_MONOTONIC in nanoseconds.
    pub fn signal_at(self, outcome: Result, time: u64) {
        self.end(outcome, time);
    }
}

impl Drop for ArmedFence {
    fn drop(&mut self) {
        if !self.fence().is_signaled() {
            self.end(Err(ECANCELED), monotonic_ns());
            self.shared.flush();
        }
    }
}

#[kunit_tests(accel_dma_fence_context)]
mod tests {
    use super::*;
    use crate::workqueue::OwnedQueue;
    use core::ptr::NonNull;
    use kernel::sync::aref::{
        ARef,
        AlwaysRefCounted, //
    };

    fn context() -> Result<FenceContext> {
        FenceContext::new(c"kunit", c"timeline")
    }

    fn arm(context: &FenceContext) -> Result<ArmedFence> {
        Ok(context.arm(UnarmedFence::new(GFP_KERNEL)?))
    }

    /// Gives back what `mem::forget()` of a handle leaked, for kmemleak's sake.
    fn recover(fence: &Fence, shared: *const Shared) {
        // SAFETY: The references of the forgotten handle; the caller has its own.
        unsafe {
            Fence::dec_ref(NonNull::from(fence));
            drop(Arc::from_raw(shared));
        }
    }

    #[test]
    fn a_fence_is_signaled_once() -> Result {
        let context = context()?;
        let armed = arm(&context)?;
        let fence = ARef::from(armed.fence());
        assert_eq!((fence.context(), fence.seqno()), (context.id(), 1));
        assert_eq!(fence.status(), None);
        assert_eq!(fence.timestamp(), None);
        armed.signal_at(Ok(()), 7);
        assert_eq!(fence.status(), Some(Ok(())));
        assert_eq!(fence.timestamp(), Some(7));
        context.close(ENODEV);
        assert_eq!(fence.status(), Some(Ok(())));
        assert_eq!(fence.timestamp(), Some(7));
        Ok(())
    }

    #[test]
    fn a_fence_that_was_closed_is_not_signaled_again() -> Result {
        let context = context()?;
        let armed = arm(&context)?;
        let fence = ARef::from(armed.fence());
        context.close(ENODEV);
        context.close(EIO);
        let time = fence.timestamp();
        assert_eq!(fence.status(), Some(Err(ENODEV)));
        armed.signal_at(Ok(()), 7);
        assert_eq!(fence.status(), Some(Err(ENODEV)));
        assert_eq!(fence.timestamp(), time);
        Ok(())
    }

    #[test]
    fn a_fence_has_its_error() -> Result {
        let context = context()?;
        let armed = arm(&context)?;
        let fence = ARef::from(armed.fence());
        armed.signal(Err(ETIME));
        assert_eq!(fence.status(), Some(Err(ETIME)));
        let armed = arm(&context)?;
        let fence = ARef::from(armed.fence());
        drop(armed);
        assert_eq!(fence.status(), Some(Err(ECANCELED)));
        assert_eq!(context.seqno(), 2);
        Ok(())
    }

    #[test]
    fn a_forgotten_fence_is_signaled_with_an_error() -> Result {
        let context = context()?;
        let armed = arm(&context)?;
        let (fence, shared) = (ARef::from(armed.fence()), Arc::as_ptr(&armed.shared));
        core::mem::forget(armed);
        let later = arm(&context)?;
        let ended = ARef::from(later.fence());
        later.signal(Ok(()));
        assert_eq!((fence.status(), ended.status()), (None, None));
        drop(context);
        assert_eq!(fence.status(), Some(Err(ECANCELED)));
        assert_eq!(ended.status(), Some(Ok(())));
        recover(&fence, shared);
        Ok(())
    }

    #[test]
    fn fences_are_signaled_in_order() -> Result {
        let context = context()?;
        let (a, b, c) = (arm(&context)?, arm(&context)?, arm(&context)?);
        let fences = [&a, &b, &c].map(|armed| ARef::from(armed.fence()));
        let signaled = || fences.each_ref().map(|fence| fence.is_signaled());
        b.signal(Err(ECANCELED));
        assert_eq!(signaled(), [false; 3]);
        a.signal(Ok(()));
        assert_eq!(signaled(), [true, true, false]);
        assert_eq!(fences[1].status(), Some(Err(ECANCELED)));
        drop(c);
        assert_eq!(signaled(), [true; 3]);
        Ok(())
    }

    #[test]
    fn what_has_ended_is_signaled_by_a_flush() -> Result {
        let context = context()?;
        let (a, b) = (arm(&context)?, arm(&context)?);
        b.end(Err(EIO), 8);
        b.end(Ok(()), 9);
        context.flush();
        assert_eq!(b.fence().status(), None);
        a.end(Ok(()), 7);
        assert_eq!(a.fence().status(), None);
        context.flush();
        assert_eq!(a.fence().status(), Some(Ok(())));
        assert_eq!(b.fence().status(), Some(Err(EIO)));
        assert_eq!(b.fence().timestamp(), Some(8));
        Ok(())
    }

    #[test]
    fn fences_are_signaled_in_order_by_many_threads() -> Result {
        const COUNT: usize = 64;
        let context = context()?;
        let mut halves = [KVec::new(), KVec::new()];
        let mut fences = KVec::new();
        for i in 0..COUNT {
            let armed = arm(&context)?;
            fences.push(ARef::from(armed.fence()), GFP_KERNEL)?;
            halves[i % 2].push(armed, GFP_KERNEL)?;
        }
        let threads = OwnedQueue::new(c"kunit")?;
        for half in halves {
            threads.try_spawn(GFP_KERNEL, || {
                for armed in half {
                    armed.signal(Ok(()));
                }
            })?;
        }
        fences[COUNT - 1].wait_uninterruptible(u64::MAX)?;
        assert!(fences.iter().all(|fence| fence.status() == Some(Ok(()))));
        Ok(())
    }

    #[test]
    fn a_closed_context_ends_what_is_armed() -> Result {
        let context = context()?;
        context.close(ENODEV);
        let armed = arm(&context)?;
        assert_eq!(armed.fence().status(), Some(Err(ENODEV)));
        Ok(())
    }

    #[test]
    fn a_fence_outlives_its_context() -> Result {
        let armed = arm(&context()?)?;
        let fence = ARef::from(armed.fence());
        assert_eq!(fence.status(), Some(Err(ECANCELED)));
        drop(armed);
        assert_eq!(fence.wait(0), Ok(()));
        Ok(())
    }
}
