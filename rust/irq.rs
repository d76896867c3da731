// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines that a device owns together with their handlers.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use kernel::{
    bindings,
    device::Bound,
    error::to_result,
    irq::IrqRequest,
    pci::{
        self,
        IrqType,
        IrqTypes, //
    },
    prelude::*,
    sync::Arc, //
};

pub use kernel::irq::IrqReturn;

/// What to do when an interrupt arrives.
pub trait Handler: Send + Sync + 'static {
    /// Handles an interrupt on line `line`. Hard interrupt context: nothing may sleep.
    fn interrupt(&self, line: usize) -> IrqReturn;
}

/// The interrupt lines of a device; frees the handlers, then the vectors, when dropped.
pub struct Lines<'a> {
    requests: KVec<Request>,
    vectors: Option<pci::IrqVectorRegistration<'a>>,
}

impl<'a> Lines<'a> {
    /// A device without interrupts.
    pub fn none() -> Self {
        Self {
            requests: KVec::new(),
            vectors: None,
        }
    }

    /// Allocates up to `max` messages of a PCI device.
    ///
    /// Messages only: a level-triggered line that nobody may quiet after unbinding would storm.
    pub fn from_pci(dev: &'a pci::Device<Bound>, max: u32) -> Result<Self> {
        let types = IrqTypes::default().with(IrqType::Msi).with(IrqType::MsiX);
        Ok(Self {
            requests: KVec::new(),
            vectors: Some(dev.alloc_irq_vectors(1, max, types)?),
        })
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.vectors.as_ref().map_or(0, |v| v.len())
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for all handlers that run.
    pub fn synchronize(&self) {
        for request in &self.requests {
            // SAFETY: By the type invariants of `Request`.
            unsafe { bindings::synchronize_irq(request.irq) };
        }
    }

    /// Lets `handler` handle all lines from now on.
    ///
    /// # Safety
    ///
    /// The lines must be dropped before the device is unbound.
    pub unsafe fn request<H: Handler>(&mut self, name: &'static CStr, handler: &Arc<H>) -> Result {
        for line in 0..self.len() {
            let Some(vectors) = &self.vectors else { break };
            let irq: IrqRequest<'_> = vectors.index(line)?.into();
            let request = Request::new(irq.irq(), line, name, handler.clone())?;
            self.requests.push(request, GFP_KERNEL)?;
        }
        Ok(())
    }
}

/// What C gives back to us.
struct Cookie {
    line: usize,
    handler: Arc<dyn Handler>,
}

/// A requested interrupt.
///
/// # Invariants
///
/// `irq` is requested with the address of `cookie`.
struct Request {
    irq: u32,
    cookie: KBox<Cookie>,
}

impl Request {
    fn new<H: Handler>(
        irq: u32,
        line: usize,
        name: &'static CStr,
        handler: Arc<H>,
    ) -> Result<Self> {
        let cookie = KBox::new(Cookie { line, handler }, GFP_KERNEL)?;
        // SAFETY: `cookie` stays where it is until `drop`, which is called by the requirements of
        // `Lines::request`, frees the interrupt.
        to_result(unsafe {
            bindings::request_irq(
                irq,
                Some(handle),
                0,
                name.as_char_ptr(),
                core::ptr::from_ref::<Cookie>(&cookie).cast_mut().cast(),
            )
        })?;
        // INVARIANT: Just requested.
        Ok(Self { irq, cookie })
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. Waits for a running handler.
        unsafe {
            bindings::free_irq(
                self.irq,
                core::ptr::from_ref::<Cookie>(&self.cookie)
                    .cast_mut()
                    .cast(),
            )
        };
    }
}

/// # Safety
///
/// `cookie` must be a valid [`Cookie`].
unsafe extern "C" fn handle(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the requirements of this function.
    let cookie = unsafe { &*cookie.cast::<Cookie>() };
    bindings::irqreturn_t(cookie.handler.interrupt(cookie.line) as c_uint)
}
