// SPDX-License-Identifier: GPL-2.0

//! Isolation: a device that gets no work any more, as it finds too many errors in itself, or as an
//! administrator wants to take it out of service.
//!
//! What runs comes to its end; nothing else is started, and user queues end. Monitors go on. Unlike a device
//! that is wedged it can be used again at once.

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    error_limits::Sort,
    events::Event, //
};

impl<T: Driver> Device<T> {
    /// Isolates the device, or takes that back. May sleep.
    pub(crate) fn isolate(&self, bound: &Bound<'_, T>, is_wanted: bool) {
        // So that udev hears of it in the order in which it happens.
        let nodes = self.nodes.lock();
        let (is_new, change) = self.health.isolate(is_wanted);
        if let Some(change) = change {
            self.events.health(change);
        }
        let what = match is_wanted {
            true => c"ISOLATED=1",
            false => c"ISOLATED=0",
        };
        if !is_wanted {
            self.error_limits.forget(Sort::Uncorrected);
        } else if is_new {
            self.tell_of_trouble();
            bound.watch.clone().end_user_queues();
        }
        if let (true, Some(nodes)) = (is_new, &*nodes) {
            nodes.compute.changed(what);
        }
    }

    /// Looks whether what a driver tells is too much. Any context.
    pub(crate) fn check_limits(&self, event: Event) {
        let Some(excess) = self.error_limits.note(event) else {
            return;
        };
        self.events.limit(excess);
        if let (Sort::Uncorrected, Some(guard)) = (excess.sort, self.cell.enter()) {
            guard.with(|bound| bound.watch.clone().isolate());
        }
    }
}
