// SPDX-License-Identifier: GPL-2.0
//! Bad rows of a device's memory, and what replaces them, as types.

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::Single;
use super::raw::kinds;
use super::raw::numbers;

numbers! {
    /// What becomes of a bad row.
    RowState {
        /// It will be replaced in the next reset of the device.
        Pending = ACCEL_ROW_PENDING, "pending";
        /// It was.
        Retired = ACCEL_ROW_RETIRED, "retired";
        /// It is used as it is: there is no spare left.
        Stuck = ACCEL_ROW_STUCK, "stuck";
    }
}

numbers! {
    /// Why a row is bad.
    RowCause {
        /// An error that could not be corrected.
        Uncorrected = ACCEL_ROW_UNCORRECTED, "uncorrected error";
        /// Too many that could.
        Corrected = ACCEL_ROW_CORRECTED, "corrected errors";
    }
}

/// A bad row of a device's memory. In the list of them the oldest one is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is in its region, bytes.
    pub address: u64,
    /// Index of its region in the list of [`Memory`](super::Memory).
    pub region: u32,
    /// What becomes of it.
    pub state: RowState,
    /// Why it is bad.
    pub cause: RowCause,
}

impl From<uapi::accel_info_row> for Row {
    fn from(raw: uapi::accel_info_row) -> Self {
        Row {
            address: raw.address,
            region: raw.region,
            state: raw.state.into(),
            cause: raw.cause.into(),
        }
    }
}

/// How much of a device's memory can still be repaired: numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spares {
    /// Those that are [`RowState::Pending`].
    pub pending: u32,
    /// Those that are [`RowState::Retired`].
    pub retired: u32,
    /// Those that are [`RowState::Stuck`].
    pub stuck: u32,
    /// Those that are left to replace others.
    pub spares: u32,
}

impl From<uapi::accel_info_spares> for Spares {
    fn from(raw: uapi::accel_info_spares) -> Self {
        Spares {
            pending: raw.pending,
            retired: raw.retired,
            stuck: raw.stuck,
            spares: raw.spares,
        }
    }
}

kinds! {
    Row: Array, ACCEL_INFO_ROWS, accel_info_row;
    Spares: Single, ACCEL_INFO_SPARES, accel_info_spares;
}
