// SPDX-License-Identifier: GPL-2.0
//! The command stream: fetched in blocks, decoded word by word.
//!
//! A command is one 32-bit word (opcode 9:0, reserved 13:10, control 15:14, parameter 31:16); with
//! control 1 a payload word follows.

use crate::memory::Memory;
use crate::stop::Stop;

/// Words fetched at a time.
const BLOCK: usize = 1024;

/// A decoded command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Sets a 16-bit parameter.
    SetShort { opcode: u16, value: u16 },
    /// Sets a parameter of a payload word and 16 bits above it.
    SetLong { opcode: u16, value: u64 },
    /// Ends the stream; the mask goes to the interrupt history.
    Stop { mask: u16 },
    /// Convolution.
    Convolution,
    /// Depthwise convolution.
    Depthwise,
    /// Pooling.
    Pool { mode: u16 },
    /// Starts a DMA.
    Dma,
    /// Waits for DMAs or operations: they have ended already.
    Wait,
}

/// A stream being read.
pub(crate) struct Stream<'a> {
    memory: &'a Memory,
    /// QSIZE, bytes.
    size: u32,
    /// Offset of the next word, bytes.
    position: u32,
    block: Vec<u8>,
    block_start: u32,
}

impl<'a> Stream<'a> {
    /// A stream of `size` bytes at the queue address.
    pub(crate) fn new(memory: &'a Memory, size: u32) -> Self {
        Self {
            memory,
            size,
            position: 0,
            block: Vec::new(),
            block_start: 0,
        }
    }

    /// Offset of the next command, bytes.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// Decodes the next command.
    pub(crate) fn next(&mut self) -> Result<Command, Stop> {
        let word = self.word()?;
        let [low, value] = [word as u16, (word >> 16) as u16];
        if low & 0x3c00 != 0 {
            return Err(Stop::Command("reserved bits in a command"));
        }
        let opcode = low & 0x3ff;
        match low >> 14 {
            0 if opcode >= 0x100 => Ok(Command::SetShort { opcode, value }),
            0 => operation(opcode, value),
            1 => {
                let value = u64::from(value) << 32 | u64::from(self.word()?);
                Ok(Command::SetLong { opcode, value })
            }
            _ => Err(Stop::Command("reserved control")),
        }
    }

    fn word(&mut self) -> Result<u32, Stop> {
        let after = self.position.checked_add(4);
        let Some(after) = after.filter(|&after| after <= self.size) else {
            return Err(Stop::Command("no STOP before the end"));
        };
        let mut at = (self.position - self.block_start) as usize;
        if at >= self.block.len() {
            let left = (self.size - self.position) as usize & !3;
            self.block.resize(left.min(4 * BLOCK), 0);
            self.memory.fetch(self.position.into(), &mut self.block)?;
            (self.block_start, at) = (self.position, 0);
        }
        self.position = after;
        let bytes = self.block[at..at + 4].try_into();
        bytes
            .map(u32::from_le_bytes)
            .map_err(|_| Stop::Command("no STOP before the end"))
    }
}

/// Decodes a command that is not a SET.
fn operation(opcode: u16, value: u16) -> Result<Command, Stop> {
    let (command, legal) = match opcode {
        0x00 => (Command::Stop { mask: value }, 0xffff),
        0x02 => (Command::Convolution, 0),
        0x03 => (Command::Depthwise, 0),
        0x05 => (Command::Pool { mode: value }, 7),
        0x10 => (Command::Dma, 0),
        0x11 => (Command::Wait, 1),
        0x12 => (Command::Wait, 3),
        _ => return Err(Stop::Command("unknown operation")),
    };
    if value & !legal != 0 {
        return Err(Stop::Command("reserved bits in an operation"));
    }
    Ok(command)
}
