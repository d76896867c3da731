// SPDX-License-Identifier: GPL-2.0
//! What runs on a device, as a type.

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::raw::kinds;
use super::raw::text;

/// Something that runs on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// Which one.
    pub name: String,
    /// Its version, "1.2.3", if it is known.
    pub version: Option<String>,
    /// Whether it runs at the moment, unless the device sleeps.
    pub running: Option<bool>,
    /// How often it died and was brought back.
    pub restarts: u64,
}

impl From<uapi::accel_info_firmware> for Firmware {
    fn from(raw: uapi::accel_info_firmware) -> Self {
        Firmware {
            name: text(&raw.name),
            version: Some(text(&raw.version)).filter(|version| !version.is_empty()),
            running: (raw.flags & uapi::ACCEL_FIRMWARE_KNOWN != 0)
                .then_some(raw.flags & uapi::ACCEL_FIRMWARE_RUNNING != 0),
            restarts: raw.restarts,
        }
    }
}

kinds! {
    Firmware: Array, ACCEL_INFO_FIRMWARE, accel_info_firmware;
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_version_that_is_not_known_is_absent() {
        let mut raw = uapi::accel_info_firmware::new_zeroed();
        assert_eq!(Firmware::from(raw).version, None);
        raw.version[0] = b'7' as _;
        assert_eq!(Firmware::from(raw).version.as_deref(), Some("7"));
    }

    #[test]
    fn whether_it_runs_may_not_be_known() {
        let mut raw = uapi::accel_info_firmware::new_zeroed();
        assert_eq!(Firmware::from(raw).running, None);
        raw.flags = uapi::ACCEL_FIRMWARE_KNOWN;
        assert_eq!(Firmware::from(raw).running, Some(false));
        raw.flags |= uapi::ACCEL_FIRMWARE_RUNNING;
        assert_eq!(Firmware::from(raw).running, Some(true));
    }
}
