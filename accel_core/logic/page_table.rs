// SPDX-License-Identifier: GPL-2.0

//! The pages that a mapping is made of, and the steps by which a driver writes them to the page
//! tables of a device.
//!
//! A page of a larger size is used wherever it is aligned in both address spaces, wholly in the
//! mapping, and its backing contiguous. So the pages follow from the mapping alone, whatever was
//! done to it before: cut off a part, and what remains of a page falls apart into smaller ones.

use core::ops::Range;

/// The page sizes of a device: powers of two, as the bits of a mask.
#[derive(Clone, Copy)]
pub(crate) struct PageSizes(u64);

impl PageSizes {
    /// Makes a set of page sizes, in bytes, each a bit of `mask`; `None` if there is none.
    pub(crate) const fn new(mask: u64) -> Option<Self> {
        match mask {
            0 => None,
            mask => Some(Self(mask)),
        }
    }

    /// Returns the smallest size, in bytes.
    pub(crate) fn smallest(self) -> u64 {
        1 << self.0.trailing_zeros()
    }

    /// Returns the largest size below `size`, if there is one.
    fn below(self, size: u64) -> Option<u64> {
        Some(1 << (self.0 & (size - 1)).checked_ilog2()?)
    }

    /// Says whether `range` is in order and made of whole pages of the smallest size.
    pub(crate) fn is_whole(self, range: &Range<u64>) -> bool {
        range.start < range.end && (range.start | range.end) % self.smallest() == 0
    }

    /// Returns the largest size whose page around `address` `fits`, or the smallest.
    fn largest(self, address: u64, fits: impl Fn(Range<u64>) -> bool) -> u64 {
        let mut sizes = self.0;
        while let Some(order) = sizes.checked_ilog2() {
            let size = 1 << order;
            let start = address & !(size - 1);
            if start.checked_add(size).is_some_and(|end| fits(start..end)) {
                return size;
            }
            sizes ^= size;
        }
        self.smallest()
    }
}

/// What an address leads to; `B` names an object that can be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<B> {
    /// The bytes of an object, from this offset on.
    Object(B, u64),
    /// Pages without backing, as sparse resources have: they read as zero, if the device can that.
    Zeros,
    /// A fault: the range is reserved, and nothing is in the page tables.
    #[allow(dead_code)]
    Fault,
}

/// A range of addresses with what it leads to; offsets and addresses in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping<B> {
    /// The addresses.
    pub(crate) range: Range<u64>,
    /// What the first of them leads to.
    pub(crate) target: Target<B>,
    /// The driver's: permissions, caching.
    pub(crate) flags: u32,
}

/// A part of an object that is contiguous for the device: multiples of the smallest page size, and
/// the longer, the larger the pages can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it begins in the object.
    pub(crate) offset: u64,
    /// Where it begins in the memory that the page tables lead to.
    pub(crate) address: u64,
    /// How long it is.
    pub(crate) size: u64,
}

/// One entry of the page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The address that it translates, a multiple of its size.
    pub(crate) address: u64,
    /// One of the page sizes.
    pub(crate) size: u64,
    /// What it translates to, a multiple of its size; `None`: zeros.
    pub(crate) backing: Option<u64>,
    /// The flags of the mapping.
    pub(crate) flags: u32,
}

impl Page {
    /// Returns one of the pages of `size` that it can be split into.
    pub(crate) fn part(&self, number: u64, size: u64) -> Self {
        let before = number * size;
        Self {
            address: self.address + before,
            size,
            backing: self.backing.map(|backing| backing + before),
            flags: self.flags,
        }
    }
}

/// What a driver does next to the page tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Puts pages of this smaller size, which translate the same, in the place of a page.
    Split(Page, u64),
    /// Removes all pages in a range. None reaches out of it.
    Clear(Range<u64>),
    /// Writes a page, where either none is or one of the same size and backing.
    Write(Page),
}

impl<B: Copy> Target<B> {
    /// Returns what the address `bytes` further on leads to.
    pub(crate) fn advance(self, bytes: u64) -> Self {
        match self {
            Self::Object(object, offset) => Self::Object(object, offset + bytes),
            other => other,
        }
    }
}

impl<B: Copy> Mapping<B> {
    /// Returns the part of it that is in `range`, which overlaps it.
    pub(crate) fn clip(&self, range: &Range<u64>) -> Self {
        let start = self.range.start.max(range.start);
        Self {
            range: start..self.range.end.min(range.end),
            target: self.target.advance(start - self.range.start),
            flags: self.flags,
        }
    }

    /// Returns the page around an address of the mapping, if there is any. `pieces` returns the
    /// piece of an object that has an offset in it; `None`: all of the object is out of place.
    pub(crate) fn page_at(
        &self,
        address: u64,
        sizes: PageSizes,
        pieces: &impl Fn(B, u64) -> Option<Piece>,
    ) -> Option<Page> {
        let (contiguous, backing) = match self.target.advance(address - self.range.start) {
            Target::Object(object, offset) => {
                let piece = pieces(object, offset)?;
                let before = offset - piece.offset;
                let start = address.saturating_sub(before);
                let end = address.saturating_add(piece.size - before);
                (start..end, Some(piece.address + before))
            }
            Target::Zeros => (self.range.clone(), None),
            Target::Fault => return None,
        };
        let start = contiguous.start.max(self.range.start);
        let end = contiguous.end.min(self.range.end);
        let shift = backing.map_or(0, |backing| backing.wrapping_sub(address));
        let size = sizes.largest(address, |page| {
            start <= page.start && page.end <= end && shift % (page.end - page.start) == 0
        });
        let inside = address & (size - 1);
        Some(Page {
            address: address - inside,
            size,
            backing: backing.map(|backing| backing - inside),
            flags: self.flags,
        })
    }

    /// Writes all pages of the mapping.
    pub(crate) fn write(
        &self,
        sizes: PageSizes,
        pieces: &impl Fn(B, u64) -> Option<Piece>,
        sink: &mut impl FnMut(Step),
    ) {
        let mut address = self.range.start;
        while address < self.range.end {
            let Some(page) = self.page_at(address, sizes, pieces) else {
                return;
            };
            sink(Step::Write(page));
            address += page.size;
        }
    }

    /// Splits the page around `address`, if it does not begin there, until one does.
    pub(crate) fn split_page(
        &self,
        address: u64,
        sizes: PageSizes,
        pieces: &impl Fn(B, u64) -> Option<Piece>,
        sink: &mut impl FnMut(Step),
    ) {
        let Some(mut page) = self.page_at(address, sizes, pieces) else {
            return;
        };
        while page.address != address {
            let Some(size) = sizes.below(page.size) else {
                return;
            };
            sink(Step::Split(page, size));
            page = page.part((address - page.address) / size, size);
        }
    }
}
