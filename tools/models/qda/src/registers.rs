// SPDX-License-Identifier: GPL-2.0
//! BAR 0: which access reaches which register (Documentation/devices/qda/registers.rst, pci.rst).

use std::ops::Range;

use crate::card::{Card, State};
use crate::device::DeviceState;

/// A register that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of 32 bits.
    Word(u32),
    /// Of 64 bits, or 64 bits of a wider one or of a window.
    Long(u64),
}

/// Bytes of BAR 0.
pub const SIZE: u64 = 0x1_0000;

/// The blocks of the map. What is outside is undefined.
const BLOCKS: [Range<u64>; 14] = [
    0x0000..0x0100,
    0x0100..0x0200,
    0x0200..0x0300,
    0x0300..0x0400,
    0x0400..0x0500,
    0x0500..0x0580,
    0x0600..0x0700,
    0x0700..0x0800,
    0x0800..0x0a00,
    0x0a00..0x0c00,
    0x1000..0x1800,
    0x2000..0x2400,
    0x4000..0x6000,
    0x8000..0xc000,
];

/// Blocks that can be read during a device reset: capabilities; and DEVICE_STATE.
const DEVICE_STATE: u64 = 0x100;

/// Replaces the bytes of `old` from the offset of an access on.
pub fn merge(old: u64, offset: u64, data: &[u8]) -> u64 {
    let mut bytes = old.to_le_bytes();
    let at = (offset % 8) as usize;
    bytes[at..at + data.len()].copy_from_slice(data);
    u64::from_le_bytes(bytes)
}

impl Card {
    /// A read of BAR 0; an undefined one leaves `data` as it is.
    pub fn read_register(&self, offset: u64, data: &mut [u8]) {
        if !is_defined(offset, data.len()) {
            return;
        }
        let mut state = self.lock();
        if let Some(value) = state.faults.take_lie(offset) {
            let bytes = value.to_le_bytes();
            return data.copy_from_slice(&bytes[..data.len()]);
        }
        let readable = offset < 0x100 || offset == DEVICE_STATE;
        if state.device.state == DeviceState::Reset && !readable {
            return;
        }
        match data.len() {
            4 => data.copy_from_slice(&self.read_word(&state, offset).to_le_bytes()),
            _ => {
                if let Some(Value::Long(value)) = self.register(&state, offset) {
                    data.copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }

    fn read_word(&self, state: &State, offset: u64) -> u32 {
        match self.register(state, offset) {
            Some(Value::Word(word)) => word,
            Some(Value::Long(long)) => long as u32,
            None if offset % 8 == 4 => match self.register(state, offset - 4) {
                Some(Value::Long(long)) => (long >> 32) as u32,
                _ => 0,
            },
            None => 0,
        }
    }

    /// The register that begins at `offset`.
    fn register(&self, state: &State, offset: u64) -> Option<Value> {
        match offset {
            0x0000..0x0100 => self.capabilities.register(offset),
            0x0100..0x0200 => self.device_register(state, offset),
            0x0200..0x0300 => state.firmware.register(offset),
            0x0300..0x0400 => state.mailbox.register(offset),
            0x0400..0x0500 => state.invalidation.register(offset),
            0x0500..0x0580 => state.events[usize::from(offset >= 0x540)].register(offset & 0x3f),
            0x0600..0x0700 => self.power_register(state, offset),
            0x0700..0x0800 if self.capabilities.injection => state.injection.register(offset),
            0x0800..0x0a00 => state.sensors.register(offset - 0x800),
            0x0a00..0x0c00 => state.ras.register(offset - 0xa00),
            0x1000..0x1800 => self.engine_register(state, offset - 0x1000),
            0x2000..0x2400 => self.link_register(state, offset - 0x2000),
            0x4000..0x5000 => Some(window(&state.firmware.log.window, offset - 0x4000)),
            0x5000..0x6000 => Some(window(&state.firmware.crash, offset - 0x5000)),
            0x8000..0xc000 => state.queue_register(offset - 0x8000),
            _ => None,
        }
    }

    /// A write to BAR 0.
    pub fn write_register(&self, offset: u64, data: &[u8]) {
        if !is_defined(offset, data.len()) {
            return;
        }
        let state = &mut *self.lock();
        if state.device.state == DeviceState::Reset {
            return;
        }
        if data.len() == 8 && !matches!(self.register(state, offset), Some(Value::Long(_))) {
            return;
        }
        match offset {
            0x0100..0x0200 => self.write_device(state, offset, data),
            0x0200..0x0300 => self.write_firmware(state, offset, data),
            0x0300..0x0400 => self.write_mailbox(state, offset, data),
            0x0400..0x0500 => self.write_invalidation(state, offset, data),
            0x0500..0x0580 => state.write_events(offset, data),
            0x0600..0x0700 => state.power.write(offset, data),
            0x0700..0x0800 if self.capabilities.injection => {
                self.write_injection(state, offset, data);
            }
            0x0a00..0x0c00 => state.ras.write(offset - 0xa00, data),
            0x1000..0x1800 => self.write_engine(state, offset - 0x1000, data),
            0x2000..0x2400 => self.write_link(state, offset - 0x2000, data),
            0x8000..0xc000 => self.write_queue(state, offset - 0x8000, data),
            _ => {}
        }
    }
}

/// The low word of a write that starts something, until its upper half comes.
#[derive(Debug, Default)]
pub struct Latch(Option<(u64, u32)>);

impl Latch {
    /// The whole value, if this write completes it; `old` is what the register has now.
    pub fn complete(&mut self, old: u64, offset: u64, data: &[u8]) -> Option<u64> {
        let register = offset & !7;
        if data.len() == 4 && offset % 8 == 0 {
            self.0 = Some((register, merge(0, 0, data) as u32));
            return None;
        }
        let low = self.0.take().filter(|(of, _)| *of == register);
        let old = low.map_or(old, |(_, low)| old & !0xffff_ffff | u64::from(low));
        Some(merge(old, offset, data))
    }
}

/// Aligned, of 4 or 8 bytes, and in a block.
fn is_defined(offset: u64, len: usize) -> bool {
    matches!(len, 4 | 8)
        && offset % len as u64 == 0
        && BLOCKS.iter().any(|block| block.contains(&offset))
}

fn window(bytes: &[u8], offset: u64) -> Value {
    let at = offset as usize & !7;
    let bytes = std::array::from_fn(|byte| bytes.get(at + byte).copied().unwrap_or(0));
    let value = u64::from_le_bytes(bytes);
    // The upper half is found through the lower one.
    if offset % 8 == 0 {
        Value::Long(value)
    } else {
        Value::Word((value >> 32) as u32)
    }
}
