// SPDX-License-Identifier: GPL-2.0
//! Heaps against sorted lists, slots against maps.

use crate::heap::{self, Key, Link, Links};
use crate::slots::{Id, NONE, Slot, Slots};
use proptest::prelude::*;

struct Members(Vec<Link>);

impl Links for Members {
    fn link(&self, at: u32) -> Option<&Link> {
        self.0.get(at as usize)
    }

    fn link_mut(&mut self, at: u32) -> Option<&mut Link> {
        self.0.get_mut(at as usize)
    }
}

proptest! {
    /// Whatever is inserted, removed and changed, the first one has the lowest key.
    #[test]
    fn the_first_of_a_heap_is_the_first_of_a_list(
        steps in prop::collection::vec((0..64u32, 0..20u64, any::<bool>()), 0..400)
    ) {
        let mut members = Members(vec![Link::ALONE; 64]);
        let mut list: Vec<(Key, u32)> = Vec::new();
        let mut root = NONE;
        for (age, (at, value, change)) in steps.into_iter().enumerate() {
            let key = Key { value, age: age as u64 };
            match list.iter().position(|member| member.1 == at) {
                None => {
                    root = heap::insert(&mut members, root, at, key);
                    list.push((key, at));
                }
                Some(place) if change => {
                    root = heap::change_key(&mut members, root, at, key);
                    list[place].0 = key;
                }
                Some(place) => {
                    root = heap::remove(&mut members, root, at);
                    list.remove(place);
                }
            }
            let first = list.iter().min().map_or(NONE, |member| member.1);
            prop_assert_eq!(root, first);
        }
    }

    /// No name is used twice, and a name is good until what it names is removed.
    #[test]
    fn slots_know_their_names(steps in prop::collection::vec(any::<(bool, usize)>(), 0..100)) {
        let mut slots = Slots::new(vec![Slot::<usize>::VACANT; 4]);
        let mut all: Vec<(Id, Option<usize>)> = Vec::new();
        for (number, (insert, which)) in steps.into_iter().enumerate() {
            if insert {
                let there = all.iter().filter(|(_, value)| value.is_some()).count();
                match slots.insert(number) {
                    Some(id) => {
                        prop_assert!(all.iter().all(|(other, _)| *other != id));
                        all.push((id, Some(number)));
                    }
                    None => {
                        prop_assert_eq!(there, slots.len());
                        let grown = slots.grow(vec![Slot::VACANT; slots.len() + 1]);
                        prop_assert!(grown.is_ok());
                    }
                }
            } else if !all.is_empty() {
                let which = which % all.len();
                prop_assert_eq!(slots.remove(all[which].0), all[which].1.take());
            }
            for (id, value) in &all {
                prop_assert_eq!(slots.get(*id), value.as_ref());
            }
        }
    }
}

/// A heap that has been through a lot is no deeper to the right than it may be.
#[test]
fn removing_any_member_takes_few_steps() {
    struct Counting(Members, std::cell::Cell<usize>);
    impl Links for Counting {
        fn link(&self, at: u32) -> Option<&Link> {
            self.1.set(self.1.get() + 1);
            self.0.link(at)
        }
        fn link_mut(&mut self, at: u32) -> Option<&mut Link> {
            self.0.link_mut(at)
        }
    }
    const COUNT: u32 = 1024;
    let mut links = Counting(Members(vec![Link::ALONE; COUNT as usize]), 0.into());
    let mut root = NONE;
    let key = |age: u64| Key {
        value: age.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40,
        age,
    };
    for at in 0..COUNT {
        root = heap::insert(&mut links, root, at, key(at.into()));
    }
    for age in 0..20_000u64 {
        // Now and then the first one, and those with keys that only grow, as of virtual times.
        let at = if age % 3 == 0 {
            root
        } else {
            (age * 7 % u64::from(COUNT)) as u32
        };
        links.1.set(0);
        let value = if age % 2 == 0 { key(age).value } else { age };
        root = heap::change_key(
            &mut links,
            root,
            at,
            Key {
                value,
                age: age + 5000,
            },
        );
        // Some steps of a look at a few links, for each of the at most 3 * log2(1025) nodes.
        assert!(links.1.get() <= 300, "{} links", links.1.get());
    }
}
