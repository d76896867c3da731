// SPDX-License-Identifier: GPL-2.0
//! Why a device lowers its clocks, as a type.

use std::time::Duration;

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::raw::kinds;
use super::raw::numbers;
use super::raw::text;

numbers! {
    /// Why clocks are lowered.
    ThrottleReason {
        /// Something is hot.
        Temperature = ACCEL_THROTTLE_TEMPERATURE, "temperature";
        /// Too much power.
        Power = ACCEL_THROTTLE_POWER, "power";
        /// The machine asks for it.
        External = ACCEL_THROTTLE_EXTERNAL, "external";
        /// As the name says.
        Other = ACCEL_THROTTLE_OTHER, "other";
    }
}

/// A reason why clocks may be lowered. Its counters never go back while the device is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Which one: "die".
    pub name: String,
    /// What kind of reason it is.
    pub reason: ThrottleReason,
    /// Whether it is there at the moment.
    pub active: bool,
    /// How often it came.
    pub count: u64,
    /// For how long it was there, up to now.
    pub time: Duration,
}

impl From<uapi::accel_info_throttle> for Throttle {
    fn from(raw: uapi::accel_info_throttle) -> Self {
        Throttle {
            name: text(&raw.name),
            reason: raw.reason.into(),
            active: raw.flags & uapi::ACCEL_THROTTLE_ACTIVE != 0,
            count: raw.count,
            time: Duration::from_nanos(raw.time_ns),
        }
    }
}

kinds! {
    Throttle: Array, ACCEL_INFO_THROTTLE, accel_info_throttle;
}
