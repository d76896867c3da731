// SPDX-License-Identifier: GPL-2.0

//! Pages of an [`Aperture`] in user mappings, which can be taken back.
//!
//! A mapping holds its [`IoPages`], and those what they were made with as their owner: as long as
//! somebody maps a page, it is nobody else's, however mappings are split, moved or copied by fork().
//! Taking back has two kinds:
//!
//! - [`IoPages::revoke`] is the owner's: these pages, in all mappings, give SIGBUS from then on, and
//!   may be given to others. For what is destroyed while it is mapped: the doorbell of a queue.
//! - [`Aperture::revoke`] is the device's, which goes away. Nobody is to die of that: from then on
//!   every page of a mapping is one and the same page of zeroes, which these pages have for
//!   themselves and which keeps what is written to it.
//!
//! All mappings are filled by faults, around the address, and with huge pages where addresses allow;
//! nothing is ever inserted without a look at both kinds, under locks that revoking takes before it
//! takes away what was inserted. They are `VM_PFNMAP`: the kernel counts no references of their
//! pages, and nobody can pin them.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use core::{
    marker::PhantomData,
    ops::Range, //
};
use kernel::{
    bindings,
    mm::virt::VmaNew,
    new_mutex,
    page::{
        Page,
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::{
        Arc,
        Mutex,
        SetOnce, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

use crate::{
    aperture::{
        Aperture,
        Caching, //
    },
    bindings as ext,
    mapped::{
        self,
        Mapped,
        AGAIN,
        FALLBACK,
        OOM,
        SIGBUS, //
    },
    pages::HUGE_ORDER,
    tracker::{
        Track,
        Tracked, //
    },
};

/// Something that is kept for as long as its pages are mapped.
pub trait Owner: Send + Sync {}

/// Pages that follow each other, in the aperture and in a mapping.
struct Run {
    /// Which page of all the first one is.
    start: usize,
    /// Its page frame number.
    pfn: usize,
    len: usize,
}

/// Pages of an aperture that user space may map.
///
/// # Invariants
///
/// `runs` are `count` pages of the aperture: `start` of the first one is 0, of each other one where
/// the one before ends. In the aperture's address space they are the pages from `first` on, where
/// nothing else ever is. While `is_revoked` is true, none of them is mapped.
#[pin_data]
pub struct IoPages {
    aperture: Arc<Aperture>,
    runs: KVec<Run>,
    count: usize,
    first: u64,
    /// What all pages are once the aperture was revoked.
    blank: SetOnce<Page>,
    #[pin]
    is_revoked: Mutex<bool>,
    _owner: Arc<dyn Owner>,
}

impl IoPages {
    /// Makes the pages at `ranges`, in bytes from the start of `aperture`, in this order. `owner`
    /// is kept until nobody maps any of them.
    ///
    /// # Errors
    ///
    /// EINVAL: a range is empty, not whole pages, or not in the aperture; ENOMEM.
    pub fn new(
        aperture: Arc<Aperture>,
        ranges: impl Iterator<Item = Range<u64>>,
        owner: Arc<dyn Owner>,
    ) -> Result<Arc<Self>> {
        let mut runs = KVec::new();
        let mut count = 0;
        for range in ranges {
            let (start, end) = (
                usize::try_from(range.start)?,
                usize::try_from(range.end)?, //
            );
            let len = end.checked_sub(start).ok_or(EINVAL)?;
            if len == 0 || (start | len) & !PAGE_MASK != 0 || end > aperture.size() {
                return Err(EINVAL);
            }
            let run = Run {
                start: count,
                pfn: (aperture.physical() as usize + start) >> PAGE_SHIFT,
                len: len >> PAGE_SHIFT,
            };
            count += run.len;
            runs.push(run, GFP_KERNEL_ACCOUNT)?;
        }
        // Whole huge pages, so that the kernel finds addresses that suit them.
        let first = aperture
            .mappings()
            .reserve(count.next_multiple_of(1 << HUGE_ORDER) as u64);
        Arc::pin_init(
            // INVARIANT: Nobody else gets those from `first` on. None is mapped.
            pin_init!(Self {
                aperture,
                runs,
                count,
                first,
                blank: SetOnce::new(),
                is_revoked <- new_mutex!(false, "io_pages"),
                _owner: owner,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns the aperture that they are in.
    pub(crate) fn aperture(&self) -> &Aperture {
        &self.aperture
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> usize {
        self.count << PAGE_SHIFT
    }

    /// Returns where they are in physical memory.
    pub(crate) fn physical(&self) -> Result<KVVec<bindings::phys_vec>> {
        let mut list = KVVec::with_capacity(self.runs.len(), GFP_KERNEL)?;
        for run in &self.runs {
            let range = bindings::phys_vec {
                paddr: (run.pfn as u64) << PAGE_SHIFT,
                len: run.len << PAGE_SHIFT,
            };
            list.push(range, GFP_KERNEL)?;
        }
        Ok(list)
    }

    /// Maps the pages of `object` into user space, as the aperture is mapped, beginning with page
    /// `first`, as a shared mapping that cannot grow. The mapping keeps the object and becomes one of the
    /// aperture's file.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP: it has no such pages; EINVAL: the mapping is private or goes beyond the last page.
    pub fn map<T: HasIoPages>(object: &Arc<T>, vma: &VmaNew, first: usize) -> Result {
        let pages = object.io_pages().ok_or(EOPNOTSUPP)?;
        mapped::range(vma, first, pages.count)?;
        vma.set_dontexpand();
        vma.set_dontdump();
        vma.set_io();
        // SAFETY: The VMA is being set up; it has no pages yet. Nothing fails after this.
        unsafe {
            ext::accel_helper_vma_set_pfnmap(vma.as_ptr());
            match pages.aperture.caching() {
                Caching::WriteCombined => ext::accel_helper_vma_set_wc(vma.as_ptr()),
                Caching::Uncached => ext::accel_helper_vma_set_uncached(vma.as_ptr()),
            }
            ext::accel_helper_vma_set_pgoff(vma.as_ptr(), pages.first as usize + first);
            bindings::vma_set_file(vma.as_ptr(), pages.aperture.mappings().file().as_ptr());
            mapped::keep::<Shown<T>>(vma, object.clone());
        }
        Ok(())
    }

    /// Takes all pages back: every access through a mapping is a SIGBUS from now on.
    pub fn revoke(&self) {
        // INVARIANT: Whoever inserts pages holds the lock, and those that are mapped are taken away.
        *self.is_revoked.lock() = true;
        self.aperture.mappings().zap(self.first, self.count as u64);
    }

    /// Returns the run that has page `index`, and which of its pages that is.
    fn run_of(&self, index: usize) -> Option<(&Run, usize)> {
        let after = self.runs.partition_point(|run| run.start <= index);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let at = index - run.start;
        (at < run.len).then_some((run, at))
    }

    /// Returns what all pages are once the device is gone; `None`: out of memory.
    fn blank(&self) -> Option<&Page> {
        if self.blank.as_ref().is_none() {
            let page = Page::alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO).ok()?;
            // Under the lock of `is_revoked`, so nobody was faster.
            self.blank.populate(page);
        }
        self.blank.as_ref()
    }
}

/// Something that has pages of an aperture.
pub trait HasIoPages: Send + Sync + 'static {
    /// Returns them, if there are any; always the same ones.
    fn io_pages(&self) -> Option<&IoPages>;
}

impl<T: Track + HasIoPages> HasIoPages for Tracked<T> {
    fn io_pages(&self) -> Option<&IoPages> {
        T::io_pages(self)
    }
}

impl HasIoPages for IoPages {
    fn io_pages(&self) -> Option<&IoPages> {
        Some(self)
    }
}

/// The pages of a `T` in mappings.
struct Shown<T>(PhantomData<T>);

impl<T: HasIoPages> Mapped for Shown<T> {
    type Object = T;

    unsafe fn fault(object: &T, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        match object.io_pages() {
            // SAFETY: By the requirements of this function.
            Some(pages) => unsafe { pages.fault(vmf) },
            None => SIGBUS,
        }
    }

    unsafe fn huge_fault(object: &T, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        match object.io_pages() {
            // SAFETY: By the requirements of this function.
            Some(pages) => unsafe { pages.huge_fault(vmf) },
            None => FALLBACK,
        }
    }
}

impl IoPages {
    /// # Safety
    ///
    /// As [`Mapped::fault`], in a mapping of these pages.
    unsafe fn fault(&self, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        let is_revoked = self.is_revoked.lock();
        // SAFETY: By the requirements of this function.
        let page = unsafe { ext::accel_helper_vmf_pgoff(vmf) };
        let Some((run, at)) = self.run_of(page.wrapping_sub(self.first as usize)) else {
            return SIGBUS;
        };
        match self.aperture.enter() {
            _ if *is_revoked => SIGBUS,
            // It is tried again until the device is awake.
            Some(_live) if self.aperture.is_asleep() => {
                fsleep(Delta::from_millis(1));
                AGAIN
            }
            // SAFETY: As above. The pages are those of the mapping, and whoever revokes them waits
            // for us, then takes them away.
            Some(_live) => unsafe { ext::accel_helper_vmf_insert_pfns(vmf, run.pfn, at, run.len) },
            None => match self.blank() {
                // SAFETY: As above; the page is kept for as long as the mapping is.
                Some(blank) => unsafe { ext::accel_helper_vmf_insert_page(vmf, blank.as_ptr()) },
                None => OOM,
            },
        }
    }

    /// # Safety
    ///
    /// As [`IoPages::fault`].
    unsafe fn huge_fault(&self, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        let is_revoked = self.is_revoked.lock();
        // SAFETY: By the requirements of this function.
        let page = unsafe { ext::accel_helper_vmf_pgoff(vmf) };
        let run = self.run_of(page.wrapping_sub(self.first as usize));
        match (run, self.aperture.enter()) {
            // SAFETY: As in `fault`.
            (Some((run, at)), Some(_live)) if !*is_revoked && !self.aperture.is_asleep() => unsafe {
                ext::accel_helper_vmf_insert_huge_pfn(vmf, run.pfn, at, run.len)
            },
            _ => FALLBACK,
        }
    }
}
