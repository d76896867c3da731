// SPDX-License-Identifier: GPL-2.0

//! How much of an engine's time those who come first may have while others wait.
//!
//! As the kernel's `sched_rt_runtime_us`: of each [`PERIOD_NS`], [`RUNTIME_NS`]. What is used beyond
//! that, as a job is not interrupted, is owed, and paid back out of the periods that follow. Who runs
//! while nobody else waits may use all of a period, but owes nothing.

/// A period. The kernel's default is ten times as long; the share is the same.
pub(crate) const PERIOD_NS: u64 = 100_000_000;

/// What may be used of a period, for each engine.
pub(crate) const RUNTIME_NS: u64 = 95_000_000;

/// What was used of some engines' time.
pub(crate) struct Bandwidth {
    /// What may be used in a period.
    runtime: u64,
    used: u64,
    period_start: u64,
}

impl Bandwidth {
    pub(crate) fn new(engines: usize) -> Self {
        Self {
            runtime: RUNTIME_NS.saturating_mul(engines as u64),
            used: 0,
            period_start: 0,
        }
    }

    /// Begins the period in which `now` is; a time before the last one is ignored.
    pub(crate) fn refresh(&mut self, now: u64) {
        let periods = now.saturating_sub(self.period_start) / PERIOD_NS;
        if periods == 0 {
            return;
        }
        self.period_start += periods * PERIOD_NS;
        self.used = self
            .used
            .saturating_sub(periods.saturating_mul(self.runtime));
    }

    /// Returns whether others come first, if there are any, until a period begins.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.used >= self.runtime
    }

    /// Notes that a job for which `charged` nanoseconds were noted has used `used`.
    pub(crate) fn charge(&mut self, charged: u64, used: u64, others_wait: bool) {
        let limit = match others_wait {
            true => u64::MAX,
            false => self.used.max(self.runtime),
        };
        let rest = self.used.saturating_sub(charged);
        self.used = rest.saturating_add(used).min(limit);
    }
}
