// SPDX-License-Identifier: GPL-2.0

//! Work that runs in hard interrupt context soon.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

use kernel::{
    bindings,
    container_of,
    prelude::*,
    types::Opaque, //
};

use crate::bindings as ext;

/// What to do in interrupt context.
pub trait Handler: Send + Sync + 'static {
    /// Does it. Hard interrupt context: nothing may sleep.
    fn run(&self);
}

/// A work item around its handler.
#[pin_data(PinnedDrop)]
pub struct IrqWork<H: Handler> {
    #[pin]
    work: Opaque<bindings::irq_work>,
    handler: H,
}

// SAFETY: `struct irq_work` is made to be queued from anywhere; `H` is `Send + Sync`.
unsafe impl<H: Handler> Send for IrqWork<H> {}
// SAFETY: As above.
unsafe impl<H: Handler> Sync for IrqWork<H> {}

impl<H: Handler> IrqWork<H> {
    /// Makes a work item.
    pub fn new(handler: H) -> impl PinInit<Self> {
        pin_init!(Self {
            work <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes; `run` matches what `queue` queues.
                unsafe { ext::accel_helper_init_irq_work(slot, Some(Self::run)) }
            }),
            handler,
        })
    }

    /// Returns the handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Queues the item unless it is queued already; returns whether it was not.
    pub fn queue(self: Pin<&Self>) -> bool {
        // SAFETY: Pinned, and `drop` waits until it is not queued any more.
        unsafe { bindings::irq_work_queue(self.work.get()) }
    }

    /// # Safety
    ///
    /// `work` must be the field of an `IrqWork<H>`.
    unsafe extern "C" fn run(work: *mut bindings::irq_work) {
        // SAFETY: By the requirements of this function.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, work) };
        this.handler.run();
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for IrqWork<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Initialised in `new`.
        unsafe { bindings::irq_work_sync(self.work.get()) };
    }
}
