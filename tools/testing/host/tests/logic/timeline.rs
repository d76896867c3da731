// SPDX-License-Identifier: GPL-2.0
//! Properties of the points of a timeline, against a list of all points that ever were.

use crate::logic::timeline::{Points, Refused, Slot};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reserved,
    Backed,
    Done,
}
use State::{Backed, Done, Reserved};

/// What is simple and slow: all points in their order. The backing of a point is its value.
#[derive(Clone, Debug)]
struct Model {
    start: u64,
    points: Vec<(u64, State)>,
}

impl Model {
    /// The last point such that it and all before it are as `good` says.
    fn prefix(&self, good: impl Fn(State) -> bool) -> u64 {
        let prefix = self.points.iter().take_while(|(_, state)| good(*state));
        prefix.last().map_or(self.start, |(value, _)| *value)
    }

    fn value(&self) -> u64 {
        self.prefix(|state| state == Done)
    }

    fn last(&self) -> u64 {
        self.prefix(|_| true)
    }

    /// The points that must still end before the timeline is at `value`, if nothing else must.
    fn behind(&self, value: u64) -> Option<Vec<u64>> {
        if value <= self.value() {
            return Some(Vec::new());
        }
        let covering = self.points.iter().position(|(point, _)| *point >= value)?;
        let needed = &self.points[..=covering];
        let pending = needed.iter().filter(|(_, state)| *state != Done);
        needed
            .iter()
            .all(|(_, state)| *state != Reserved)
            .then(|| pending.map(|(point, _)| *point).collect())
    }

    /// The values of the points in a state.
    fn that_are(&self, is: impl Fn(State) -> bool) -> Vec<u64> {
        let found = self.points.iter().filter(|(_, state)| is(*state));
        found.map(|(value, _)| *value).collect()
    }

    fn set(&mut self, value: u64, state: State) {
        let point = self.points.iter_mut().find(|(v, _)| *v == value);
        point.unwrap().1 = state;
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// This much beyond the last one; 0 and below are refused.
    Reserve(i64),
    /// Those at this place among the points that can, modulo how many there are.
    Back(usize),
    Complete(usize),
    Vanish(usize),
    Reap,
    /// To so many slots.
    Replace(usize),
    /// What nobody has added.
    Unknown(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (-3..5i64).prop_map(Step::Reserve),
        4 => any::<usize>().prop_map(Step::Back),
        5 => any::<usize>().prop_map(Step::Complete),
        2 => any::<usize>().prop_map(Step::Vanish),
        3 => Just(Step::Reap),
        1 => (0..12usize).prop_map(Step::Replace),
        1 => any::<u64>().prop_map(Step::Unknown),
    ];
    prop::collection::vec(step, 0..120)
}

fn slots(count: usize) -> Vec<Slot<u64>> {
    (0..count).map(|_| None).collect()
}

fn pick(from: &[u64], which: usize) -> Option<u64> {
    from.get(which.checked_rem(from.len())?).copied()
}

/// Points and model, side by side.
struct Pair {
    points: Points<u64, Vec<Slot<u64>>>,
    model: Model,
    /// How many points are in the slots.
    held: usize,
}

impl Pair {
    fn new(start: u64, count: usize) -> Self {
        Self {
            points: Points::new(start, slots(count)),
            model: Model {
                start,
                points: Vec::new(),
            },
            held: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let (points, model) = (&mut self.points, &mut self.model);
        match step {
            Step::Reserve(more) => {
                let value = points.last().saturating_add_signed(more);
                let reserved = points.reserve(value);
                if value <= model.last() {
                    assert_eq!(reserved, Err(Refused::NotLater));
                } else if self.held == points.slots() {
                    assert_eq!(reserved, Err(Refused::Full));
                } else {
                    assert_eq!(reserved, Ok(()));
                    model.points.push((value, Reserved));
                    self.held += 1;
                }
            }
            Step::Back(which) => {
                let Some(value) = pick(&model.that_are(|_| true), which) else {
                    return;
                };
                let reserved = model.that_are(|state| state == Reserved).contains(&value);
                let spare = points.back(value, value);
                assert_eq!(spare, (!reserved).then_some(value));
                if reserved {
                    model.set(value, Backed);
                }
            }
            Step::Complete(which) => {
                if let Some(value) = pick(&model.that_are(|_| true), which) {
                    points.complete(value);
                    model.set(value, Done);
                }
            }
            Step::Vanish(which) => {
                let Some(value) = pick(&model.that_are(|_| true), which) else {
                    return;
                };
                points.vanish(value);
                if model.that_are(|state| state == Reserved).contains(&value) {
                    model.points.retain(|(v, _)| *v != value);
                    self.held -= 1;
                }
            }
            Step::Reap => {
                while let Some(backing) = points.take_ended() {
                    self.held -= 1;
                    if let Some(value) = backing {
                        assert!(value <= model.value());
                    }
                }
                let pending = model.points.iter().filter(|(v, _)| *v > model.value());
                assert_eq!(self.held, pending.count());
            }
            Step::Replace(count) => {
                let old = points.slots();
                let back = points.replace(slots(count));
                let done = count >= self.held;
                assert_eq!(back.len(), if done { old } else { count });
                assert_eq!(points.slots(), if done { count } else { old });
                assert!(back.iter().all(Option::is_none));
            }
            Step::Unknown(value) => {
                if !model.that_are(|_| true).contains(&value) {
                    points.complete(value);
                    points.vanish(value);
                    assert_eq!(points.back(value, 7), Some(7));
                }
            }
        }
    }

    fn compare(&self) {
        let (points, model) = (&self.points, &self.model);
        assert_eq!(points.value(), model.value());
        assert_eq!(points.last(), model.last());
        assert_eq!(points.backed(), model.prefix(|state| state != Reserved));
        for value in model.value().saturating_sub(2)..=model.last().saturating_add(2) {
            let behind = points.behind(value).map(|b| b.copied().collect::<Vec<_>>());
            assert_eq!(behind, model.behind(value), "behind {value}");
        }
    }
}

proptest! {
    /// The points do what a list of all that were ever added would do.
    #[test]
    fn points_are_a_list(start in 0..1000u64, count in 0..10usize, steps in steps()) {
        let mut pair = Pair::new(start, count);
        for step in steps {
            let (value, backed) = (pair.points.value(), pair.points.backed());
            pair.step(step);
            pair.compare();
            // Whoever was told that a point is backed, or done, can rely on it.
            prop_assert!(pair.points.value() >= value);
            prop_assert!(pair.points.backed() >= backed);
        }
    }
}

/// The value has no room above it: nothing can be added, nothing overflows.
#[test]
fn the_end_of_all_numbers() {
    let mut pair = Pair::new(u64::MAX - 1, 4);
    pair.step(Step::Reserve(1));
    pair.step(Step::Reserve(1));
    pair.compare();
    pair.step(Step::Complete(0));
    assert_eq!(pair.points.value(), u64::MAX);
    pair.step(Step::Reap);
    pair.step(Step::Reserve(1));
    pair.compare();
}
