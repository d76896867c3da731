// SPDX-License-Identifier: GPL-2.0

//! Who is to be told that a timeline is somewhere: waits, eventfds, jobs.
//!
//! Telling allocates nothing, and costs the same whoever else waits: watchers are sorted by their
//! points.

use core::mem::replace;
use kernel::{
    prelude::*,
    rbtree::{
        CursorMut,
        RBTree,
        RBTreeNode,
        RBTreeNodeReservation, //
    },
    sync::Arc, //
};

/// What a watcher waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// The point is done.
    Done,
    /// The point is backed, or done.
    Backed,
}

impl Until {
    pub(crate) const ALL: [Self; 2] = [Until::Done, Until::Backed];
}

/// Somebody who can be told.
pub(crate) trait Notify: Send + Sync + 'static {
    /// The point is reached, or never will be: ENOENT, the timeline was closed; ENODEV, the device
    /// is gone. Called once for each watcher; `index` tells several of them apart.
    ///
    /// Any context, with the lock of the timeline, and perhaps that of a fence, held: nothing may
    /// sleep, allocate or drop, and no timeline and no fence be used. Queue work for that.
    fn notify(&self, index: usize, result: Result);
}

/// Who is told about a point.
pub(crate) struct Watcher {
    pub(crate) notify: Arc<dyn Notify>,
    pub(crate) index: usize,
    /// Nobody takes it back.
    pub(crate) is_left: bool,
}

impl Watcher {
    pub(crate) fn tell(&self, result: Result) {
        self.notify.notify(self.index, result);
    }
}

/// A point, and a number that tells watchers of the same point apart.
pub(crate) type Key = (u64, u64);

pub(crate) type Reservation = RBTreeNodeReservation<Key, Watcher>;
type Tree = RBTree<Key, Watcher>;

/// The watchers of a timeline.
pub(crate) struct Watchers {
    done: Tree,
    backed: Tree,
    /// Who has been told, and is to be dropped without the lock.
    told: Tree,
    left: usize,
    number: u64,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            done: RBTree::new(),
            backed: RBTree::new(),
            told: RBTree::new(),
            left: 0,
            number: 0,
        }
    }

    /// Returns how many that nobody takes back have not been told.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Adds one, and returns by what it can be removed.
    pub(crate) fn add(
        &mut self,
        until: Until,
        point: u64,
        watcher: Watcher,
        place: Reservation,
    ) -> Key {
        self.number += 1;
        self.left += usize::from(watcher.is_left);
        let key = (point, self.number);
        // Nothing is replaced: the number is new.
        self.tree(until).insert(place.into_node(key, watcher));
        key
    }

    /// Takes one back, unless it was told.
    pub(crate) fn remove(&mut self, until: Until, key: &Key) -> Option<RBTreeNode<Key, Watcher>> {
        self.tree(until).remove_node(key)
    }

    /// Tells all who wait for what is `reached`, and all who wait for what is beyond the point that
    /// `lost` names.
    pub(crate) fn tell(&mut self, until: Until, reached: u64, lost: Option<(Error, u64)>) {
        let (tree, told) = match until {
            Until::Done => (&mut self.done, &mut self.told),
            Until::Backed => (&mut self.backed, &mut self.told),
        };
        while let Some(first) = tree.cursor_front_mut() {
            if first.current().0 .0 > reached {
                break;
            }
            self.left -= tell_one(first, told, Ok(()));
        }
        let Some((error, last)) = lost else { return };
        while let Some(end) = tree.cursor_back_mut() {
            if end.current().0 .0 <= last {
                break;
            }
            self.left -= tell_one(end, told, Err(error));
        }
    }

    /// Takes those out who have been told; to be dropped without any lock.
    #[must_use]
    pub(crate) fn take_told(&mut self) -> Option<Tree> {
        (!self.told.is_empty()).then(|| replace(&mut self.told, RBTree::new()))
    }

    fn tree(&mut self, until: Until) -> &mut Tree {
        match until {
            Until::Done => &mut self.done,
            Until::Backed => &mut self.backed,
        }
    }
}

/// Returns how many of those that nobody takes back it was.
fn tell_one(at: CursorMut<'_, Key, Watcher>, told: &mut Tree, result: Result) -> usize {
    let watcher = at.current().1;
    let left = usize::from(watcher.is_left);
    watcher.tell(result);
    let (_, node) = at.remove_current();
    told.insert(node);
    left
}
