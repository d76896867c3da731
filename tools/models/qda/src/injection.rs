// SPDX-License-Identifier: GPL-2.0
//! Injection registers (Documentation/devices/qda/ras.rst, injection).

use crate::capabilities::{ENGINES, LINKS};
use crate::card::{Card, State};
use crate::firmware::FirmwareError;
use crate::links::Loss;
use crate::ras::{Watched, watched};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

const KEY: u64 = 0x4b43_4148;

/// INJ_KEY to INJ_GO.
#[derive(Debug, Default)]
pub struct Injection {
    unlocked: bool,
    refused: bool,
    kind: u32,
    target: u32,
    value: u64,
}

impl Injection {
    /// The register at `offset`.
    pub fn register(&self, offset: u64) -> Option<Value> {
        Some(match offset {
            0x704 => Word(u32::from(self.unlocked) | u32::from(self.refused) << 1),
            0x708 => Word(self.kind),
            0x70c => Word(self.target),
            0x710 => Long(self.value),
            _ => return None,
        })
    }
}

impl Card {
    pub(crate) fn write_injection(&self, state: &mut State, offset: u64, data: &[u8]) {
        let registers = &mut state.injection;
        if offset == 0x700 {
            registers.unlocked = merge(0, 0, data) == KEY;
            return;
        }
        if !registers.unlocked {
            return;
        }
        match offset {
            0x708 => registers.kind = merge(0, 0, data) as u32,
            0x70c => registers.target = merge(0, 0, data) as u32,
            0x710 | 0x714 => registers.value = merge(registers.value, offset, data),
            0x718 if merge(0, 0, data) == 1 => {
                let (kind, target, value) = (registers.kind, registers.target, registers.value);
                let done = self.inject(state, kind, target as usize, value);
                state.injection.refused = done.is_none();
            }
            _ => {}
        }
    }

    /// Injects; `None` if that is refused.
    pub(crate) fn inject(
        &self,
        state: &mut State,
        kind: u32,
        target: usize,
        value: u64,
    ) -> Option<()> {
        match kind {
            1 | 2 => self.inject_error(state, kind == 2, target, value)?,
            3 if target < ENGINES => state.engines[target].hang_next = true,
            4 if target < LINKS => self.lose_link(state, target, Loss::Signal),
            5 => {
                let forced = state
                    .sensors
                    .force(target, value as i32, (value >> 32) as u32);
                forced.then_some(())?;
                self.wake_management();
            }
            6 if target == 0 => self.crash(state, FirmwareError::Exception),
            7 if target == 0 => state.firmware.silent = true,
            8 if target == 0 && value <= 1 => self.brake(state, value == 1),
            _ => return None,
        }
        Some(())
    }

    fn inject_error(&self, state: &mut State, hard: bool, block: usize, value: u64) -> Option<()> {
        let address = match watched(block)? {
            Watched::Memory if value >= self.capabilities.mem_reserved() => return None,
            Watched::Memory => value,
            Watched::Pci if hard => return None,
            _ => 0,
        };
        if hard {
            self.uncorrected(state, block, address);
        } else {
            self.corrected(state, block, address);
        }
        Some(())
    }
}
