// SPDX-License-Identifier: GPL-2.0

//! Streaming DMA mappings.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use kernel::{
    bindings,
    device::{
        Bound,
        Device,
        DeviceContext, //
    },
    error::to_result,
    new_spinlock_irq,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        SpinLockIrq, //
    }, //
};

use crate::{
    bindings as ext,
    device::as_raw,
    pages::Pages, //
};

/// Sets which addresses `dev` can reach: the lowest `bits` bits.
pub fn set_mask(dev: &Device<Bound>, bits: u32) -> Result {
    let mask = kernel::dma::DmaMask::try_new(bits)?;
    // SAFETY: `dev` is bound. A mapping made meanwhile by another thread would only see the old or
    // the new mask.
    to_result(unsafe { bindings::dma_set_mask_and_coherent(as_raw(dev), mask.value()) })?;
    // SAFETY: `dev` is bound. Buffers are mapped in one piece.
    unsafe { bindings::dma_set_max_seg_size(as_raw(dev), u32::MAX) };
    Ok(())
}

/// Contiguous pages mapped for a device, in both directions, until revoked or dropped.
///
/// # Invariants
///
/// While `mapped` is true, `pages` is mapped at `address` for `dev` in its whole length.
#[pin_data(PinnedDrop)]
pub struct Mapping {
    dev: ARef<Device>,
    pages: Arc<Pages>,
    address: u64,
    /// Whether CPU and device see each other's writes only after a sync: bounce buffers, or caches
    /// that the device does not snoop.
    needs_sync: bool,
    #[pin]
    mapped: SpinLockIrq<bool>,
}

impl Mapping {
    /// Maps `pages`, which must be contiguous (else EINVAL).
    ///
    /// # Safety
    ///
    /// Must be revoked before `dev` is unbound.
    pub unsafe fn new(dev: &Device<Bound>, pages: Arc<Pages>) -> Result<Arc<Self>> {
        let first = pages.contiguous_start().ok_or(EINVAL)?;
        // SAFETY: `dev` is bound, `first` starts `pages.size()` bytes of contiguous memory.
        let address = unsafe {
            bindings::dma_map_page_attrs(
                as_raw(dev),
                first,
                0,
                pages.size(),
                bindings::dma_data_direction::DMA_BIDIRECTIONAL,
                0,
            )
        };
        // SAFETY: `dev` is valid.
        to_result(unsafe { ext::accel_helper_dma_mapping_error(as_raw(dev), address) })?;
        // SAFETY: `dev` is valid; just mapped.
        let needs_sync = unsafe { ext::accel_helper_dma_need_sync(as_raw(dev), address) };
        let size = pages.size();
        let this = Arc::pin_init(
            pin_init!(Self {
                dev: ARef::from(&**dev),
                pages,
                address,
                needs_sync,
                // INVARIANT: Just mapped.
                mapped <- new_spinlock_irq!(true, "dma_mapping"),
            }),
            GFP_KERNEL,
        );
        if this.is_err() {
            // SAFETY: Mapped above, and nobody else knows.
            unsafe { unmap(dev, address, size) };
        }
        this
    }

    /// Returns where the device sees the pages.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Makes what the CPU wrote visible to the device. May be called in any context.
    pub fn sync_for_device(&self) {
        self.sync(ext::accel_helper_dma_sync_for_device);
    }

    /// Makes what the device wrote visible to the CPU. May be called in any context.
    pub fn sync_for_cpu(&self) {
        self.sync(ext::accel_helper_dma_sync_for_cpu);
    }

    fn sync(&self, by: unsafe extern "C" fn(*mut bindings::device, u64, usize)) {
        if !self.needs_sync {
            return;
        }
        let mapped = self.mapped.lock();
        if *mapped {
            // SAFETY: By the type invariants; `by` syncs what is mapped.
            unsafe { by(as_raw(&self.dev), self.address, self.pages.size()) };
        }
    }

    /// Undoes the mapping; the device must not use it any more. Of two concurrent calls the second
    /// may return before it is undone.
    pub fn revoke(&self) {
        let mapped = core::mem::replace(&mut *self.mapped.lock(), false);
        if mapped {
            // SAFETY: It was mapped, and only we saw that.
            unsafe { unmap(&self.dev, self.address, self.pages.size()) };
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Mapping {
    fn drop(self: Pin<&mut Self>) {
        self.revoke();
    }
}

/// # Safety
///
/// `size` bytes must be mapped at `address` for `dev`.
unsafe fn unmap<C: DeviceContext>(dev: &Device<C>, address: u64, size: usize) {
    // SAFETY: By the requirements of this function.
    unsafe {
        bindings::dma_unmap_page_attrs(
            as_raw(dev),
            address,
            size,
            bindings::dma_data_direction::DMA_BIDIRECTIONAL,
            0,
        )
    };
}
