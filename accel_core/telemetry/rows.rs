// SPDX-License-Identifier: GPL-2.0

//! Rows of the device's memory that are bad, and replaced by spares.

use kernel::prelude::*;

use crate::{
    answer::Answer,
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    uapi::{
        self,
        accel_info_row,
        accel_info_spares, //
    },
};

/// What becomes of a bad row (`enum accel_row_state`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RowState {
    /// It will be replaced in the next reset of the device.
    Pending = uapi::ACCEL_ROW_PENDING,
    /// It was.
    Retired = uapi::ACCEL_ROW_RETIRED,
    /// It is used as it is, as there is no spare left.
    Stuck = uapi::ACCEL_ROW_STUCK,
}

/// Why a row is bad (`enum accel_row_cause`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RowCause {
    /// An error that could not be corrected.
    Uncorrected = uapi::ACCEL_ROW_UNCORRECTED,
    /// Too many that could.
    Corrected = uapi::ACCEL_ROW_CORRECTED,
}

/// A bad row.
#[derive(Clone, Copy)]
pub struct Row {
    /// Index of its region in [`Setup`](crate::Setup).
    pub region: usize,
    /// Where it is in it, bytes.
    pub address: u64,
    /// What becomes of it.
    pub state: RowState,
    /// Why it is bad.
    pub cause: RowCause,
}

/// All that are bad, the oldest one first.
pub struct Rows {
    /// The rows.
    pub bad: KVec<Row>,
    /// How many are left to replace others.
    pub spares: u32,
}

/// Asks the device. EAGAIN: it cannot be asked at the moment.
fn ask<T: Driver>(device: &Device<T>, bound: &Bound<'_, T>) -> Result<Rows> {
    let rows = bound.panel.tables.rows.ok_or(EOPNOTSUPP)?;
    let _awake = device.enter_if_awake()?;
    rows(&bound.data).map_err(|e| if e == ENOMEM { e } else { EAGAIN })
}

/// Answers ACCEL_INFO_ROWS.
pub(crate) fn rows<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    ask(device, bound)?.bad.iter().try_for_each(|row| {
        answer.push(&accel_info_row {
            address: row.address,
            // CAST: There are few regions; the first one in INFO is system memory.
            region: row.region as u32 + 1,
            state: row.state as u32,
            cause: row.cause as u32,
            reserved: 0,
        })
    })
}

/// Answers ACCEL_INFO_SPARES.
pub(crate) fn spares<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    let rows = ask(device, bound)?;
    let count = |state| rows.bad.iter().filter(|row| row.state == state).count() as u32;
    answer.push(&accel_info_spares {
        pending: count(RowState::Pending),
        retired: count(RowState::Retired),
        stuck: count(RowState::Stuck),
        spares: rows.spares,
    })
}
