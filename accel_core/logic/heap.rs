// SPDX-License-Identifier: GPL-2.0

//! Priority queues whose links are in their members: leftist trees.
//!
//! A leftist tree (Crane 1972; Knuth, The Art of Computer Programming, volume 3, 5.2.3) is a binary
//! tree in which no node has a lower key than its parent, and in which the way down to the right is
//! the shortest one to where a child is missing: at most log2(n + 1) nodes. Two trees are merged
//! along these ways, and everything else is a merge. So each operation takes O(log n) steps in the
//! worst case, needs no memory besides the links, and next to nothing if there is one member.

use super::slots::NONE;

/// What decides who is first: the lower one, and of two that are the same, the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) value: u64,
    /// Counts up with each insertion.
    pub(crate) age: u64,
}

/// The place of a member in its queue.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    key: Key,
    parent: u32,
    left: u32,
    right: u32,
    /// How many nodes there are on the way down to the right, with this one.
    rank: u32,
}

impl Link {
    /// The link of a member that is in no queue.
    pub(crate) const ALONE: Self = Self {
        key: Key { value: 0, age: 0 },
        parent: NONE,
        left: NONE,
        right: NONE,
        rank: 0,
    };

    pub(crate) fn key(&self) -> Key {
        self.key
    }
}

/// Where the links are, by the number of their member.
pub(crate) trait Links {
    fn link(&self, at: u32) -> Option<&Link>;
    fn link_mut(&mut self, at: u32) -> Option<&mut Link>;
}

/// Adds a member to the queue whose first one is `root`; returns the first one then.
pub(crate) fn insert(links: &mut impl Links, root: u32, at: u32, key: Key) -> u32 {
    set(links, at, |link| {
        *link = Link {
            key,
            rank: 1,
            ..Link::ALONE
        }
    });
    merge(links, root, at)
}

/// Takes a member out of the queue whose first one is `root`; returns the first one then.
pub(crate) fn remove(links: &mut impl Links, root: u32, at: u32) -> u32 {
    let Link {
        parent,
        left,
        right,
        ..
    } = get(links, at);
    set(links, at, |link| *link = Link::ALONE);
    let rest = merge(links, left, right);
    set(links, rest, |link| link.parent = parent);
    if parent == NONE {
        return rest;
    }
    set(links, parent, |link| match link.left == at {
        true => link.left = rest,
        false => link.right = rest,
    });
    balance_up(links, parent, false);
    root
}

/// Gives a member of the queue another key; returns who is first then.
pub(crate) fn change_key(links: &mut impl Links, root: u32, at: u32, key: Key) -> u32 {
    if fits(links, at, key) {
        set(links, at, |link| link.key = key);
        return root;
    }
    let root = remove(links, root, at);
    insert(links, root, at, key)
}

/// Returns whether a member can stay where it is with another key.
fn fits(links: &impl Links, at: u32, key: Key) -> bool {
    let Some(link) = links.link(at) else {
        return false;
    };
    let is_lower = |other: u32| links.link(other).is_none_or(|other| key < other.key);
    links
        .link(link.parent)
        .is_none_or(|parent| parent.key < key)
        && is_lower(link.left)
        && is_lower(link.right)
}

/// Merges two trees, which have no parents, and returns the root.
fn merge(links: &mut impl Links, mut a: u32, mut b: u32) -> u32 {
    let (mut root, mut last) = (NONE, NONE);
    while a != NONE && b != NONE {
        if get(links, b).key < get(links, a).key {
            core::mem::swap(&mut a, &mut b);
        }
        hang(links, &mut root, last, a);
        last = a;
        a = get(links, a).right;
    }
    let rest = if a == NONE { b } else { a };
    hang(links, &mut root, last, rest);
    balance_up(links, last, true);
    root
}

/// Makes a tree the right child of `last`, or the root.
fn hang(links: &mut impl Links, root: &mut u32, last: u32, tree: u32) {
    if last == NONE {
        *root = tree;
    } else {
        set(links, last, |link| link.right = tree);
    }
    set(links, tree, |link| link.parent = last);
}

/// Makes nodes leftist, from the one whose children have changed upwards: `all` of them, or until
/// the rank of one stays. That is after log2(n + 1) steps at most: either ranks have become lower,
/// then they count up along the way; or higher, then the way is one to the right.
fn balance_up(links: &mut impl Links, mut at: u32, all: bool) {
    while at != NONE {
        let link = get(links, at);
        let (left, right) = (get(links, link.left).rank, get(links, link.right).rank);
        let rank = left.min(right) + 1;
        set(links, at, |link| {
            link.rank = rank;
            if left < right {
                core::mem::swap(&mut link.left, &mut link.right);
            }
        });
        if rank == link.rank && !all {
            return;
        }
        at = link.parent;
    }
}

/// Returns a link; that of nobody is at the end of every way.
fn get(links: &impl Links, at: u32) -> Link {
    links.link(at).copied().unwrap_or(Link::ALONE)
}

fn set(links: &mut impl Links, at: u32, change: impl FnOnce(&mut Link)) {
    if let Some(link) = links.link_mut(at) {
        change(link);
    }
}
