// SPDX-License-Identifier: GPL-2.0

//! Apertures: memory of a PCI device that CPUs can reach, while its driver is bound.
//!
//! The kernel reads and writes it here; user space maps it by [`IoPages`](crate::io_pages). Both end
//! when the aperture is revoked, at the latest when the device is unbound.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    device::Bound,
    error::to_result,
    page::PAGE_MASK,
    pci,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        srcu,
        Arc,
        Srcu, //
    },
};

use crate::{
    bindings as ext,
    device::as_raw,
    dma_buf_peer::Exports,
    user_mappings::UserMappings, //
};

/// How CPUs reach an aperture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Writes may be put together, and arrive late: for memory.
    WriteCombined,
    /// Each access arrives as it is, and in order: for registers, such as doorbells.
    Uncached,
}

/// A BAR that users can be given pages of: reading its bytes has no effect.
///
/// # Invariants
///
/// While `is_live` is true, the BAR is `size` bytes at the physical address `physical`, is ours alone
/// and mapped at `mapped`. It becomes false once, and is undone after all SRCU read-side sections
/// that saw it true have ended. All user mappings of the BAR are in `mappings`.
/// `provider` is there until then, too.
#[pin_data(PinnedDrop)]
pub struct Aperture {
    pdev: NonNull<bindings::pci_dev>,
    bar: c_int,
    physical: u64,
    size: usize,
    mapped: NonNull<c_void>,
    caching: Caching,
    mappings: UserMappings,
    is_live: Atomic<bool>,
    /// The device sleeps: nothing is to be inserted into mappings.
    is_asleep: Atomic<bool>,
    #[pin]
    srcu: Srcu,
    provider: Option<NonNull<ext::p2pdma_provider>>,
    #[pin]
    exports: Exports,
}

// SAFETY: All access is by raw copies; `srcu` and `is_live` order it with the end.
unsafe impl Send for Aperture {}
// SAFETY: As above.
unsafe impl Sync for Aperture {}

/// A section in which an aperture stays what it is.
pub(crate) struct Live<'a>(#[allow(dead_code)] srcu::Guard<'a>);

impl Aperture {
    /// Takes BAR `bar` of `pdev` and maps it, until `pdev` is unbound.
    ///
    /// # Errors
    ///
    /// EINVAL: there is no such BAR, or it is no memory; EBUSY: it is taken; ENOMEM.
    pub fn new(
        pdev: &pci::Device<Bound>,
        bar: u32,
        caching: Caching,
        name: &'static CStr,
    ) -> Result<Arc<Self>> {
        let (physical, size) = (pdev.resource_start(bar)?, pdev.resource_len(bar)?);
        let size = usize::try_from(size)?;
        if size == 0 || (physical as usize | size) & !PAGE_MASK != 0 {
            return Err(EINVAL);
        }
        let mappings = UserMappings::new(c"[aperture]")?;
        // SAFETY: `pdev` is bound, so it is there; it is a PCI device.
        let raw = unsafe { ext::accel_helper_to_pci_dev(as_raw(pdev.as_ref())) };
        let raw = NonNull::new(raw).ok_or(EINVAL)?;
        let bar = c_int::try_from(bar)?;
        // SAFETY: Valid; any number will do.
        if !unsafe { ext::accel_helper_is_memory_bar(raw.as_ptr(), bar) } {
            return Err(EINVAL);
        }
        // SAFETY: Valid and bound, and `bar` is one of its BARs. Devres takes back what this makes
        // after `undo`, which it is given later.
        let provider = unsafe { ext::accel_helper_p2pdma_provider(raw.as_ptr(), bar) };
        // SAFETY: As above.
        let mapped = unsafe { request(raw, bar, caching, name) }?;
        let this = Arc::pin_init(
            // INVARIANT: Just requested and mapped.
            try_pin_init!(Self {
                pdev: raw,
                bar,
                physical,
                size,
                mapped,
                caching,
                mappings,
                is_live: Atomic::new(true),
                is_asleep: Atomic::new(false),
                srcu <- Srcu::new(c"aperture", static_lock_class!()),
                provider: NonNull::new(provider),
                exports <- Exports::new(),
            }),
            GFP_KERNEL,
        )
        // SAFETY: Requested above, and nobody else knows.
        .inspect_err(|_| unsafe { release(raw, bar, mapped) })?;

        let cookie = Arc::into_raw(this.clone()).cast_mut().cast::<c_void>();
        // SAFETY: The device is bound; `undo` takes the reference that `cookie` is.
        to_result(unsafe { bindings::devm_add_action(as_raw(pdev.as_ref()), Some(undo), cookie) })
            // SAFETY: It was not added, so we still own `cookie`.
            .inspect_err(|_| unsafe { undo(cookie) })?;
        Ok(this)
    }

    /// Returns the size in bytes, a multiple of the page size.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn caching(&self) -> Caching {
        self.caching
    }

    /// Returns the physical address of its first byte.
    pub(crate) fn physical(&self) -> u64 {
        self.physical
    }

    /// Returns the device, which is bound while the aperture is not revoked.
    pub(crate) fn pdev(&self) -> *mut bindings::pci_dev {
        self.pdev.as_ptr()
    }

    /// Returns by what other devices reach the BAR; valid while the aperture is not revoked.
    pub(crate) fn provider(&self) -> Option<NonNull<ext::p2pdma_provider>> {
        self.provider
    }

    /// Returns the dma-bufs of it.
    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
    }

    /// Returns where its user mappings have to be.
    pub(crate) fn mappings(&self) -> &UserMappings {
        &self.mappings
    }

    /// Enters a section in which it is not revoked, unless it was.
    pub(crate) fn enter(&self) -> Option<Live<'_>> {
        let guard = self.srcu.read_lock();
        self.is_live.load(Acquire).then_some(Live(guard))
    }

    /// Has user mappings wait until [`Aperture::wake`]; returns whether there are none, and no dma-bufs.
    /// May sleep.
    pub fn sleep(&self) -> bool {
        self.is_asleep.store(true, Relaxed);
        self.srcu.synchronize();
        let is_free = !self.mappings.are_there() && self.exports.are_none();
        if !is_free {
            self.wake();
        }
        is_free
    }

    /// The device is awake.
    pub fn wake(&self) {
        self.is_asleep.store(false, Relaxed);
    }

    /// Returns whether the device sleeps, and asks for it to be woken; to be called in [`Live`].
    pub(crate) fn is_asleep(&self) -> bool {
        let is_asleep = self.is_asleep.load(Relaxed);
        if is_asleep {
            // SAFETY: The device is bound, as the aperture is live.
            unsafe { ext::accel_helper_pci_request_resume(self.pdev.as_ptr()) };
        }
        is_asleep
    }

    /// Calls `f` with the address of a range. EINVAL: not in the aperture; ENODEV: revoked.
    fn with(&self, offset: usize, len: usize, f: impl FnOnce(*mut c_void)) -> Result {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if end > self.size {
            return Err(EINVAL);
        }
        let _live = self.enter().ok_or(ENODEV)?;
        f(self.mapped.as_ptr().wrapping_byte_add(offset));
        Ok(())
    }

    /// Copies bytes out. Others may change them meanwhile.
    ///
    /// # Errors
    ///
    /// EINVAL: the range is not in it; ENODEV: it was revoked.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        self.with(offset, data.len(), |from| {
            // SAFETY: By the type invariants it is mapped for so many bytes.
            unsafe { ext::accel_helper_copy_from_io(data.as_mut_ptr().cast(), from, data.len()) }
        })
    }

    /// Copies bytes in; errors as [`Aperture::read`].
    pub fn write(&self, offset: usize, data: &[u8]) -> Result {
        self.with(offset, data.len(), |to| {
            // SAFETY: As in `read`.
            unsafe { ext::accel_helper_copy_to_io(to, data.as_ptr().cast(), data.len()) }
        })
    }

    /// Sets bytes to `value`; errors as [`Aperture::read`].
    pub fn fill(&self, offset: usize, len: usize, value: u8) -> Result {
        self.with(offset, len, |to| {
            // SAFETY: As in `read`.
            unsafe { ext::accel_helper_fill_io(to, value, len) }
        })
    }

    /// Writes `value` `count` times, in little endian, each as one: nobody sees half of one. Others see
    /// it before what is written later.
    ///
    /// # Errors
    ///
    /// As [`Aperture::read`]; EINVAL: `offset` is not a multiple of 8.
    pub fn store(&self, offset: usize, value: u64, count: usize) -> Result {
        let len = count.checked_mul(8).ok_or(EINVAL)?;
        if offset % 8 != 0 {
            return Err(EINVAL);
        }
        self.with(offset, len, |to| {
            // SAFETY: As in `read`, and aligned, as the BAR is.
            unsafe { ext::accel_helper_store_io(to, value, count) }
        })
    }

    /// Ends it: whoever reads or writes it gets ENODEV from now on, user mappings of it show memory
    /// without meaning, and other devices have stopped using it. Of two concurrent calls the second may return before it is done.
    pub fn revoke(&self) {
        if !self.is_live.xchg(false, Full) {
            return;
        }
        self.srcu.synchronize();
        self.mappings.zap(0, 0);
        self.exports.revoke();
        // SAFETY: By the type invariants; only we saw it live, and nobody uses it any more.
        unsafe { release(self.pdev, self.bar, self.mapped) };
    }
}

#[pinned_drop]
impl PinnedDrop for Aperture {
    fn drop(self: Pin<&mut Self>) {
        // It was revoked: the devres action has a reference until it has run.
        debug_assert!(!self.is_live.load(Relaxed));
    }
}

/// The devres action.
///
/// # Safety
///
/// `cookie` must be a reference to an [`Aperture`] from `Arc::into_raw`; its device must be bound.
unsafe extern "C" fn undo(cookie: *mut c_void) {
    // SAFETY: By the requirements of this function.
    let aperture = unsafe { Arc::from_raw(cookie.cast_const().cast::<Aperture>()) };
    aperture.revoke();
}

/// Takes a BAR and maps it.
///
/// # Safety
///
/// `pdev` must be valid and bound, `bar` one of its BARs.
unsafe fn request(
    pdev: NonNull<bindings::pci_dev>,
    bar: c_int,
    caching: Caching,
    name: &'static CStr,
) -> Result<NonNull<c_void>> {
    // SAFETY: By the requirements of this function; `name` lives forever.
    to_result(unsafe { bindings::pci_request_region(pdev.as_ptr(), bar, name.as_char_ptr()) })?;
    // SAFETY: As above; it is ours now.
    let mapped = unsafe {
        match caching {
            Caching::WriteCombined => bindings::pci_iomap_wc(pdev.as_ptr(), bar, 0),
            Caching::Uncached => bindings::pci_iomap(pdev.as_ptr(), bar, 0),
        }
    };
    NonNull::new(mapped).ok_or(ENOMEM).inspect_err(|_| {
        // SAFETY: Requested above.
        unsafe { bindings::pci_release_region(pdev.as_ptr(), bar) }
    })
}

/// Undoes [`request`].
///
/// # Safety
///
/// `mapped` must be what it returned, not used any more, and `pdev` still be bound.
unsafe fn release(pdev: NonNull<bindings::pci_dev>, bar: c_int, mapped: NonNull<c_void>) {
    // SAFETY: By the requirements of this function.
    unsafe {
        bindings::pci_iounmap(pdev.as_ptr(), mapped.as_ptr());
        bindings::pci_release_region(pdev.as_ptr(), bar);
    }
}
