// SPDX-License-Identifier: GPL-2.0
//! Properties of the allocator of device memory, against a vector of the states of all pages.

#[path = "../../../../accel_core/logic/buddy.rs"]
mod buddy;
#[path = "../../../../accel_core/logic/runs.rs"]
mod runs;

use std::ops::Range;
use std::time::Instant;

use buddy::{Buddy, DirtyExtent, Error, Extent};
use proptest::prelude::*;

const PAGE: u64 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Used,
    Dirty,
}
use State::{Dirty, Free, Used};

/// What is simple and slow.
struct Model(Vec<State>);

impl Model {
    fn range(&self, range: &Range<u64>) -> &[State] {
        &self.0[(range.start / PAGE) as usize..(range.end / PAGE) as usize]
    }

    fn change(&mut self, range: &Range<u64>, from: State, to: State) {
        for page in &mut self.0[(range.start / PAGE) as usize..(range.end / PAGE) as usize] {
            assert_eq!(*page, from, "{range:?}");
            *page = to;
        }
    }

    fn count(&self, state: State) -> u64 {
        PAGE * self.0.iter().filter(|page| **page == state).count() as u64
    }

    /// The length in pages of the hole that begins at each page.
    fn holes(&self, is_hole: impl Fn(State) -> bool) -> Vec<usize> {
        let mut length = 0;
        let from_the_end = self.0.iter().rev().map(|page| {
            length = if is_hole(*page) { length + 1 } else { 0 };
            length
        });
        let mut holes: Vec<_> = from_the_end.collect();
        holes.reverse();
        holes
    }

    /// The lowest aligned hole of so many pages.
    fn find(&self, pages: usize, align: usize, is_hole: impl Fn(State) -> bool) -> Option<usize> {
        let holes = self.holes(is_hole);
        (0..holes.len())
            .step_by(align)
            .find(|start| holes[*start] >= pages)
    }

    /// The fewest extents that make up so many pages, in whole multiples of `align`.
    fn scattered(
        &self,
        pages: usize,
        align: usize,
        is_hole: impl Fn(State) -> bool,
    ) -> Option<usize> {
        let holes = self.holes(is_hole);
        let mut sizes = Vec::new();
        let mut start = 0;
        while start < holes.len() {
            let size = holes[start] / align * align;
            sizes.push(size);
            start += size.max(align);
        }
        sizes.sort_by_key(|size| std::cmp::Reverse(*size));
        let mut sum = 0;
        let enough = sizes.iter().position(|size| {
            sum += size;
            sum >= pages
        });
        enough.map(|last| last + 1)
    }

    /// What an allocation is to return that `fits` into the holes or not.
    fn verdict<T>(fits: impl Fn(&dyn Fn(State) -> bool) -> Option<T>) -> Result<T, Error> {
        let clean = fits(&|state| state == Free);
        clean.ok_or_else(|| match fits(&|state| state != Used) {
            Some(_) => Error::Dirty,
            None => Error::Full,
        })
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Size in pages, log2 of the alignment in pages.
    Allocate(usize, u32),
    /// Also at most so many extents.
    Scatter(usize, u32, usize),
    /// First page, pages.
    Reserve(u64, u64),
    /// The extent at this place, modulo how many there are.
    Free(usize),
    Scrub(usize),
}

/// Small sizes are likely, and so are those of a whole region.
fn size(pages: usize) -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..=8.min(pages), 3 => 1..=(pages / 4).max(1), 1 => 1..=pages]
}

fn steps(pages: usize) -> impl Strategy<Value = Vec<Step>> {
    let order = prop_oneof![3 => Just(0u32), 2 => 0..9u32];
    let step = prop_oneof![
        4 => (size(pages), order.clone()).prop_map(|(size, order)| Step::Allocate(size, order)),
        2 => (size(pages), 0..4u32, 1..12usize)
            .prop_map(|(size, order, most)| Step::Scatter(size, order, most)),
        1 => (0..pages as u64, 1..20u64).prop_map(|(start, size)| Step::Reserve(start, size)),
        5 => any::<usize>().prop_map(Step::Free),
        4 => any::<usize>().prop_map(Step::Scrub),
    ];
    prop::collection::vec(step, 0..80)
}

/// A region of some pages, and what is done with it.
fn region() -> impl Strategy<Value = (usize, Vec<Step>)> {
    prop_oneof![3 => 1..600usize, 1 => (0..11u32).prop_map(|order| 1 << order)]
        .prop_flat_map(|pages| (Just(pages), steps(pages)))
}

fn new(pages: usize) -> Buddy<Vec<u32>> {
    let size = pages as u64 * PAGE;
    let len = Buddy::<Vec<u32>>::storage_len(size, PAGE).unwrap();
    // The storage need not be clean.
    Buddy::new(size, PAGE, [vec![u32::MAX; len], vec![7; len]]).unwrap()
}

/// An allocator and its model, side by side.
struct Pair {
    buddy: Buddy<Vec<u32>>,
    model: Model,
    used: Vec<Extent>,
    dirty: Vec<DirtyExtent>,
}

impl Pair {
    fn new(pages: usize) -> Self {
        Self {
            buddy: new(pages),
            model: Model(vec![Free; pages]),
            used: Vec::new(),
            dirty: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Allocate(pages, order) => self.allocate(pages, order),
            Step::Scatter(pages, order, most) => self.scatter(pages, order, most),
            Step::Reserve(start, pages) => self.reserve(start * PAGE..(start + pages) * PAGE),
            Step::Free(which) if !self.used.is_empty() => {
                let extent = self.used.swap_remove(which % self.used.len());
                self.model.change(&extent.range(), Used, Dirty);
                self.dirty.push(self.buddy.free(extent).unwrap());
            }
            Step::Scrub(which) if !self.dirty.is_empty() => {
                let extent = self.dirty.swap_remove(which % self.dirty.len());
                self.model.change(&extent.range(), Dirty, Free);
                self.buddy.scrubbed(extent).unwrap();
            }
            Step::Free(_) | Step::Scrub(_) => (),
        }
        self.compare();
    }

    fn allocate(&mut self, pages: usize, order: u32) {
        let align = 1 << order;
        let got = self.buddy.allocate(pages as u64 * PAGE, align * PAGE);
        let expected = Model::verdict(|is_hole| self.model.find(pages, align as usize, is_hole));
        assert_eq!(
            got.as_ref().map(|extent| extent.range()),
            expected
                .as_ref()
                .map(|&start| start as u64 * PAGE..(start + pages) as u64 * PAGE)
        );
        self.keep(got.ok());
    }

    fn scatter(&mut self, pages: usize, order: u32, most: usize) {
        let align = 1usize << order;
        let mut extents: Vec<_> = (0..most).map(|_| None).collect();
        let (size, alignment) = (pages as u64 * PAGE, align as u64 * PAGE);
        let got = self.buddy.allocate_scattered(size, alignment, &mut extents);
        let expected = Model::verdict(|is_hole| {
            let count = self.model.scattered(pages, align, is_hole);
            count.filter(|count| *count <= most)
        });
        if pages % align != 0 {
            assert_eq!(got, Err(Error::Invalid));
        } else {
            assert_eq!(got, expected);
        }
        let extents: Vec<_> = extents.into_iter().flatten().collect();
        assert_eq!(extents.len(), got.unwrap_or(0));
        let sizes: Vec<_> = extents
            .iter()
            .map(|e| e.range().end - e.range().start)
            .collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b));
        if got.is_ok() {
            assert_eq!(sizes.iter().sum::<u64>(), size);
        }
        for extent in &extents {
            let range = extent.range();
            assert_eq!((range.start % alignment, range.end % alignment), (0, 0));
        }
        self.keep(extents);
    }

    fn reserve(&mut self, range: Range<u64>) {
        let got = self.buddy.reserve(range.clone());
        if range.end > self.buddy.size() {
            return assert_eq!(got, Err(Error::Invalid));
        }
        let expected = match self.model.range(&range) {
            pages if pages.contains(&Used) => Err(Error::Full),
            pages if pages.contains(&Dirty) => Err(Error::Dirty),
            _ => Ok(range),
        };
        assert_eq!(got.as_ref().map(Extent::range), expected.as_ref().cloned());
        self.keep(got.ok());
    }

    /// No page is in two extents: all were free.
    fn keep(&mut self, extents: impl IntoIterator<Item = Extent>) {
        for extent in extents {
            self.model.change(&extent.range(), Free, Used);
            self.used.push(extent);
        }
    }

    fn compare(&self) {
        assert_eq!(self.buddy.free_bytes(), self.model.count(Free));
        assert_eq!(self.buddy.used_bytes(), self.model.count(Used));
        assert_eq!(self.buddy.dirty_bytes(), self.model.count(Dirty));
        let mut longest = 0;
        let mut run = 0;
        for page in &self.model.0 {
            run = if *page == Free { run + PAGE } else { 0 };
            longest = longest.max(run);
        }
        assert_eq!(self.buddy.largest_free(), longest);
    }

    fn free_all(&mut self) {
        while !self.used.is_empty() {
            self.step(Step::Free(0));
        }
        while !self.dirty.is_empty() {
            self.step(Step::Scrub(0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Whatever is done, the allocator does what the model does; in the end all is as it was.
    #[test]
    fn is_a_vector_of_pages((pages, steps) in region()) {
        let mut pair = Pair::new(pages);
        for step in steps {
            pair.step(step);
        }
        pair.free_all();
        prop_assert_eq!(pair.buddy.largest_free(), pair.buddy.size());
        let all = pair.buddy.allocate(pair.buddy.size(), PAGE).unwrap();
        prop_assert_eq!(all.range(), 0..pages as u64 * PAGE);
    }

    /// What makes no sense is said to, however much memory there is, and changes nothing.
    #[test]
    fn refuses_nonsense(pages in 1..600u64, size in any::<u64>(), alignment in any::<u64>()) {
        let mut buddy = new(pages as usize);
        let is_size = size != 0 && size % PAGE == 0 && size <= pages * PAGE;
        if !is_size || !alignment.is_power_of_two() {
            prop_assert_eq!(buddy.allocate(size, alignment), Err(Error::Invalid));
            prop_assert_eq!(
                buddy.allocate_scattered(size, alignment, &mut [const { None }; 4]),
                Err(Error::Invalid)
            );
        }
        let end = size.saturating_add(alignment);
        if !is_size || alignment % PAGE != 0 || end > pages * PAGE {
            prop_assert_eq!(buddy.reserve(alignment..end), Err(Error::Invalid));
        }
        prop_assert_eq!(buddy.free_bytes(), pages * PAGE);
    }
}

/// A large region: what is far from the root, and how long it takes.
#[test]
fn large_regions() {
    const COUNT: u32 = 10_000;
    const SIZE: u64 = 80 << 30;
    let mut buddy = new((SIZE / PAGE) as usize);
    let first = buddy.allocate(SIZE / 2 + PAGE, PAGE).unwrap();
    let second = buddy.allocate(SIZE / 4, 1 << 30).unwrap();
    assert_eq!(second.range().start, SIZE / 2 + (1 << 30));
    assert_eq!(buddy.allocate(SIZE / 4, 1 << 30), Err(Error::Full));
    assert_eq!(buddy.largest_free(), SIZE / 4 - (1 << 30));
    let first = buddy.free(first).unwrap();
    assert_eq!(buddy.allocate(SIZE / 4, 1 << 30), Err(Error::Dirty));
    buddy.scrubbed(first).unwrap();
    assert!(buddy.allocate(SIZE / 4, 1 << 30).is_ok());

    let allocate = |_| buddy.allocate(PAGE, 2 * PAGE).unwrap();
    let start = Instant::now();
    let pages: Vec<_> = (0..COUNT).map(allocate).collect();
    println!("allocate: {:?} each", start.elapsed() / COUNT);
    let start = Instant::now();
    for page in pages {
        let dirty = buddy.free(page).unwrap();
        buddy.scrubbed(dirty).unwrap();
    }
    println!("free and scrubbed: {:?} each", start.elapsed() / COUNT);
}

/// No alignment is too large: the first byte has all.
#[test]
fn any_alignment() {
    let mut buddy = new(5);
    assert_eq!(buddy.allocate(PAGE, 1 << 63).unwrap().range(), 0..PAGE);
    assert_eq!(buddy.allocate(PAGE, 1 << 63), Err(Error::Full));
    assert_eq!(buddy.allocate(PAGE, 1).unwrap().range(), PAGE..2 * PAGE);
}

/// An extent of another region is handed back.
#[test]
fn foreign_extents() {
    let (mut here, mut there) = (new(4), new(8));
    let extent = there.allocate(8 * PAGE, PAGE).unwrap();
    let extent = here.free(extent).unwrap_err();
    let dirty = there.free(extent).unwrap();
    let used = here.allocate(PAGE, PAGE).unwrap();
    let dirty = here.scrubbed(dirty).unwrap_err();
    assert_eq!(dirty.range(), 0..8 * PAGE);
    assert_eq!(used.range(), 0..PAGE);
    // Nothing that is left lying around is overwritten.
    let mut extents = [Some(used), None];
    let got = here.allocate_scattered(PAGE, PAGE, &mut extents);
    assert_eq!(got, Err(Error::Invalid));
}

/// Regions that cannot be.
#[test]
fn regions() {
    let len = |size, page| Buddy::<Vec<u32>>::storage_len(size, page);
    for (size, page) in [
        (0, PAGE),
        (PAGE + 1, PAGE),
        (PAGE, 0),
        (9, 3),
        (u64::MAX, 1),
        (1 << 32, 1),
    ] {
        assert_eq!(len(size, page), Err(Error::Invalid));
    }
    assert!(len(1 << 31, 1).is_ok());
    let short = vec![0; len(100 * PAGE, PAGE).unwrap() - 1];
    assert!(Buddy::new(100 * PAGE, PAGE, [short.clone(), short]).is_err());
}
