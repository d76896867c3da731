// SPDX-License-Identifier: GPL-2.0

//! The points of a timeline: their order, how far it has come, and how far it is backed.
//!
//! A point is reserved, then backed or completed, in any order with others; or it vanishes. The
//! timeline has come as far as all points up to there are done, and is backed as far as all points
//! up to there are backed or done. Both only grow.

use core::marker::PhantomData;

/// Why a point was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not later than the last one.
    NotLater,
    /// All slots are taken: see [`Points::take_ended`] and [`Points::replace`].
    Full,
}

/// A point that was added; reserved unless it says otherwise.
pub(crate) struct Point<B> {
    value: u64,
    backing: Option<B>,
    is_done: bool,
}

impl<B> Point<B> {
    fn is_backed(&self) -> bool {
        self.is_done || self.backing.is_some()
    }
}

/// A slot of the storage.
pub(crate) type Slot<B> = Option<Point<B>>;

/// The points in the slots `S`, which decide how many there can be; `B` is what backs one.
///
/// Nothing is ever dropped here, but by the caller, who has what it takes out.
///
/// # Invariants
///
/// `slots` is a ring: `len` points from `head` on, in ascending order. The first `done` of them are
/// done, the one after these is not; the first `backed` are backed or done, the one after these is
/// not. `value` is that of the last one of the former, when it was there.
pub(crate) struct Points<B, S> {
    slots: S,
    head: usize,
    len: usize,
    done: usize,
    backed: usize,
    value: u64,
    _backing: PhantomData<B>,
}

impl<B, S> Points<B, S>
where
    S: AsRef<[Slot<B>]> + AsMut<[Slot<B>]>,
{
    /// Makes a timeline that has come to `value`, without points.
    pub(crate) fn new(value: u64, slots: S) -> Self {
        Self {
            slots,
            head: 0,
            len: 0,
            done: 0,
            backed: 0,
            value,
            _backing: PhantomData,
        }
    }

    /// Returns how far it has come.
    pub(crate) fn value(&self) -> u64 {
        self.value
    }

    /// Returns how far it is backed.
    pub(crate) fn backed(&self) -> u64 {
        self.value_before(self.backed)
    }

    /// Returns the last point that was added, or how far it has come.
    pub(crate) fn last(&self) -> u64 {
        self.value_before(self.len)
    }

    /// Returns how many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.slots.as_ref().len()
    }

    /// Adds a point that is not backed yet.
    pub(crate) fn reserve(&mut self, value: u64) -> Result<(), Refused> {
        if value <= self.last() {
            return Err(Refused::NotLater);
        }
        let at = self.slot(self.len).ok_or(Refused::Full)?;
        if self.len == self.slots() {
            return Err(Refused::Full);
        }
        if let Some(slot) = self.slots.as_mut().get_mut(at) {
            *slot = Some(Point {
                value,
                backing: None,
                is_done: false,
            });
            self.len += 1;
        }
        Ok(())
    }

    /// Takes a reserved point back, as if it had never been added.
    pub(crate) fn vanish(&mut self, value: u64) {
        let Some(at) = self.find(value) else { return };
        if self.get(at).is_none_or(Point::is_backed) {
            return;
        }
        for at in at..self.len - 1 {
            if let (Some(to), Some(from)) = (self.slot(at), self.slot(at + 1)) {
                self.slots.as_mut().swap(to, from);
            }
        }
        self.len -= 1;
        if let Some(at) = self.slot(self.len) {
            if let Some(slot) = self.slots.as_mut().get_mut(at) {
                // A reserved point has nothing to drop.
                *slot = None;
            }
        }
        self.advance();
    }

    /// Backs a reserved point. Gives `with` back if it is not needed, as the point is done.
    pub(crate) fn back(&mut self, value: u64, with: B) -> Option<B> {
        match self.find(value).and_then(|at| self.get_mut(at)) {
            Some(point) if !point.is_backed() => point.backing = Some(with),
            _ => return Some(with),
        }
        self.advance();
        None
    }

    /// Completes a point, which is then done, whether it was backed or not.
    pub(crate) fn complete(&mut self, value: u64) {
        if let Some(point) = self.find(value).and_then(|at| self.get_mut(at)) {
            point.is_done = true;
            self.advance();
        }
    }

    /// Goes to `value`, if that is more, where there are no points.
    pub(crate) fn jump(&mut self, value: u64) {
        if self.len == 0 {
            self.value = self.value.max(value);
        }
    }

    /// Takes the first point out if the timeline has come beyond it, and returns what backed it.
    pub(crate) fn take_ended(&mut self) -> Option<Option<B>> {
        if self.done == 0 {
            return None;
        }
        let at = self.slot(0)?;
        let point = self.slots.as_mut().get_mut(at)?.take()?;
        self.head = self.slot(1)?;
        self.len -= 1;
        self.done -= 1;
        self.backed -= 1;
        Some(point.backing)
    }

    /// Goes on with other slots, all empty, and returns the old ones; or the new ones, if they are
    /// too few.
    pub(crate) fn replace(&mut self, mut slots: S) -> S {
        if slots.as_ref().len() < self.len {
            return slots;
        }
        for (at, to) in (0..self.len).zip(slots.as_mut()) {
            if let Some(from) = self.slot(at) {
                *to = self.slots.as_mut().get_mut(from).and_then(Option::take);
            }
        }
        self.head = 0;
        core::mem::replace(&mut self.slots, slots)
    }

    /// Returns what the timeline needs to come to `value`, or `None` if it is not backed so far.
    pub(crate) fn behind(&self, value: u64) -> Option<impl Iterator<Item = &B>> {
        if value > self.backed() {
            return None;
        }
        let end = match value > self.value {
            true => self.first_from(value) + 1,
            false => 0,
        };
        let pending = (self.done..end).filter_map(|at| self.get(at));
        Some(
            pending
                .filter(|p| !p.is_done)
                .filter_map(|p| p.backing.as_ref()),
        )
    }

    /// Keeps the invariants of `done`, `backed` and `value` after a point has changed.
    fn advance(&mut self) {
        while let Some(point) = self.get(self.done).filter(|point| point.is_done) {
            self.value = point.value;
            self.done += 1;
        }
        self.backed = self.backed.max(self.done);
        while self.get(self.backed).is_some_and(Point::is_backed) {
            self.backed += 1;
        }
    }

    /// Returns the value of the last of the first `count` points that is not behind the timeline.
    fn value_before(&self, count: usize) -> u64 {
        match count > self.done {
            true => self.get(count - 1).map_or(self.value, |p| p.value),
            false => self.value,
        }
    }

    /// Returns the place of a point.
    fn find(&self, value: u64) -> Option<usize> {
        let at = self.first_from(value);
        (self.get(at)?.value == value).then_some(at)
    }

    /// Returns the place of the first point that is at least `value`.
    fn first_from(&self, value: u64) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(point) if point.value < value => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn slot(&self, at: usize) -> Option<usize> {
        (self.head + at).checked_rem(self.slots())
    }

    fn get(&self, at: usize) -> Option<&Point<B>> {
        let slot = (at < self.len).then(|| self.slot(at))??;
        self.slots.as_ref().get(slot)?.as_ref()
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Point<B>> {
        let slot = (at < self.len).then(|| self.slot(at))??;
        self.slots.as_mut().get_mut(slot)?.as_mut()
    }
}
