// SPDX-License-Identifier: GPL-2.0

//! Mapping [`Pages`] into user space.
//!
//! A mapping holds the [`Pages`], and, as long as it shows a page, that page. So mappings can be
//! split, moved, copied by fork() and outlive the device, and a page that the user let go of comes
//! back.
//!
//! There are two kinds. A mapping that begins with a huge folio is filled by faults, of which one
//! maps the whole folio where addresses allow. All others are filled at once: that is cheaper than
//! a fault for each page. The first kind must not be `VM_MIXEDMAP`: when a huge entry of such a
//! mapping is split, the kernel does not give the folio back (`__split_huge_pmd_locked()`).
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use core::ops::Range;
use kernel::{
    bindings,
    error::to_result,
    mm::virt::{
        flags,
        VmaNew, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};

use crate::{
    bindings as ext,
    pages::{
        Caching,
        Pages,
        HUGE_ORDER, //
    },
};

impl Pages {
    /// Maps pages into user space, beginning with page `first`, as a shared mapping that cannot
    /// grow.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP: the pages are a user's; EINVAL: the mapping is private or goes beyond the last
    /// page; ENOMEM.
    pub fn map(self: &Arc<Self>, vma: &VmaNew, first: usize) -> Result {
        if !self.can_map() {
            return Err(EOPNOTSUPP);
        }
        if vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        let count = (vma.end() - vma.start()) >> PAGE_SHIFT;
        let end = first.checked_add(count).ok_or(EINVAL)?;
        if end > self.count() {
            return Err(EINVAL);
        }
        vma.set_dontexpand();
        if self.caching() == Caching::WriteCombined {
            // SAFETY: The VMA is being set up.
            unsafe { ext::accel_helper_vma_set_wc(vma.as_ptr()) };
        }
        if self.huge_page(first).is_none() {
            vma.set_mixedmap();
            self.insert(vma, first..end)?;
        }
        // SAFETY: The VMA is being set up. Nothing fails after this, so `close` gets the
        // reference back.
        unsafe {
            ext::accel_helper_vma_set_pgoff(vma.as_ptr(), first);
            (*vma.as_ptr()).vm_private_data = Arc::into_raw(self.clone()).cast_mut().cast();
            (*vma.as_ptr()).vm_ops = &VM_OPS.0;
        }
        Ok(())
    }

    /// Fills a mapping of the pages `range`.
    fn insert(&self, vma: &VmaNew, range: Range<usize>) -> Result {
        const BATCH: usize = 64;
        let mut batch = [core::ptr::null_mut(); BATCH];
        for start in range.clone().step_by(BATCH) {
            let len = BATCH.min(range.end - start);
            for (slot, index) in batch.iter_mut().zip(start..start + len) {
                *slot = self.page(index).ok_or(EINVAL)?;
            }
            let mut left = len;
            let addr = vma.start() + (start - range.start) * PAGE_SIZE;
            // SAFETY: The VMA is being set up and has room for them; we own all pages.
            to_result(unsafe {
                bindings::vm_insert_pages(vma.as_ptr(), addr, batch.as_mut_ptr(), &mut left)
            })?;
        }
        Ok(())
    }
}

struct VmOps(bindings::vm_operations_struct);

// SAFETY: Immutable.
unsafe impl Sync for VmOps {}

static VM_OPS: VmOps = VmOps(bindings::vm_operations_struct {
    open: Some(vma_open),
    close: Some(vma_close),
    fault: Some(vma_fault),
    huge_fault: Some(vma_huge_fault),
    ..pin_init::zeroed()
});

/// # Safety
///
/// `vma` must be one that [`Pages::map`] set up, or a copy of one.
unsafe extern "C" fn vma_open(vma: *mut bindings::vm_area_struct) {
    // SAFETY: `vm_private_data` is a reference that the VMA owns; a copy needs its own.
    let pages = unsafe { borrow(vma) };
    core::mem::forget(Arc::clone(&pages));
}

/// # Safety
///
/// As [`vma_open`].
unsafe extern "C" fn vma_close(vma: *mut bindings::vm_area_struct) {
    // SAFETY: The VMA gives its reference up.
    drop(unsafe { Arc::from_raw((*vma).vm_private_data.cast_const().cast::<Pages>()) });
}

/// Shows a page for the first time, or once more after `madvise(MADV_DONTNEED)`.
///
/// # Safety
///
/// `vmf` must be a fault in a VMA of [`vma_open`].
unsafe extern "C" fn vma_fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    // SAFETY: `vmf` is valid; the VMA owns a reference to the pages.
    unsafe {
        let pages = borrow((*vmf).__bindgen_anon_1.vma);
        match pages.page(ext::accel_helper_vmf_pgoff(vmf)) {
            Some(page) => {
                ext::accel_helper_vmf_set_page(vmf, page);
                0
            }
            None => bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t,
        }
    }
}

/// Shows all pages of a folio, if `order` is that of huge ones.
///
/// # Safety
///
/// As [`vma_fault`].
unsafe extern "C" fn vma_huge_fault(
    vmf: *mut bindings::vm_fault,
    order: c_uint,
) -> bindings::vm_fault_t {
    // SAFETY: `vmf` is valid; the VMA owns a reference to the pages, and is no `VM_MIXEDMAP` one if
    // there is a huge page in it.
    unsafe {
        let pages = borrow((*vmf).__bindgen_anon_1.vma);
        match pages.huge_page(ext::accel_helper_vmf_pgoff(vmf)) {
            Some((page, index)) if order == HUGE_ORDER => {
                ext::accel_helper_vmf_insert_folio(vmf, page, index)
            }
            _ => bindings::vm_fault_reason_VM_FAULT_FALLBACK as bindings::vm_fault_t,
        }
    }
}

/// # Safety
///
/// As [`vma_open`]; the VMA must stay for as long as the result is used.
unsafe fn borrow(vma: *mut bindings::vm_area_struct) -> core::mem::ManuallyDrop<Arc<Pages>> {
    // SAFETY: `vm_private_data` came from `Arc::into_raw`; the count is left alone.
    core::mem::ManuallyDrop::new(unsafe {
        Arc::from_raw((*vma).vm_private_data.cast_const().cast::<Pages>())
    })
}
