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
        SpinLockIrq,
        UniqueArc, //
    }, //
};

use crate::{
    bindings as ext,
    device::as_raw,
    pages::Pages,
    sg_table::{
        MappedTable,
        Segment, //
    }, //
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

/// Pages mapped for a device, in both directions, until revoked or dropped.
///
/// # Invariants
///
/// While `mapped` is not `None`, it is how `pages` are mapped for `dev`, and we are inside of them.
#[pin_data(PinnedDrop)]
pub struct Mapping {
    dev: ARef<Device>,
    pages: Arc<Pages>,
    address: Option<u64>,
    /// Whether CPU and device see each other's writes only after a sync: bounce buffers, or caches
    /// that the device does not snoop.
    needs_sync: bool,
    #[pin]
    mapped: SpinLockIrq<Option<Mapped>>,
}

/// How pages are mapped.
enum Mapped {
    /// In one piece, at this address.
    Block(u64),
    Table(MappedTable),
}

const DIRECTION: bindings::dma_data_direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;

impl Mapped {
    /// # Safety
    ///
    /// Must be undone before `dev` is unbound, and before `pages` are dropped.
    unsafe fn new(dev: &Device<Bound>, pages: &Pages) -> Result<Self> {
        let Some(first) = pages.contiguous_start() else {
            // SAFETY: By the requirements of this function.
            return unsafe { MappedTable::new(pages, as_raw(dev), DIRECTION) }.map(Mapped::Table);
        };
        // SAFETY: `dev` is bound, `first` starts `pages.size()` bytes of contiguous memory.
        let address = unsafe {
            bindings::dma_map_page_attrs(as_raw(dev), first, 0, pages.size(), DIRECTION, 0)
        };
        // SAFETY: `dev` is valid.
        to_result(unsafe { ext::accel_helper_dma_mapping_error(as_raw(dev), address) })?;
        Ok(Mapped::Block(address))
    }

    /// Returns where the device sees the `size` bytes, if it sees them in one piece.
    fn contiguous_address(&self, size: usize) -> Option<u64> {
        match self {
            Mapped::Block(address) => Some(*address),
            Mapped::Table(table) => table.contiguous_address(size),
        }
    }

    fn needs_sync(&self, dev: &Device<Bound>) -> bool {
        // SAFETY: `dev` is valid; the address is one that was mapped.
        unsafe {
            match self {
                Mapped::Block(address) => {
                    ext::accel_helper_dma_need_sync(as_raw(dev), *address) //
                }
                Mapped::Table(_) => ext::accel_helper_dma_dev_need_sync(as_raw(dev)),
            }
        }
    }

    /// Undoes it.
    ///
    /// # Safety
    ///
    /// `dev` and `size` must be those of [`Mapped::new`].
    unsafe fn unmap<C: DeviceContext>(self, dev: &Device<C>, size: usize) {
        if let Mapped::Block(address) = self {
            // SAFETY: By the requirements of this function.
            unsafe {
                bindings::dma_unmap_page_attrs(as_raw(dev), address, size, DIRECTION, 0)
                //
            };
        }
    }
}

impl Mapping {
    /// Maps `pages` for `dev`. May sleep.
    ///
    /// # Safety
    ///
    /// Must be revoked before `dev` is unbound.
    pub unsafe fn new(dev: &Device<Bound>, pages: Arc<Pages>) -> Result<Arc<Self>> {
        let place = UniqueArc::<Self>::new_uninit(GFP_KERNEL_ACCOUNT)?;
        if !pages.gate().enter_to_stay() {
            return Err(EINVAL);
        }
        // SAFETY: By the requirements of this function; we own the pages, being inside.
        let mapped = unsafe { Mapped::new(dev, &pages) }.inspect_err(|_| pages.gate().leave())?;
        let address = mapped.contiguous_address(pages.size());
        let needs_sync = mapped.needs_sync(dev);
        let Ok(this) = place.pin_init_with(pin_init!(Self {
            dev: ARef::from(&**dev),
            address,
            needs_sync,
            pages,
            // INVARIANT: Just mapped.
            mapped <- new_spinlock_irq!(Some(mapped), "dma_mapping"),
        }));
        Ok(this.into())
    }

    /// Returns where the device sees the pages, if it sees them in one piece.
    pub fn contiguous_address(&self) -> Option<u64> {
        self.address
    }

    /// Returns how the device sees the pages, in their order. May sleep. ENODEV: it was revoked;
    /// ENOMEM.
    pub fn segments(&self) -> Result<KVVec<Segment>> {
        let mut segments = KVVec::new();
        loop {
            let count = self.store_segments(&mut segments).ok_or(ENODEV)?;
            if count <= segments.len() {
                return Ok(segments);
            }
            segments = KVVec::from_elem(Segment::default(), count, GFP_KERNEL_ACCOUNT)?;
        }
    }

    /// Stores as many segments as there is room for; returns how many there are.
    fn store_segments(&self, room: &mut [Segment]) -> Option<usize> {
        match self.mapped.lock().as_ref()? {
            Mapped::Table(table) => Some(table.segments(room)),
            Mapped::Block(address) => {
                if let Some(segment) = room.first_mut() {
                    *segment = Segment {
                        address: *address,
                        size: self.pages.size() as u64,
                    };
                }
                Some(1)
            }
        }
    }

    /// Makes what the CPU wrote visible to the device. May be called in any context.
    pub fn sync_for_device(&self) {
        self.sync(false);
    }

    /// Makes what the device wrote visible to the CPU. May be called in any context.
    pub fn sync_for_cpu(&self) {
        self.sync(true);
    }

    fn sync(&self, for_cpu: bool) {
        if !self.needs_sync {
            return;
        }
        let sync_block = match for_cpu {
            true => ext::accel_helper_dma_sync_for_cpu,
            false => ext::accel_helper_dma_sync_for_device,
        };
        match &*self.mapped.lock() {
            // SAFETY: By the type invariants.
            Some(Mapped::Block(address)) => unsafe {
                sync_block(as_raw(&self.dev), *address, self.pages.size())
            },
            Some(Mapped::Table(table)) => table.sync(for_cpu),
            None => (),
        }
    }

    /// Undoes the mapping; the device must not use it any more. Of two concurrent calls the second
    /// may return before it is undone.
    pub fn revoke(&self) {
        let mapped = self.mapped.lock().take();
        if let Some(mapped) = mapped {
            // SAFETY: By the type invariants, and only we have it.
            unsafe { mapped.unmap(&self.dev, self.pages.size()) };
            self.pages.gate().leave();
        }
    }

    /// Undoes the mapping and gives the pages back ([`Pages::purge`]), if nobody else uses them;
    /// returns whether it did. The device must not use the mapping any more. As for two concurrent
    /// calls of [`Mapping::revoke`], that may return before this has undone it.
    pub fn purge(&self) -> bool {
        let Some(mapped) = self.mapped.lock().take() else {
            return false;
        };
        let Some(closed) = self.pages.close(1) else {
            // INVARIANT: It still is mapped.
            *self.mapped.lock() = Some(mapped);
            return false;
        };
        // SAFETY: By the type invariants, and only we have it.
        unsafe { mapped.unmap(&self.dev, self.pages.size()) };
        closed.free();
        true
    }
}

#[pinned_drop]
impl PinnedDrop for Mapping {
    fn drop(self: Pin<&mut Self>) {
        self.revoke();
    }
}
