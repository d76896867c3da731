// SPDX-License-Identifier: GPL-2.0

//! A table: finds values by small numbers, in the same time however many there are.
//!
//! What [`kernel::xarray`] and [`kernel::maple_tree`] do in several steps and with nodes of their
//! own; here the numbers are those that were free, so they are dense.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// What is at a number.
enum Slot<T> {
    /// Nothing; the next free number follows, 0 at the end.
    Free(u32),
    /// Nothing yet.
    Reserved,
    Used(T),
}

/// Values by their numbers, which are never 0.
pub(crate) struct Table<T> {
    /// `slots[0]` is number 1.
    slots: KVVec<Slot<T>>,
    /// The first free number, 0 if there is none.
    free: u32,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: KVVec::new(),
            free: 0,
        }
    }

    /// Reserves a number of at most `max`. EDQUOT: all are taken; ENOMEM.
    pub(crate) fn reserve(&mut self, max: u32) -> Result<u32> {
        if self.free == 0 {
            self.grow(max)?;
        }
        let number = self.free;
        let slot = self.slot(number).ok_or(ENOENT)?;
        if let Slot::Free(next) = core::mem::replace(slot, Slot::Reserved) {
            self.free = next;
        }
        Ok(number)
    }

    /// Adds a free slot: room is made for twice as many.
    fn grow(&mut self, max: u32) -> Result {
        let len = self.slots.len();
        if len >= max as usize {
            return Err(EDQUOT);
        }
        if len == self.slots.capacity() {
            let more = len.max(PAGE_SIZE / 32 / size_of::<Slot<T>>());
            self.slots
                .reserve(more, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        }
        self.slots
            .push_within_capacity(Slot::Free(0))
            .map_err(|_| ENOMEM)?;
        self.free = u32::try_from(len + 1)?;
        Ok(())
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut((number as usize).wrapping_sub(1))
    }

    /// Puts a value at a number that was reserved.
    pub(crate) fn publish(&mut self, number: u32, value: T) {
        if let Some(slot @ Slot::Reserved) = self.slot(number) {
            *slot = Slot::Used(value);
        }
    }

    /// Returns the value at `number`.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        match self.slots.get((number as usize).wrapping_sub(1)) {
            Some(Slot::Used(value)) => Some(value),
            _ => None,
        }
    }

    /// As [`Table::get`].
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match self.slot(number) {
            Some(Slot::Used(value)) => Some(value),
            _ => None,
        }
    }

    /// Takes the value at `number`, which is free then.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        self.get(number)?;
        match self.release(number)? {
            Slot::Used(value) => Some(value),
            _ => None,
        }
    }

    /// Frees a number that was reserved and got no value.
    pub(crate) fn cancel(&mut self, number: u32) {
        if let Some(Slot::Reserved) = self.slot(number) {
            self.release(number);
        }
    }

    fn release(&mut self, number: u32) -> Option<Slot<T>> {
        let next = Slot::Free(self.free);
        let old = core::mem::replace(self.slot(number)?, next);
        self.free = number;
        Some(old)
    }

    /// Goes over all values, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (1..)
            .zip(&self.slots)
            .filter_map(|(number, slot)| match slot {
                Slot::Used(value) => Some((number, value)),
                _ => None,
            })
    }
}

#[kunit_tests(accel_table)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_numbers() -> Result {
        let mut table = Table::new();
        for i in 1..=1000u32 {
            let number = table.reserve(1000)?;
            assert_eq!(number, i);
            assert_eq!(table.get(number), None);
            table.publish(number, i * 3);
            assert_eq!(table.get(number), Some(&(i * 3)));
        }
        assert_eq!(table.reserve(1000), Err(EDQUOT));
        assert_eq!(
            (table.get(0), table.get(1001), table.get(u32::MAX)),
            (None, None, None)
        );
        assert_eq!(table.iter().count(), 1000);
        Ok(())
    }

    #[test]
    fn a_free_number_is_used_again() -> Result {
        let mut table = Table::new();
        for i in 0..4 {
            let number = table.reserve(4)?;
            table.publish(number, i);
        }
        assert_eq!(table.remove(2), Some(1));
        assert_eq!(table.remove(2), None);
        assert_eq!(table.remove(9), None);
        assert_eq!(table.reserve(4), Ok(2));
        assert_eq!(table.remove(2), None);
        table.cancel(2);
        table.cancel(2);
        table.cancel(1);
        assert_eq!(table.get(1), Some(&0));
        assert_eq!((table.reserve(4), table.reserve(4)), (Ok(2), Err(EDQUOT)));
        Ok(())
    }
}
