// SPDX-License-Identifier: GPL-2.0

//! Pages of memory that the kernel, user space and devices share.
//!
//! Every page has its own reference count, and a mapping into user space holds a reference on each
//! page it shows. So mappings can be split, moved, copied by fork() and outlive the device. They
//! also hold the [`Pages`], to bring back a page that the user let go of.
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
        PAGE_MASK,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};

use crate::bindings as ext;

/// The largest block the page allocator has, log2 of pages (`MAX_PAGE_ORDER` at its default).
const MAX_ORDER: u32 = 10;

/// The largest block that is worth a try when pages may be scattered.
const CHUNK_ORDER: u32 = 9;

/// Zeroed pages, charged to the memory cgroup of who allocates them.
///
/// # Invariants
///
/// Each pointer is a page of which we own a reference. If `contiguous`, they follow each other in
/// physical memory.
pub struct Pages {
    pages: KVVec<*mut bindings::page>,
    contiguous: bool,
    /// Dropped with the pages.
    account: Option<KBox<dyn Account>>,
}

/// Something that keeps account of pages for as long as they exist.
pub trait Account: Send + Sync {}

// SAFETY: Pages have no owner thread; all access is by raw copies.
unsafe impl Send for Pages {}
// SAFETY: As above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Allocates `count` pages anywhere.
    pub fn scattered(count: usize) -> Result<Self> {
        let mut this = Self::with_room(count, false)?;
        let mut order = CHUNK_ORDER;
        while this.pages.len() < count {
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            let left = count - this.pages.len();
            order = order.min(left.ilog2());
            match this.grow(order, left) {
                Ok(()) => (),
                Err(_) if order > 0 => order -= 1,
                Err(e) => return Err(e),
            }
        }
        Ok(this)
    }

    /// Allocates `count` pages that follow each other.
    pub fn contiguous(count: usize) -> Result<Self> {
        let block = count.checked_next_power_of_two().ok_or(ENOMEM)?;
        let order = block.ilog2();
        if count == 0 || order > MAX_ORDER {
            return Err(ENOMEM);
        }
        let mut this = Self::with_room(count, true)?;
        this.grow(order, count)?;
        Ok(this)
    }

    fn with_room(count: usize, contiguous: bool) -> Result<Self> {
        // More than there can be: do not try (and do not let the allocator warn).
        // SAFETY: Reads a counter.
        if count > unsafe { ext::accel_helper_totalram_pages() } {
            return Err(ENOMEM);
        }
        Ok(Self {
            pages: KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?,
            contiguous,
            account: None,
        })
    }

    /// Allocates a block of `1 << order` pages and keeps the first `want` of them.
    fn grow(&mut self, order: u32, want: usize) -> Result {
        // SAFETY: We may sleep here.
        let block = unsafe { ext::accel_helper_alloc_split_pages(order) };
        if block.is_null() {
            return Err(ENOMEM);
        }
        for i in 0..1usize << order {
            // SAFETY: `struct page`s of a block follow each other.
            let page = unsafe { block.add(i) };
            if i >= want || self.pages.push_within_capacity(page).is_err() {
                // SAFETY: Ours since the split, and not kept.
                unsafe { bindings::__free_pages(page, 0) };
            }
        }
        Ok(())
    }

    /// Keeps `account` until the pages are gone.
    pub fn account(&mut self, account: KBox<dyn Account>) {
        self.account = Some(account);
    }

    /// Returns how many pages there are.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// Returns how many bytes there are.
    pub fn size(&self) -> usize {
        self.pages.len() << PAGE_SHIFT
    }

    /// Returns the pages as an array, and how many there are.
    pub(crate) fn as_raw(&self) -> (*mut *mut bindings::page, usize) {
        (self.pages.as_ptr().cast_mut(), self.pages.len())
    }

    /// Returns the first page if all follow each other.
    pub(crate) fn contiguous_start(&self) -> Option<*mut bindings::page> {
        self.contiguous
            .then(|| self.pages.first().copied())
            .flatten()
    }

    /// Calls `f` with each piece of the range that is in one page: its address, its length and
    /// how far into the range it begins.
    fn for_each_piece(
        &self,
        range: Range<usize>,
        mut f: impl FnMut(*mut u8, usize, usize),
    ) -> Result {
        if range.start > range.end || range.end > self.size() {
            return Err(EINVAL);
        }
        let mut at = range.start;
        while at < range.end {
            let offset = at & !PAGE_MASK;
            let len = (PAGE_SIZE - offset).min(range.end - at);
            let page = self.pages.get(at >> PAGE_SHIFT).ok_or(EINVAL)?;
            // SAFETY: We own a reference; the mapping is local and undone below.
            let addr = unsafe { bindings::kmap_local_page(*page) };
            f(
                addr.cast::<u8>().wrapping_add(offset),
                len,
                at - range.start,
            );
            // SAFETY: As above.
            unsafe { bindings::kunmap_local(addr) };
            at += len;
        }
        Ok(())
    }

    /// Copies bytes out. Others may change them meanwhile: what is read is a snapshot of each byte.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        let end = offset.checked_add(data.len()).ok_or(EINVAL)?;
        let to = data.as_mut_ptr();
        self.for_each_piece(offset..end, |from, len, at| {
            // SAFETY: `from` is mapped for `len` bytes; `at + len <= data.len()`. The memory is
            // shared with user space, hence raw copies and never a reference.
            unsafe { core::ptr::copy_nonoverlapping(from, to.add(at), len) };
        })
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result {
        let end = offset.checked_add(data.len()).ok_or(EINVAL)?;
        let from = data.as_ptr();
        self.for_each_piece(offset..end, |to, len, at| {
            // SAFETY: As in `read`.
            unsafe { core::ptr::copy_nonoverlapping(from.add(at), to, len) };
        })
    }

    /// Sets all bytes to `value`.
    pub fn fill(&self, value: u8) {
        let _ = self.for_each_piece(0..self.size(), |to, len, _| {
            // SAFETY: As in `read`.
            unsafe { core::ptr::write_bytes(to, value, len) };
        });
    }

    /// Maps pages into user space, beginning with page `first`, as a shared mapping that cannot
    /// grow.
    ///
    /// EINVAL if the mapping is private or goes beyond the last page.
    pub fn map(self: &Arc<Self>, vma: &VmaNew, first: usize) -> Result {
        if vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        let count = (vma.end() - vma.start()) >> PAGE_SHIFT;
        let end = first.checked_add(count).ok_or(EINVAL)?;
        let pages = self.pages.get(first..end).ok_or(EINVAL)?;

        vma.set_dontexpand();
        vma.set_mixedmap();
        let mut left = count;
        // SAFETY: The VMA is being set up and is of `count` pages; we own all `pages`.
        to_result(unsafe {
            bindings::vm_insert_pages(
                vma.as_ptr(),
                vma.start(),
                pages.as_ptr().cast_mut(),
                &mut left,
            )
        })?;
        // SAFETY: The VMA is being set up. Nothing fails after this, so `close` gets the
        // reference back.
        unsafe {
            ext::accel_helper_vma_set_pgoff(vma.as_ptr(), first);
            (*vma.as_ptr()).vm_private_data = Arc::into_raw(self.clone()).cast_mut().cast();
            (*vma.as_ptr()).vm_ops = &VM_OPS.0;
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for page in &self.pages {
            // SAFETY: By the type invariants.
            unsafe { bindings::__free_pages(*page, 0) };
        }
    }
}

struct VmOps(bindings::vm_operations_struct);

// SAFETY: Immutable.
unsafe impl Sync for VmOps {}

static VM_OPS: VmOps = VmOps(bindings::vm_operations_struct {
    open: Some(vma_open),
    close: Some(vma_close),
    fault: Some(vma_fault),
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

/// Brings back a page that the user let go of with `madvise(MADV_DONTNEED)`.
///
/// # Safety
///
/// `vmf` must be a fault in a VMA of [`vma_open`].
unsafe extern "C" fn vma_fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    // SAFETY: `vmf` is valid; the VMA owns a reference to the pages.
    unsafe {
        let pages = borrow((*vmf).__bindgen_anon_1.vma);
        match pages.pages.get(ext::accel_helper_vmf_pgoff(vmf)) {
            Some(page) => {
                ext::accel_helper_vmf_set_page(vmf, *page);
                0
            }
            None => bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t,
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

#[kunit_tests(accel_pages)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zeroed_and_keep_what_is_written() -> Result {
        for pages in [Pages::scattered(3)?, Pages::contiguous(3)?] {
            let mut bytes = [1; 16];
            pages.read(2 * PAGE_SIZE - 8, &mut bytes)?;
            assert_eq!(bytes, [0; 16]);
            pages.write(2 * PAGE_SIZE - 8, b"across two pages")?;
            pages.read(2 * PAGE_SIZE - 8, &mut bytes)?;
            assert_eq!(&bytes, b"across two pages");
            pages.fill(7);
            pages.read(0, &mut bytes)?;
            assert_eq!(bytes, [7; 16]);
        }
        Ok(())
    }

    #[test]
    fn ranges_outside_are_refused() -> Result {
        let pages = Pages::scattered(2)?;
        let size = pages.size();
        assert_eq!(size, 2 * PAGE_SIZE);
        assert!(pages.write(size, &[]).is_ok());
        assert!(pages.write(size, &[0]).is_err());
        assert!(pages.read(size - 1, &mut [0; 2]).is_err());
        assert!(pages.read(usize::MAX, &mut [0; 2]).is_err());
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Pages::contiguous(0).is_err());
        assert!(Pages::contiguous((1 << MAX_ORDER) + 1).is_err());
        assert!(Pages::scattered(usize::MAX).is_err());
    }

    #[test]
    fn contiguous_pages_follow_each_other() -> Result {
        let pages = Pages::contiguous(5)?;
        assert_eq!(pages.count(), 5);
        for (i, page) in pages.pages.iter().enumerate() {
            assert_eq!(
                pages.contiguous_start().map(|p| p.wrapping_add(i)),
                Some(*page)
            );
        }
        assert!(Pages::scattered(5)?.contiguous_start().is_none());
        Ok(())
    }
}
