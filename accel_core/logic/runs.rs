// SPDX-License-Identifier: GPL-2.0

//! A set of pages that knows its longest runs: the binary tree of a
//! [buddy allocator](super::buddy).
//!
//! A block is a power of two of pages at a multiple of its size; its halves are buddies. A block
//! knows the run of the set at its end and, for each alignment up to its own size, the longest run
//! that begins so aligned. All of it follows from the same of its halves, so a change ends with one
//! walk from the leaves to the root, and a search is one walk from the root.
//!
//! A block that is wholly in the set, or wholly out of it, says it all: what is stored about the
//! blocks inside of it is out of date until a change gets there. So a change to many pages is as
//! cheap as a change to one: at most two blocks of each size are written.

use core::ops::{
    DerefMut,
    Range, //
};

/// The height of the leaves, which are stored as bitmaps; the height of a page is 0.
const LEAF: u32 = u32::BITS.trailing_zeros();

/// The root is at most this high, so that numbers of pages fit in a `u32`.
const MAX_HEIGHT: u32 = 31;

/// The most pages that a set can be made of.
pub(crate) const MAX_PAGES: u32 = 1 << MAX_HEIGHT;

/// `1 << height` pages, from page `index << height` on.
#[derive(Clone, Copy)]
struct Block {
    height: u32,
    index: u32,
}

impl Block {
    /// Returns the block of this height that has `page` in it.
    fn around(page: u32, height: u32) -> Self {
        Self {
            height,
            index: page >> height,
        }
    }

    fn start(self) -> u32 {
        self.index << self.height
    }

    fn pages(self) -> u32 {
        1 << self.height
    }

    fn halves(self) -> [Self; 2] {
        [0, 1].map(|half| Self {
            height: self.height - 1,
            index: self.index * 2 + half,
        })
    }

    fn is_within(self, range: &Range<u32>) -> bool {
        range.start <= self.start() && self.start() + (self.pages() - 1) < range.end
    }
}

/// Returns the one or two blocks of this height that are partly in `range`.
fn edges(range: &Range<u32>, height: u32) -> impl Iterator<Item = Block> + '_ {
    let first = Block::around(range.start, height);
    let last = Block::around(range.end - 1, height);
    let last = (last.index != first.index).then_some(last);
    [Some(first), last]
        .into_iter()
        .flatten()
        .filter(|block| !block.is_within(range))
}

/// Returns the fewest blocks that make up `range`.
fn blocks(range: Range<u32>) -> impl Iterator<Item = Block> {
    let mut page = range.start;
    core::iter::from_fn(move || {
        let fits = range.end.checked_sub(page)?.checked_ilog2()?;
        let block = Block::around(page, fits.min(page.trailing_zeros()));
        page += block.pages();
        Some(block)
    })
}

/// A set of pages out of `0..pages`, in storage of the caller.
///
/// # Invariants
///
/// The numbers stored about a block are right, unless a larger block around it is uniform.
pub(crate) struct Runs<S> {
    storage: S,
    pages: u32,
    count: u32,
    root: Block,
    /// Where the storage of the blocks of each height begins.
    bases: [usize; MAX_HEIGHT as usize + 1],
}

/// Returns the height of the root over `pages`.
fn root_height(pages: u32) -> u32 {
    pages.next_power_of_two().trailing_zeros().max(LEAF)
}

/// Returns how many numbers are stored about a block: a leaf's bitmap, else the run at its end and
/// the longest for each alignment.
fn numbers(height: u32) -> usize {
    match height {
        LEAF => 1,
        height => height as usize + 2,
    }
}

/// Returns how many numbers are stored about all blocks of a height.
fn numbers_at(pages: u32, height: u32) -> usize {
    pages.div_ceil(1 << height) as usize * numbers(height)
}

/// Returns the longest run in a leaf that begins at a multiple of `1 << order`.
fn longest_in_leaf(bitmap: u32, order: u32) -> u32 {
    (0..u32::BITS)
        .step_by(1 << order)
        .map(|start| (bitmap >> start).trailing_ones())
        .fold(0, u32::max)
}

impl<S: DerefMut<Target = [u32]>> Runs<S> {
    /// Returns the length of the storage that a set out of `pages` needs, 1.3 times `pages` bytes;
    /// `pages` is at most [`MAX_PAGES`].
    pub(crate) fn storage_len(pages: u32) -> usize {
        (LEAF..=root_height(pages))
            .map(|height| numbers_at(pages, height))
            .sum()
    }

    /// Makes an empty set; `None` if there are no or too many pages or the storage is too small.
    pub(crate) fn new(pages: u32, mut storage: S) -> Option<Self> {
        if !(1..=MAX_PAGES).contains(&pages) || storage.len() < Self::storage_len(pages) {
            return None;
        }
        storage.fill(0);
        let root = Block {
            height: root_height(pages),
            index: 0,
        };
        let mut bases = [0; MAX_HEIGHT as usize + 1];
        for height in LEAF..root.height {
            bases[height as usize + 1] = bases[height as usize] + numbers_at(pages, height);
        }
        Some(Self {
            storage,
            pages,
            count: 0,
            root,
            bases,
        })
    }

    /// Returns how many pages are in the set.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Returns the length of the longest run that begins at a multiple of `1 << order`.
    pub(crate) fn longest(&self, order: u32) -> u32 {
        self.longest_in(self.root, order.min(self.root.height))
    }

    /// Returns where the first run of at least `pages` begins, at a multiple of `1 << order`;
    /// `None` if there is none, or `pages` is 0.
    pub(crate) fn find(&self, pages: u32, order: u32) -> Option<u32> {
        let order = order.min(self.root.height);
        let mut block = self.root;
        if pages == 0 || self.longest_in(block, order) < pages {
            return None;
        }
        while block.height > LEAF.max(order) && self.uniform(block).is_none() {
            let [left, right] = block.halves();
            let before = self.tail(left) >> order << order;
            block = if self.longest_in(left, order) >= pages {
                left
            } else if before + self.head(right) >= pages {
                return Some(right.start() - before);
            } else {
                right
            };
        }
        if block.height > LEAF {
            // The only start so aligned is that of the block, or the whole block is in the set.
            return Some(block.start());
        }
        let bitmap = self.bitmap(block);
        (0..u32::BITS)
            .step_by(1 << order)
            .find(|start| (bitmap >> start).trailing_ones() >= pages)
            .map(|start| block.start() + start)
    }

    /// Says whether all pages of `range` are in the set (`member`), or all are out of it.
    pub(crate) fn all(&self, range: Range<u32>, member: bool) -> bool {
        range.end <= self.pages && blocks(range).all(|block| self.is_wholly(block, member))
    }

    /// Puts all pages of `range` into the set (`member`), or takes them out of it; all are on the
    /// other side now, and there is at least one.
    pub(crate) fn set(&mut self, range: Range<u32>, member: bool) {
        debug_assert!(!range.is_empty() && self.all(range.clone(), !member));
        self.refresh_down(&range);
        for block in blocks(range.clone()) {
            self.fill(block, member);
        }
        self.refresh_up(&range);
        match member {
            true => self.count += range.end - range.start,
            false => self.count -= range.end - range.start,
        }
    }

    /// Brings all blocks across the edges of `range`, and their buddies, up to date from the root
    /// down.
    fn refresh_down(&mut self, range: &Range<u32>) {
        for height in (LEAF + 1..=self.root.height).rev() {
            for block in edges(range, height) {
                if let Some(member) = self.uniform(block) {
                    for half in block.halves() {
                        self.fill(half, member);
                    }
                }
            }
        }
    }

    /// Brings all blocks across the edges of `range` up to date from their halves up.
    fn refresh_up(&mut self, range: &Range<u32>) {
        for height in LEAF + 1..=self.root.height {
            for block in edges(range, height) {
                self.combine(block);
            }
        }
    }

    /// Finds the numbers of a block from those of its halves.
    fn combine(&mut self, block: Block) {
        let [left, right] = block.halves();
        let half = left.pages();
        let [left_head, right_head] = [self.head(left), self.head(right)];
        let [left_tail, right_tail] = [self.tail(left), self.tail(right)];
        for order in 0..block.height {
            let across = (left_tail >> order << order) + right_head;
            let inside = self
                .longest_in(left, order)
                .max(self.longest_in(right, order));
            self.numbers_mut(block)[1 + order as usize] = across.max(inside);
        }
        let joined = |near, far| if near == half { half + far } else { near };
        let numbers = self.numbers_mut(block);
        numbers[0] = joined(right_tail, left_tail);
        numbers[1 + block.height as usize] = joined(left_head, right_head);
    }

    /// Writes a block all whose pages are in the set (`member`) or out of it.
    fn fill(&mut self, block: Block, member: bool) {
        if block.start() >= self.pages {
            return;
        }
        if block.height > LEAF {
            self.numbers_mut(block)
                .fill(if member { block.pages() } else { 0 });
            return;
        }
        let bits = u32::MAX >> (u32::BITS - block.pages()) << (block.start() % u32::BITS);
        let leaf = &mut self.numbers_mut(Block::around(block.start(), LEAF))[0];
        match member {
            true => *leaf |= bits,
            false => *leaf &= !bits,
        }
    }

    /// Says whether a block is wholly in the set (`member`), or wholly out of it.
    fn is_wholly(&self, block: Block, member: bool) -> bool {
        for height in (block.height.max(LEAF)..=self.root.height).rev() {
            if let Some(uniform) = self.uniform(Block::around(block.start(), height)) {
                return uniform == member;
            }
        }
        let bitmap = self.bitmap(block) >> (block.start() % u32::BITS);
        let run = match member {
            true => bitmap.trailing_ones(),
            false => bitmap.trailing_zeros(),
        };
        block.height < LEAF && run >= block.pages()
    }

    /// Returns `Some(true)` if all pages of a block are in the set, `Some(false)` if none is.
    fn uniform(&self, block: Block) -> Option<bool> {
        match self.longest_in(block, 0) {
            0 => Some(false),
            longest if longest == block.pages() => Some(true),
            _ => None,
        }
    }

    /// Returns the longest run in a block that begins at a multiple of `1 << order`, which is not
    /// more than the block has.
    fn longest_in(&self, block: Block, order: u32) -> u32 {
        match block.height {
            _ if block.start() >= self.pages => 0,
            LEAF => longest_in_leaf(self.bitmap(block), order),
            _ => self.storage[self.place(block) + 1 + order as usize],
        }
    }

    /// Returns the run at the start of a block.
    fn head(&self, block: Block) -> u32 {
        self.longest_in(block, block.height)
    }

    /// Returns the run at the end of a block.
    fn tail(&self, block: Block) -> u32 {
        match block.height {
            _ if block.start() >= self.pages => 0,
            LEAF => self.bitmap(block).leading_ones(),
            _ => self.storage[self.place(block)],
        }
    }

    /// Returns the bitmap of the leaf around a block that is not larger.
    fn bitmap(&self, block: Block) -> u32 {
        self.storage[self.place(Block::around(block.start(), LEAF))]
    }

    fn numbers_mut(&mut self, block: Block) -> &mut [u32] {
        let place = self.place(block);
        &mut self.storage[place..][..numbers(block.height)]
    }

    fn place(&self, block: Block) -> usize {
        self.bases[block.height as usize] + block.index as usize * numbers(block.height)
    }
}
