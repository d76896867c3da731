// SPDX-License-Identifier: GPL-2.0

//! Reservation objects: whose fences a job waits for, and where others find its own.
//!
//! Buffers that only their client knows (private ones) have one for all of them: there the fences of
//! jobs say that the memory is in use, and no job waits for them. A buffer that is shared, because
//! it was exported or imported, has one of its own, which everybody has who shares it.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};
use kernel_ext::{
    dma_fence::Fence,
    dma_resv::{
        OwnedResv,
        Usage, //
    },
    dma_resv_many::{
        with_locked,
        Claim,
        ClaimRoom,
        Locked, //
    },
};

use crate::{
    buffer::Kept,
    job::JobBuffer,
    Buffer, //
};

/// The reservation objects of a client.
#[pin_data]
pub(crate) struct Reservations {
    /// That of the private buffers.
    #[pin]
    private: OwnedResv,
    /// How many buffers are private no more. Changed with `private` locked.
    shared: Atomic<u64>,
    /// Whether any buffer was ever said not to be needed. Changed with `private` locked.
    has_unneeded: Atomic<bool>,
}

impl Reservations {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                private <- OwnedResv::new(),
                shared: Atomic::new(0),
                has_unneeded: Atomic::new(false),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns whether all jobs of this client that use private buffers have ended.
    pub(crate) fn is_idle(&self) -> bool {
        self.private.is_signaled(Usage::Bookkeep)
    }

    /// Calls `f`, which says that a private buffer is not needed, with the fences of the jobs that may
    /// name it. May sleep. ERESTARTSYS: a signal; ENOMEM.
    pub(crate) fn give_up(&self, f: impl FnOnce(KVec<ARef<Fence>>)) -> Result {
        let mut fences = KVec::new();
        let private = self.private.lock()?;
        for fence in private.fences(Usage::Bookkeep).filter(|f| !f.is_signaled()) {
            fences.push(fence.into(), GFP_KERNEL_ACCOUNT)?;
        }
        self.has_unneeded.store(true, Relaxed);
        f(fences);
        Ok(())
    }

    /// Returns whether none of the buffers was given up, with the reservation objects locked. EINVAL.
    // Most programs never do that, and need not pay for each buffer.
    #[inline]
    pub(crate) fn check_needed(&self, buffers: &[JobBuffer]) -> Result {
        let is_needed = |named: &JobBuffer| named.buffer.is_needed();
        match self.has_unneeded.load(Relaxed) && !buffers.iter().all(is_needed) {
            true => Err(EINVAL),
            false => Ok(()),
        }
    }

    /// Keeps buffers from being purged for a job that is not armed yet. May sleep. EINVAL: one was given
    /// up; ERESTARTSYS; ENOMEM.
    pub(crate) fn keep(&self, buffers: &[JobBuffer]) -> Result<KVVec<Kept>> {
        let mut kept = KVVec::with_capacity(buffers.len(), GFP_KERNEL_ACCOUNT)?;
        let _private = self.private.lock()?;
        self.check_needed(buffers)?;
        for named in buffers {
            kept.push(Kept::new(&named.buffer), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(kept)
    }

    /// Gives a buffer of this client a reservation object of its own, unless it has one, before
    /// others get to know the buffer. They wait there for all that the client has submitted: what
    /// of it uses the buffer is not known. May sleep. ERESTARTSYS: a signal.
    pub(crate) fn share(&self, buffer: &Buffer) -> Result {
        if buffer.resv().is_some() {
            return Ok(());
        }
        let own = Arc::pin_init(OwnedResv::new(), GFP_KERNEL_ACCOUNT)?;
        let private = self.private.lock()?;
        if buffer.resv().is_none() {
            // Nobody else knows it.
            own.try_lock().ok_or(EBUSY)?.adopt(&private, Usage::Write)?;
            buffer.set_shared(own);
            let shared = self.shared.load(Relaxed);
            self.shared.store(shared + 1, Release);
        }
        Ok(())
    }

    /// Locks the reservation objects of all buffers, in the ways that they are used, and calls `f`.
    /// `room` is for their list. May sleep. ERESTARTSYS: a signal; ENOMEM.
    pub(crate) fn with_locked<R>(
        &self,
        buffers: &[JobBuffer],
        room: &mut ClaimRoom,
        f: impl FnOnce(Locked<'_, '_>) -> R,
    ) -> Result<R> {
        let mut f = Some(f);
        loop {
            let shared = self.shared.load(Acquire);
            let locked = |locked: Locked<'_, '_>| {
                // Else a buffer may have been shared since we looked.
                let current = self.shared.load(Relaxed) == shared;
                current.then(|| f.take().map(|f| f(locked))).flatten()
            };
            let result = match buffers.iter().all(|named| named.buffer.resv().is_none()) {
                // The usual case needs no list.
                true if buffers.is_empty() => with_locked(&mut [], locked),
                true => with_locked(&mut [self.claim_private()], locked),
                false => room.with(|claims| {
                    self.add_claims(buffers, claims)?;
                    with_locked(claims, locked)
                }),
            };
            if let Some(result) = result? {
                return Ok(result);
            }
        }
    }

    fn claim_private(&self) -> Claim<'_> {
        Claim::new(&self.private, Usage::Bookkeep)
    }

    #[cold]
    fn add_claims<'a>(&'a self, buffers: &'a [JobBuffer], claims: &mut KVVec<Claim<'a>>) -> Result {
        let mut is_private = false;
        for (i, named) in buffers.iter().enumerate() {
            let Some(resv) = named.buffer.resv() else {
                is_private = true;
                continue;
            };
            if claims.is_empty() {
                claims.reserve(buffers.len() - i, GFP_KERNEL)?;
            }
            // Never more than there is room for.
            let _ = claims.push_within_capacity(Claim::new(resv, named.access.usage()));
        }
        if is_private {
            claims.push(self.claim_private(), GFP_KERNEL)?;
        }
        Ok(())
    }
}
