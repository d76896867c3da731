// SPDX-License-Identifier: GPL-2.0

//! Fences: "this work on memory has ended", between drivers that do not know each other.
//!
//! A [`Fence`] may be anybody's. Fences of one's own are made in
//! [`dma_fence_context`](crate::dma_fence_context).
//!
//! Waiting is allowed with a `dma_resv` locked and in memory reclaim. So what leads to the end of a
//! fence may neither allocate (but with `GFP_ATOMIC`, which fails) nor take a lock that is held
//! over an allocation or a `dma_resv` lock; [`Signalling`] lets lockdep prove that.
//!
//! C header: [`include/linux/dma-fence.h`](srctree/include/linux/dma-fence.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    prelude::*,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        rcu, //
    },
    task::MAX_SCHEDULE_TIMEOUT,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

use crate::{
    bindings as ext,
    time::{
        jiffies_from_ns,
        monotonic_ns, //
    },
};

/// A fence from anywhere: it is signalled once, and tells how it went.
///
/// A fence is independent of who made it as soon as it is signalled, so references to it may be
/// kept for as long as one likes.
///
/// # Invariants
///
/// It was initialised with `dma_fence_init()` or `dma_fence_init64()`.
#[repr(transparent)]
pub struct Fence(Opaque<bindings::dma_fence>);

// SAFETY: References to a fence may be dropped anywhere, in interrupts, too.
unsafe impl Send for Fence {}
// SAFETY: A fence has its own lock.
unsafe impl Sync for Fence {}

// SAFETY: All fences are counted.
unsafe impl AlwaysRefCounted for Fence {
    #[inline]
    fn inc_ref(&self) {
        // SAFETY: By the reference to `self` the count is not 0.
        unsafe { ext::accel_helper_dma_fence_get(self.as_raw()) };
    }

    #[inline]
    unsafe fn dec_ref(fence: NonNull<Self>) {
        // SAFETY: The caller owns a reference, and gives it up.
        unsafe { ext::accel_helper_dma_fence_put(fence.cast().as_ptr()) };
    }
}

impl Fence {
    /// Returns a fence that is signalled, without an error.
    pub fn signaled() -> ARef<Self> {
        // SAFETY: It exists from boot on.
        let stub = unsafe { bindings::dma_fence_get_stub() };
        // SAFETY: We were given a reference to it.
        unsafe { ARef::from_raw(NonNull::new_unchecked(stub.cast())) }
    }

    /// Makes a reference of a pointer from C.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid fence for `'a`.
    #[inline]
    pub unsafe fn from_raw<'a>(ptr: *mut bindings::dma_fence) -> &'a Self {
        // SAFETY: By the requirements; the type is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Takes over a reference that C gave us, if it did.
    ///
    /// # Safety
    ///
    /// `ptr` must be null, or a fence of which the caller owns a reference, and gives it up.
    pub(crate) unsafe fn from_owned(ptr: *mut bindings::dma_fence) -> Option<ARef<Self>> {
        // SAFETY: By the requirements.
        NonNull::new(ptr.cast()).map(|fence| unsafe { ARef::from_raw(fence) })
    }

    /// Returns the pointer that C knows it by.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::dma_fence {
        self.0.get()
    }

    /// Returns the context: fences of one context are signalled in the order of [`Fence::seqno`].
    pub fn context(&self) -> u64 {
        // SAFETY: Never written after the fence was initialised.
        unsafe { (*self.as_raw()).context }
    }

    /// Returns the place of the fence within its context.
    pub fn seqno(&self) -> u64 {
        // SAFETY: Never written after the fence was initialised.
        unsafe { (*self.as_raw()).seqno }
    }

    /// Returns whether it is signalled. Any context.
    #[inline]
    pub fn is_signaled(&self) -> bool {
        self.status().is_some()
    }

    /// Returns how it ended, or `None` while it is not signalled. Any context.
    #[inline]
    pub fn status(&self) -> Option<Result> {
        // SAFETY: By the type invariants.
        match unsafe { ext::accel_helper_dma_fence_status(self.as_raw()) } {
            0 => None,
            status if status > 0 => Some(Ok(())),
            errno => Some(Err(Error::from_errno(errno))),
        }
    }

    /// Returns when it was signalled, CLOCK_MONOTONIC in nanoseconds, if it was. Any context.
    pub fn timestamp(&self) -> Option<u64> {
        if !self.is_signaled() {
            return None;
        }
        // SAFETY: By the type invariants, and it is signalled.
        let ns = unsafe { ext::accel_helper_dma_fence_timestamp(self.as_raw()) };
        Some(u64::try_from(ns).unwrap_or(0))
    }

    /// Calls `f` with the names of the driver and of the timeline; `f` must not sleep. When the
    /// fence is signalled, they are placeholders: those who had the names may be gone.
    pub fn with_names<R>(&self, f: impl FnOnce(&CStr, &CStr) -> R) -> R {
        let _rcu = rcu::read_lock();
        // SAFETY: The names are strings that stay for the RCU section, which outlasts `f`.
        let (driver, timeline) = unsafe {
            (
                CStr::from_char_ptr(bindings::dma_fence_driver_name(self.as_raw())),
                CStr::from_char_ptr(bindings::dma_fence_timeline_name(self.as_raw())),
            )
        };
        f(driver, timeline)
    }

    /// Waits until it is signalled; what came of it, [`Fence::status`] knows. May sleep; not for
    /// [`Signalling`] sections.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: CLOCK_MONOTONIC is past `deadline` (in nanoseconds; `u64::MAX`: never).
    /// ERESTARTSYS: a signal.
    pub fn wait(&self, deadline: u64) -> Result {
        self.wait_as(true, deadline)
    }

    /// As [`Fence::wait`], but goes on in spite of signals. For fences of one's own, or with a
    /// deadline.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT as [`Fence::wait`].
    pub fn wait_uninterruptible(&self, deadline: u64) -> Result {
        self.wait_as(false, deadline)
    }

    fn wait_as(&self, interruptible: bool, deadline: u64) -> Result {
        wait_until(deadline, |jiffies| {
            // SAFETY: By the type invariants; `jiffies` is not negative.
            unsafe { bindings::dma_fence_wait_timeout(self.as_raw(), interruptible, jiffies) }
        })
    }
}

/// Calls `wait` with the jiffies that are left until `deadline`, until it says that it is done.
pub(crate) fn wait_until(deadline: u64, mut wait: impl FnMut(c_long) -> c_long) -> Result {
    loop {
        let left = match deadline {
            u64::MAX => MAX_SCHEDULE_TIMEOUT,
            _ => match deadline.saturating_sub(monotonic_ns()) {
                0 => 0,
                ns => c_long::try_from(jiffies_from_ns(ns)).unwrap_or(MAX_SCHEDULE_TIMEOUT),
            },
        };
        match wait(left) {
            // Only now is the time really over: long waits are cut, and it may have been signalled.
            0 if left == 0 => return Err(ETIMEDOUT),
            0 => continue,
            ret if ret == ERESTARTSYS.to_errno() as c_long => return Err(ERESTARTSYS),
            // What else a foreign wait operation returns is to be taken for "signalled".
            _ => return Ok(()),
        }
    }
}

/// A section of code that must be passed for some fence to be signalled, for lockdep.
///
/// Such sections may be nested and begin in any context. Waiting for fences, `GFP_KERNEL` and
/// taking locks under which one of these happens is reported if a lock order makes it a deadlock.
pub struct Signalling {
    cookie: bool,
    _here: NotThreadSafe,
}

impl Signalling {
    /// Begins a section; it ends when the result is dropped.
    #[inline]
    pub fn begin() -> Self {
        Self {
            // SAFETY: May be called anywhere.
            cookie: cfg!(CONFIG_LOCKDEP)
                && unsafe { ext::accel_helper_dma_fence_begin_signalling() },
            _here: NotThreadSafe,
        }
    }
}

impl Drop for Signalling {
    #[inline]
    fn drop(&mut self) {
        if cfg!(CONFIG_LOCKDEP) {
            // SAFETY: `cookie` is of the section that `begin` began, in this thread.
            unsafe { ext::accel_helper_dma_fence_end_signalling(self.cookie) };
        }
    }
}

#[kunit_tests(accel_dma_fence)]
mod tests {
    use super::*;
    use crate::{
        dma_fence_context::{
            FenceContext,
            UnarmedFence, //
        },
        workqueue::OwnedQueue,
    };
    use kernel::time::{
        delay::fsleep,
        Delta, //
    };

    const MS: u64 = 1_000_000;

    fn context() -> Result<FenceContext> {
        FenceContext::new(
            c"a driver",
            c"a timeline whose name is longer than 31 bytes",
        )
    }

    #[test]
    fn a_signaled_fence_is_one() {
        let fence = Fence::signaled();
        assert!(fence.is_signaled());
        assert_eq!(fence.status(), Some(Ok(())));
        assert!(fence.timestamp().is_some());
        assert_eq!(fence.wait(0), Ok(()));
        assert_eq!(fence.wait(u64::MAX), Ok(()));
    }

    #[test]
    fn names_are_of_those_who_have_them_until_it_is_signaled() -> Result {
        let armed = context()?.arm(UnarmedFence::new(GFP_KERNEL)?);
        let signaled = ARef::from(armed.fence());
        drop(armed);
        let context = context()?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        armed.fence().with_names(|driver, timeline| {
            assert_eq!(driver, c"a driver");
            assert_eq!(timeline, c"a timeline whose name is longer");
        });
        signaled.with_names(|driver, timeline| {
            assert_eq!(driver, c"detached-driver");
            assert_eq!(timeline, c"signaled-timeline");
        });
        Ok(())
    }

    #[test]
    fn sections_can_be_nested() {
        let outer = Signalling::begin();
        let inner = Signalling::begin();
        drop(inner);
        drop(outer);
    }

    #[test]
    fn a_wait_ends_at_its_deadline() -> Result {
        let context = context()?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        assert_eq!(armed.fence().wait(0), Err(ETIMEDOUT));
        let deadline = monotonic_ns() + 20 * MS;
        assert_eq!(armed.fence().wait(deadline), Err(ETIMEDOUT));
        assert!(monotonic_ns() >= deadline);
        assert!(!armed.fence().is_signaled());
        Ok(())
    }

    #[test]
    fn a_wait_ends_with_the_fence() -> Result {
        let context = context()?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        let fence = ARef::from(armed.fence());
        let thread = OwnedQueue::new(c"kunit")?;
        thread.try_spawn(GFP_KERNEL, move || {
            fsleep(Delta::from_millis(10));
            armed.signal(Err(EIO));
        })?;
        assert_eq!(fence.wait_uninterruptible(u64::MAX), Ok(()));
        assert_eq!(fence.status(), Some(Err(EIO)));
        assert_eq!(fence.wait(0), Ok(()));
        Ok(())
    }

    #[test]
    fn what_a_wait_returns_is_understood() {
        assert_eq!(wait_until(0, |left| 1 + left), Ok(()));
        assert_eq!(wait_until(u64::MAX, |_| -512), Err(ERESTARTSYS));
        assert_eq!(wait_until(u64::MAX, |_| -5), Ok(()));
    }
}
