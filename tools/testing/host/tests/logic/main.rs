// SPDX-License-Identifier: GPL-2.0
//! Properties of the pure logic of accel_core.

mod event_ring;
#[path = "../../../../../accel_core/logic/mod.rs"]
#[allow(dead_code)] // Other files test the rest.
mod logic;
mod telemetry;
mod timeline;

use logic::history::{History, Missing};
use logic::uuid;
use proptest::prelude::*;

const SLOTS: usize = 8;
const DEPTH: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// Ends the unfinished job at this place, modulo how many there are.
    End(usize),
    Get(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Begin),
        3 => any::<usize>().prop_map(Step::End),
        2 => (0..64u64).prop_map(Step::Get),
    ];
    prop::collection::vec(step, 0..200)
}

/// A status is the number of its job and whether it is unfinished.
type Status = (u64, bool);

proptest! {
    /// The history does what a list of all jobs that ever were would do.
    #[test]
    fn history_is_the_end_of_a_list_of_all_jobs(steps in steps()) {
        let mut history = History::new::<Status>(vec![(0, false); SLOTS], DEPTH);
        let mut all: Vec<Status> = Vec::new();
        for step in steps {
            let unfinished: Vec<usize> =
                (0..all.len()).filter(|&i| all[i].1).collect();
            match step {
                Step::Begin => {
                    let number = all.len() as u64 + 1;
                    let overwritten = all.len().checked_sub(SLOTS).is_some_and(|i| all[i].1);
                    let begun = history.begin((number, true), |status: &Status| status.1);
                    if unfinished.len() >= DEPTH || overwritten {
                        prop_assert_eq!(begun, None);
                    } else {
                        prop_assert_eq!(begun, Some(number));
                        all.push((number, true));
                    }
                }
                Step::End(which) if !unfinished.is_empty() => {
                    let job = unfinished[which % unfinished.len()];
                    // An unfinished job always has its status.
                    let status: &mut Status = history.get_mut(all[job].0).unwrap();
                    prop_assert_eq!(*status, all[job]);
                    status.1 = false;
                    all[job].1 = false;
                    history.end();
                }
                Step::End(_) => (),
                Step::Get(number) => {
                    let expected = match number {
                        0 => Err(Missing::Never),
                        n if n > all.len() as u64 => Err(Missing::Never),
                        n if n + SLOTS as u64 <= all.len() as u64 => Err(Missing::Forgotten),
                        n => Ok(&all[n as usize - 1]),
                    };
                    prop_assert_eq!(history.get(number), expected);
                }
            }
        }
    }

    /// Different names give different UUIDs, the same names the same one, of version 8.
    #[test]
    fn uuids_tell_names_apart(a in "[a-z.:0-9]{0,20}", b in "[a-z.:0-9]{0,20}") {
        let uuid = uuid::from_names(&[a.as_bytes(), b.as_bytes()]);
        prop_assert_eq!(uuid, uuid::from_names(&[a.as_bytes(), b.as_bytes()]));
        prop_assert_eq!(uuid[6] >> 4, 8);
        prop_assert_eq!(uuid[8] >> 6, 2);
        if a != b {
            prop_assert_ne!(uuid, uuid::from_names(&[b.as_bytes(), a.as_bytes()]));
        }
    }
}

/// The boundary between two names counts.
#[test]
fn uuids_see_where_a_name_ends() {
    assert_ne!(
        uuid::from_names(&[b"ab", b"c"]),
        uuid::from_names(&[b"a", b"bc"])
    );
}

/// FNV-1a of nothing, and of one byte (the zero that ends the empty name), by hand.
#[test]
fn uuids_are_fnv_1a() {
    assert_eq!(
        uuid::from_names(&[]),
        [
            0x6c, 0x62, 0x27, 0x2e, 0x07, 0xbb, 0x81, 0x42, 0xa2, 0xb8, 0x21, 0x75, 0x62, 0x95,
            0xc5, 0x8d
        ]
    );
}
