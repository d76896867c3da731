// SPDX-License-Identifier: GPL-2.0

//! Mapping [`Pages`] into user space.
//!
//! A mapping holds what has the [`Pages`], and, as long as it shows a page, that page. So mappings can be
//! split, moved, copied by fork() and outlive the device, and a page that the user let go of comes
//! back.
//!
//! There are two kinds. A mapping that begins with a huge folio is filled by faults, of which one
//! maps the whole folio where addresses allow. All others are filled at once: that is cheaper than
//! a fault for each page. The first kind must not be `VM_MIXEDMAP`: when a huge entry of such a
//! mapping is split, the kernel does not give the folio back (`__split_huge_pmd_locked()`).
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use core::{
    marker::PhantomData,
    ops::Range, //
};
use kernel::{
    bindings,
    error::to_result,
    mm::virt::VmaNew,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

use crate::{
    bindings as ext,
    mapped::{
        self,
        Mapped,
        FALLBACK,
        LOCKED,
        SIGBUS, //
    },
    pages::{
        Caching,
        Pages,
        HUGE_ORDER, //
    },
    tracker::{
        Track,
        Tracked, //
    },
    user_mappings::UserMappings,
};

/// Where pages are among all that can be mapped.
pub(crate) struct Place {
    mappings: Arc<UserMappings>,
    first: u64,
}

impl Place {
    /// Takes the `count` pages out of all user mappings.
    pub(crate) fn zap(&self, count: usize) {
        self.mappings.zap(self.first, count as u64);
    }
}

/// Something that has pages.
pub trait HasPages: Send + Sync + 'static {
    /// Returns them, if there are any; always the same ones.
    fn pages(&self) -> Option<&Pages>;
}

impl HasPages for Pages {
    fn pages(&self) -> Option<&Pages> {
        Some(self)
    }
}

impl<T: Track + HasPages> HasPages for Tracked<T> {
    fn pages(&self) -> Option<&Pages> {
        T::pages(self)
    }
}

impl Pages {
    /// Maps the pages of `object` into user space, beginning with page `first`, as a shared mapping
    /// that cannot grow. The mapping keeps the object, and must be in `mappings` for the pages to be
    /// taken out of it again.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP: the pages are a user's; EINVAL: the mapping is private or goes beyond the last
    /// page, or the pages were purged; ENOMEM.
    pub fn map<T: HasPages>(
        object: &Arc<T>,
        mappings: &Arc<UserMappings>,
        vma: &VmaNew,
        first: usize,
    ) -> Result {
        let pages = object.pages().ok_or(EOPNOTSUPP)?;
        if !pages.can_map() {
            return Err(EOPNOTSUPP);
        }
        let range = mapped::range(vma, first, pages.count())?;
        let _inside = pages.gate().enter().ok_or(EINVAL)?;
        let start = pages.settle(mappings).ok_or(EINVAL)?;
        vma.set_dontexpand();
        if pages.caching() == Caching::WriteCombined {
            // SAFETY: The VMA is being set up.
            unsafe { ext::accel_helper_vma_set_wc(vma.as_ptr()) };
        }
        if pages.huge_page(first).is_none() {
            vma.set_mixedmap();
            pages.insert(vma, range)?;
        }
        // SAFETY: The VMA is being set up. Nothing fails after this.
        unsafe {
            ext::accel_helper_vma_set_pgoff(vma.as_ptr(), start + first);
            mapped::keep::<Shown<T>>(vma, object.clone());
        }
        Ok(())
    }

    /// Gives the pages a place, unless they have one; returns where it begins.
    fn settle(&self, mappings: &Arc<UserMappings>) -> Option<usize> {
        if self.place().as_ref().is_none() {
            // Whole huge pages, so that the kernel finds addresses that suit them.
            let count = self.count().next_multiple_of(1 << HUGE_ORDER);
            // Another thread may be faster.
            self.place().populate(Place {
                mappings: mappings.clone(),
                first: mappings.reserve(count as u64),
            });
        }
        self.start()
    }

    /// Returns where the place of the pages begins, if they have one.
    fn start(&self) -> Option<usize> {
        Some(self.place().as_ref()?.first as usize)
    }

    /// Returns which page a fault in a mapping wants.
    ///
    /// # Safety
    ///
    /// `vmf` must be valid.
    unsafe fn index(&self, vmf: *mut bindings::vm_fault) -> Option<usize> {
        // SAFETY: By the requirements of this function.
        unsafe { ext::accel_helper_vmf_pgoff(vmf) }.checked_sub(self.start()?)
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

/// The pages of a `T` in mappings.
struct Shown<T>(PhantomData<T>);

impl<T: HasPages> Mapped for Shown<T> {
    type Object = T;

    /// Shows a page for the first time, or once more after `madvise(MADV_DONTNEED)`.
    unsafe fn fault(object: &T, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        let show = |pages: &Pages| {
            // Until it is locked.
            let _inside = pages.gate().enter()?;
            // SAFETY: By the requirements of this function `vmf` is valid.
            let page = pages.page(unsafe { pages.index(vmf) }?)?;
            // SAFETY: As above; the page is ours, being inside.
            unsafe { ext::accel_helper_vmf_set_page(vmf, page) };
            Some(LOCKED)
        };
        object.pages().and_then(show).unwrap_or(SIGBUS)
    }

    /// Shows all pages of a folio.
    unsafe fn huge_fault(object: &T, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        let show = |pages: &Pages| {
            let _inside = pages.gate().enter()?;
            // SAFETY: By the requirements of this function `vmf` is valid.
            let (page, index) = pages.huge_page(unsafe { pages.index(vmf) }?)?;
            // SAFETY: As above; the page is ours, being inside. A mapping with a huge page is no
            // `VM_MIXEDMAP` one.
            Some(unsafe { ext::accel_helper_vmf_insert_folio(vmf, page, index) })
        };
        object.pages().and_then(show).unwrap_or(FALLBACK)
    }
}
