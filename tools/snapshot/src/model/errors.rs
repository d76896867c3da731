// SPDX-License-Identifier: GPL-2.0
//! Errors that a device found in itself, how many there may be, and the bad rows of its memory.

use std::time::Duration;

use accel::info;
use serde::Serialize;

use super::nanoseconds;
use super::text;

/// Errors of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Which block.
    pub name: String,
    /// What it is.
    #[serde(serialize_with = "text")]
    pub kind: info::BlockKind,
    /// Errors that did no harm.
    pub corrected: u64,
    /// Others.
    pub uncorrected: u64,
}

/// How many errors a device may find in itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorLimits {
    /// For how long an error counts.
    #[serde(rename = "period_ns", serialize_with = "nanoseconds")]
    pub period: Duration,
    /// Those that are corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<ErrorLimit>,
    /// Others: with more, it is isolated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncorrected: Option<ErrorLimit>,
}

/// A limit of errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorLimit {
    /// How many there may be.
    pub limit: u32,
    /// How many there were of late.
    pub recent: u32,
}

/// A bad row of memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Index of its region.
    pub region: u32,
    /// Where in it, bytes.
    pub address: u64,
    /// What becomes of it.
    #[serde(serialize_with = "text")]
    pub state: info::RowState,
    /// Why it is bad.
    #[serde(serialize_with = "text")]
    pub cause: info::RowCause,
}

/// Numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spares {
    /// Replaced at the next reset.
    pub pending: u32,
    /// Replaced.
    pub retired: u32,
    /// Bad, and used.
    pub stuck: u32,
    /// Left to replace others.
    pub spares: u32,
}
