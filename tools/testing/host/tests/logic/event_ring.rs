// SPDX-License-Identifier: GPL-2.0
//! Events: a reader gets each one that it wants, or is told how many it missed.

use crate::logic::event_ring::{EventRing, Next};
use proptest::prelude::*;

const SLOTS: u64 = 8;

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    /// One of the readers takes what comes next.
    Take(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<u8>().prop_map(Step::Push),
        2 => (0..READERS).prop_map(Step::Take),
    ];
    prop::collection::vec(step, 0..300)
}

/// The first reader wants everything, the others less and less.
const READERS: usize = 3;

fn is_wanted(reader: usize, event: u8) -> bool {
    usize::from(event) % (reader + 1) == 0
}

proptest! {
    #[test]
    fn readers_get_what_they_want_or_are_told(steps in steps()) {
        let mut ring = EventRing::new(vec![0u8; SLOTS as usize]);
        let mut all: Vec<u8> = Vec::new();
        let mut next = [1u64; READERS];
        for step in steps {
            match step {
                Step::Push(event) => {
                    ring.push(event);
                    all.push(event);
                }
                Step::Take(reader) => {
                    let from = next[reader];
                    let oldest = (all.len() as u64).saturating_sub(SLOTS) + 1;
                    prop_assert_eq!(ring.oldest(), oldest);
                    let expected = if from < oldest {
                        Some((Next::Dropped(from, oldest - from), oldest))
                    } else {
                        (from..=all.len() as u64)
                            .find(|n| is_wanted(reader, all[*n as usize - 1]))
                            .map(|n| (Next::Event(n, all[n as usize - 1]), n + 1))
                    };
                    let got = ring.after(from, |event| is_wanted(reader, *event));
                    prop_assert_eq!(got, expected);
                    next[reader] = got.map_or(from, |(_, behind)| behind);
                }
            }
        }
    }
}

#[test]
fn a_ring_without_slots_keeps_nothing() {
    let mut ring = EventRing::new(Vec::<u8>::new());
    ring.push(1);
    assert_eq!(ring.oldest(), 2);
    assert_eq!(ring.after(1, |_| true), Some((Next::Dropped(1, 1), 2)));
    assert_eq!(ring.after(2, |_| true), None);
}
