// SPDX-License-Identifier: GPL-2.0

//! Locking many reservation objects at once, in any order, without deadlock.
//!
//! [`with_locked`] locks all, calls back, and unlocks. What is done meanwhile goes in steps that
//! the types enforce: look for what to wait for, reserve (the last thing to fail), arm, publish.
//!
//! ```ignore
//! let fence = UnarmedFence::new(GFP_KERNEL)?;
//! let mut claims = [Claim::new(&input, Usage::Read), Claim::new(&output, Usage::Write)];
//! let job = with_locked(&mut claims, |locked| {
//!     locked.for_each_dependency(|fence| wait_for(fence))?;
//!     let reserved = locked.reserve()?;
//!     let armed = context.arm(fence);
//!     reserved.publish(&armed);
//!     Ok(armed)
//! })??;
//! ```
//!
//! C header: [`include/linux/ww_mutex.h`](srctree/include/linux/ww_mutex.h)

use core::mem::{
    take,
    transmute, //
};
use kernel::{
    bindings,
    prelude::*,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

use crate::{
    bindings as ext,
    dma_fence::Fence,
    dma_fence_context::ArmedFence,
    dma_resv::{
        self,
        Resv,
        Usage, //
    },
};

/// An object to be locked, and how it will be used.
pub struct Claim<'a> {
    resv: &'a Resv,
    usage: Usage,
    /// Locked, for this claim: if an object is claimed twice, one of the claims stands for both.
    held: bool,
}

impl<'a> Claim<'a> {
    /// Makes a claim. An object may be claimed more than once; the least of the usages counts then.
    pub fn new(resv: &'a Resv, usage: Usage) -> Self {
        Self {
            resv,
            usage,
            held: false,
        }
    }
}

/// Memory for claims that is used again and again; allocated when it is needed.
///
/// # Invariants
///
/// There is no claim in it.
#[derive(Default)]
pub struct ClaimRoom(KVVec<Claim<'static>>);

impl ClaimRoom {
    /// Calls `f` with a list for claims, which is emptied after that.
    pub fn with<'a, R>(&mut self, f: impl FnOnce(&mut KVVec<Claim<'a>>) -> R) -> R {
        let list = take(&mut self.0);
        // SAFETY: The types differ in a lifetime only, and by the type invariants no value has it.
        let mut list = unsafe { transmute::<KVVec<Claim<'static>>, KVVec<Claim<'a>>>(list) };
        let result = f(&mut list);
        list.clear();
        // SAFETY: As above: it is empty.
        // INVARIANT: Likewise.
        self.0 = unsafe { transmute::<KVVec<Claim<'a>>, KVVec<Claim<'static>>>(list) };
        result
    }
}

/// Locks all objects of `claims`, calls `f`, and unlocks them. May sleep. Nothing that is claimed
/// may be locked already, by this thread.
///
/// Each object should be claimed once only: that is what is fast.
///
/// # Errors
///
/// ERESTARTSYS: a signal; `f` was not called.
pub fn with_locked<R>(claims: &mut [Claim<'_>], f: impl FnOnce(Locked<'_, '_>) -> R) -> Result<R> {
    let ctx = Opaque::uninit();
    let ctx = ctx.get();
    // SAFETY: `ctx` stays in place until `accel_helper_ww_acquire_fini`, before which `unlock`
    // gives back all locks that `lock` took with it.
    unsafe {
        ext::accel_helper_ww_acquire_init(ctx);
        let result = lock(claims, ctx).map(|()| {
            let result = f(Locked {
                claims,
                _here: NotThreadSafe,
            });
            unlock(claims);
            result
        });
        ext::accel_helper_ww_acquire_fini(ctx);
        result
    }
}

/// # Safety
///
/// `ctx` must be initialised, and have no locks.
unsafe fn lock(claims: &mut [Claim<'_>], ctx: *mut bindings::ww_acquire_ctx) -> Result {
    let mut first = None;
    loop {
        for claim in &mut *claims {
            claim.held = false;
        }
        // SAFETY: By the requirements, and `try_lock` leaves none locked if it fails.
        match unsafe { try_lock(claims, ctx, first) } {
            Ok(()) => break,
            // Somebody older has this one, and may be waiting for ours: begin with it.
            Err((EDEADLK, contended)) => first = Some(contended),
            Err((error, _)) => return Err(dma_resv::restart(error)),
        }
    }
    // SAFETY: By the requirements.
    unsafe { ext::accel_helper_ww_acquire_done(ctx) };
    Ok(())
}

/// Locks all, beginning with `first`, or none. The error comes with the place where it happened.
///
/// # Safety
///
/// `ctx` must be initialised, and have no locks; with `first`, that was where EDEADLK happened
/// last.
unsafe fn try_lock(
    claims: &mut [Claim<'_>],
    ctx: *mut bindings::ww_acquire_ctx,
    first: Option<usize>,
) -> Result<(), (Error, usize)> {
    if let Some(first) = first {
        // SAFETY: By the requirements.
        unsafe { lock_one(claims, first, ctx, true) }?;
    }
    for i in 0..claims.len() {
        if !claims[i].held {
            // SAFETY: By the requirements.
            unsafe { lock_one(claims, i, ctx, false) }?;
        }
    }
    Ok(())
}

/// Locks claim `i`, or unlocks all.
///
/// # Safety
///
/// As [`try_lock`], and it must not be held; `slow` says whether it is where EDEADLK happened.
#[inline]
unsafe fn lock_one(
    claims: &mut [Claim<'_>],
    i: usize,
    ctx: *mut bindings::ww_acquire_ctx,
    slow: bool,
) -> Result<(), (Error, usize)> {
    let (resv, usage) = (claims[i].resv, claims[i].usage);
    // SAFETY: By the requirements.
    let ret = unsafe { ext::accel_helper_dma_resv_lock(resv.as_raw(), ctx, slow) };
    if ret == 0 {
        claims[i].held = true;
        return Ok(());
    }
    let error = Error::from_errno(ret);
    if error == EALREADY {
        let is_it = |c: &&mut Claim<'_>| c.held && core::ptr::eq(c.resv, resv);
        if let Some(other) = claims.iter_mut().find(is_it) {
            other.usage = other.usage.min(usage);
        }
        return Ok(());
    }
    // SAFETY: Those that are held were locked before.
    unsafe { unlock(claims) };
    Err((error, i))
}

/// # Safety
///
/// Claims that are held must be locked, by this thread.
unsafe fn unlock(claims: &[Claim<'_>]) {
    for claim in claims.iter().filter(|c| c.held) {
        // SAFETY: By the requirements.
        unsafe { ext::accel_helper_dma_resv_unlock(claim.resv.as_raw()) };
    }
}

/// Objects that are locked.
///
/// # Invariants
///
/// Claims that are held are locked by this thread, for `'l`.
pub struct Locked<'l, 'a> {
    claims: &'l [Claim<'a>],
    _here: NotThreadSafe,
}

impl<'l, 'a> Locked<'l, 'a> {
    fn held(&self) -> impl Iterator<Item = &'l Claim<'a>> {
        self.claims.iter().filter(|c| c.held)
    }

    /// Calls `f` with the fences that work which uses the objects as claimed must wait for, signalled
    /// ones included, until it fails.
    pub fn for_each_dependency(&self, mut f: impl FnMut(&Fence) -> Result) -> Result {
        for claim in self.held() {
            // SAFETY: By the type invariants; changed only by who consumes `self`.
            for fence in unsafe { dma_resv::fences(claim.resv, claim.usage.waits_for()) } {
                f(fence)?;
            }
        }
        Ok(())
    }

    /// Reserves a slot in each object. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub fn reserve(self) -> Result<Reserved<'l, 'a>> {
        for claim in self.held() {
            // SAFETY: By the type invariants.
            unsafe { dma_resv::reserve(claim.resv, 1) }?;
        }
        // INVARIANT: Just reserved.
        Ok(Reserved(self))
    }
}

/// Objects that are locked and have room for a fence.
///
/// # Invariants
///
/// Each has a slot that is ours.
pub struct Reserved<'l, 'a>(Locked<'l, 'a>);

impl Reserved<'_, '_> {
    /// Returns no objects at all, for a fence that nobody is to find.
    pub fn nowhere() -> Self {
        // INVARIANT: There is no claim.
        Self(Locked {
            claims: &[],
            _here: NotThreadSafe,
        })
    }
}

impl Reserved<'_, '_> {
    /// Adds a fence to all objects. From now on others may wait for it. Does not fail.
    pub fn publish(self, fence: &ArmedFence) {
        for claim in self.0.held() {
            // SAFETY: By the type invariants; used once, as `self` is consumed.
            unsafe { dma_resv::add(claim.resv, fence, claim.usage) };
        }
    }
}

#[kunit_tests(accel_dma_resv_many)]
mod tests {
    use super::*;
    use crate::{
        dma_fence_context::{
            FenceContext,
            UnarmedFence, //
        },
        dma_resv::OwnedResv,
        workqueue::OwnedQueue,
    };
    use kernel::{
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc, //
        }, //
    };

    const COUNT: usize = 8;
    const ROUNDS: usize = 200;

    fn resv() -> Result<Arc<OwnedResv>> {
        Arc::pin_init(OwnedResv::new(), GFP_KERNEL)
    }

    fn resvs(count: usize) -> Result<KVec<Arc<OwnedResv>>> {
        let mut resvs = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            resvs.push(resv()?, GFP_KERNEL)?;
        }
        Ok(resvs)
    }

    fn claims(resvs: &[Arc<OwnedResv>], usage: Usage) -> Result<KVec<Claim<'_>>> {
        let mut claims = KVec::with_capacity(resvs.len(), GFP_KERNEL)?;
        for resv in resvs {
            claims.push(Claim::new(resv, usage), GFP_KERNEL)?;
        }
        Ok(claims)
    }

    #[test]
    fn all_are_locked_and_unlocked() -> Result {
        // More than lockdep can count one by one.
        let resvs = resvs(100)?;
        let locked = |n| resvs.iter().filter(|r| r.try_lock().is_none()).count() == n;
        let mut claims = claims(&resvs, Usage::Read)?;
        assert!(with_locked(&mut claims, |_| locked(100))?);
        assert!(locked(0));
        assert!(with_locked(&mut [], |_| true)?);
        Ok(())
    }

    #[test]
    fn a_job_publishes_its_fence_and_sees_those_before() -> Result {
        let (input, output) = (resv()?, resv()?);
        let contexts = [
            FenceContext::new(c"kunit", c"first")?,
            FenceContext::new(c"kunit", c"second")?,
        ];
        let submit = |context: &FenceContext| -> Result<(usize, ArmedFence)> {
            let fence = UnarmedFence::new(GFP_KERNEL)?;
            let mut claims = [
                Claim::new(&input, Usage::Read),
                Claim::new(&output, Usage::Write),
            ];
            with_locked(&mut claims, |locked| {
                let mut dependencies = 0;
                locked.for_each_dependency(|_| {
                    dependencies += 1;
                    Ok(())
                })?;
                let reserved = locked.reserve()?;
                let armed = context.arm(fence);
                reserved.publish(&armed);
                Ok((dependencies, armed))
            })?
        };
        let (before_first, first) = submit(&contexts[0])?;
        let (before_second, second) = submit(&contexts[1])?;
        // Readers of the input do not wait for each other.
        assert_eq!((before_first, before_second), (0, 1));
        assert!(input.is_signaled(Usage::Write) && !input.is_signaled(Usage::Read));
        assert!(!output.is_signaled(Usage::Write));
        first.signal(Ok(()));
        assert!(!output.is_signaled(Usage::Write));
        second.signal(Ok(()));
        assert!(output.is_signaled(Usage::Write) && input.is_signaled(Usage::Read));
        Ok(())
    }

    #[test]
    fn a_fence_can_be_published_nowhere() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        Reserved::nowhere().publish(&armed);
        armed.signal(Ok(()));
        Ok(())
    }

    #[test]
    fn an_object_can_be_claimed_twice() -> Result {
        let resvs = [resv()?, resv()?];
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let fence = UnarmedFence::new(GFP_KERNEL)?;
        let mut claims = [
            Claim::new(&resvs[0], Usage::Read),
            Claim::new(&resvs[1], Usage::Read),
            Claim::new(&resvs[0], Usage::Write),
            Claim::new(&resvs[0], Usage::Bookkeep),
        ];
        let armed = with_locked(&mut claims, |locked| -> Result<ArmedFence> {
            let reserved = locked.reserve()?;
            let armed = context.arm(fence);
            reserved.publish(&armed);
            Ok(armed)
        })??;
        assert!(!resvs[0].is_signaled(Usage::Write));
        assert!(resvs[1].is_signaled(Usage::Write));
        assert_eq!(resvs[0].lock()?.fences(Usage::Bookkeep).count(), 1);
        drop(armed);
        Ok(())
    }

    /// Locks all again and again, in an order of its own; notes if somebody else is inside.
    fn contend(resvs: &[Arc<OwnedResv>], backwards: bool, inside: &Atomic<u32>) -> Result<bool> {
        let mut alone = true;
        for round in 0..ROUNDS {
            let mut claims = claims(resvs, Usage::Write)?;
            claims.rotate_left(round % COUNT);
            if backwards {
                claims.reverse();
            }
            alone &= with_locked(&mut claims, |_| {
                let before = inside.load(Relaxed);
                inside.store(before + 1, Relaxed);
                kernel::processor::cpu_relax();
                let during = inside.load(Relaxed);
                inside.store(before, Relaxed);
                (before, during) == (0, 1)
            })?;
        }
        Ok(alone)
    }

    #[test]
    fn contenders_do_not_deadlock() -> Result {
        let resvs = Arc::new(resvs(COUNT)?, GFP_KERNEL)?;
        let inside = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let alone = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let thread = OwnedQueue::new(c"kunit")?;
        thread.try_spawn(GFP_KERNEL, {
            let (resvs, inside, alone) = (resvs.clone(), inside.clone(), alone.clone());
            move || {
                let ret = contend(&resvs, true, &inside);
                alone.store(u32::from(ret == Ok(true)), Relaxed);
            }
        })?;
        let ours = contend(&resvs, false, &inside);
        // Finishes what the thread does.
        drop(thread);
        assert_eq!(ours, Ok(true));
        assert_eq!(alone.load(Relaxed), 1);
        Ok(())
    }
}
