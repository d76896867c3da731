// SPDX-License-Identifier: GPL-2.0

//! How often, and for how long, clocks were lowered for each of some reasons.

/// As many reasons as there can be.
pub(crate) const REASONS: usize = 16;

/// What is known of a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    /// How often it came.
    pub(crate) count: u64,
    /// For how long it was there, nanoseconds.
    pub(crate) ns: u64,
}

/// What is known of all.
#[derive(Debug, Default)]
pub(crate) struct Throttling {
    /// Which are there, a bit each.
    active: u64,
    /// Since when these are, nanoseconds.
    since: u64,
    reasons: [Reason; REASONS],
}

impl Throttling {
    /// From `now` on, reasons are those of `mask`.
    pub(crate) fn set(&mut self, mask: u64, now: u64) {
        for index in 0..REASONS {
            let came = (mask & !self.active) >> index & 1;
            let (_, mut reason) = self.get(index, now);
            reason.count += came;
            if let Some(place) = self.reasons.get_mut(index) {
                *place = reason;
            }
        }
        (self.active, self.since) = (mask, self.since.max(now));
    }

    /// Returns whether reason number `index` is there, and what is known of it until `now`.
    pub(crate) fn get(&self, index: usize, now: u64) -> (bool, Reason) {
        let mut reason = self.reasons.get(index).copied().unwrap_or_default();
        let is_active = index < REASONS && self.active >> index & 1 != 0;
        if is_active {
            reason.ns += now.saturating_sub(self.since);
        }
        (is_active, reason)
    }
}
