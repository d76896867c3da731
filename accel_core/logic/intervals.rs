// SPDX-License-Identifier: GPL-2.0

//! Disjoint ranges in address order, and the holes between them: a treap, in storage of the caller.
//!
//! A treap is a binary search tree that random ranks keep balanced: no node has a higher rank than
//! its parent. Each node also knows the hole before it and the widest such hole below it, so that a
//! hole is found without a look at all of them. Links are indices, nothing is recursive, and
//! everything takes O(log n) steps, expected, for n ranges; [`Intervals::find_hole`] for each hole
//! that it has to look at.

use core::ops::{
    DerefMut,
    Range, //
};

/// The link that leads nowhere.
const NONE: u32 = u32::MAX;

/// The node that ends the space: empty, after all others, always there. So each hole is before a
/// node.
const END: u32 = 0;

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// One range in the storage of the caller, or the room for one.
#[derive(Clone, Copy)]
pub(crate) struct Node<V> {
    start: u64,
    end: u64,
    /// The bytes between the range before and this one.
    hole: u64,
    /// The widest hole of the subtree.
    widest: u64,
    parent: u32,
    /// Of a vacant node, the left one is the next vacant node.
    children: [u32; 2],
    rank: u32,
    /// `None` if the node is vacant, or ends the space.
    value: Option<V>,
}

impl<V> Node<V> {
    /// What storage is filled with before it is handed over.
    pub(crate) const VACANT: Self = Self {
        start: 0,
        end: 0,
        hole: 0,
        widest: 0,
        parent: NONE,
        children: [NONE; 2],
        rank: 0,
        value: None,
    };
}

/// Where a range is kept; stays right until that range is removed.
#[derive(Clone, Copy)]
pub(crate) struct At(u32);

/// Disjoint ranges within bounds, each with a value.
///
/// # Invariants
///
/// In order of their addresses, the nodes are in order of the tree, and ranges and holes alternate.
pub(crate) struct Intervals<S> {
    nodes: S,
    root: u32,
    /// The first vacant node that was in use before.
    vacant: u32,
    /// Nodes from here on were never in use.
    fresh: u32,
    used: usize,
    random: u64,
}

impl<S, V: Copy> Intervals<S>
where
    S: DerefMut<Target = [Node<V>]>,
{
    /// Makes an empty space within `bounds`, which are in order; `None` if the storage has no room
    /// for one node, which stays in use. `seed` is secret, lest somebody choose addresses that
    /// unbalance the tree.
    pub(crate) fn new(bounds: Range<u64>, seed: u64, mut nodes: S) -> Option<Self> {
        let hole = bounds.end - bounds.start;
        *nodes.first_mut()? = Node {
            start: bounds.end,
            end: bounds.end,
            hole,
            widest: hole,
            ..Node::VACANT
        };
        Some(Self {
            nodes,
            root: END,
            vacant: NONE,
            fresh: END + 1,
            used: 1,
            random: seed | 1,
        })
    }

    /// Returns how many ranges there is room for.
    pub(crate) fn room(&self) -> usize {
        self.nodes.len().min(NONE as usize) - self.used
    }

    /// Changes to a larger storage and returns the old one, or to none and returns `nodes`, if that
    /// is smaller than the old one.
    pub(crate) fn grow(&mut self, mut nodes: S) -> Result<S, S> {
        match nodes.get_mut(..self.nodes.len()) {
            Some(same) => same.copy_from_slice(&self.nodes),
            None => return Err(nodes),
        }
        Ok(core::mem::replace(&mut self.nodes, nodes))
    }

    /// Changes a value.
    pub(crate) fn set(&mut self, at: At, value: V) {
        self.node_mut(at.0).value = Some(value);
    }

    /// Returns the ranges, from the first that ends after `address`.
    pub(crate) fn iter_after(
        &self,
        address: u64,
    ) -> impl Iterator<Item = (At, Range<u64>, V)> + '_ {
        let mut slot = self.slot_after(address);
        core::iter::from_fn(move || {
            let at = At(slot);
            let node = self.node(slot);
            // The end of the space has no value, and nothing is after it.
            let value = node.value?;
            slot = self.next(slot);
            Some((at, node.start..node.end, value))
        })
    }

    /// Adds a range, which is in a hole and not empty; there is room for it.
    pub(crate) fn insert(&mut self, range: Range<u64>, value: V) {
        let next = self.slot_after(range.start);
        let hole = self.hole(next);
        debug_assert!(hole.start <= range.start && range.end <= hole.end);
        self.node_mut(next).hole = hole.end - range.end;
        let slot = self.take_slot();
        *self.node_mut(slot) = Node {
            start: range.start,
            end: range.end,
            hole: range.start - hole.start,
            rank: self.draw(),
            value: Some(value),
            ..Node::VACANT
        };
        self.attach_before(next, slot);
        self.refresh_up(slot);
        while self.rank(self.node(slot).parent) < self.node(slot).rank {
            self.rotate_up(slot);
        }
    }

    /// Removes a range, which is there.
    pub(crate) fn remove(&mut self, at: At) {
        let slot = at.0;
        debug_assert!(self.node(slot).value.is_some());
        let next = self.next(slot);
        self.node_mut(next).hole = self.node(next).start - self.hole(slot).start;
        while let Some(child) = self.higher_child(slot) {
            self.rotate_up(child);
        }
        // Neighbours in order are above each other in the tree: `next` is above.
        let parent = self.node(slot).parent;
        self.replace_child(parent, slot, NONE);
        self.refresh_up(parent);
        *self.node_mut(slot) = Node {
            children: [self.vacant, NONE],
            ..Node::VACANT
        };
        self.vacant = slot;
        self.used -= 1;
    }

    /// Splits a range, which has `address` in it but does not begin there; there is room for the
    /// second half, whose value is `value`.
    pub(crate) fn split(&mut self, at: At, address: u64, value: V) {
        let end = self.node(at.0).end;
        debug_assert!(self.node(at.0).start < address && address < end);
        self.node_mut(at.0).end = address;
        let next = self.next(at.0);
        self.node_mut(next).hole += end - address;
        self.insert(address..end, value);
    }

    /// Returns where `size` bytes fit in the window at a multiple of `alignment`, not 0: in the
    /// first hole in which they do, of those with at least `width` bytes in and out of the window.
    pub(crate) fn find_hole(
        &self,
        window: Range<u64>,
        size: u64,
        alignment: u64,
        width: u64,
    ) -> Option<u64> {
        let mut slot = self.slot_after(window.start);
        loop {
            slot = self.with_hole(slot, width)?;
            let hole = self.hole(slot);
            let start = hole.start.max(window.start);
            let start = start.checked_next_multiple_of(alignment)?;
            let end = hole.end.min(window.end);
            if end.checked_sub(start).is_some_and(|room| room >= size) {
                return Some(start);
            }
            if slot == END || hole.end >= window.end {
                return None;
            }
            slot = self.next(slot);
        }
    }

    /// Returns `slot`, or the first after it that has a hole of at least `width` bytes before it.
    fn with_hole(&self, mut slot: u32, width: u64) -> Option<u32> {
        let mut is_candidate = true;
        while slot != NONE {
            let node = self.node(slot);
            if is_candidate && node.hole >= width {
                return Some(slot);
            }
            if is_candidate && self.widest(node.children[RIGHT]) >= width {
                return self.first_with_hole(node.children[RIGHT], width);
            }
            // The parent comes after this node if this is its left child.
            is_candidate = node.parent != NONE && self.side(node.parent, slot) == LEFT;
            slot = node.parent;
        }
        None
    }

    /// As `with_hole`, of the subtree of `slot`, which has one.
    fn first_with_hole(&self, mut slot: u32, width: u64) -> Option<u32> {
        while slot != NONE {
            let node = self.node(slot);
            slot = if self.widest(node.children[LEFT]) >= width {
                node.children[LEFT]
            } else if node.hole >= width {
                return Some(slot);
            } else {
                node.children[RIGHT]
            };
        }
        None
    }

    /// Returns the first node that ends after `address`, or that ends the space.
    fn slot_after(&self, address: u64) -> u32 {
        let mut found = END;
        let mut slot = self.root;
        while slot != NONE {
            let node = self.node(slot);
            if node.end > address {
                found = slot;
            }
            slot = node.children[usize::from(node.end <= address)];
        }
        found
    }

    /// Returns the node after one that does not end the space.
    fn next(&self, mut slot: u32) -> u32 {
        if self.node(slot).children[RIGHT] != NONE {
            return self.outermost(self.node(slot).children[RIGHT], LEFT);
        }
        loop {
            let parent = self.node(slot).parent;
            if parent == NONE || self.side(parent, slot) == LEFT {
                return parent;
            }
            slot = parent;
        }
    }

    /// Returns the first (`LEFT`) or last (`RIGHT`) node of a subtree.
    fn outermost(&self, mut slot: u32, side: usize) -> u32 {
        while self.node(slot).children[side] != NONE {
            slot = self.node(slot).children[side];
        }
        slot
    }

    /// Returns the hole before a node.
    fn hole(&self, slot: u32) -> Range<u64> {
        let node = self.node(slot);
        node.start - node.hole..node.start
    }

    /// Makes `slot` a leaf, right before `next` in order.
    fn attach_before(&mut self, next: u32, slot: u32) {
        let (parent, side) = match self.node(next).children[LEFT] {
            NONE => (next, LEFT),
            before => (self.outermost(before, RIGHT), RIGHT),
        };
        self.node_mut(parent).children[side] = slot;
        self.node_mut(slot).parent = parent;
    }

    /// Changes places with the parent; order and holes stay.
    fn rotate_up(&mut self, slot: u32) {
        let parent = self.node(slot).parent;
        let side = self.side(parent, slot);
        let inner = self.node(slot).children[1 - side];
        self.replace_child(self.node(parent).parent, parent, slot);
        self.node_mut(slot).children[1 - side] = parent;
        self.node_mut(parent).children[side] = inner;
        self.node_mut(parent).parent = slot;
        if inner != NONE {
            self.node_mut(inner).parent = parent;
        }
        self.refresh(parent);
        self.refresh(slot);
    }

    /// Puts `new` where `old` is below `parent`; the root is below `NONE`.
    fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        if parent == NONE {
            self.root = new;
        } else {
            let side = self.side(parent, old);
            self.node_mut(parent).children[side] = new;
        }
        if new != NONE {
            self.node_mut(new).parent = parent;
        }
    }

    fn higher_child(&self, slot: u32) -> Option<u32> {
        let children = self.node(slot).children.into_iter();
        children
            .filter(|child| *child != NONE)
            .max_by_key(|child| self.node(*child).rank)
    }

    fn refresh(&mut self, slot: u32) {
        let [left, right] = self.node(slot).children.map(|child| self.widest(child));
        let node = self.node_mut(slot);
        node.widest = node.hole.max(left).max(right);
    }

    fn refresh_up(&mut self, mut slot: u32) {
        while slot != NONE {
            self.refresh(slot);
            slot = self.node(slot).parent;
        }
    }

    /// Returns which child of `parent` this is.
    fn side(&self, parent: u32, child: u32) -> usize {
        usize::from(self.node(parent).children[RIGHT] == child)
    }

    fn widest(&self, slot: u32) -> u64 {
        match slot {
            NONE => 0,
            slot => self.node(slot).widest,
        }
    }

    /// Returns the rank of a node; nothing is above `NONE`.
    fn rank(&self, slot: u32) -> u32 {
        match slot {
            NONE => u32::MAX,
            slot => self.node(slot).rank,
        }
    }

    /// Draws a random rank: xorshift64.
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) as u32
    }

    fn take_slot(&mut self) -> u32 {
        self.used += 1;
        if self.vacant == NONE {
            self.fresh += 1;
            return self.fresh - 1;
        }
        let slot = self.vacant;
        self.vacant = self.node(slot).children[LEFT];
        slot
    }

    fn node(&self, slot: u32) -> &Node<V> {
        &self.nodes[slot as usize]
    }

    fn node_mut(&mut self, slot: u32) -> &mut Node<V> {
        &mut self.nodes[slot as usize]
    }
}
