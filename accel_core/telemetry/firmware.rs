// SPDX-License-Identifier: GPL-2.0

//! What runs on a device.

use kernel::prelude::*;

use crate::{
    answer::{
        text,
        Answer, //
    },
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    label::Label,
    uapi::{
        self,
        accel_info_firmware, //
    },
};

/// How firmware is.
#[derive(Clone, Copy, Default)]
pub struct FirmwareState {
    /// Its version, empty if that is not known.
    pub version: Label,
    /// It runs at the moment.
    pub is_running: bool,
    /// How often it died and was brought back.
    pub restarts: u32,
}

/// Firmware, a row of [`Telemetry`](super::Telemetry).
pub struct Firmware<T: Driver> {
    /// Which, unique in the device, at most 31 bytes.
    pub name: &'static CStr,
    /// Looks how it is.
    pub read: fn(&T::Data<'_>) -> FirmwareState,
}

/// Answers ACCEL_INFO_FIRMWARE.
pub(crate) fn firmware<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    let awake = device.enter_if_awake().ok();
    bound.panel.tables.firmware.iter().try_for_each(|firmware| {
        let read = |_| (firmware.read)(&bound.data);
        let state = awake.as_ref().map(read).unwrap_or_default();
        answer.push(&accel_info_firmware {
            name: text(firmware.name),
            version: state.version.as_bytes(),
            flags: if state.is_running {
                uapi::ACCEL_FIRMWARE_RUNNING
            } else {
                0
            },
            restarts: state.restarts,
        })
    })
}
