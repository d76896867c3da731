// SPDX-License-Identifier: GPL-2.0

//! The allocator of a region of device memory: a buddy allocator that wastes nothing.
//!
//! A request is rounded up to whole pages only, never to a power of two, and a contiguous one gets
//! any hole that is large enough where its alignment wants it: if it is refused, there is none.
//! Freed memory is dirty, and not allocated again, until it has been scrubbed.
//!
//! Two [sets of pages](super::runs) say it all: those that are free, and those that are not in use,
//! which are the free and the dirty ones. What would fit into the second only can be had later.
//! Every operation takes O(log² n) steps for each extent, for a region of n pages.

use super::runs::{
    self,
    Runs, //
};
use core::ops::{
    DerefMut,
    Range, //
};

/// Why there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The request makes no sense, however much memory is free (EINVAL).
    Invalid,
    /// It can be had once what is dirty now has been scrubbed (EAGAIN).
    Dirty,
    /// It cannot be had, or not in so few extents, before something is freed (ENOSPC).
    Full,
}

/// Memory in use: bytes of the region that nobody else has. Dropped, it is lost.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Extent {
    pages: Range<u32>,
    /// log2 of the bytes in a page.
    shift: u32,
}

/// Memory that is to be scrubbed. Dropped, it stays dirty until the region is dropped.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct DirtyExtent(Extent);

impl Extent {
    /// Returns where it is, in bytes from the start of the region.
    pub(crate) fn range(&self) -> Range<u64> {
        u64::from(self.pages.start) << self.shift..u64::from(self.pages.end) << self.shift
    }
}

impl DirtyExtent {
    /// Returns where it is, in bytes from the start of the region.
    pub(crate) fn range(&self) -> Range<u64> {
        self.0.range()
    }
}

/// The allocator of a region, in storage of the caller.
///
/// # Invariants
///
/// A page that is free is not in use either. Each page in use is in one [`Extent`], each page that
/// is neither in use nor free in one [`DirtyExtent`], unless they were dropped.
pub(crate) struct Buddy<S> {
    free: Runs<S>,
    unused: Runs<S>,
    pages: u32,
    /// log2 of the bytes in a page.
    shift: u32,
}

/// Returns the number of pages and log2 of a page's bytes.
fn geometry(size: u64, page: u64) -> Option<(u32, u32)> {
    let pages = size.checked_div(page)?;
    let fits = (1..=u64::from(runs::MAX_PAGES)).contains(&pages);
    (page.is_power_of_two() && size % page == 0 && fits).then_some((pages as u32, page.ilog2()))
}

impl<S: DerefMut<Target = [u32]>> Buddy<S> {
    /// Returns the length of each of the two storages that [`Buddy::new`] needs; together they have
    /// 2.5 bytes for each page.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], as for [`Buddy::new`].
    pub(crate) fn storage_len(size: u64, page: u64) -> Result<usize, Error> {
        let (pages, _) = geometry(size, page).ok_or(Error::Invalid)?;
        Ok(Runs::<S>::storage_len(pages))
    }

    /// Makes the allocator of a region of `size` bytes, all free, in pages of `page` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `page` is not a power of two, `size` not a multiple of it, zero, or more
    /// than 2^31 pages, or a storage is too small.
    pub(crate) fn new(size: u64, page: u64, storage: [S; 2]) -> Result<Self, Error> {
        let (pages, shift) = geometry(size, page).ok_or(Error::Invalid)?;
        let [free, unused] = storage.map(|storage| Runs::new(pages, storage));
        let mut buddy = Self {
            free: free.ok_or(Error::Invalid)?,
            unused: unused.ok_or(Error::Invalid)?,
            pages,
            shift,
        };
        buddy.free.set(0..pages, true);
        buddy.unused.set(0..pages, true);
        Ok(buddy)
    }

    /// Returns the bytes of the region.
    pub(crate) fn size(&self) -> u64 {
        self.bytes(self.pages)
    }

    /// Returns the bytes that are free.
    #[allow(dead_code)] // The tests on the host ask.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.bytes(self.free.count())
    }

    /// Returns the bytes that are to be scrubbed.
    pub(crate) fn dirty_bytes(&self) -> u64 {
        self.bytes(self.unused.count() - self.free.count())
    }

    /// Returns the bytes in use.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.bytes(self.pages - self.unused.count())
    }

    /// Returns the bytes of the largest extent that can be allocated now.
    pub(crate) fn largest_free(&self) -> u64 {
        self.bytes(self.free.longest(0))
    }

    /// Takes `range`, in bytes from the start of the region: firmware's, for example.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: it is empty, not whole pages, or not in the region. [`Error::Dirty`] and
    /// [`Error::Full`]: not all of it is free.
    pub(crate) fn reserve(&mut self, range: Range<u64>) -> Result<Extent, Error> {
        let size = range.end.checked_sub(range.start).ok_or(Error::Invalid)?;
        let pages = self.pages_of(size)?;
        let start = range.start >> self.shift;
        if self.bytes(1) * start != range.start || range.end > self.size() {
            return Err(Error::Invalid);
        }
        // It is in the region, so it fits.
        let start = start as u32;
        let range = start..start + pages;
        if self.free.all(range.clone(), true) {
            return Ok(self.take(range));
        }
        Err(match self.unused.all(range, true) {
            true => Error::Dirty,
            false => Error::Full,
        })
    }

    /// Allocates `size` contiguous bytes at a multiple of `alignment` bytes, where the
    /// first hole for that is.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `size` is zero, not whole pages, or more than the region has, or
    /// `alignment` not a power of two. [`Error::Dirty`] and [`Error::Full`]: there is no such hole.
    pub(crate) fn allocate(&mut self, size: u64, alignment: u64) -> Result<Extent, Error> {
        let pages = self.pages_of(size)?;
        let order = self.order_of(alignment)?;
        if let Some(start) = self.free.find(pages, order) {
            return Ok(self.take(start..start + pages));
        }
        Err(match self.unused.find(pages, order) {
            Some(_) => Error::Dirty,
            None => Error::Full,
        })
    }

    /// Allocates `size` bytes in as few extents as can be, largest first, into the first of
    /// `extents`, which are all `None`; returns how many. Start and size of each are multiples of
    /// `alignment` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] as for [`Buddy::allocate`], or `size` is not a multiple of `alignment`,
    /// or an extent is not `None`.
    /// [`Error::Dirty`] and [`Error::Full`]: there is not so much in so few extents. Then none is
    /// allocated.
    pub(crate) fn allocate_scattered(
        &mut self,
        size: u64,
        alignment: u64,
        extents: &mut [Option<Extent>],
    ) -> Result<usize, Error> {
        let pages = self.pages_of(size)?;
        let order = self.order_of(alignment)?;
        if pages.trailing_zeros() < order || extents.iter().any(Option::is_some) {
            return Err(Error::Invalid);
        }
        if let Some(count) = gather(&mut self.free, pages, order, self.shift, extents) {
            for extent in extents[..count].iter().flatten() {
                self.unused.set(extent.pages.clone(), false);
            }
            return Ok(count);
        }
        let Some(count) = gather(&mut self.unused, pages, order, self.shift, extents) else {
            return Err(Error::Full);
        };
        scatter(&mut self.unused, &mut extents[..count]);
        Err(Error::Dirty)
    }

    /// Frees an extent, which is dirty then.
    ///
    /// # Errors
    ///
    /// Hands the extent back if it is not one of this region.
    pub(crate) fn free(&mut self, extent: Extent) -> Result<DirtyExtent, Extent> {
        if extent.shift != self.shift || !self.unused.all(extent.pages.clone(), false) {
            return Err(extent);
        }
        self.unused.set(extent.pages.clone(), true);
        Ok(DirtyExtent(extent))
    }

    /// Makes an extent allocatable again, which has been scrubbed.
    ///
    /// # Errors
    ///
    /// Hands the extent back if it is not one of this region.
    pub(crate) fn scrubbed(&mut self, dirty: DirtyExtent) -> Result<(), DirtyExtent> {
        let DirtyExtent(extent) = &dirty;
        let pages = &extent.pages;
        let is_dirty = self.unused.all(pages.clone(), true) && self.free.all(pages.clone(), false);
        if extent.shift != self.shift || !is_dirty {
            return Err(dirty);
        }
        self.free.set(pages.clone(), true);
        Ok(())
    }

    fn take(&mut self, pages: Range<u32>) -> Extent {
        self.free.set(pages.clone(), false);
        self.unused.set(pages.clone(), false);
        Extent {
            pages,
            shift: self.shift,
        }
    }

    fn bytes(&self, pages: u32) -> u64 {
        u64::from(pages) << self.shift
    }

    fn pages_of(&self, size: u64) -> Result<u32, Error> {
        if size == 0 || size % self.bytes(1) != 0 || size > self.size() {
            return Err(Error::Invalid);
        }
        u32::try_from(size >> self.shift).map_err(|_| Error::Invalid)
    }

    fn order_of(&self, alignment: u64) -> Result<u32, Error> {
        match alignment.is_power_of_two() {
            true => Ok(alignment.ilog2().saturating_sub(self.shift)),
            false => Err(Error::Invalid),
        }
    }
}

/// Takes `pages`, a multiple of `1 << order`, out of `runs`, the largest run first; `None`, and all
/// is as it was, if that takes more extents than there are.
fn gather<S: DerefMut<Target = [u32]>>(
    runs: &mut Runs<S>,
    pages: u32,
    order: u32,
    shift: u32,
    extents: &mut [Option<Extent>],
) -> Option<usize> {
    let mut missing = pages;
    let mut count = 0;
    for slot in &mut *extents {
        // Whole multiples only, so that what is missing stays one.
        let size = missing.min(runs.longest(order) >> order << order);
        let Some(start) = runs.find(size, order) else {
            break;
        };
        let pages = start..start + size;
        runs.set(pages.clone(), false);
        *slot = Some(Extent { pages, shift });
        count += 1;
        missing -= size;
        if missing == 0 {
            return Some(count);
        }
    }
    scatter(runs, &mut extents[..count]);
    None
}

/// Puts all extents back into `runs`.
fn scatter<S: DerefMut<Target = [u32]>>(runs: &mut Runs<S>, extents: &mut [Option<Extent>]) {
    for extent in extents.iter_mut().filter_map(Option::take) {
        runs.set(extent.pages, true);
    }
}
