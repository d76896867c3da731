// SPDX-License-Identifier: GPL-2.0
//! A process that uses a device.

use std::time::Duration;

use serde::Serialize;

use super::nanoseconds;
use super::nanoseconds_if_any;

/// A process that uses a device: strictly, a file that it opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Process {
    /// Number of the client.
    pub client: u64,
    /// Number of the process; absent if it has none for us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its user.
    pub uid: u32,
    /// Its name.
    pub name: String,
    /// Engine time in the period of measurement, percent of one engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Engine time.
    #[serde(rename = "busy_ns", serialize_with = "nanoseconds")]
    pub busy: Duration,
    /// Engine time of user queues, if the device has any.
    #[serde(
        rename = "user_ns",
        skip_serializing_if = "Option::is_none",
        serialize_with = "nanoseconds_if_any"
    )]
    pub user: Option<Duration>,
    /// Jobs that ended.
    pub jobs: u64,
    /// How often a job or a user queue of it failed.
    pub failed: u64,
    /// Bytes of system memory in buffers that it made.
    #[serde(rename = "system_bytes")]
    pub system: u64,
    /// Bytes of the device's memory, likewise, if it has any.
    #[serde(rename = "local_bytes", skip_serializing_if = "Option::is_none")]
    pub local: Option<u64>,
}

impl Process {
    /// Engine time altogether.
    pub fn time(&self) -> Duration {
        self.busy + self.user.unwrap_or_default()
    }
}
