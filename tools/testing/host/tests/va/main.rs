// SPDX-License-Identifier: GPL-2.0
//! Properties of an address space, against a map of all its pages and a page table in software.

#[path = "../../../../../accel_core/logic/intervals.rs"]
mod intervals;
#[path = "../../../../../accel_core/logic/page_table.rs"]
mod page_table;
#[path = "../../../../../accel_core/logic/va.rs"]
mod va;

mod model;

use std::ops::Range;
use std::time::Instant;

use model::{BOUNDS, Change, FIRST, Model, OBJECTS, Object, PAGE, PAGES, Places, Table};
use page_table::{Mapping, PageSizes, Step, Target};
use proptest::prelude::*;
use va::{Error, Pending, ROOM, Slot, Space, Unmapped};

/// What becomes of a change.
#[derive(Clone, Debug)]
enum End {
    Made,
    /// Dropped before anything was written.
    Dropped,
    /// The device does not answer to the flush, or nobody flushes.
    FlushFailed,
    NotFlushed,
}

#[derive(Clone, Debug)]
enum Op {
    Change(Change, End),
    /// Hint, window, size, alignment.
    Place(u64, Range<u64>, u64, u64),
    Rebuild,
    /// An object goes somewhere else, or out of place.
    Move(Object, Option<u64>),
}

/// A range of pages in the space, often with aligned ends.
fn range() -> impl Strategy<Value = Range<u64>> {
    let page = || prop_oneof![2 => FIRST..=FIRST + PAGES, 3 => (1..=16u64).prop_map(|n| n * 16)];
    (page(), page()).prop_map(|(a, b)| {
        let (start, end) = (a.min(b), a.max(b).max(a.min(b) + 1));
        start.min(FIRST + PAGES - 1) * PAGE..end.min(FIRST + PAGES) * PAGE
    })
}

fn change() -> impl Strategy<Value = Change> {
    // Often the offset has the alignment of the address.
    let offset = prop_oneof![2 => Just(None), 1 => (0..300u64).prop_map(Some)];
    let map =
        (range(), 0..OBJECTS + 2, offset, 0..3u32).prop_map(|(range, object, offset, flags)| {
            let offset = offset.map_or(range.start, |page| page * PAGE);
            let target = match object {
                OBJECTS => Target::Zeros,
                object if object > OBJECTS => Target::Fault,
                object => Target::Object(object, offset),
            };
            Change::Map(Mapping {
                range,
                target,
                flags,
            })
        });
    prop_oneof![
        4 => map,
        2 => range().prop_map(Change::Unmap),
        2 => (range(), 0..3u32).prop_map(|(range, flags)| Change::Protect(range, flags)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let end = prop_oneof![
        20 => Just(End::Made),
        1 => Just(End::Dropped),
        1 => Just(End::FlushFailed),
        1 => Just(End::NotFlushed),
    ];
    let place = (
        0..FIRST + PAGES + 9,
        (0..200u64, 1..270u64),
        1..40u64,
        0..6u32,
    )
        .prop_map(|(hint, (start, len), size, order)| {
            Op::Place(
                hint * PAGE,
                start * PAGE..(start + len) * PAGE,
                size * PAGE,
                PAGE << order,
            )
        });
    prop_oneof![
        12 => (change(), end).prop_map(|(change, end)| Op::Change(change, end)),
        6 => place,
        1 => Just(Op::Rebuild),
        2 => (0..OBJECTS, proptest::option::of(0..3u64)).prop_map(|(o, place)| Op::Move(o, place)),
    ]
}

/// A space, its page table, and what both should be.
struct All {
    space: Space<Object, Vec<Slot<Object>>>,
    slots: usize,
    table: Table,
    model: Model,
    mask: u64,
}

impl All {
    fn new(mask: u64, seed: u64) -> Self {
        let sizes = PageSizes::new(mask).unwrap();
        Self {
            space: Space::new(BOUNDS, sizes, seed, vec![Slot::VACANT; 1]).unwrap(),
            slots: 1,
            table: Table::default(),
            model: Model::default(),
            mask,
        }
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Change(change, end) => {
                self.make_room();
                self.change(change, end);
            }
            Op::Place(hint, window, size, align) => {
                let got = self.space.place(Some(hint), window.clone(), size, align);
                let expected = self.model.place(hint, &window, size, align);
                assert_eq!(got, expected.ok_or(Error::Full));
            }
            Op::Rebuild => self.rebuild(&[]),
            Op::Move(object, place) => self.move_to(object, place),
        }
        self.compare();
    }

    /// A change is refused for want of nodes exactly if it may need more than there are.
    fn make_room(&mut self) {
        assert_eq!(
            self.space.room(),
            self.slots - 1 - self.model.mappings().len()
        );
        if self.space.room() >= ROOM {
            return;
        }
        assert!(matches!(self.space.unmap(BOUNDS), Err(Error::NoNodes)));
        assert!(self.space.grow(vec![Slot::VACANT; self.slots - 1]).is_err());
        self.slots += 2;
        let old = self.space.grow(vec![Slot::VACANT; self.slots]);
        assert_eq!(old.unwrap_or_default().len(), self.slots - 2);
    }

    fn change(&mut self, change: Change, end: End) {
        let range = change.range();
        let pending = plan(&mut self.space, &change);
        let (mut planned, mut done) = (Vec::new(), Vec::new());
        let places = &self.model.places;
        let piece = |object, offset| places.piece(object, offset);
        pending.steps(piece, |step| planned.push(step));
        if let End::Dropped = end {
            return;
        }
        let written = pending.write(piece, |step| {
            check_reach(&step, &range);
            self.table.apply(&step);
            done.push(step);
        });
        assert_eq!(planned, done);
        let mut unmapped = Vec::new();
        let flushed = match end {
            End::NotFlushed => Err(()),
            _ => written.flush(
                |flushed| {
                    done.iter()
                        .for_each(|step| check_flush(step, &flushed, &range));
                    if matches!(end, End::FlushFailed) {
                        Err(())
                    } else {
                        Ok(())
                    }
                },
                |proof| unmapped.extend(bytes_of(proof)),
            ),
        };
        unmapped.sort();
        match flushed {
            Ok(()) => assert_eq!(unmapped, self.model.change(&change)),
            Err(()) => self.recover(&change, &unmapped),
        }
    }

    /// Nothing is to be had of a space that is out of step, until it is rebuilt.
    fn recover(&mut self, change: &Change, unmapped: &[(Object, u64)]) {
        assert_eq!(unmapped, []);
        assert_eq!(self.space.lookup(BOUNDS.start), Err(Error::Stale));
        assert!(matches!(self.space.unmap(BOUNDS), Err(Error::Stale)));
        // A rebuild that fails, too, makes it no worse.
        let places = &self.model.places;
        let written = self.space.rebuild().write(
            |object, offset| places.piece(object, offset),
            |step| self.table.apply(&step),
        );
        assert_eq!(written.flush(|_| Err(7), |_| unreachable!()), Err(7));
        assert_eq!(self.space.lookup(BOUNDS.start), Err(Error::Stale));
        // What the failed change mapped comes back now.
        let mut only = Model::default();
        only.change(change);
        self.rebuild(&only.change(&Change::Unmap(change.range())));
    }

    /// All that is mapped of an object leads to where it is, and is written anew.
    fn move_to(&mut self, object: Object, place: Option<u64>) {
        self.make_room();
        self.model.places.move_to(object, place);
        let is_of = |mapping: &Mapping<Object>| matches!(mapping.target, Target::Object(o, _) if o == object);
        let all: Vec<_> = self.space.overlapping(BOUNDS).filter(is_of).collect();
        for Mapping { range, .. } in all {
            if range.end - range.start > PAGE {
                let inside = range.start + PAGE..range.end;
                assert!(matches!(self.space.refresh(inside), Err(Error::Invalid)));
            }
            let places = &self.model.places;
            let pending = self.space.refresh(range.clone()).ok().unwrap();
            let written = pending.write(
                |object, offset| places.piece(object, offset),
                |step| {
                    check_reach(&step, &range);
                    self.table.apply(&step);
                },
            );
            let flush = |flushed| {
                if flushed == range {
                    Ok(())
                } else {
                    Err(flushed)
                }
            };
            written.flush(flush, |_| unreachable!()).unwrap();
        }
    }

    fn rebuild(&mut self, lost: &[(Object, u64)]) {
        self.table = Table::default();
        let mut unmapped = Vec::new();
        let places = &self.model.places;
        let written = self.space.rebuild().write(
            |object, offset| places.piece(object, offset),
            |step| self.table.apply(&step),
        );
        let flush = |flushed| {
            if flushed == BOUNDS {
                Ok(())
            } else {
                Err(flushed)
            }
        };
        written
            .flush(flush, |proof| unmapped.extend(bytes_of(proof)))
            .unwrap();
        assert_eq!(unmapped, lost);
    }

    fn compare(&self) {
        let mappings = self.model.mappings();
        for page in 0..FIRST + PAGES + 2 {
            let address = page * PAGE + page % PAGE;
            let mapping = mappings
                .iter()
                .find(|mapping| mapping.range.contains(&address));
            assert_eq!(self.space.lookup(address), Ok(mapping.cloned()));
        }
        assert_eq!(self.space.lookup(u64::MAX), Ok(None));
        assert!(self.space.overlapping(BOUNDS).eq(mappings));
        assert_eq!(self.table.0, self.model.page_table(self.mask));
    }
}

/// A change that can be planned.
fn plan<'a>(
    space: &'a mut Space<Object, Vec<Slot<Object>>>,
    change: &Change,
) -> Pending<'a, Object, Vec<Slot<Object>>> {
    let pending = match change {
        Change::Map(mapping) => space.map(mapping.clone()),
        Change::Unmap(range) => space.unmap(range.clone()),
        Change::Protect(range, flags) => space.protect(range.clone(), *flags),
    };
    pending.ok().unwrap()
}

/// The pages of an object that a proof is about.
fn bytes_of(proof: Unmapped<Object>) -> impl Iterator<Item = (Object, u64)> {
    let range = proof.offset()..proof.offset() + proof.size();
    range
        .step_by(PAGE as usize)
        .map(move |offset| (proof.object(), offset))
}

/// Nothing outside of the range is touched, but by the split of a page that reaches out of it.
fn check_reach(step: &Step, range: &Range<u64>) {
    let is_inside = |start, end| range.start <= start && end <= range.end;
    match step {
        Step::Split(page, _) => {
            let cuts = |edge| page.address < edge && edge < page.address + page.size;
            assert!(cuts(range.start) || cuts(range.end));
        }
        Step::Clear(cleared) => assert!(is_inside(cleared.start, cleared.end)),
        Step::Write(page) => assert!(is_inside(page.address, page.address + page.size)),
    }
}

/// What was written is flushed.
fn check_flush(step: &Step, flushed: &Range<u64>, range: &Range<u64>) {
    let (start, end) = match step {
        Step::Split(page, _) | Step::Write(page) => (page.address, page.address + page.size),
        Step::Clear(range) => (range.start, range.end),
    };
    assert!(flushed.start <= start && end <= flushed.end);
    assert!(flushed.start <= range.start && range.end <= flushed.end);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is done, mappings and page table are what the model says.
    #[test]
    fn is_a_map_of_pages(
        mask in prop::sample::select(&[0x1000, 0x5000, 0x1_5000, 0x1_1000, 0x4_9000][..]),
        seed in any::<u64>(),
        ops in prop::collection::vec(op(), 1..25),
    ) {
        let mut all = All::new(mask, seed);
        for op in ops {
            all.op(op);
        }
    }

    /// What makes no sense is refused, and changes nothing.
    #[test]
    fn refuses_nonsense(
        // Any addresses, or some near the bounds.
        start in prop_oneof![any::<u64>(), 0..2 * BOUNDS.end, Just(BOUNDS.start)],
        end in prop_oneof![any::<u64>(), 0..2 * BOUNDS.end, Just(BOUNDS.end)],
        offset in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX / PAGE * PAGE)],
        align in any::<u64>(),
    ) {
        let sizes = PageSizes::new(0x1_1000).unwrap();
        let mut space = Space::new(BOUNDS, sizes, 1, vec![Slot::<Object>::VACANT; 4]).unwrap();
        let is_whole = start < end && start % PAGE == 0 && end % PAGE == 0;
        let is_range = is_whole && BOUNDS.start <= start && end <= BOUNDS.end;
        prop_assert_eq!(space.unmap(start..end).err(), (!is_range).then_some(Error::Invalid));
        prop_assert_eq!(space.protect(start..end, 0).err(), (!is_range).then_some(Error::Invalid));
        let is_offset = offset % PAGE == 0 && offset.checked_add(end.wrapping_sub(start)).is_some();
        let mapping = Mapping { range: start..end, target: Target::Object(0, offset), flags: 0 };
        let is_mapping = is_range && is_offset;
        prop_assert_eq!(space.map(mapping).err(), (!is_mapping).then_some(Error::Invalid));
        let is_placeable = align.is_power_of_two() && align >= PAGE;
        let placed = space.place(Some(end), 0..u64::MAX, start, align);
        if start == 0 || start % PAGE != 0 || !is_placeable {
            prop_assert_eq!(placed, Err(Error::Invalid));
        } else if start > BOUNDS.end - BOUNDS.start {
            prop_assert_eq!(placed, Err(Error::Full));
        }
        let new = Space::<Object, _>::new(start..end, sizes, 1, vec![Slot::VACANT; 1]);
        prop_assert_eq!(new.is_ok(), is_whole);
    }
}

/// Many mappings, each between two holes: no operation looks at all of them.
#[test]
fn many_mappings() {
    const COUNT: u64 = 100_000;
    let bounds = 0..8 * COUNT * PAGE;
    let sizes = PageSizes::new(0x1_1000).unwrap();
    let storage = vec![Slot::<Object>::VACANT; COUNT as usize + 1 + ROOM];
    let mut space = Space::new(bounds.clone(), sizes, 0x5eed, storage).unwrap();
    let each = |what, start: Instant| {
        println!("{what}: {:?} each", start.elapsed() / COUNT as u32);
    };
    let places = Places::default();
    let in_place = |object, offset| places.piece(object, offset);
    let finish = |written: va::Written<_, Vec<_>>| {
        written.flush(|_| Ok::<(), ()>(()), |_| ()).unwrap();
    };

    let start = Instant::now();
    for number in 0..COUNT {
        let range = 2 * number * PAGE..(2 * number + 1) * PAGE;
        let mapping = Mapping {
            range,
            target: Target::Object(0, 0),
            flags: 0,
        };
        finish(space.map(mapping).unwrap().write(in_place, |_| ()));
    }
    each("map", start);
    let start = Instant::now();
    for number in 0..COUNT {
        assert!(space.lookup(2 * number * PAGE).unwrap().is_some());
    }
    each("lookup", start);
    let start = Instant::now();
    for _ in 0..COUNT {
        let end = (2 * COUNT - 1) * PAGE;
        assert_eq!(space.place(None, bounds.clone(), 2 * PAGE, PAGE), Ok(end));
    }
    each("place", start);
    let start = Instant::now();
    for number in (0..COUNT).rev() {
        let range = 2 * number * PAGE..(2 * number + 1) * PAGE;
        finish(space.unmap(range).unwrap().write(in_place, |_| ()));
    }
    each("unmap", start);
    println!("{} bytes for each mapping", size_of::<Slot<Object>>());
}
