// SPDX-License-Identifier: GPL-2.0

//! Page tables: a tree of tables in memory of the device, and what the core knows of it.
//!
//! The device only reads them. What is in them is never read back, but kept here: which entries are
//! there, and which tables they lead to. Everything that can fail is done by [`PageTree::reserve`],
//! which gets the tables that the steps of a change need; a table that leads to nothing any more is
//! taken out, and given back when the device has forgotten it ([`PageTree::flushed`]).

use core::ops::Range;
use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    device_memory::DeviceMemory,
    logic::page_table::{
        Page,
        Step, //
    },
    mmu::{
        Level,
        PageEntry,
        MAX_LEVELS, //
    },
    region::{
        Region,
        Request, //
    },
};

/// How entries look, and what they translate.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) levels: &'static [Level],
    pub(crate) page: fn(&PageEntry) -> u64,
    pub(crate) table: fn(u64) -> u64,
}

impl Format {
    /// Returns the level that has the pages of a size.
    fn level_of(&self, size: u64) -> usize {
        let has = |level: &Level| size >> level.shift != 0;
        self.levels.iter().rposition(has).unwrap_or(0)
    }

    fn level(&self, index: usize) -> &'static Level {
        // There is at least one.
        &self.levels[index.min(self.levels.len() - 1)]
    }

    /// Returns the bytes that a whole table translates.
    fn reach(&self, level: usize) -> u64 {
        let Level { shift, bits } = self.level(level);
        1 << (shift + bits)
    }

    /// Returns which entry translates an address.
    fn index(&self, level: usize, address: u64) -> usize {
        let Level { shift, bits } = self.level(level);
        (address >> shift) as usize & ((1 << bits) - 1)
    }

    /// Returns which entries a page has.
    fn entries(&self, level: usize, page: &Page) -> Range<usize> {
        let first = self.index(level, page.address);
        first..first + (page.size >> self.level(level).shift) as usize
    }
}

/// A table.
struct Table {
    memory: DeviceMemory,
    /// How many entries are there, and which: a bit for each.
    used: usize,
    present: KVVec<u64>,
    /// Where entries lead; of the lowest level there are none.
    children: KVVec<Option<KBox<Table>>>,
    next: Option<KBox<Table>>,
}

/// Tables that are not in the tree.
type List = Option<KBox<Table>>;

fn push(list: &mut List, mut table: KBox<Table>) {
    table.next = list.take();
    *list = Some(table);
}

fn pop(list: &mut List) -> Option<KBox<Table>> {
    let mut table = list.take()?;
    *list = table.next.take();
    Some(table)
}

fn drop_all(list: &mut List) {
    // One by one: dropping a list of boxes recurses.
    while pop(list).is_some() {}
}

/// How many tables a change needs, at most.
#[derive(Default)]
pub(crate) struct Needs {
    tables: [usize; MAX_LEVELS],
    /// The last one that was counted, by the addresses it is for.
    last: [Option<u64>; MAX_LEVELS],
}

/// The page tables of one address space.
pub(crate) struct PageTree {
    format: Format,
    region: Arc<Region>,
    root: KBox<Table>,
    /// To be used, by level.
    spare: [List; MAX_LEVELS],
    /// Used no more, but the device may have cached what leads to them.
    dead: List,
    /// A table was missing: what is written is not what was asked for.
    is_broken: bool,
}

impl PageTree {
    /// Makes an empty one in memory of `region`.
    ///
    /// # Errors
    ///
    /// ENOSPC, EAGAIN, ENODEV, ENOMEM: as [`Region::allocate`].
    pub(crate) fn new(format: Format, region: Arc<Region>) -> Result<Self> {
        let root = Table::new(&format, format.levels.len() - 1, &region)?;
        Ok(Self {
            format,
            region,
            root,
            spare: [const { None }; MAX_LEVELS],
            dead: None,
            is_broken: false,
        })
    }

    /// Returns where the root table is for the device.
    pub(crate) fn root(&self) -> u64 {
        self.root.address()
    }

    /// Adds what a step needs to `needs`. To be called with all steps of a change, in their order.
    pub(crate) fn count(&self, needs: &mut Needs, step: &Step) {
        match step {
            Step::Clear(_) => (),
            Step::Split(page, size) => {
                let level = self.format.level_of(*size);
                if level != self.format.level_of(page.size) {
                    needs.tables[level] += 1;
                }
            }
            Step::Write(page) => {
                let lowest = self.format.level_of(page.size);
                for level in (lowest..self.format.levels.len() - 1).rev() {
                    let number = page.address / self.format.reach(level);
                    if needs.last[level] != Some(number) && !self.has(level, page.address) {
                        needs.last[level] = Some(number);
                        needs.tables[level] += 1;
                    }
                }
            }
        }
    }

    /// Returns whether there is a table of a level for an address.
    fn has(&self, level: usize, address: u64) -> bool {
        let mut table = &self.root;
        for above in (level + 1..self.format.levels.len()).rev() {
            let index = self.format.index(above, address);
            match table.children.get(index) {
                Some(Some(child)) => table = child,
                _ => return false,
            }
        }
        true
    }

    /// Gets the tables that a change needs; errors as [`PageTree::new`]. Nothing is written yet.
    pub(crate) fn reserve(&mut self, needs: &Needs) -> Result {
        for (level, count) in needs.tables.iter().enumerate() {
            for _ in 0..*count {
                let table = Table::new(&self.format, level, &self.region)?;
                push(&mut self.spare[level], table);
            }
        }
        Ok(())
    }

    /// Gives back what was reserved and not used.
    pub(crate) fn release(&mut self) {
        self.spare.iter_mut().for_each(drop_all);
    }

    /// Does one step of a change.
    pub(crate) fn write(&mut self, step: &Step) {
        let done = match step {
            Step::Clear(range) => {
                let top = self.format.levels.len() - 1;
                self.root.clear(&self.format, top, 0, range);
                Some(())
            }
            Step::Write(page) => self.write_page(page),
            Step::Split(page, size) => self.split(page, *size),
        };
        self.is_broken |= done.is_none();
    }

    /// Takes out the tables for a range that lead to nothing any more: the last step of a change.
    pub(crate) fn prune(&mut self, range: &Range<u64>) {
        let top = self.format.levels.len() - 1;
        self.root.prune(&self.format, top, 0, range, &mut self.dead);
    }

    /// Returns whether all is written. EIO: the tables are not what they should be.
    pub(crate) fn written(&mut self) -> Result {
        match core::mem::take(&mut self.is_broken) {
            true => Err(EIO),
            false => Ok(()),
        }
    }

    /// Gives back what was taken out: the device has forgotten it.
    pub(crate) fn flushed(&mut self) {
        drop_all(&mut self.dead);
    }

    /// Returns the table of a level for an address, which is made of spare ones.
    fn table(&mut self, level: usize, address: u64) -> Option<&mut Table> {
        let mut table = &mut self.root;
        for above in (level + 1..self.format.levels.len()).rev() {
            let index = self.format.index(above, address);
            if table.children.get(index)?.is_none() {
                let child = pop(&mut self.spare[above - 1])?;
                table.link(&self.format, index, child);
            }
            table = table.children.get_mut(index)?.as_mut()?;
        }
        Some(table)
    }

    fn write_page(&mut self, page: &Page) -> Option<()> {
        let (format, level) = (self.format, self.format.level_of(page.size));
        let range = format.entries(level, page);
        let mut emptied = None;
        let table = self.table(level, page.address)?;
        for index in range {
            if let Some(child) = table.children.get_mut(index).and_then(Option::take) {
                push(&mut emptied, child);
            }
        }
        table.store_page(&format, level, page);
        while let Some(child) = pop(&mut emptied) {
            push(&mut self.dead, child);
        }
        Some(())
    }

    fn split(&mut self, page: &Page, size: u64) -> Option<()> {
        let format = self.format;
        let (from, to) = (format.level_of(page.size), format.level_of(size));
        if from == to {
            self.table(to, page.address)?.fill(&format, to, page, size);
            return Some(());
        }
        let Level { shift, .. } = format.level(from);
        for index in format.entries(from, page) {
            // Whole before anything leads to it.
            let mut child = pop(&mut self.spare[to])?;
            let part = page.part(
                (index - format.index(from, page.address)) as u64,
                1 << shift,
            );
            child.fill(&format, to, &part, size);
            self.table(from, page.address)?.link(&format, index, child);
        }
        Some(())
    }
}

impl Drop for PageTree {
    fn drop(&mut self) {
        self.release();
        self.flushed();
    }
}

impl Table {
    fn new(format: &Format, level: usize, region: &Arc<Region>) -> Result<KBox<Self>> {
        let count = 1 << format.level(level).bits;
        let present = KVVec::from_elem(0, usize::div_ceil(count, 64), GFP_KERNEL_ACCOUNT)?;
        let mut children = KVVec::new();
        if level != 0 {
            children.reserve(count, GFP_KERNEL_ACCOUNT)?;
            for _ in 0..count {
                // There is room.
                let _ = children.push_within_capacity(None);
            }
        }
        let request = Request {
            size: count as u64 * 8,
            contiguous: true,
            visible: true,
        };
        let table = Self {
            memory: DeviceMemory::internal(region, request)?,
            used: 0,
            present,
            children,
            next: None,
        };
        Ok(KBox::new(table, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns where it is for the device.
    fn address(&self) -> u64 {
        self.memory.extents().next().map_or(0, |range| range.start)
    }

    fn is_present(&self, index: usize) -> bool {
        let word = self.present.get(index / 64);
        word.is_some_and(|word| word >> (index % 64) & 1 != 0)
    }

    /// Writes `value` to entries; 0: they lead nowhere.
    fn store(&mut self, range: Range<usize>, value: u64) {
        for index in range.clone() {
            if let Some(word) = self.present.get_mut(index / 64) {
                let bit = 1 << (index % 64);
                let (was, is) = (*word & bit != 0, value != 0);
                *word = *word & !bit | if is { bit } else { 0 };
                self.used = self.used + usize::from(is) - usize::from(was);
            }
        }
        // If the device is gone, so are its tables.
        let _ = self.memory.store(range.start * 8, value, range.len());
    }

    /// Writes the entries of a page.
    fn store_page(&mut self, format: &Format, level: usize, page: &Page) {
        let whole = PageEntry::from(page);
        for (number, index) in format.entries(level, page).enumerate() {
            let part = (number as u64) << format.level(level).shift;
            let entry = (format.page)(&PageEntry { part, ..whole });
            self.store(index..index + 1, entry);
        }
    }

    /// Has an entry lead to a table.
    fn link(&mut self, format: &Format, index: usize, child: KBox<Table>) {
        let value = (format.table)(child.address());
        if let Some(slot) = self.children.get_mut(index) {
            *slot = Some(child);
            self.store(index..index + 1, value);
        }
    }

    /// Writes pages of `size` that translate what `page` does.
    fn fill(&mut self, format: &Format, level: usize, page: &Page, size: u64) {
        for number in 0..page.size >> size.trailing_zeros() {
            let part = page.part(number, size);
            self.store_page(format, level, &part);
        }
    }

    /// Returns which entries have addresses of `range`, if the first one translates `base`.
    fn overlapping(format: &Format, level: usize, base: u64, range: &Range<u64>) -> Range<usize> {
        let shift = format.level(level).shift;
        let end = range.end.min(base + format.reach(level)) - base;
        let start = range.start.max(base) - base;
        (start >> shift) as usize..end.div_ceil(1 << shift) as usize
    }

    /// Removes all pages in a range.
    fn clear(&mut self, format: &Format, level: usize, base: u64, range: &Range<u64>) {
        let indices = Self::overlapping(format, level, base, range);
        let mut at = indices.start;
        while at < indices.end {
            if let Some(Some(child)) = self.children.get_mut(at) {
                let base = base + ((at as u64) << format.level(level).shift);
                child.clear(format, level - 1, base, range);
            }
            let first = at;
            while at < indices.end && self.is_page(at) {
                at += 1;
            }
            self.remove(first..at);
            at = at.max(first + 1);
        }
    }

    fn is_page(&self, index: usize) -> bool {
        self.is_present(index) && !matches!(self.children.get(index), Some(Some(_)))
    }

    fn remove(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.store(range, 0);
        }
    }

    /// Takes tables out that lead to nothing.
    fn prune(
        &mut self,
        format: &Format,
        level: usize,
        base: u64,
        range: &Range<u64>,
        dead: &mut List,
    ) {
        for index in Self::overlapping(format, level, base, range) {
            let Some(slot @ Some(_)) = self.children.get_mut(index) else {
                continue;
            };
            let base = base + ((index as u64) << format.level(level).shift);
            if let Some(child) = slot {
                child.prune(format, level - 1, base, range, dead);
            }
            if let Some(child) = slot.take_if(|child| child.used == 0) {
                self.remove(index..index + 1);
                push(dead, child);
            }
        }
    }
}
