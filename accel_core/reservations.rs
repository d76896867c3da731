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
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};
use kernel_ext::dma_resv::{
    OwnedResv,
    Usage, //
};

use crate::Buffer;

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
}
