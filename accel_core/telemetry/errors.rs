// SPDX-License-Identifier: GPL-2.0

//! Errors that a device finds in itself, by the blocks that find them.

use kernel::prelude::*;

use super::Panel;
use crate::{
    answer::Answer,
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    label::Label,
    uapi::{
        self,
        accel_info_errors, //
    },
};

/// What a block is (`enum accel_block_kind`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum BlockKind {
    /// The device's memory.
    Memory = uapi::ACCEL_BLOCK_MEMORY,
    /// Its MMU.
    Mmu = uapi::ACCEL_BLOCK_MMU,
    /// An engine.
    Engine = uapi::ACCEL_BLOCK_ENGINE,
    /// What has its queues.
    Queues = uapi::ACCEL_BLOCK_QUEUES,
    /// What firmware runs on.
    Firmware = uapi::ACCEL_BLOCK_FIRMWARE,
    /// The connection to the machine.
    Bus = uapi::ACCEL_BLOCK_BUS,
    /// A link to another device.
    Link = uapi::ACCEL_BLOCK_LINK,
    /// As its name says.
    Other = uapi::ACCEL_BLOCK_OTHER,
}

/// What a block has counted.
#[derive(Clone, Copy)]
pub struct Errors {
    /// Errors that did no harm.
    pub corrected: u64,
    /// Others.
    pub uncorrected: u64,
}

/// A block that finds errors in itself, a row of [`Telemetry`](super::Telemetry).
pub struct Block<T: Driver> {
    /// Which, unique in the device.
    pub name: Label,
    /// What it is.
    pub kind: BlockKind,
    /// Reads its counters, which may begin anew; `None` if that is not possible at the moment.
    pub read: fn(&T::Data<'_>, usize) -> Option<Errors>,
}

impl<T: Driver> Panel<T> {
    /// Returns what block number `index` has counted, as far as that is known.
    pub(super) fn read_block(&self, data: Option<&T::Data<'_>>, index: usize) -> Option<Errors> {
        let block = self.tables.blocks.get(index)?;
        let mut counters = self.counters.lock();
        let [corrected, uncorrected] = counters.blocks.get_mut(index)?;
        if let Some(errors) = data.and_then(|data| (block.read)(data, index)) {
            corrected.update(errors.corrected);
            uncorrected.update(errors.uncorrected);
        }
        Some(Errors {
            corrected: corrected.get(),
            uncorrected: uncorrected.get(),
        })
    }
}

/// Answers ACCEL_INFO_ERRORS.
pub(crate) fn errors<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    let panel = &bound.panel;
    let awake = device.enter_if_awake().ok();
    let data = awake.as_ref().map(|_| &bound.data);
    for (index, block) in panel.tables.blocks.iter().enumerate() {
        let errors = panel.read_block(data, index).ok_or(EIO)?;
        answer.push(&accel_info_errors {
            name: block.name.as_bytes(),
            kind: block.kind as u32,
            reserved: 0,
            corrected: errors.corrected,
            uncorrected: errors.uncorrected,
        })?;
    }
    Ok(())
}
