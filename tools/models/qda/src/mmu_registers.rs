// SPDX-License-Identifier: GPL-2.0
//! Registers of the MMU (Documentation/devices/qda/memory.rst, invalidation).

use crate::card::{Card, State};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

const ALL: u32 = 1 << 30;
const BUSY: u32 = 1 << 31;

/// INV_ADDRESS to INV_COMMAND.
#[derive(Debug, Default)]
pub struct Invalidation {
    address: u64,
    size: u64,
    command: u32,
}

impl Invalidation {
    /// The register at `offset`.
    pub fn register(&self, offset: u64) -> Option<Value> {
        Some(match offset {
            0x400 => Long(self.address),
            0x408 => Long(self.size),
            0x410 => Word(self.command),
            _ => return None,
        })
    }
}

impl Card {
    /// An invalidation is over before the write is, unless a test wants it to hang.
    pub(crate) fn write_invalidation(&self, state: &mut State, offset: u64, data: &[u8]) {
        let registers = &mut state.invalidation;
        if registers.command & BUSY != 0 {
            return;
        }
        match offset & !7 {
            0x400 => registers.address = merge(registers.address, offset, data) & !0xfff,
            0x408 => registers.size = merge(registers.size, offset, data) & !0xfff,
            0x410 if offset == 0x410 => {
                let command = merge(0, 0, data) as u32 & (BUSY | ALL | 0xffff);
                registers.command = command & !BUSY;
                if command & BUSY == 0 {
                    return;
                }
                if state.faults.invalidation_hang {
                    registers.command = command;
                    return;
                }
                let asid = (command & ALL == 0).then_some(command as u16);
                let (address, size) = match asid {
                    Some(_) => (registers.address, registers.size),
                    None => (0, 0),
                };
                self.mmu.invalidate(asid, address, size);
            }
            _ => {}
        }
    }
}
