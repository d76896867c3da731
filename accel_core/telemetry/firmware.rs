// SPDX-License-Identifier: GPL-2.0

//! What runs on a device.

use kernel::prelude::*;

use super::Panel;
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
    pub restarts: u64,
}

/// Firmware, a row of [`Telemetry`](super::Telemetry).
pub struct Firmware<T: Driver> {
    /// Which, unique in the device, at most 31 bytes.
    pub name: &'static CStr,
    /// Looks how it is.
    pub read: fn(&T::Data<'_>) -> FirmwareState,
}

impl<T: Driver> Panel<T> {
    /// Looks how firmware number `index` is; of a device that cannot be asked, how it was.
    pub(super) fn read_firmware(
        &self,
        data: Option<&T::Data<'_>>,
        index: usize,
    ) -> Option<FirmwareState> {
        let firmware = self.tables.firmware.get(index)?;
        let mut kept = self.counters.lock();
        let state = kept.firmware.get_mut(index)?;
        if let Some(data) = data {
            *state = (firmware.read)(data);
        }
        Some(*state)
    }
}

/// Answers ACCEL_INFO_FIRMWARE.
pub(crate) fn firmware<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    let panel = &bound.panel;
    let awake = device.enter_if_awake().ok();
    let data = awake.as_ref().map(|_| &bound.data);
    for (index, firmware) in panel.tables.firmware.iter().enumerate() {
        let state = panel.read_firmware(data, index).ok_or(EIO)?;
        answer.push(&accel_info_firmware {
            name: text(firmware.name),
            version: state.version.as_bytes(),
            restarts: state.restarts,
            flags: match (data, state.is_running) {
                (None, _) => 0,
                (Some(_), true) => uapi::ACCEL_FIRMWARE_KNOWN | uapi::ACCEL_FIRMWARE_RUNNING,
                (Some(_), false) => uapi::ACCEL_FIRMWARE_KNOWN,
            },
            reserved: 0,
        })?;
    }
    Ok(())
}
