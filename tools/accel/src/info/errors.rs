// SPDX-License-Identifier: GPL-2.0
//! Errors that blocks of a device found in themselves, as a type.

use accel_uapi as uapi;

use super::Array;
use super::Kind;
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

kinds! {
    Errors: Array, ACCEL_INFO_ERRORS, accel_info_errors;
}
