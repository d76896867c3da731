// SPDX-License-Identifier: GPL-2.0

//! Scatter-gather tables of [`Pages`], and mapping them for devices.
//!
//! C header: [`include/linux/scatterlist.h`](srctree/include/linux/scatterlist.h)

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SHIFT,
    prelude::*, //
};

use crate::{
    bindings as ext,
    pages::Pages, //
};

/// Memory that is contiguous for a device, bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Where the device sees it.
    pub address: u64,
    /// How much it is.
    pub size: u64,
}

/// A table, mapped for a device until it is dropped.
///
/// # Invariants
///
/// `table` is allocated, and mapped for `dev` in `direction`.
pub(crate) struct MappedTable {
    table: KBox<bindings::sg_table>,
    dev: *mut bindings::device,
    direction: bindings::dma_data_direction,
}

// SAFETY: A table may be used and undone by any thread.
unsafe impl Send for MappedTable {}
// SAFETY: As above; it is not changed while it exists.
unsafe impl Sync for MappedTable {}

impl MappedTable {
    /// Maps `pages` for `dev`, in segments as long as its driver says it can take. May sleep.
    ///
    /// # Safety
    ///
    /// `dev` must be bound, or attached to what is mapped, and the result dropped before that ends
    /// and before `pages`.
    pub(crate) unsafe fn new(
        pages: &Pages,
        dev: *mut bindings::device,
        direction: bindings::dma_data_direction,
    ) -> Result<Self> {
        let mut table = KBox::new(bindings::sg_table::default(), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: By the requirements of this function.
        let longest = unsafe { ext::accel_helper_dma_get_max_seg_size(dev) } as usize;
        let longest = (longest >> PAGE_SHIFT).max(1);
        let count = pages.blocks().map(|(_, len)| len.div_ceil(longest)).sum();
        let count = usize::try_into(count).map_err(|_| EINVAL)?;
        // SAFETY: The table is empty.
        to_result(unsafe { bindings::sg_alloc_table(&mut *table, count, bindings::GFP_KERNEL) })?;
        let mut entry = table.sgl;
        for (first, len) in pages.blocks() {
            for start in (0..len).step_by(longest) {
                let (page, len) = (first.wrapping_add(start), longest.min(len - start));
                // SAFETY: The table has an entry for each segment.
                entry = unsafe { ext::accel_helper_sg_set_pages(entry, page, len) };
            }
        }
        // SAFETY: By the requirements of this function.
        let ret = unsafe { bindings::dma_map_sgtable(dev, &mut *table, direction, 0) };
        if let Err(e) = to_result(ret) {
            // SAFETY: Allocated above.
            unsafe { bindings::sg_free_table(&mut *table) };
            return Err(e);
        }
        // INVARIANT: Just allocated and mapped.
        Ok(Self {
            table,
            dev,
            direction,
        })
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::sg_table {
        core::ptr::from_ref(&*self.table).cast_mut()
    }

    /// Returns where the device sees the pages, `size` bytes of them, if it sees them in one piece.
    pub(crate) fn contiguous_address(&self, size: usize) -> Option<u64> {
        let mut address = 0;
        // SAFETY: By the type invariants.
        let len = unsafe { ext::accel_helper_sg_contiguous(self.as_raw(), &mut address) };
        (len >= size).then_some(address)
    }

    /// Stores the segments in which the device sees the pages, as many as there is room for, and
    /// returns how many there are.
    pub(crate) fn segments(&self, room: &mut [Segment]) -> usize {
        // SAFETY: By the type invariants; a segment is two numbers.
        unsafe {
            ext::accel_helper_sg_segments(self.as_raw(), room.as_mut_ptr().cast(), room.len())
        }
    }

    /// Makes what one side wrote visible to the other one: the CPU, or the device. Any context.
    pub(crate) fn sync(&self, for_cpu: bool) {
        // SAFETY: By the type invariants.
        unsafe {
            ext::accel_helper_dma_sync_sgtable(self.dev, self.as_raw(), self.direction, for_cpu)
        };
    }
}

impl Drop for MappedTable {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe {
            ext::accel_helper_dma_unmap_sgtable(self.dev, &mut *self.table, self.direction);
            bindings::sg_free_table(&mut *self.table);
        }
    }
}
