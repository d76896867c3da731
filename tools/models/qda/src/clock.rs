// SPDX-License-Identifier: GPL-2.0
//! TIME (Documentation/devices/qda/registers.rst).

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Nanoseconds since power-on or FLR.
#[derive(Debug)]
pub struct Clock(Mutex<Instant>);

/// One millisecond in units of TIME.
pub const MS: u64 = 1_000_000;
/// One microsecond.
pub const US: u64 = 1_000;

impl Clock {
    /// Starts at 0.
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// TIME.
    pub fn now(&self) -> u64 {
        let start = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        start.elapsed().as_nanos() as u64
    }

    /// Starts at 0 again.
    pub fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
