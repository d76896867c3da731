// SPDX-License-Identifier: GPL-2.0
//! How often and how long a device has slept.

use std::time::Duration;

use serde::Serialize;

use super::nanoseconds;

/// How often and how long a device has slept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sleep {
    /// How often it fell asleep.
    pub count: u64,
    /// How long it has slept in all.
    #[serde(rename = "time_ns", serialize_with = "nanoseconds")]
    pub time: Duration,
}
