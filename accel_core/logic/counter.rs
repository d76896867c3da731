// SPDX-License-Identifier: GPL-2.0

//! A counter of a device that may begin anew: what users see of it never goes back.

/// A counter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    /// What was counted before the device began anew.
    before: u64,
    /// What the device said last.
    last: u64,
}

impl Counter {
    /// The device says that it has counted to `raw`, and had not counted further when it was asked
    /// before, unless it has begun anew since.
    pub(crate) fn update(&mut self, raw: u64) {
        if raw < self.last {
            self.before = self.before.saturating_add(self.last);
        }
        self.last = raw;
    }

    /// Returns all that was counted.
    pub(crate) fn get(&self) -> u64 {
        self.before.saturating_add(self.last)
    }
}
