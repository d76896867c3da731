// SPDX-License-Identifier: GPL-2.0
//! Registers of the firmware (Documentation/devices/qda/firmware.rst, registers).

use super::{Firmware, FirmwareState, boot};
use crate::card::{Card, State};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

impl Firmware {
    /// The register at `offset`.
    pub fn register(&self, offset: u64) -> Option<Value> {
        let running = matches!(
            self.state,
            FirmwareState::Running | FirmwareState::Sleeping | FirmwareState::Crashed
        );
        let header = self.header.as_ref().filter(|_| running);
        Some(match offset {
            0x200 => Word(self.state as u32),
            0x204 => Word(self.error as u32),
            0x208 => Long(self.address),
            0x210 => Word(self.size),
            0x218 => Word(header.map_or(0, |h| h.version)),
            0x21c => Word(header.map_or(0, |h| h.api)),
            0x220 => Word(self.heartbeat),
            0x224 => Word(self.verified),
            0x228 => Word(self.log.head),
            0x22c => Word(self.crash.len() as u32),
            0x230..0x250 if offset % 8 == 0 => {
                let at = (offset - 0x230) as usize;
                let bytes = |h: &super::image::Header| std::array::from_fn(|i| h.hash[at + i]);
                Long(header.map_or(0, |h| u64::from_le_bytes(bytes(h))))
            }
            _ => return None,
        })
    }
}

impl Card {
    pub(crate) fn write_firmware(&self, state: &mut State, offset: u64, data: &[u8]) {
        let firmware = &mut state.firmware;
        match offset {
            0x208 | 0x20c => firmware.address = merge(firmware.address, offset, data),
            0x210 => firmware.size = merge(0, 0, data) as u32,
            0x214 => match (merge(0, 0, data), firmware.state) {
                (1, FirmwareState::RomReady | FirmwareState::Failed) => self.start_boot(state),
                (2, FirmwareState::Sleeping) => {
                    firmware.due = Some(self.clock.now() + boot::WAKE_TIME);
                    self.wake_management();
                }
                _ => {}
            },
            _ => {}
        }
    }
}
