// SPDX-License-Identifier: GPL-2.0
//! What an address space and a page table are, said simply.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::page_table::{Mapping, Page, Piece, Step, Target};

/// The smallest page.
pub const PAGE: u64 = 4096;
/// The pages of the space: from FIRST, PAGES of them, not aligned to large ones.
pub const FIRST: u64 = 3;
pub const PAGES: u64 = 260;
pub const BOUNDS: Range<u64> = FIRST * PAGE..(FIRST + PAGES) * PAGE;

/// An object is its number. Each is contiguous in another way, and is where no other is.
pub type Object = u64;
pub const OBJECTS: u64 = 5;

/// Where the objects are: how often each has moved; `None`: it is out of place.
#[derive(Clone)]
pub struct Places([Option<u64>; OBJECTS as usize]);

impl Default for Places {
    fn default() -> Self {
        Self([Some(0); OBJECTS as usize])
    }
}

impl Places {
    pub fn move_to(&mut self, object: Object, place: Option<u64>) {
        self.0[object as usize] = place;
    }

    /// Finds the piece of an object that has an offset in it.
    pub fn piece(&self, object: Object, offset: u64) -> Option<Piece> {
        let moves = self.0[object as usize]?;
        Some(piece(object, offset, moves))
    }

    fn device_address(&self, object: Object, offset: u64) -> Option<u64> {
        let piece = self.piece(object, offset)?;
        Some(piece.address + (offset - piece.offset))
    }
}

/// Finds the piece of an object by the rule for it.
fn piece(object: Object, offset: u64, moves: u64) -> Piece {
    let base = ((object + 1) << 40) + (moves << 44) + moves * PAGE;
    let (pages, shift) = match object {
        // Contiguous, aligned to anything or to nothing.
        0 => (1 << 20, 0),
        1 => (1 << 20, 5),
        // In pieces of 4, 16 and 80 pages, one page apart in memory, or in another order.
        2 => (4, 1),
        3 => (16, 16),
        _ => (80, 0),
    };
    let size = pages * PAGE;
    let index = offset / size;
    let gap = if object == 4 {
        size * 16
    } else {
        size + shift * PAGE
    };
    Piece {
        offset: index * size,
        address: base + shift * PAGE + index * gap,
        size,
    }
}

/// What a page is: its target and flags.
type State = (Target<Object>, u32);

/// What is simple and slow: all pages, and where one mapping ends and another begins.
#[derive(Clone, Default)]
pub struct Model {
    pages: BTreeMap<u64, State>,
    pub places: Places,
    cuts: BTreeSet<u64>,
}

impl Model {
    /// Changes a range, and returns the bytes of objects that are not mapped there any more.
    pub fn change(&mut self, change: &Change) -> Vec<(Object, u64)> {
        let range = change.range();
        self.cuts.extend([range.start, range.end]);
        if let Change::Protect(_, flags) = change {
            self.pages
                .range_mut(range)
                .for_each(|(_, state)| state.1 = *flags);
            return Vec::new();
        }
        self.cuts
            .retain(|cut| *cut <= range.start || range.end <= *cut);
        let mut unmapped = Vec::new();
        for address in range.clone().step_by(PAGE as usize) {
            if let Some((Target::Object(object, offset), _)) = self.pages.remove(&address) {
                unmapped.push((object, offset));
            }
            if let Change::Map(new) = change {
                let target = new.target.advance(address - range.start);
                self.pages.insert(address, (target, new.flags));
            }
        }
        unmapped.sort();
        unmapped
    }

    /// All mappings, in order.
    pub fn mappings(&self) -> Vec<Mapping<Object>> {
        let mut all: Vec<Mapping<Object>> = Vec::new();
        for (&address, &(target, flags)) in &self.pages {
            let last = all.last_mut().filter(|last| last.range.end == address);
            match last.filter(|_| !self.cuts.contains(&address)) {
                Some(last) => last.range.end += PAGE,
                None => all.push(Mapping {
                    range: address..address + PAGE,
                    target,
                    flags,
                }),
            }
        }
        all
    }

    /// The page table that uses large pages wherever that is possible.
    pub fn page_table(&self, mask: u64) -> BTreeMap<u64, Page> {
        let mut table = BTreeMap::new();
        for mapping in self.mappings() {
            let mut address = mapping.range.start;
            while address < mapping.range.end {
                let sizes = (0..64)
                    .rev()
                    .map(|bit| 1 << bit)
                    .filter(|size| mask & size != 0);
                let page = sizes
                    .filter_map(|size| self.large_page(&mapping, address, size))
                    .next();
                if let Some(page) = page {
                    table.insert(address, page);
                }
                address += page.map_or(PAGE, |page| page.size);
            }
        }
        table
    }

    /// The page of this size at this address, if all small pages in it are as they would be in it.
    fn large_page(&self, mapping: &Mapping<Object>, address: u64, size: u64) -> Option<Page> {
        if address % size != 0 || address + size > mapping.range.end {
            return None;
        }
        let (target, flags) = self.pages[&address];
        let backing = match target {
            Target::Object(object, offset) => Some(self.places.device_address(object, offset)?),
            Target::Zeros => None,
            Target::Fault => return None,
        };
        let is_contiguous =
            (0..size)
                .step_by(PAGE as usize)
                .all(|at| match self.pages[&(address + at)].0 {
                    Target::Object(object, offset) => {
                        self.places.device_address(object, offset)
                            == backing.map(|backing| backing + at)
                    }
                    _ => true,
                });
        let is_aligned = backing.is_none_or(|backing| backing % size == 0);
        let page = Page {
            address,
            size,
            backing,
            flags,
        };
        (is_contiguous && is_aligned).then_some(page)
    }

    /// Whether these addresses are in bounds and nothing is mapped there.
    fn is_free(&self, range: Range<u64>) -> bool {
        BOUNDS.start <= range.start
            && range.end <= BOUNDS.end
            && self.pages.range(range).next().is_none()
    }

    /// The hole before each mapping, and the one at the end.
    fn holes(&self) -> Vec<Range<u64>> {
        let mappings = self.mappings();
        let starts = mappings.iter().map(|mapping| mapping.range.end);
        let ends = mappings.iter().map(|mapping| mapping.range.start);
        let starts = std::iter::once(BOUNDS.start).chain(starts);
        let ends = ends.chain([BOUNDS.end]);
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }

    /// Where a mapping of this size goes.
    pub fn place(&self, hint: u64, window: &Range<u64>, size: u64, align: u64) -> Option<u64> {
        let in_window = |start: u64| window.start <= start && start + size <= window.end;
        if hint % align == 0 && in_window(hint) && self.is_free(hint..hint + size) {
            return Some(hint);
        }
        let fit = |hole: &Range<u64>| {
            let start = hole.start.max(window.start).next_multiple_of(align);
            (start + size <= hole.end && in_window(start)).then_some(start)
        };
        let holes = self.holes();
        let wide = holes
            .iter()
            .filter(|hole| hole.end - hole.start >= size + align - PAGE);
        wide.filter_map(fit)
            .next()
            .or_else(|| holes.iter().filter_map(fit).next())
    }
}

/// The page table of a device, which believes nothing.
#[derive(Default)]
pub struct Table(pub BTreeMap<u64, Page>);

impl Table {
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Split(page, size) => {
                assert_eq!(self.0.remove(&page.address), Some(*page));
                assert!(*size < page.size);
                for at in (0..page.size).step_by(*size as usize) {
                    let address = page.address + at;
                    let backing = page.backing.map(|backing| backing + at);
                    self.0.insert(
                        address,
                        Page {
                            address,
                            size: *size,
                            backing,
                            ..*page
                        },
                    );
                }
            }
            Step::Clear(range) => self.0.retain(|_, page| {
                let end = page.address + page.size;
                let is_inside = range.start <= page.address && end <= range.end;
                assert!(is_inside || end <= range.start || range.end <= page.address);
                !is_inside
            }),
            Step::Write(page) => self.write(page),
        }
    }

    fn write(&mut self, page: &Page) {
        assert_eq!(page.address % page.size, 0);
        assert_eq!(page.backing.unwrap_or(0) % page.size, 0);
        if let Some(mut old) = self.0.insert(page.address, *page) {
            old.flags = page.flags;
            assert_eq!(old, *page);
        }
        let before = self.0.range(..page.address).next_back();
        assert!(before.is_none_or(|(_, before)| before.address + before.size <= page.address));
        let after = self.0.range(page.address + 1..).next();
        assert!(after.is_none_or(|(after, _)| page.address + page.size <= *after));
    }
}

#[derive(Clone, Debug)]
pub enum Change {
    Map(Mapping<Object>),
    Unmap(Range<u64>),
    Protect(Range<u64>, u32),
}

impl Change {
    pub fn range(&self) -> Range<u64> {
        match self {
            Self::Map(mapping) => mapping.range.clone(),
            Self::Unmap(range) | Self::Protect(range, _) => range.clone(),
        }
    }
}
