// SPDX-License-Identifier: GPL-2.0

//! The virtual address space of a device context: what is mapped where.
//!
//! A change is planned, written to the page tables, and made only when the device has flushed what
//! it had cached of them:
//!
//! - `map()`, `unmap()`, `protect()` and `refresh()` check everything that can fail and return a [`Pending`]
//!   change, which can be dropped: nothing has happened yet;
//! - [`Pending::write`] hands the steps to the driver and returns what is [`Written`];
//! - [`Written::flush`] has the driver flush, makes the change, and gives what was unmapped back as
//!   [`Unmapped`]: nobody else can make that proof that the device does not reach it any more.
//!
//! All of them borrow the space, so nobody looks up an address in between. If the flush fails, or
//! never comes, page tables and mappings are out of step: everything is refused until
//! [`Space::rebuild`] has written and flushed all of it. Then the failed change was not made.
//!
//! From [`Pending::write`] on, the bytes that a change maps count as mapped: they come back as
//! [`Unmapped`], be it from a later change, or from the rebuild after a failed flush.

use super::{
    intervals::{
        At,
        Intervals,
        Node, //
    },
    page_table::{
        Mapping,
        PageSizes,
        Piece,
        Step,
        Target, //
    }, //
};
use core::ops::{
    DerefMut,
    Range, //
};

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The request makes no sense in this space (EINVAL).
    Invalid,
    /// There is no hole so large where it may be (ENOSPC).
    Full,
    /// There is no room for [`ROOM`] more nodes: call [`Space::grow`], and try again.
    NoNodes,
    /// Page tables and mappings are out of step (EAGAIN): call [`Space::rebuild`].
    Stale,
}

/// How many nodes a change can need, whatever it is: two mappings begin where there were none, at
/// the ends of the range, or the old one that had all of the range in it goes on after the new.
pub(crate) const ROOM: usize = 2;

/// What is kept of a mapping besides its range: target and flags.
type Entry<B> = (Target<B>, u32);

/// A node of the storage that a space needs, one for each mapping and one more.
pub(crate) type Slot<B> = Node<Entry<B>>;

/// The address space: mappings of objects that `B` names, in the storage `S` of the caller.
pub(crate) struct Space<B, S> {
    mappings: Intervals<S>,
    bounds: Range<u64>,
    sizes: PageSizes,
    /// Whether the page tables are what the mappings say, and the device knows.
    in_step: bool,
    /// What may be in the page tables though it is not among the mappings.
    unfinished: Option<Mapping<B>>,
}

/// What is to be done to the mappings.
#[derive(Clone)]
enum Change<B> {
    Map(Mapping<B>),
    Unmap(Range<u64>),
    Protect(Range<u64>, u32),
    Refresh(Range<u64>),
    Rebuild,
}

/// A change that was not begun. Dropped, it is as if it had never been asked for.
#[must_use]
pub(crate) struct Pending<'a, B, S> {
    space: &'a mut Space<B, S>,
    change: Change<B>,
}

/// A change that is in the page tables, while the device may still go by what it has cached.
#[must_use]
pub(crate) struct Written<'a, B, S> {
    space: &'a mut Space<B, S>,
    change: Change<B>,
    stale: Range<u64>,
}

/// The proof that the device does not reach these bytes of an object by this mapping any more.
///
/// A mapping can come back in parts: count the mapped bytes of an object, not the mappings.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Unmapped<B> {
    object: B,
    offset: u64,
    size: u64,
}

impl<B: Copy> Unmapped<B> {
    /// The proof about a mapping, if it has an object.
    fn new(range: &Range<u64>, target: Target<B>) -> Option<Self> {
        let Target::Object(object, offset) = target else {
            return None;
        };
        Some(Self {
            object,
            offset,
            size: range.end - range.start,
        })
    }

    /// Returns the object.
    pub(crate) fn object(&self) -> B {
        self.object
    }

    /// Returns the first byte of the object that was unmapped.
    #[allow(dead_code)]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many bytes were unmapped.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

impl<B: Copy, S: DerefMut<Target = [Slot<B>]>> Space<B, S> {
    /// Makes an empty space for the addresses in `bounds`. `seed` is random and secret.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `bounds` is empty or not whole pages. [`Error::NoNodes`]: the storage is
    /// empty.
    pub(crate) fn new(
        bounds: Range<u64>,
        sizes: PageSizes,
        seed: u64,
        storage: S,
    ) -> Result<Self, Error> {
        if !sizes.is_whole(&bounds) {
            return Err(Error::Invalid);
        }
        Ok(Self {
            mappings: Intervals::new(bounds.clone(), seed, storage).ok_or(Error::NoNodes)?,
            bounds,
            sizes,
            in_step: true,
            unfinished: None,
        })
    }

    /// Returns all addresses of it.
    pub(crate) fn bounds(&self) -> Range<u64> {
        self.bounds.clone()
    }

    /// Returns how many more nodes the storage has.
    pub(crate) fn room(&self) -> usize {
        self.mappings.room()
    }

    /// Moves to a larger storage, all [`Node::VACANT`], and returns the old one.
    ///
    /// # Errors
    ///
    /// Returns `storage`, if that is smaller than the old one.
    pub(crate) fn grow(&mut self, storage: S) -> Result<S, S> {
        self.mappings.grow(storage)
    }

    /// Returns where `size` bytes can be mapped at a multiple of `alignment`: at `hint`, if that is
    /// one and free, or else anywhere in the window: in the lowest hole that would do wherever it
    /// began, or else in the lowest that does.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `size` or `alignment` is zero or not whole pages, or `alignment` not a
    /// power of two. [`Error::Full`]: no hole in the window has room for it.
    pub(crate) fn place(
        &self,
        hint: Option<u64>,
        window: Range<u64>,
        size: u64,
        alignment: u64,
    ) -> Result<u64, Error> {
        let page = self.sizes.smallest();
        if size == 0 || size % page != 0 || alignment < page || !alignment.is_power_of_two() {
            return Err(Error::Invalid);
        }
        let window = window.start.max(self.bounds.start)..window.end.min(self.bounds.end);
        let find = |window, width| self.mappings.find_hole(window, size, alignment, width);
        hint.filter(|start| *start >= window.start)
            .and_then(|start| find(start..start.checked_add(size)?.min(window.end), size))
            .or_else(|| find(window.clone(), size.saturating_add(alignment - page)))
            .or_else(|| find(window, size))
            .ok_or(Error::Full)
    }

    /// Maps a range, in the place of what was mapped in it. Between the two, the device faults.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: range or offset is not whole pages or out of bounds. [`Error::NoNodes`]
    /// and [`Error::Stale`]: not now.
    pub(crate) fn map(&mut self, mapping: Mapping<B>) -> Result<Pending<'_, B, S>, Error> {
        if let Target::Object(_, offset) = mapping.target {
            let size = mapping.range.end.saturating_sub(mapping.range.start);
            if offset % self.sizes.smallest() != 0 || offset.checked_add(size).is_none() {
                return Err(Error::Invalid);
            }
        }
        self.plan(mapping.range.clone(), Change::Map(mapping))
    }

    /// Unmaps all that is mapped in a range. Errors as for [`Space::map`].
    pub(crate) fn unmap(&mut self, range: Range<u64>) -> Result<Pending<'_, B, S>, Error> {
        self.plan(range.clone(), Change::Unmap(range))
    }

    /// Changes the flags of all that is mapped in a range.
    ///
    /// # Errors
    ///
    /// As for [`Space::map`].
    pub(crate) fn protect(
        &mut self,
        range: Range<u64>,
        flags: u32,
    ) -> Result<Pending<'_, B, S>, Error> {
        self.plan(range.clone(), Change::Protect(range, flags))
    }

    /// Writes all pages in a range anew, which no mapping reaches out of: what their objects lead to has
    /// changed. Errors as for [`Space::map`].
    pub(crate) fn refresh(&mut self, range: Range<u64>) -> Result<Pending<'_, B, S>, Error> {
        match self.across(range.start).or(self.across(range.end)) {
            None => self.plan(range.clone(), Change::Refresh(range)),
            Some(_) => Err(Error::Invalid),
        }
    }

    /// Writes all page tables anew: after a reset of the device that lost them, or a failed flush.
    pub(crate) fn rebuild(&mut self) -> Pending<'_, B, S> {
        Pending {
            space: self,
            change: Change::Rebuild,
        }
    }

    /// Returns the mapping of an address, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`].
    #[allow(dead_code)]
    pub(crate) fn lookup(&self, address: u64) -> Result<Option<Mapping<B>>, Error> {
        self.check_step()?;
        let mut found = self.overlapping(address..address.saturating_add(1));
        Ok(found.next())
    }

    /// Returns all mappings that have an address in `range`, in order, in or out of step.
    pub(crate) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = Mapping<B>> + '_ {
        let after = self.mappings.iter_after(range.start);
        after
            .take_while(move |(_, mapped, _)| mapped.start < range.end)
            .map(|(_, range, (target, flags))| Mapping {
                range,
                target,
                flags,
            })
    }

    fn check_step(&self) -> Result<(), Error> {
        match self.in_step {
            true => Ok(()),
            false => Err(Error::Stale),
        }
    }

    fn plan(&mut self, range: Range<u64>, change: Change<B>) -> Result<Pending<'_, B, S>, Error> {
        self.check_step()?;
        let is_inside = self.bounds.start <= range.start && range.end <= self.bounds.end;
        if !is_inside || !self.sizes.is_whole(&range) {
            return Err(Error::Invalid);
        }
        if self.room() < ROOM {
            return Err(Error::NoNodes);
        }
        Ok(Pending {
            space: self,
            change,
        })
    }

    /// Returns the mapping that goes on across `edge`.
    fn across(&self, edge: u64) -> Option<Mapping<B>> {
        let found = self.overlapping(edge..edge.saturating_add(1)).next();
        found.filter(|mapping| mapping.range.start < edge)
    }

    /// Splits the mapping that goes on across `edge` in two.
    fn split(&mut self, edge: u64) {
        let first = self.mappings.iter_after(edge).next();
        if let Some((at, range, (target, flags))) = first.filter(|(_, r, _)| r.start < edge) {
            let second = (target.advance(edge - range.start), flags);
            self.mappings.split(at, edge, second);
        }
    }

    /// Makes a change.
    fn make(&mut self, change: Change<B>, unmapped: &mut impl FnMut(Unmapped<B>)) {
        if let Some(range) = change.range() {
            self.split(range.start);
            self.split(range.end);
        }
        match change {
            Change::Map(new) => {
                self.remove(new.range.clone(), unmapped);
                self.mappings.insert(new.range, (new.target, new.flags));
            }
            Change::Unmap(range) => self.remove(range, unmapped),
            Change::Protect(range, flags) => self.set_flags(range, flags),
            Change::Refresh(_) => (),
            Change::Rebuild => {
                let lost = self.unfinished.take();
                lost.and_then(|lost| Unmapped::new(&lost.range, lost.target))
                    .into_iter()
                    .for_each(unmapped);
            }
        }
    }

    /// Removes all mappings in a range, where none reaches out of it.
    fn remove(&mut self, range: Range<u64>, unmapped: &mut impl FnMut(Unmapped<B>)) {
        while let Some((at, mapped, (target, _))) = self.first_in(&range) {
            self.mappings.remove(at);
            Unmapped::new(&mapped, target)
                .into_iter()
                .for_each(&mut *unmapped);
        }
    }

    /// Changes the flags of all mappings in a range, where none reaches out of it.
    fn set_flags(&mut self, mut range: Range<u64>, flags: u32) {
        while let Some((at, mapped, (target, _))) = self.first_in(&range) {
            self.mappings.set(at, (target, flags));
            range.start = mapped.end;
        }
    }

    /// Returns the first mapping with an address in `range`.
    fn first_in(&self, range: &Range<u64>) -> Option<(At, Range<u64>, Entry<B>)> {
        let first = self.mappings.iter_after(range.start).next();
        first.filter(|(_, mapped, _)| mapped.start < range.end)
    }
}

impl<B> Change<B> {
    /// Returns the addresses whose mappings change.
    fn range(&self) -> Option<Range<u64>> {
        match self {
            Self::Map(mapping) => Some(mapping.range.clone()),
            Self::Unmap(range) | Self::Protect(range, _) | Self::Refresh(range) => {
                Some(range.clone())
            }
            Self::Rebuild => None,
        }
    }
}

impl<'a, B: Copy, S: DerefMut<Target = [Slot<B>]>> Pending<'a, B, S> {
    /// Tells the steps that the change takes, in order, to count what the driver needs for them.
    /// `pieces` returns the piece of an object that has an offset in it.
    pub(crate) fn steps(
        &self,
        pieces: impl Fn(B, u64) -> Option<Piece>,
        mut sink: impl FnMut(Step),
    ) {
        let Some(range) = self.change.range() else {
            return self.rebuild(&pieces, &mut sink);
        };
        self.split_edges(&range, &pieces, &mut sink);
        let sizes = self.space.sizes;
        for old in self.space.overlapping(range.clone()) {
            let mut part = old.clip(&range);
            if let Change::Protect(_, flags) = self.change {
                part.flags = flags;
                part.write(sizes, &pieces, &mut sink);
                continue;
            }
            if !matches!(part.target, Target::Fault) {
                sink(Step::Clear(part.range.clone()));
            }
            if let Change::Refresh(_) = self.change {
                part.write(sizes, &pieces, &mut sink);
            }
        }
        if let Change::Map(new) = &self.change {
            new.write(sizes, &pieces, &mut sink);
        }
    }

    /// Has the driver write the page tables. This cannot fail: what a step needs was allocated
    /// before (see [`Pending::steps`]), and `pieces` is what it was when the objects were mapped, but
    /// for those that are refreshed.
    pub(crate) fn write(
        self,
        pieces: impl Fn(B, u64) -> Option<Piece>,
        writer: impl FnMut(Step),
    ) -> Written<'a, B, S> {
        self.space.in_step = false;
        if let Change::Map(new) = &self.change {
            self.space.unfinished = Some(new.clone());
        }
        self.steps(&pieces, writer);
        let stale = self.touched(&pieces);
        Written {
            space: self.space,
            change: self.change,
            stale,
        }
    }

    fn rebuild(&self, pieces: &impl Fn(B, u64) -> Option<Piece>, sink: &mut impl FnMut(Step)) {
        let bounds = &self.space.bounds;
        sink(Step::Clear(bounds.clone()));
        for mapping in self.space.overlapping(bounds.clone()) {
            mapping.write(self.space.sizes, pieces, sink);
        }
    }

    /// Splits the pages that reach out of the range.
    fn split_edges(
        &self,
        range: &Range<u64>,
        pieces: &impl Fn(B, u64) -> Option<Piece>,
        sink: &mut impl FnMut(Step),
    ) {
        let sizes = self.space.sizes;
        if let Some(old) = self.space.across(range.start) {
            old.split_page(range.start, sizes, pieces, sink);
        }
        if let Some(old) = self.space.across(range.end) {
            // What is before the range has been split off it.
            let rest = old.clip(&(range.start..old.range.end));
            rest.split_page(range.end, sizes, pieces, sink);
        }
    }

    /// Returns the addresses whose pages change, those of pages that are split too.
    fn touched(&self, pieces: &impl Fn(B, u64) -> Option<Piece>) -> Range<u64> {
        let space = &*self.space;
        let Some(range) = self.change.range() else {
            return space.bounds();
        };
        let page_across = |edge| {
            let old = space.across(edge)?;
            let page = old.page_at(edge, space.sizes, pieces)?;
            (page.address < edge).then_some(page)
        };
        let start = page_across(range.start).map_or(range.start, |page| page.address);
        let end = page_across(range.end).map_or(range.end, |page| page.address + page.size);
        start..end
    }
}

impl<B: Copy, S: DerefMut<Target = [Slot<B>]>> Written<'_, B, S> {
    /// Has the driver make the device forget what it has cached of these addresses, makes the
    /// change, and hands over what is unmapped by it.
    ///
    /// # Errors
    ///
    /// Those of `flush`. Then nothing was unmapped, and the space is stale.
    pub(crate) fn flush<E>(
        self,
        flush: impl FnOnce(Range<u64>) -> Result<(), E>,
        mut unmapped: impl FnMut(Unmapped<B>),
    ) -> Result<(), E> {
        flush(self.stale)?;
        self.space.make(self.change, &mut unmapped);
        self.space.unfinished = None;
        self.space.in_step = true;
        Ok(())
    }
}
