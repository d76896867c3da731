// SPDX-License-Identifier: GPL-2.0

//! What an address space knows, with its lock: what is mapped where, and its page tables.

use core::{
    mem::replace,
    ops::Range, //
};
use kernel::prelude::*;

use crate::{
    address_space::Failure,
    logic::{
        page_table::{
            Mapping,
            Target, //
        },
        va::{
            Slot,
            Space,
            ROOM, //
        },
    },
    mapped_objects::{
        Freed,
        Object,
        Objects, //
    },
    mmu::MmuInfo,
    page_tree::PageTree,
};

/// What is mapped where; objects are numbers in [`Objects`].
pub(crate) type Mappings = Space<u32, KVVec<Slot<u32>>>;

/// What is known of a space while its device is bound.
pub(crate) struct State {
    pub(crate) mappings: Mappings,
    pub(crate) slots: usize,
    pub(crate) objects: Objects,
    pub(crate) tree: PageTree,
}

/// What is left of a space.
pub(crate) struct Stage {
    /// `None`: the device is gone, or the space is.
    known: Option<State>,
    /// What goes with the user, when the device is gone.
    mirrors: Freed,
}

impl Stage {
    pub(crate) fn new(state: State) -> Self {
        Self {
            known: Some(state),
            mirrors: Freed::NONE,
        }
    }

    /// Returns what is known of it, if the device knows it.
    pub(crate) fn known(&mut self) -> Option<&mut State> {
        self.known.as_mut()
    }

    /// The device is gone. Returns what goes with it: all but mirrors, as who drops one may wait for
    /// user space. If there is no user any more there are none.
    pub(crate) fn forget(&mut self) -> Option<State> {
        let mut state = self.known.take()?;
        self.mirrors = state.objects.take_mirrors();
        Some(state)
    }

    /// The user is gone, with all queues. Returns what goes with it: all, unless the device is there, and
    /// the space has not ended; then mirrors only, as no work is left that could reach them.
    pub(crate) fn leave(&mut self, has_ended: bool) -> (Option<State>, Freed) {
        let mirrors = match &mut self.known {
            Some(state) => state.objects.take_mirrors(),
            None => replace(&mut self.mirrors, Freed::NONE),
        };
        (self.known.take_if(|_| has_ended), mirrors)
    }
}

/// What is to be mapped.
pub(crate) struct Request {
    /// A part of a buffer, or zeroes.
    pub(crate) object: Option<KBox<Object>>,
    /// Where the part begins in the buffer, bytes.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// Where it is to be, exactly (`is_fixed`) or rather.
    pub(crate) address: u64,
    pub(crate) is_fixed: bool,
    /// `ACCEL_MAP_READ`, `ACCEL_MAP_WRITE`.
    pub(crate) access: u32,
}

impl State {
    /// Makes room for a change, and one that undoes it.
    pub(crate) fn make_room(&mut self) -> Result {
        if self.mappings.room() >= 2 * ROOM {
            return Ok(());
        }
        let slots = self.slots.checked_mul(2).ok_or(ENOMEM)?;
        let storage = KVVec::from_elem(Slot::VACANT, slots, GFP_KERNEL_ACCOUNT)?;
        let old = self.mappings.grow(storage).map_err(|_| EINVAL)?;
        self.slots = slots;
        drop(old);
        Ok(())
    }

    /// Returns the first range from `start` on where something is mapped that is mapped for the device
    /// by [`DeviceMapping`](crate::memory) `id`, and the number of that object.
    pub(crate) fn mapped_by(&self, id: usize, start: u64) -> Option<(u32, Range<u64>)> {
        let find = |mapping: Mapping<u32>| match mapping.target {
            Target::Object(number, _) if self.objects.is_of(number, id) => {
                Some((number, mapping.range))
            }
            _ => None,
        };
        let all = start..self.mappings.bounds().end;
        self.mappings.overlapping(all).find_map(find)
    }

    /// Returns where something is to be mapped: where the largest pages are possible, if there is
    /// room for that, or else anywhere.
    pub(crate) fn place(&self, info: &MmuInfo, request: &Request) -> Result<u64, Failure> {
        if request.is_fixed {
            return Ok(request.address);
        }
        // One of them is the smallest.
        let mut sizes = info.page_sizes;
        let smallest = info.page_sizes().smallest();
        let place = |hint, alignment| {
            let bounds = info.addresses.clone();
            self.mappings.place(hint, bounds, request.size, alignment)
        };
        let hint = Some(request.address);
        if hint.is_some_and(|hint| hint != 0 && place(Some(hint), smallest) == Ok(hint)) {
            return Ok(request.address);
        }
        loop {
            let size = 1 << sizes.ilog2();
            if size == smallest {
                return Ok(place(None, size)?);
            }
            if size <= request.size {
                if let Ok(address) = place(None, size) {
                    return Ok(address);
                }
            }
            sizes ^= size;
        }
    }

    /// EACCES: something is mapped in the range that may not be written.
    pub(crate) fn check_writable(&self, range: &Range<u64>) -> Result {
        for mapping in self.mappings.overlapping(range.clone()) {
            if let Target::Object(number, _) = mapping.target {
                self.objects.check_writable(number)?;
            }
        }
        Ok(())
    }
}
