// SPDX-License-Identifier: GPL-2.0

//! Groups of messages: who may send and receive in one (Documentation/devices/qda/collective.rst).
//!
//! Whoever has a queue with the number of a group can take the messages of the others, on any card that
//! links lead to, and give them his. So a number is that of one user, on all cards of this machine, from
//! his first queue with it until his last one is gone. A user's processes need not be kept apart: they
//! can look into each other's memory as well.

use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full, //
    },
};

/// How many groups there may be at a time.
const PLACES: usize = 256;

/// The groups that there are. Queues are made where nothing may be allocated, nor a lock be taken that
/// is held over an allocation.
static GROUPS: [Atomic<u64>; PLACES] = [const { Atomic::new(0) }; PLACES];

/// What is in a place: a group, whose it is, and how many queues are in it. There is none if these are
/// none, which all bits are 0 of then.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Group {
    number: u16,
    user: u32,
    members: u16,
}

impl Group {
    fn from_bits(bits: u64) -> Option<Self> {
        // CAST: The fields of `bits`.
        let group = Self {
            number: (bits >> 16) as u16,
            user: (bits >> 32) as u32,
            members: bits as u16,
        };
        (group.members != 0).then_some(group)
    }

    fn bits(self) -> u64 {
        match self.members {
            0 => 0,
            members => {
                u64::from(self.user) << 32 | u64::from(self.number) << 16 | u64::from(members)
            }
        }
    }
}

/// A place in a group; given back when dropped.
pub(crate) struct Member(&'static Atomic<u64>);

impl Member {
    /// Joins a group for a user. EBUSY: it is another user's; ENOSPC: there are too many groups, or
    /// members.
    pub(crate) fn join(number: u16, user: u32) -> Result<Self> {
        let places = || GROUPS.iter().map(|place| (place, place.load(Acquire)));
        let is_mine = |group: Group| (group.number, group.user) == (number, user);
        let empty = Group {
            number,
            user,
            members: 0,
        };
        loop {
            if is_others(number, user) {
                return Err(EBUSY);
            }
            let mine = places().find(|(_, bits)| Group::from_bits(*bits).is_some_and(is_mine));
            let found = mine.or_else(|| places().find(|(_, bits)| *bits == 0));
            let (place, before) = found.ok_or(ENOSPC)?;
            let group = Group::from_bits(before).unwrap_or(empty);
            let members = group.members.checked_add(1).ok_or(ENOSPC)?;
            let after = Group { members, ..group }.bits();
            if place.cmpxchg(before, after, Full).is_ok() {
                let member = Self(place);
                // Somebody else may have begun with it meanwhile, and must not have it, too.
                return match is_others(number, user) {
                    true => Err(EBUSY),
                    false => Ok(member),
                };
            }
        }
    }
}

/// Returns whether a group is that of another user.
fn is_others(number: u16, user: u32) -> bool {
    let groups = GROUPS
        .iter()
        .map(|place| Group::from_bits(place.load(Acquire)));
    groups
        .flatten()
        .any(|group| group.number == number && group.user != user)
}

impl Drop for Member {
    fn drop(&mut self) {
        loop {
            let bits = self.0.load(Acquire);
            let Some(group) = Group::from_bits(bits) else {
                return;
            };
            let members = group.members - 1;
            if self
                .0
                .cmpxchg(bits, Group { members, ..group }.bits(), Full)
                .is_ok()
            {
                return;
            }
        }
    }
}
