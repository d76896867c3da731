// SPDX-License-Identifier: GPL-2.0

//! How many errors there were of late, and whether that is more than allowed.
//!
//! A leaky bucket, as mcelog has for memory errors: each error adds one, and as many as are allowed leak
//! out of it in [`PERIOD_NS`]. It is kept as the one time at which it is empty (the generic cell rate
//! algorithm, ITU-T I.371). So more than the limit in one go are too many, fewer than that in each period
//! never are, and more than twice the limit in any period always.

/// For how long errors count, nanoseconds: a day.
pub(crate) const PERIOD_NS: u64 = 24 * 3600 * 1_000_000_000;

/// The bucket of one sort of errors.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// How many are allowed; 0: any number.
    limit: u32,
    /// When it is empty.
    empty_at: u64,
}

impl Bucket {
    /// Returns how many errors are allowed; 0: any number.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Allows as many from now on, and forgets what was.
    pub(crate) fn set_limit(&mut self, limit: u32) {
        *self = Self { limit, empty_at: 0 };
    }

    /// Notes `count` errors. Returns whether there are too many with them, and were not without.
    pub(crate) fn add(&mut self, count: u64, now: u64) -> bool {
        let Some(each) = self.each() else {
            return false;
        };
        let was_over = self.is_over(now);
        // No more is remembered than takes two periods to be forgotten.
        let debt = self.debt(now).saturating_add(count.saturating_mul(each));
        self.empty_at = now.saturating_add(debt.min(2 * PERIOD_NS));
        !was_over && self.is_over(now)
    }

    /// Returns how many errors there were of late.
    pub(crate) fn level(&self, now: u64) -> u32 {
        let level = self.each().map_or(0, |each| self.debt(now).div_ceil(each));
        u32::try_from(level).unwrap_or(u32::MAX)
    }

    fn is_over(&self, now: u64) -> bool {
        let most = self.each().map(|each| each * u64::from(self.limit));
        most.is_some_and(|most| self.debt(now) > most)
    }

    /// Returns how long it takes until an error is forgotten, if there is a limit.
    fn each(&self) -> Option<u64> {
        PERIOD_NS.checked_div(self.limit.into())
    }

    fn debt(&self, now: u64) -> u64 {
        self.empty_at.saturating_sub(now)
    }
}
