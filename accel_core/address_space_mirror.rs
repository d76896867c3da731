// SPDX-License-Identifier: GPL-2.0

//! Mirrors in an address space: memory of a process that is mapped there, wherever it goes.
//!
//! While one is out of place all user queues of the space are suspended
//! ([`Preemption`](crate::preemption)); page tables lead to where it was. They are written and flushed
//! before the queues go on.

use kernel::{
    prelude::*,
    sync::atomic::Acquire,
    workqueue::Queue, //
};
use kernel_ext::mirror::{
    Follower,
    Mirror, //
};

use crate::{
    address_space::{
        AddressSpace,
        Change,
        Failure,
        Shared, //
    },
    address_space_state::State,
    device::Bound,
    driver::Driver,
    mapped_objects::Object,
    worker, //
};

impl<T: Driver> AddressSpace<T> {
    /// Makes an object of memory of the current process, which follows that. Errors as
    /// [`Mirror::new`] and [`Mirror::find`]; EINVAL: the space is not preemptible.
    pub(crate) fn mirror(
        &self,
        address: usize,
        size: usize,
        is_writable: bool,
    ) -> Result<KBox<Object>> {
        if !self.is_preemptible() {
            return Err(EINVAL);
        }
        let device = &self.0.device;
        let mirror = Mirror::new(address, size, is_writable, self.0.clone())?;
        let follow = |bound: &Bound<'_, T>| device.memory.follow(bound.parent, &mirror);
        let mapping = device.enter()?.with(follow)?;
        // Not while the device is held bound: this may wait for user space.
        mirror.find()?;
        Object::mirrored(mapping, size as u64, is_writable)
    }
}

impl<T: Driver> Shared<T> {
    /// Has the mappings of mirror `id` lead to where its memory is; if that cannot be, nowhere.
    fn follow(&self, state: &mut State, bound: &Bound<'_, T>, id: usize) -> Result<(), Failure> {
        let Some((number, _)) = state.mapped_by(id, 0) else {
            return Ok(());
        };
        let located = state.objects.locate(number).map_err(Failure::from);
        match located.and_then(|()| self.refresh(state, bound, id)) {
            Err(Failure::Refused(_)) => {
                state.objects.lose(number);
                self.refresh(state, bound, id)
            }
            result => result,
        }
    }

    /// Writes the mappings of mirror `id` anew.
    fn refresh(&self, state: &mut State, bound: &Bound<'_, T>, id: usize) -> Result<(), Failure> {
        let mut start = 0;
        while let Some((_, range)) = state.mapped_by(id, start) {
            start = range.end;
            self.bring_in_step(state, bound)?;
            self.change(state, bound, Change::Refresh(range))?;
        }
        Ok(())
    }
}

impl<T: Driver> Follower for Shared<T> {
    fn take_out(&self) {
        // Else none of them runs any more, and none will.
        if let Some(guard) = self.device.cell.enter() {
            guard.with(|bound| self.preemption.take_out(bound));
        }
    }

    fn queue(&self) -> &Queue {
        match &self.returns {
            Some(queue) => queue,
            // Others have no mirrors.
            None => worker::queue(),
        }
    }

    fn put_back(&self, id: usize) {
        // If the device is gone there is nobody to go on.
        let _ = self.with(|state, bound| {
            let result = self.follow(state, bound, id);
            let in_step = result.is_ok() && self.in_step.load(Acquire);
            self.preemption.put_back(bound, in_step);
            result
        });
    }
}
