// SPDX-License-Identifier: GPL-2.0

//! Where the memory of a buffer is.

use kernel::prelude::*;

use crate::uapi;

/// Where the memory of a buffer is (`enum accel_placement`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Placement {
    /// Pages of system memory, scattered.
    System = uapi::ACCEL_PLACEMENT_SYSTEM,
    /// System memory that is contiguous for the device.
    Contiguous = uapi::ACCEL_PLACEMENT_CONTIGUOUS,
    /// Memory of the device.
    Device = uapi::ACCEL_PLACEMENT_DEVICE,
    /// Where another driver put it.
    Imported = uapi::ACCEL_PLACEMENT_IMPORTED,
    /// Memory of the program.
    User = uapi::ACCEL_PLACEMENT_USER,
}

impl Placement {
    /// Parses what a user asked for, on a device whose buffers are in `default`.
    ///
    /// Contiguous memory serves wherever scattered memory does not, hence both are accepted by a
    /// device that needs the former.
    pub(crate) fn parse(value: u32, default: Placement) -> Result<Self> {
        match (value, default) {
            (uapi::ACCEL_PLACEMENT_DEFAULT, _) => Ok(default),
            (uapi::ACCEL_PLACEMENT_SYSTEM, _) => Ok(Placement::System),
            (uapi::ACCEL_PLACEMENT_DEVICE, _) => Ok(Placement::Device),
            (uapi::ACCEL_PLACEMENT_CONTIGUOUS, Placement::Contiguous) => Ok(Placement::Contiguous),
            _ => Err(EOPNOTSUPP),
        }
    }
}
