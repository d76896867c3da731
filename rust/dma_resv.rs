// SPDX-License-Identifier: GPL-2.0

//! Reservation objects: the lock of a buffer that is shared, and the fences of those who use it.
//!
//! Fences are added with the object locked, to a [`Slot`] that was reserved before: reserving can
//! fail, adding cannot. Fences can be read without the lock. For many objects at once there is
//! [`dma_resv_many`](crate::dma_resv_many).
//!
//! C header: [`include/linux/dma-resv.h`](srctree/include/linux/dma-resv.h)

use core::{
    marker::PhantomData,
    ops::Deref, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::aref::ARef,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

use crate::{
    bindings as ext,
    dma_fence::{
        wait_until,
        Fence, //
    },
    dma_fence_context::ArmedFence,
};

/// How work uses a buffer. Who asks for one usage gets those before it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Usage {
    /// Moving or clearing it, for the kernel's own sake: everybody must wait for that.
    Kernel = bindings::dma_resv_usage_DMA_RESV_USAGE_KERNEL,
    /// Writing, as others are to see.
    Write = bindings::dma_resv_usage_DMA_RESV_USAGE_WRITE,
    /// Reading, as others are to see.
    Read = bindings::dma_resv_usage_DMA_RESV_USAGE_READ,
    /// It must stay where it is, but users synchronise by other means.
    Bookkeep = bindings::dma_resv_usage_DMA_RESV_USAGE_BOOKKEEP,
}

impl Usage {
    /// Returns for which fences work that uses a buffer so must wait.
    pub fn waits_for(self) -> Self {
        match self {
            Self::Kernel => Self::Bookkeep,
            Self::Write => Self::Read,
            Self::Read => Self::Write,
            Self::Bookkeep => Self::Kernel,
        }
    }
}

/// A reservation object, usually a part of something.
///
/// # Invariants
///
/// It was initialised with `dma_resv_init()`.
#[repr(transparent)]
pub struct Resv(Opaque<bindings::dma_resv>);

// SAFETY: A reservation object may be used by any thread.
unsafe impl Send for Resv {}
// SAFETY: It has its own lock, and readers use RCU.
unsafe impl Sync for Resv {}

impl Resv {
    /// Makes a reference of a pointer from C.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid reservation object for `'a`.
    pub unsafe fn from_raw<'a>(ptr: *mut bindings::dma_resv) -> &'a Self {
        // SAFETY: By the requirements; the type is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Returns the pointer that C knows it by.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::dma_resv {
        self.0.get()
    }

    /// Locks it. May sleep. Who has one locked must not lock another one so.
    ///
    /// # Errors
    ///
    /// ERESTARTSYS: a signal.
    pub fn lock(&self) -> Result<Guard<'_>> {
        // SAFETY: By the type invariants.
        to_result(unsafe {
            ext::accel_helper_dma_resv_lock(self.as_raw(), core::ptr::null_mut(), false)
        })
        .map_err(restart)?;
        // INVARIANT: Just locked.
        Ok(Guard {
            resv: self,
            _here: NotThreadSafe,
        })
    }

    /// Locks it if nobody has it locked. Process context.
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        // SAFETY: By the type invariants.
        let locked = unsafe { ext::accel_helper_dma_resv_trylock(self.as_raw()) };
        // INVARIANT: Just locked; a guard must not even be made if not.
        locked.then(|| Guard {
            resv: self,
            _here: NotThreadSafe,
        })
    }

    /// Returns whether all fences of `usage` are signalled.
    pub fn is_signaled(&self, usage: Usage) -> bool {
        // SAFETY: By the type invariants.
        unsafe { bindings::dma_resv_test_signaled(self.as_raw(), usage as u32) }
    }

    /// Waits until all fences of `usage` are signalled, locked or not. May sleep.
    ///
    /// # Errors
    ///
    /// As [`Fence::wait`].
    pub fn wait(&self, usage: Usage, deadline: u64) -> Result {
        self.wait_as(usage, true, deadline)
    }

    /// As [`Resv::wait`], but goes on in spite of signals.
    ///
    /// # Errors
    ///
    /// As [`Fence::wait_uninterruptible`].
    pub fn wait_uninterruptible(&self, usage: Usage, deadline: u64) -> Result {
        self.wait_as(usage, false, deadline)
    }

    fn wait_as(&self, usage: Usage, interruptible: bool, deadline: u64) -> Result {
        wait_until(deadline, |jiffies| {
            // CAST: Not negative.
            // SAFETY: By the type invariants.
            unsafe {
                bindings::dma_resv_wait_timeout(
                    self.as_raw(),
                    usage as u32,
                    interruptible,
                    jiffies as c_ulong,
                )
            }
        })
    }

    /// Returns a fence for all fences of `usage` that are not signalled, `None` if there are none.
    /// It may not be added to a reservation object. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub fn singleton(&self, usage: Usage) -> Result<Option<ARef<Fence>>> {
        let mut fence = core::ptr::null_mut();
        // SAFETY: By the type invariants; `fence` is valid.
        to_result(unsafe {
            bindings::dma_resv_get_singleton(self.as_raw(), usage as u32, &mut fence)
        })?;
        // SAFETY: The reference is for us.
        Ok(unsafe { Fence::from_owned(fence) })
    }
}

/// The lock's errno for a signal, as system calls want it.
pub(crate) fn restart(error: Error) -> Error {
    match error {
        EINTR => ERESTARTSYS,
        error => error,
    }
}

/// A reservation object of one's own.
#[pin_data(PinnedDrop)]
pub struct OwnedResv {
    #[pin]
    resv: Opaque<bindings::dma_resv>,
}

// SAFETY: As `Resv`.
unsafe impl Send for OwnedResv {}
// SAFETY: As `Resv`.
unsafe impl Sync for OwnedResv {}

impl OwnedResv {
    /// Makes one without fences.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The object is pinned.
            resv <- Opaque::ffi_init(|slot| unsafe { bindings::dma_resv_init(slot) }),
        })
    }
}

impl Deref for OwnedResv {
    type Target = Resv;

    fn deref(&self) -> &Resv {
        // SAFETY: Initialised in `new`.
        unsafe { Resv::from_raw(self.resv.get()) }
    }
}

#[pinned_drop]
impl PinnedDrop for OwnedResv {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Initialised in `new`; nobody has it any more.
        unsafe { bindings::dma_resv_fini(self.resv.get()) };
    }
}

/// A reservation object that is locked.
///
/// # Invariants
///
/// This thread has it locked.
pub struct Guard<'a> {
    resv: &'a Resv,
    _here: NotThreadSafe,
}

impl Guard<'_> {
    /// Reserves `N` slots (at least one). May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub fn reserve<const N: usize>(&mut self) -> Result<[Slot<'_>; N]> {
        const { assert!(N > 0 && N < 1024) };
        // SAFETY: Locked, by the type invariants.
        unsafe { reserve(self.resv, N as u32) }?;
        // INVARIANT: Just reserved, and nobody can unlock it or reserve again while `self` is
        // borrowed.
        Ok([(); N].map(|()| Slot {
            resv: self.resv,
            _guard: PhantomData,
        }))
    }

    /// Adds the fences of another object that are not signalled, for `usage`. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM: none was added.
    pub fn adopt(&mut self, from: &Guard<'_>, usage: Usage) -> Result {
        let pending = || {
            from.fences(Usage::Bookkeep)
                .filter(|fence| !fence.is_signaled())
        };
        let count = u32::try_from(pending().count())?.max(1);
        // SAFETY: Locked, by the type invariants.
        unsafe { reserve(self.resv, count) }?;
        // No more than there were: fences are only ever signalled, and `from` is locked.
        for fence in pending() {
            // SAFETY: As above, with a slot for each; single ones, as they come from such an object.
            unsafe { bindings::dma_resv_add_fence(self.as_raw(), fence.as_raw(), usage as u32) };
        }
        Ok(())
    }

    /// Goes over the fences of `usage`, signalled ones included.
    pub fn fences(&self, usage: Usage) -> Fences<'_> {
        // SAFETY: Locked while `self` exists, by the type invariants.
        unsafe { fences(self.resv, usage) }
    }
}

impl Deref for Guard<'_> {
    type Target = Resv;

    fn deref(&self) -> &Resv {
        self.resv
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { ext::accel_helper_dma_resv_unlock(self.resv.as_raw()) };
    }
}

/// Room for one fence in a locked reservation object.
///
/// # Invariants
///
/// `resv` stays locked while this exists, and has as many free slots as there are of these.
pub struct Slot<'a> {
    resv: &'a Resv,
    _guard: PhantomData<&'a mut Guard<'a>>,
}

impl Slot<'_> {
    /// Puts a fence there. From now on others may wait for it. Does not fail.
    ///
    /// Only fences of armed work, so that nobody waits for something that need not happen.
    pub fn add(self, fence: &ArmedFence, usage: Usage) {
        // SAFETY: By the type invariants.
        unsafe { add(self.resv, fence, usage) };
    }
}

/// # Safety
///
/// `resv` must be locked.
#[inline]
pub(crate) unsafe fn reserve(resv: &Resv, slots: u32) -> Result {
    // SAFETY: By the requirements.
    match unsafe { bindings::dma_resv_reserve_fences(resv.as_raw(), slots) } {
        0 => Ok(()),
        error => Err(Error::from_errno(error)),
    }
}

/// # Safety
///
/// `resv` must be locked since a slot was reserved that was not used yet.
#[inline]
pub(crate) unsafe fn add(resv: &Resv, fence: &ArmedFence, usage: Usage) {
    // SAFETY: By the requirements. It takes a reference to the fence, which is a single one.
    unsafe { bindings::dma_resv_add_fence(resv.as_raw(), fence.fence().as_raw(), usage as u32) };
}

/// # Safety
///
/// `resv` must be locked, and not be changed, for `'a`.
#[inline]
pub(crate) unsafe fn fences<'a>(resv: &'a Resv, usage: Usage) -> Fences<'a> {
    Fences {
        iter: bindings::dma_resv_iter {
            obj: resv.as_raw(),
            usage: usage as u32,
            ..pin_init::zeroed()
        },
        begun: false,
        _resv: PhantomData,
    }
}

/// The fences of a locked reservation object.
///
/// # Invariants
///
/// It stays locked, and is not changed, for `'a`.
pub struct Fences<'a> {
    iter: bindings::dma_resv_iter,
    begun: bool,
    _resv: PhantomData<(&'a Resv, NotThreadSafe)>,
}

impl<'a> Iterator for Fences<'a> {
    type Item = &'a Fence;

    #[inline]
    fn next(&mut self) -> Option<&'a Fence> {
        // SAFETY: By the type invariants, which also keep the fence in place.
        unsafe {
            let fence = match core::mem::replace(&mut self.begun, true) {
                false => bindings::dma_resv_iter_first(&mut self.iter),
                true => bindings::dma_resv_iter_next(&mut self.iter),
            };
            (!fence.is_null()).then(|| Fence::from_raw(fence))
        }
    }
}

#[kunit_tests(accel_dma_resv)]
mod tests {
    use super::*;
    use crate::dma_fence_context::{
        FenceContext,
        UnarmedFence, //
    };

    const USAGES: [Usage; 4] = [Usage::Kernel, Usage::Write, Usage::Read, Usage::Bookkeep];

    fn resv() -> Result<Pin<KBox<OwnedResv>>> {
        KBox::pin_init(OwnedResv::new(), GFP_KERNEL)
    }

    fn context() -> Result<FenceContext> {
        FenceContext::new(c"kunit", c"timeline")
    }

    fn arm(context: &FenceContext) -> Result<ArmedFence> {
        Ok(context.arm(UnarmedFence::new(GFP_KERNEL)?))
    }

    #[test]
    fn an_empty_one_is_signaled() -> Result {
        let resv = resv()?;
        assert!(resv.is_signaled(Usage::Bookkeep));
        assert!(resv.singleton(Usage::Bookkeep)?.is_none());
        assert_eq!(resv.wait(Usage::Bookkeep, 0), Ok(()));
        assert_eq!(resv.lock()?.fences(Usage::Bookkeep).count(), 0);
        Ok(())
    }

    #[test]
    fn only_one_can_lock() -> Result {
        let resv = resv()?;
        let guard = resv.lock()?;
        assert!(resv.try_lock().is_none());
        drop(guard);
        assert!(resv.try_lock().is_some());
        Ok(())
    }

    #[test]
    fn usages_include_each_other() -> Result {
        let resv = resv()?;
        let contexts = [context()?, context()?, context()?, context()?];
        let mut armed = KVec::new();
        let mut guard = resv.lock()?;
        let slots = guard.reserve::<4>()?;
        for ((slot, context), usage) in slots.into_iter().zip(&contexts).zip(USAGES) {
            let fence = arm(context)?;
            slot.add(&fence, usage);
            armed.push((fence, usage), GFP_KERNEL)?;
        }
        for (i, usage) in USAGES.iter().enumerate() {
            assert_eq!(guard.fences(*usage).count(), i + 1);
        }
        drop(guard);
        for (fence, usage) in armed {
            assert!(!resv.is_signaled(usage));
            assert_eq!(resv.wait(usage, 0), Err(ETIMEDOUT));
            let (raw, single) = (fence.fence().as_raw(), resv.singleton(usage)?);
            assert_eq!(single.map(|f| f.as_raw()), Some(raw));
            fence.signal(Ok(()));
            assert!(resv.is_signaled(usage));
            assert_eq!(resv.wait(usage, 0), Ok(()));
        }
        Ok(())
    }

    #[test]
    fn a_later_fence_of_the_context_replaces_the_earlier_one() -> Result {
        let resv = resv()?;
        let context = context()?;
        let (a, b) = (arm(&context)?, arm(&context)?);
        let mut guard = resv.lock()?;
        for fence in [&a, &b] {
            let [slot] = guard.reserve()?;
            slot.add(fence, Usage::Write);
        }
        assert_eq!(guard.fences(Usage::Bookkeep).count(), 1);
        drop(guard);
        // The later one is all that is known, so it must not be signalled first.
        b.signal(Ok(()));
        assert!(!resv.is_signaled(Usage::Bookkeep));
        a.signal(Ok(()));
        assert!(resv.is_signaled(Usage::Bookkeep));
        Ok(())
    }

    #[test]
    fn what_is_not_signaled_can_be_adopted() -> Result {
        let (from, to) = (resv()?, resv()?);
        let contexts = [context()?, context()?];
        let (a, b) = (arm(&contexts[0])?, arm(&contexts[1])?);
        let mut guard = from.lock()?;
        for (slot, fence) in guard.reserve::<2>()?.into_iter().zip([&a, &b]) {
            slot.add(fence, Usage::Bookkeep);
        }
        a.signal(Ok(()));
        to.try_lock().ok_or(EBUSY)?.adopt(&guard, Usage::Write)?;
        let single = to.singleton(Usage::Write)?.map(|f| f.as_raw());
        assert_eq!(single, Some(b.fence().as_raw()));
        b.signal(Ok(()));
        Ok(())
    }

    #[test]
    fn fences_outlive_the_object() -> Result {
        let context = context()?;
        let fence = arm(&context)?;
        let resv = resv()?;
        let mut guard = resv.lock()?;
        let [slot] = guard.reserve()?;
        slot.add(&fence, Usage::Read);
        drop(guard);
        let single = resv.singleton(Usage::Read)?;
        drop(resv);
        fence.signal(Err(EIO));
        assert_eq!(single.and_then(|f| f.status()), Some(Err(EIO)));
        Ok(())
    }
}
