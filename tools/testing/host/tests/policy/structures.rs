// SPDX-License-Identifier: GPL-2.0
//! Tournaments against lists, slots against maps.

use crate::schedule::{ClientSlot, ENGINES, Schedule, Used};
use crate::slots::{Id, Slot, Slots};
use crate::tournament::{Entry, LANES, Seat, Seats, Tournament};
use proptest::prelude::*;

/// The seats, and how often one was looked at.
struct Room(Vec<Seat>, usize);

impl Seats for Room {
    fn seat(&self, player: u32) -> Option<&Seat> {
        self.0.get(player as usize)
    }

    fn seat_mut(&mut self, player: u32) -> Option<&mut Seat> {
        self.1 += 1;
        self.0.get_mut(player as usize)
    }
}

/// Players and what they have in the lanes, beside the tournament.
struct Both {
    tournament: Tournament,
    room: Room,
    list: Vec<Option<[Entry; LANES]>>,
}

impl Both {
    fn new(players: usize) -> Self {
        Self {
            tournament: Tournament::EMPTY,
            room: Room(vec![Seat::NEW; players], 0),
            list: vec![None; players],
        }
    }

    fn join(&mut self, player: u32) {
        self.tournament.join(&mut self.room, player);
        self.list[player as usize] = Some([Entry::NOBODY; LANES]);
    }

    fn set(&mut self, player: u32, lane: usize, entry: Entry) {
        self.tournament
            .set(&mut self.room, player, lane as u32, entry);
        self.list[player as usize].as_mut().unwrap()[lane] = entry;
    }

    fn leave(&mut self, player: u32) {
        for lane in 0..LANES {
            self.set(player, lane, Entry::NOBODY);
        }
        self.tournament.leave(&mut self.room, player);
        self.list[player as usize] = None;
    }

    fn is_there(&self, player: u32) -> bool {
        self.list[player as usize].is_some()
    }

    /// The first one of each lane has the lowest key there.
    fn check(&self) {
        for lane in 0..LANES {
            let entries = self.list.iter().flatten().map(|entries| entries[lane]);
            let lowest = entries.min_by_key(|entry| entry.key);
            let lowest = lowest.unwrap_or(Entry::NOBODY);
            let first = self.tournament.first(lane as u32);
            assert_eq!(first.key, lowest.key);
            if first != Entry::NOBODY {
                let found = self.list[first.player as usize].unwrap();
                assert_eq!(found[lane], first);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    JoinOrLeave(u32),
    Set(u32, usize, u64),
    Pause(u32, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let player = || 0..24u32;
    prop_oneof![
        2 => player().prop_map(Step::JoinOrLeave),
        4 => (player(), 0..LANES, 0..20u64).prop_map(|(player, lane, key)| Step::Set(player, lane, key)),
        1 => (player(), 0..LANES).prop_map(|(player, lane)| Step::Pause(player, lane)),
    ]
}

proptest! {
    /// Whoever joins, leaves and gets another key, the first one of each lane is known.
    #[test]
    fn the_first_of_a_tournament_is_the_first_of_a_list(steps in prop::collection::vec(step(), 0..400)) {
        let mut both = Both::new(24);
        for step in steps {
            match step {
                Step::JoinOrLeave(player) if both.is_there(player) => both.leave(player),
                Step::JoinOrLeave(player) => both.join(player),
                Step::Set(player, lane, key) if both.is_there(player) => {
                    both.set(player, lane, Entry::new(key, player));
                }
                Step::Pause(player, lane) if both.is_there(player) => {
                    both.set(player, lane, Entry::NOBODY);
                }
                _ => (),
            }
            both.check();
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

/// Whoever has come and gone, nobody is deeper in the tree than the most players allow.
#[test]
fn any_change_takes_few_steps() {
    const COUNT: u32 = 256;
    /// log2(n) + 1.
    const DEPTH: usize = 8 + 1;
    let mut both = Both::new(COUNT as usize);
    (0..COUNT).for_each(|player| both.join(player));
    let mut key = u64::from(u32::MAX);
    for round in 0..200 {
        let mut depths: Vec<(usize, u32)> = Vec::new();
        for player in 0..COUNT {
            // The first one of all, so that it is told to the top.
            key -= 1;
            both.room.1 = 0;
            both.set(player, 0, Entry::new(key, player));
            assert_eq!(both.tournament.first(0).player, player);
            depths.push((both.room.1 - 1, player));
        }
        // Of the same depth, neighbours one after the other: who joins goes right and left in turn.
        depths.sort_by_key(|(depth, player)| (*depth, player.reverse_bits()));
        let deepest = depths[COUNT as usize - 1].0;
        assert!(deepest <= DEPTH, "{deepest} steps in round {round}");
        // Those who are deep stay, and the others look for a place again.
        let movers = &depths[..COUNT as usize / 2 - 1];
        movers.iter().for_each(|(_, player)| both.leave(*player));
        movers.iter().for_each(|(_, player)| both.join(*player));
    }
}

#[test]
fn what_engines_did_for_a_client_is_kept_until_it_goes() {
    let slots = vec![ClientSlot::VACANT; 2];
    let mut schedule = Schedule::new(ENGINES, slots, Vec::new());
    let [first, second] = [(); 2].map(|()| schedule.add_client().unwrap());
    schedule.note(first, 0, Used { ns: 5, jobs: 0 });
    schedule.note(first, 0, Used { ns: 2, jobs: 1 });
    schedule.note(second, ENGINES - 1, Used { ns: 9, jobs: 1 });
    let _ = schedule.grow_clients(vec![ClientSlot::VACANT; 4]);
    assert_eq!(schedule.used(first, 0), Used { ns: 7, jobs: 1 });
    assert_eq!(schedule.used(first, 1), Used::default());
    assert_eq!(schedule.used(second, ENGINES - 1).ns, 9);
    // What is of no engine, or nobody, is nobody's.
    schedule.note(first, ENGINES, Used { ns: 1, jobs: 1 });
    schedule.remove_client(first).unwrap();
    schedule.note(first, 0, Used { ns: 1, jobs: 1 });
    assert_eq!(schedule.used(first, 0), Used::default());
    let third = schedule.add_client().unwrap();
    assert_eq!(schedule.used(third, 0), Used::default());
}
