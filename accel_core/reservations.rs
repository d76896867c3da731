// SPDX-License-Identifier: GPL-2.0

//! Reservation objects: whose fences a job waits for, and where others find its own.
//!
//! Buffers that only their client knows (private ones) have one for all of them: there the fences of
//! jobs say that the memory is in use, and no job waits for them. A buffer that is shared, because
//! it was exported or imported, has one of its own, which everybody has who shares it.

use kernel::{
    prelude::*,
    sync::{
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
    dma_resv::{
        OwnedResv,
        Usage, //
    },
    dma_resv_many::{
        with_locked,
        Claim,
        Locked, //
    },
};

use crate::{
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
}

impl Reservations {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                private <- OwnedResv::new(),
                shared: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns whether all jobs of this client that use private buffers have ended.
    pub(crate) fn is_idle(&self) -> bool {
        self.private.is_signaled(Usage::Bookkeep)
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
    /// May sleep. ERESTARTSYS: a signal.
    pub(crate) fn with_locked<R>(
        &self,
        buffers: &[JobBuffer],
        f: impl FnOnce(Locked<'_, '_>) -> R,
    ) -> Result<R> {
        let mut f = Some(f);
        loop {
            let shared = self.shared.load(Acquire);
            let mut claims = self.claims(buffers)?;
            let result = with_locked(&mut claims, |locked| {
                // Else a buffer may have been shared since we looked.
                let current = self.shared.load(Relaxed) == shared;
                current.then(|| f.take().map(|f| f(locked))).flatten()
            })?;
            if let Some(result) = result {
                return Ok(result);
            }
        }
    }

    fn claims<'a>(&'a self, buffers: &'a [JobBuffer]) -> Result<KVVec<Claim<'a>>> {
        let mut claims = KVVec::new();
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
            claims.push(Claim::new(&self.private, Usage::Bookkeep), GFP_KERNEL)?;
        }
        Ok(claims)
    }
}
