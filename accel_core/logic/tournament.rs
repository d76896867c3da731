// SPDX-License-Identifier: GPL-2.0

//! Who of some players is first: tournament trees, whose nodes are in the players.
//!
//! The players are the leaves of a binary tree (Knuth, The Art of Computer Programming, volume 3,
//! 5.2.3), and each node knows who is first on either side of it. If the key of one changes, that is
//! told upwards as far as it makes a difference. There is a tournament in each of some lanes, with
//! the same tree: who takes no part in a lane has no key there.
//!
//! The tree itself only changes if somebody joins or leaves. Who joins goes to where the fewest are,
//! and nobody is moved down otherwise: of n players, the most that ever were there, nobody has more
//! than log2(n) + 1 nodes above. That is how many steps each operation takes in the worst case.

use super::slots::NONE;

/// How many lanes there are.
pub(crate) const LANES: usize = 1 + super::schedule::ENGINES;

/// A player and what decides who is first: the lower key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: u64,
    /// [`NONE`] if it is nobody.
    pub(crate) player: u32,
}

impl Entry {
    /// After everybody.
    pub(crate) const NOBODY: Self = Self {
        key: u64::MAX,
        player: NONE,
    };

    /// Makes an entry; the two highest keys are one.
    pub(crate) fn new(key: u64, player: u32) -> Self {
        Self {
            key: key.min(u64::MAX - 1),
            player,
        }
    }

    /// Returns the first of two.
    pub(crate) fn or_earlier(self, other: Self) -> Self {
        match other.key < self.key {
            true => other,
            false => self,
        }
    }
}

/// A side of a node: twice its number, and one more on the right. The top of the tree is beyond all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const TOP: Self = Self(NONE);

    fn new(node: u32, side: usize) -> Self {
        Self(node << 1 | side as u32)
    }

    fn node(self) -> u32 {
        self.0 >> 1
    }

    fn side(self) -> usize {
        self.0 as usize & 1
    }
}

/// What is at a place.
#[derive(Clone, Copy)]
enum Child {
    Nobody,
    Player(u32),
    Node(u32),
}

/// A node, by the number of the player that has it. What is said twice, is of either side.
#[derive(Clone, Copy)]
struct Node {
    up: Place,
    children: [Child; 2],
    players: [u32; 2],
    first: [[Entry; 2]; LANES],
}

impl Node {
    /// Is in no tree.
    const UNUSED: Self = Self {
        up: Place::TOP,
        children: [Child::Nobody; 2],
        players: [0; 2],
        first: [[Entry::NOBODY; 2]; LANES],
    };
}

/// The place of a player, and a node for its tree, which has one less than players.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    place: Place,
    node: Node,
}

impl Seat {
    /// The seat of a player that has not joined.
    pub(crate) const NEW: Self = Self {
        place: Place::TOP,
        node: Node::UNUSED,
    };
}

/// Where the seats are, by the number of their player.
pub(crate) trait Seats {
    fn seat(&self, player: u32) -> Option<&Seat>;
    fn seat_mut(&mut self, player: u32) -> Option<&mut Seat>;
}

/// Some players.
#[derive(Clone, Copy)]
pub(crate) struct Tournament {
    top: Child,
    first: [Entry; LANES],
}

impl Tournament {
    pub(crate) const EMPTY: Self = Self {
        top: Child::Nobody,
        first: [Entry::NOBODY; LANES],
    };

    /// Returns who is first in a lane.
    pub(crate) fn first(&self, lane: u32) -> Entry {
        self.first
            .get(lane as usize)
            .copied()
            .unwrap_or(Entry::NOBODY)
    }

    /// Changes what a player, who has joined, has in a lane: [`Entry::NOBODY`] to take no part.
    #[inline]
    pub(crate) fn set(&mut self, seats: &mut impl Seats, player: u32, lane: u32, entry: Entry) {
        let place = match self.top {
            Child::Node(_) => seats.seat(player).map_or(Place::TOP, |seat| seat.place),
            _ => Place::TOP,
        };
        let first = match place {
            Place::TOP => Some(entry),
            _ => climb(seats, place, lane as usize, entry),
        };
        if let (Some(mine), Some(first)) = (self.first.get_mut(lane as usize), first) {
            *mine = first;
        }
    }

    /// Adds a player, who takes no part in any lane yet. Its seat is new.
    pub(crate) fn join(&mut self, seats: &mut impl Seats, player: u32) {
        let mut place = Place::TOP;
        let mut child = self.top;
        while let Child::Node(at) = child {
            let Some(Seat { node, .. }) = seats.seat_mut(at) else {
                return;
            };
            let side = usize::from(node.players[1] < node.players[0]);
            node.players[side] += 1;
            child = node.children[side];
            place = Place::new(at, side);
        }
        let Child::Player(other) = child else {
            return self.put(seats, Place::TOP, Child::Player(player));
        };
        let first = match seats.seat(place.node()) {
            Some(seat) => seat.node.first.map(|sides| sides[place.side()]),
            None => self.first,
        };
        let node = Node {
            up: place,
            children: [other, player].map(Child::Player),
            players: [1; 2],
            first: first.map(|entry| [entry, Entry::NOBODY]),
        };
        self.put_node(seats, player, node);
    }

    /// Removes a player, who takes no part in any lane any more.
    pub(crate) fn leave(&mut self, seats: &mut impl Seats, player: u32) {
        let place = seats.seat(player).map_or(Place::TOP, |seat| seat.place);
        let Some(&Seat { node, .. }) = seats.seat(place.node()) else {
            self.top = Child::Nobody;
            return;
        };
        let mut above = place;
        while let Some(Seat { node, .. }) = seats.seat_mut(above.node()) {
            node.players[above.side()] -= 1;
            above = node.up;
        }
        self.put(seats, node.up, node.children[1 - place.side()]);
        // The node above is not needed any more, the player's own is, perhaps.
        if let Some(seat) = seats.seat_mut(place.node()) {
            seat.node = Node::UNUSED;
        }
        let Some(seat) = seats.seat_mut(player) else {
            return;
        };
        let Seat { node, .. } = core::mem::replace(seat, Seat::NEW);
        if !matches!(node.children, [Child::Nobody, _]) {
            self.put_node(seats, place.node(), node);
        }
    }

    /// Puts a node, with what is below, where it says to be.
    fn put_node(&mut self, seats: &mut impl Seats, at: u32, node: Node) {
        if let Some(seat) = seats.seat_mut(at) {
            seat.node = node;
        }
        self.put(seats, node.up, Child::Node(at));
        for (side, child) in node.children.into_iter().enumerate() {
            self.put(seats, Place::new(at, side), child);
        }
    }

    fn put(&mut self, seats: &mut impl Seats, place: Place, child: Child) {
        match seats.seat_mut(place.node()) {
            Some(seat) => seat.node.children[place.side()] = child,
            None => self.top = child,
        }
        match child {
            Child::Player(player) => {
                if let Some(seat) = seats.seat_mut(player) {
                    seat.place = place;
                }
            }
            Child::Node(at) => {
                if let Some(seat) = seats.seat_mut(at) {
                    seat.node.up = place;
                }
            }
            Child::Nobody => (),
        }
    }
}

/// Changes what is at a place, and above as far as it makes a difference; returns who is first of all
/// if it goes to the top.
#[inline(never)]
fn climb(seats: &mut impl Seats, mut place: Place, lane: usize, mut entry: Entry) -> Option<Entry> {
    if lane >= LANES {
        return None;
    }
    while let Some(Seat { node, .. }) = seats.seat_mut(place.node()) {
        let first = &mut node.first[lane];
        let mine = &mut first[place.side()];
        if *mine == entry {
            return None;
        }
        *mine = entry;
        entry = entry.or_earlier(first[1 - place.side()]);
        place = node.up;
    }
    Some(entry)
}
