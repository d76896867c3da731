// SPDX-License-Identifier: GPL-2.0
//! Errors that blocks of a device found in themselves, as a type.

use std::time::Duration;

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::Single;
use super::raw::kinds;
use super::raw::numbers;
use super::raw::text;

numbers! {
    /// What finds errors in itself.
    BlockKind {
        /// The device's memory.
        Memory = ACCEL_BLOCK_MEMORY, "memory";
        /// Its MMU.
        Mmu = ACCEL_BLOCK_MMU, "mmu";
        /// An engine.
        Engine = ACCEL_BLOCK_ENGINE, "engine";
        /// What has its queues.
        Queues = ACCEL_BLOCK_QUEUES, "queues";
        /// What firmware runs on.
        Firmware = ACCEL_BLOCK_FIRMWARE, "firmware";
        /// The connection to the machine.
        Bus = ACCEL_BLOCK_BUS, "bus";
        /// A link to another device.
        Link = ACCEL_BLOCK_LINK, "link";
        /// As the name says.
        Other = ACCEL_BLOCK_OTHER, "other";
    }
}

/// The errors of a block. They survive resets and never go back while the device is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    /// Which block: "memory", "copy0".
    pub name: String,
    /// What it is.
    pub kind: BlockKind,
    /// Errors that did no harm.
    pub corrected: u64,
    /// Others.
    pub uncorrected: u64,
}

impl From<uapi::accel_info_errors> for Errors {
    fn from(raw: uapi::accel_info_errors) -> Self {
        Errors {
            name: text(&raw.name),
            kind: raw.kind.into(),
            corrected: raw.corrected,
            uncorrected: raw.uncorrected,
        }
    }
}

/// How many errors a device may find in itself, in all blocks together, as its administrator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorLimits {
    /// For how long an error counts.
    pub period: Duration,
    /// Those that are corrected: more are told of.
    pub corrected: Option<ErrorLimit>,
    /// Others: more isolate the device.
    pub uncorrected: Option<ErrorLimit>,
}

/// A limit of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorLimit {
    /// How many there may be.
    pub limit: u32,
    /// How many there were of late.
    pub recent: u32,
}

impl ErrorLimit {
    fn new(limit: u32, recent: u32) -> Option<Self> {
        (limit != 0).then_some(ErrorLimit { limit, recent })
    }
}

impl From<uapi::accel_info_error_limits> for ErrorLimits {
    fn from(raw: uapi::accel_info_error_limits) -> Self {
        ErrorLimits {
            period: Duration::from_secs(raw.period_s.into()),
            corrected: ErrorLimit::new(raw.corrected_limit, raw.corrected),
            uncorrected: ErrorLimit::new(raw.uncorrected_limit, raw.uncorrected),
        }
    }
}

kinds! {
    Errors: Array, ACCEL_INFO_ERRORS, accel_info_errors;
    ErrorLimits: Single, ACCEL_INFO_ERROR_LIMITS, accel_info_error_limits;
}
