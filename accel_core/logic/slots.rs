// SPDX-License-Identifier: GPL-2.0

//! Slots in storage of the caller, by names that are never used twice.
//!
//! A name has the generation of its slot in it, which changes whenever the slot is vacated: a name
//! that is kept for too long is the name of nothing. Everything takes a constant number of steps.

use core::ops::DerefMut;

/// The slot that is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// The name of what is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    slot: u32,
    generation: u32,
}

impl Id {
    /// Returns the slot, for tables of the caller that go along.
    pub(crate) fn slot(self) -> u32 {
        self.slot
    }
}

/// One slot.
#[derive(Clone, Copy)]
pub(crate) struct Slot<V> {
    generation: u32,
    /// If it is vacant: the next one that is.
    next: u32,
    value: Option<V>,
}

impl<V> Slot<V> {
    /// What storage is filled with before it is handed over.
    pub(crate) const VACANT: Self = Self {
        generation: 0,
        next: NONE,
        value: None,
    };
}

/// Values of type `V` in the storage `S`.
pub(crate) struct Slots<S> {
    slots: S,
    /// The first vacant slot that was in use before.
    vacant: u32,
    /// Slots from here on were never in use.
    fresh: u32,
}

impl<S, V: Copy> Slots<S>
where
    S: DerefMut<Target = [Slot<V>]>,
{
    pub(crate) fn new(slots: S) -> Self {
        Self {
            slots,
            vacant: NONE,
            fresh: 0,
        }
    }

    /// Returns how many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len().min(NONE as usize)
    }

    /// Changes to a larger storage and returns the old one, or to none and returns `slots`, if that
    /// is smaller than the old one.
    pub(crate) fn grow(&mut self, mut slots: S) -> Result<S, S> {
        match slots.get_mut(..self.slots.len()) {
            Some(same) => same.copy_from_slice(&self.slots),
            None => return Err(slots),
        }
        Ok(core::mem::replace(&mut self.slots, slots))
    }

    /// Puts a value into a slot; `None` if there is none left.
    pub(crate) fn insert(&mut self, value: V) -> Option<Id> {
        let is_fresh = self.vacant == NONE;
        let at = if is_fresh { self.fresh } else { self.vacant };
        if at as usize >= self.len() {
            return None;
        }
        let slot = self.slots.get_mut(at as usize)?;
        slot.value = Some(value);
        if is_fresh {
            self.fresh += 1;
        } else {
            self.vacant = slot.next;
        }
        Some(Id {
            slot: at,
            generation: slot.generation,
        })
    }

    /// Vacates a slot.
    pub(crate) fn remove(&mut self, id: Id) -> Option<V> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next = self.vacant;
        self.vacant = id.slot;
        Some(value)
    }

    pub(crate) fn get(&self, id: Id) -> Option<&V> {
        let slot = self.slots.get(id.slot as usize)?;
        let value = slot.value.as_ref()?;
        (slot.generation == id.generation).then_some(value)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut V> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        let value = slot.value.as_mut()?;
        (slot.generation == id.generation).then_some(value)
    }

    /// Returns what is in a slot, whatever its name.
    pub(crate) fn at(&self, slot: u32) -> Option<&V> {
        self.slots.get(slot as usize)?.value.as_ref()
    }

    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut V> {
        self.slots.get_mut(slot as usize)?.value.as_mut()
    }

    /// Returns what is in a slot, and its name.
    pub(crate) fn entry(&self, slot: u32) -> Option<(Id, &V)> {
        let Slot {
            generation, value, ..
        } = self.slots.get(slot as usize)?;
        let id = Id {
            slot,
            generation: *generation,
        };
        Some((id, value.as_ref()?))
    }
}
