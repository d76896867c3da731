// SPDX-License-Identifier: GPL-2.0

//! The last events of a device, for readers that each have a pace of their own.

use core::ops::{
    Deref,
    DerefMut, //
};

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<E> {
    /// The event with this number.
    Event(u64, E),
    /// So many, from this number on, are not kept any more.
    Dropped(u64, u64),
}

/// A ring of events of type `E` in the storage `B`, which decides how many are kept.
///
/// Numbers count up from 1: event `n` is in slot `n % slots` until event `n + slots` is there.
pub(crate) struct EventRing<B> {
    slots: B,
    last: u64,
}

impl<B> EventRing<B> {
    /// Makes an empty ring; without a slot nothing is kept.
    pub(crate) const fn new(slots: B) -> Self {
        Self { slots, last: 0 }
    }

    /// Adds an event.
    pub(crate) fn push<E>(&mut self, event: E)
    where
        B: DerefMut<Target = [E]>,
    {
        self.last += 1;
        let place = index(self.last, self.slots.len());
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            *slot = event;
        }
    }

    /// Returns the number of the oldest event that is kept, or of the next one if there is none.
    pub(crate) fn oldest<E>(&self) -> u64
    where
        B: Deref<Target = [E]>,
    {
        let kept = self.slots.len() as u64;
        self.last.saturating_sub(kept) + 1
    }

    /// Returns what a reader comes to who wants events from number `next` on, but only those that
    /// `is_wanted`, and where it goes on after that; `None` if there is nothing yet.
    pub(crate) fn after<E: Copy>(
        &self,
        mut next: u64,
        is_wanted: impl Fn(&E) -> bool,
    ) -> Option<(Next<E>, u64)>
    where
        B: Deref<Target = [E]>,
    {
        let oldest = self.oldest();
        if next < oldest {
            return Some((Next::Dropped(next, oldest - next), oldest));
        }
        while next <= self.last {
            let place = index(next, self.slots.len());
            let event = place.and_then(|place| self.slots.get(place))?;
            if is_wanted(event) {
                return Some((Next::Event(next, *event), next + 1));
            }
            next += 1;
        }
        None
    }
}

/// Returns the slot of an event.
fn index(number: u64, slots: usize) -> Option<usize> {
    // CAST: Less than `slots`.
    number.checked_rem(slots as u64).map(|slot| slot as usize)
}
