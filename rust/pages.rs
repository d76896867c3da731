// SPDX-License-Identifier: GPL-2.0

//! Pages of memory that the kernel, user space and devices share.
//!
//! User space maps them in [`pages_map`](crate::pages_map); [`pages_purge`](crate::pages_purge) takes
//! them back; pages that are a user's already are made in [`user_pages`](crate::user_pages).
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use core::ops::Range;
use kernel::{
    bindings,
    error::to_result,
    page::{
        PAGE_MASK,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::SetOnce, //
};

use crate::{
    bindings as ext,
    pages_gate::Gate,
    pages_map::Place,
    user_pages::Pinned, //
};

/// The largest block the page allocator has, log2 of pages (`MAX_PAGE_ORDER` at its default).
const MAX_ORDER: u32 = 10;

/// What one entry of the page table's second level maps, log2 of pages (`PMD_ORDER`).
pub(crate) const HUGE_ORDER: u32 = 9;

/// How CPUs see memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Through their caches.
    Cached,
    /// Writes are gathered, nothing is kept: for what CPUs write once and do not read.
    WriteCombined,
}

/// Pages that follow each other in physical memory.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    first: *mut bindings::page,
    /// Which page of all `first` is.
    start: u32,
    /// How many they are. If they were allocated, and are a power of two, they are a folio, which
    /// is freed as a whole; else each page has a reference count of its own.
    len: u32,
}

/// Blocks in their order; most memory is of one.
enum Blocks {
    One(Block),
    Many(KVVec<Block>),
}

impl Blocks {
    fn as_slice(&self) -> &[Block] {
        match self {
            Blocks::One(block) => core::slice::from_ref(block),
            Blocks::Many(blocks) => blocks,
        }
    }
}

/// Where pages come from.
enum Origin {
    /// They were allocated, zeroed and charged to the memory cgroup of who did it.
    Allocated,
    /// They are of a user's memory.
    User(Pinned),
}

/// Pages of memory.
///
/// # Invariants
///
/// `blocks` are `count` pages: `start` of the first one is 0, of each other one where the one
/// before ends. We own a reference of each folio, and of each page that is not of a folio, or, if
/// they are a user's, a pin of each page. If they are write-combined, the kernel's own mapping of
/// them is so, too. Once `gate` is closed none of this is so, and the blocks are addresses only.
pub struct Pages {
    blocks: Blocks,
    count: usize,
    caching: Caching,
    origin: Origin,
    gate: Gate,
    place: SetOnce<Place>,
}

// SAFETY: Pages have no owner thread; all access is by raw copies.
unsafe impl Send for Pages {}
// SAFETY: As above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Allocates `count` pages anywhere, in blocks as large as can be had, the largest first.
    ///
    /// # Errors
    ///
    /// ENOMEM; EINTR: a signal.
    pub fn scattered(count: usize, caching: Caching) -> Result<Self> {
        check_count(count)?;
        let mut this = Self::none(Origin::Allocated);
        let mut order = HUGE_ORDER;
        while this.count < count {
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            let left = count - this.count;
            order = order.min(left.ilog2());
            match Block::folio(order) {
                // SAFETY: The block is ours, and nobody knows it.
                Ok(block) => this.push(block).inspect_err(|_| unsafe { block.free() })?,
                Err(_) if order > 0 => order -= 1,
                Err(e) => return Err(e),
            }
        }
        this.set_caching(caching)?;
        Ok(this)
    }

    /// Allocates `count` pages that follow each other.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub fn contiguous(count: usize, caching: Caching) -> Result<Self> {
        check_count(count)?;
        // log2, rounded up.
        let order = usize::BITS - (count - 1).leading_zeros();
        if order > MAX_ORDER {
            return Err(ENOMEM);
        }
        let block = match count.is_power_of_two() {
            true => Block::folio(order)?,
            false => Block::split(order, count as u32)?,
        };
        let mut this = Self::none(Origin::Allocated);
        // SAFETY: The block is ours, and nobody knows it.
        this.push(block).inspect_err(|_| unsafe { block.free() })?;
        this.set_caching(caching)?;
        Ok(this)
    }

    /// Pages that are pinned; there are none yet.
    pub(crate) fn pinned(pinned: Pinned) -> Self {
        Self::none(Origin::User(pinned))
    }

    fn none(origin: Origin) -> Self {
        // INVARIANT: What is added follows what is there.
        Self {
            blocks: Blocks::Many(KVVec::new()),
            count: 0,
            caching: Caching::Cached,
            origin,
            gate: Gate::new(),
            place: SetOnce::new(),
        }
    }

    /// Adds a block, of which the caller owns what the type invariants say.
    pub(crate) fn push(&mut self, mut block: Block) -> Result {
        block.start = self.count as u32;
        match &mut self.blocks {
            Blocks::Many(blocks) if blocks.is_empty() => self.blocks = Blocks::One(block),
            Blocks::Many(blocks) => blocks.push(block, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?,
            Blocks::One(first) => {
                let mut blocks = KVVec::with_capacity(4, GFP_KERNEL_ACCOUNT)?;
                for block in [*first, block] {
                    blocks.push(block, GFP_KERNEL_ACCOUNT)?;
                }
                self.blocks = Blocks::Many(blocks);
            }
        }
        self.count += block.len as usize;
        Ok(())
    }

    fn set_caching(&mut self, caching: Caching) -> Result {
        if caching == Caching::Cached {
            return Ok(());
        }
        // INVARIANT: Set for all blocks, or what is not kept.
        self.caching = caching;
        self.blocks().try_for_each(|(first, len)| {
            // SAFETY: The pages are ours, and nobody uses them yet.
            to_result(unsafe { ext::accel_helper_set_pages_wc(first, len) })
        })
    }

    /// Returns how many pages there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns how many bytes there are.
    pub fn size(&self) -> usize {
        self.count << PAGE_SHIFT
    }

    /// Returns how CPUs see them.
    pub fn caching(&self) -> Caching {
        self.caching
    }

    /// Returns whether devices may write to them.
    pub fn is_writable(&self) -> bool {
        match &self.origin {
            Origin::Allocated => true,
            Origin::User(pinned) => pinned.is_writable(),
        }
    }

    /// Returns whether they can be mapped into user space; a user's own pages are already.
    pub(crate) fn can_map(&self) -> bool {
        matches!(self.origin, Origin::Allocated)
    }

    /// Returns where who uses the pages has to come in.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns where they are among all pages that can be mapped, once they were.
    pub(crate) fn place(&self) -> &SetOnce<Place> {
        &self.place
    }

    /// Returns the blocks: the first page of each and how many it has.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (*mut bindings::page, usize)> + '_ {
        let blocks = self.blocks.as_slice().iter();
        blocks.map(|block| (block.first, block.len as usize))
    }

    /// Returns the first page if all follow each other.
    pub(crate) fn contiguous_start(&self) -> Option<*mut bindings::page> {
        match &self.blocks {
            Blocks::One(block) => Some(block.first),
            Blocks::Many(_) => None,
        }
    }

    /// Returns the block that has page `index`.
    fn block_of(&self, index: usize) -> Option<&Block> {
        let blocks = self.blocks.as_slice();
        let after = blocks.partition_point(|block| block.start as usize <= index);
        blocks.get(after.checked_sub(1)?)
    }

    /// Returns page `index`.
    pub(crate) fn page(&self, index: usize) -> Option<*mut bindings::page> {
        if index >= self.count {
            return None;
        }
        let block = self.block_of(index)?;
        // In the block, by the type invariants; pages of a block follow each other.
        Some(block.first.wrapping_add(index - block.start as usize))
    }

    /// Returns page `index`, and which page of its folio it is, if it is in one that a page table
    /// can map as a whole. If it is not, no later page is.
    pub(crate) fn huge_page(&self, index: usize) -> Option<(*mut bindings::page, usize)> {
        let page = self.page(index)?;
        let block = self.block_of(index)?;
        (block.len == 1 << HUGE_ORDER).then(|| (page, index - block.start as usize))
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
        let _inside = self.gate.enter().ok_or(EINVAL)?;
        let mut at = range.start;
        while at < range.end {
            let offset = at & !PAGE_MASK;
            let len = (PAGE_SIZE - offset).min(range.end - at);
            let page = self.page(at >> PAGE_SHIFT).ok_or(EINVAL)?;
            // SAFETY: We own a reference, being inside; the mapping is local and undone below.
            let addr = unsafe { bindings::kmap_local_page(page) };
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
}

impl Pages {
    /// Gives the pages back.
    ///
    /// # Safety
    ///
    /// For once; nobody may use them any more.
    pub(crate) unsafe fn free(&self) {
        for block in self.blocks.as_slice() {
            let (first, len) = (block.first, block.len as usize);
            // SAFETY: Ours, by the type invariants; the rest by the requirements.
            unsafe {
                if self.caching == Caching::WriteCombined {
                    ext::accel_helper_set_pages_wb(first, len);
                }
                match &self.origin {
                    Origin::Allocated => block.free(),
                    Origin::User(pinned) => pinned.unpin(first, len),
                }
            }
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if !self.gate.is_closed() {
            // SAFETY: Not given back yet, and we are their last user.
            unsafe { self.free() };
        }
    }
}

/// ENOMEM for none, or more than there can be: do not try (and do not let the allocator warn).
fn check_count(count: usize) -> Result {
    // SAFETY: Reads a counter.
    match (1..=unsafe { ext::accel_helper_totalram_pages() }).contains(&count) {
        true => Ok(()),
        false => Err(ENOMEM),
    }
}

impl Block {
    /// Allocates a folio of `1 << order` pages.
    fn folio(order: u32) -> Result<Self> {
        // SAFETY: We may sleep here.
        let first = unsafe { ext::accel_helper_alloc_folio(order) };
        Self::new(first, 1 << order)
    }

    /// Allocates `1 << order` pages and keeps the first `len` of them, not a power of two.
    fn split(order: u32, len: u32) -> Result<Self> {
        // SAFETY: We may sleep here.
        let first = unsafe { ext::accel_helper_alloc_split_pages(order) };
        let block = Self::new(first, len)?;
        for i in len..1 << order {
            // SAFETY: Ours since the split, and not kept.
            unsafe { ext::accel_helper_put_page(first.add(i as usize)) };
        }
        Ok(block)
    }

    pub(crate) fn new(first: *mut bindings::page, len: u32) -> Result<Self> {
        match first.is_null() {
            true => Err(ENOMEM),
            false => Ok(Self {
                first,
                start: 0,
                len,
            }),
        }
    }

    /// # Safety
    ///
    /// The block must be ours, and not be used any more.
    unsafe fn free(&self) {
        let is_folio = self.len.is_power_of_two();
        for i in 0..if is_folio { 1 } else { self.len as usize } {
            // SAFETY: By the requirements; pages of a block follow each other.
            unsafe { ext::accel_helper_put_page(self.first.add(i)) };
        }
    }
}

#[kunit_tests(accel_pages)]
mod tests {
    use super::{
        Caching::{
            Cached,
            WriteCombined, //
        },
        *,
    };

    #[test]
    fn pages_are_zeroed_and_keep_what_is_written() -> Result {
        for pages in [
            Pages::scattered(3, Cached)?,
            Pages::contiguous(3, Cached)?,
            Pages::scattered(3, WriteCombined)?,
        ] {
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
        let pages = Pages::scattered(2, Cached)?;
        let size = pages.size();
        assert_eq!(size, 2 * PAGE_SIZE);
        assert!(pages.write(size, &[]).is_ok());
        assert!(pages.write(size, &[0]).is_err());
        assert!(pages.read(size - 1, &mut [0; 2]).is_err());
        assert!(pages.read(usize::MAX, &mut [0; 2]).is_err());
        assert!(pages.page(1).is_some() && pages.page(2).is_none());
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Pages::contiguous(0, Cached).is_err());
        assert!(Pages::contiguous((1 << MAX_ORDER) + 1, Cached).is_err());
        assert!(Pages::scattered(0, Cached).is_err());
        assert!(Pages::scattered(usize::MAX, Cached).is_err());
    }

    #[test]
    fn contiguous_pages_follow_each_other() -> Result {
        for count in [1, 4, 5] {
            let pages = Pages::contiguous(count, Cached)?;
            assert_eq!(pages.count(), count);
            let start = pages.contiguous_start();
            for i in 0..count {
                assert_eq!(start.map(|p| p.wrapping_add(i)), pages.page(i));
            }
        }
        Ok(())
    }

    #[test]
    fn blocks_get_smaller() -> Result {
        // Not a power of two, and more than one huge block.
        let count = (2 << HUGE_ORDER) + 7;
        let pages = Pages::scattered(count, Cached)?;
        let (mut sum, mut last) = (0, usize::MAX);
        for (first, len) in pages.blocks() {
            assert!(len <= last && len <= 1 << HUGE_ORDER);
            assert_eq!(pages.page(sum), Some(first));
            let huge_page = |i| (len == 1 << HUGE_ORDER).then(|| (first.wrapping_add(i), i));
            assert_eq!(pages.huge_page(sum), huge_page(0));
            assert_eq!(pages.huge_page(sum + len - 1), huge_page(len - 1));
            (sum, last) = (sum + len, len);
        }
        assert_eq!((sum, pages.count()), (count, count));
        Ok(())
    }
}
