// SPDX-License-Identifier: GPL-2.0
//! How a device sleeps, as a type.

use std::time::Duration;

use accel_uapi as uapi;

use super::Kind;
use super::Single;
use super::raw::kinds;
use super::time;

/// How often and how long a device has slept, with the system or because nobody used it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleep {
    /// When it fell asleep, on CLOCK_MONOTONIC; `None` if it does not sleep: it may be about to, or wake up.
    pub since: Option<Duration>,
    /// How long it has slept since it was registered, this time too, while the system did not.
    pub time: Duration,
    /// How often it fell asleep.
    pub count: u64,
}

impl From<uapi::accel_info_sleep> for Sleep {
    fn from(raw: uapi::accel_info_sleep) -> Self {
        Sleep {
            since: time(raw.since_ns),
            time: Duration::from_nanos(raw.asleep_ns),
            count: raw.count,
        }
    }
}

kinds! {
    Sleep: Single, ACCEL_INFO_SLEEP, accel_info_sleep;
}
