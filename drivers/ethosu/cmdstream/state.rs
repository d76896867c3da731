// SPDX-License-Identifier: GPL-2.0

//! The sticky registers as the stream has set them so far.

use super::{
    refusal::Reason,
    register::Register, //
};

/// No register holds this value: the widest has 40 bits.
const UNSET: u64 = u64::MAX;

/// The values of all registers; each is unset until the stream sets it.
pub(super) struct State {
    values: [u64; Register::COUNT],
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            values: [UNSET; Register::COUNT],
        }
    }

    /// Sets a register, unless the value has reserved bits or no meaning.
    pub(super) fn set(&mut self, register: Register, value: u64) -> Result<(), Reason> {
        if value & !register.mask() != 0 {
            return Err(Reason::ReservedBits);
        }
        if !register.defines(value) {
            return Err(Reason::ReservedValue);
        }
        if let Some(slot) = self.values.get_mut(register as usize) {
            *slot = value;
        }
        Ok(())
    }

    /// The value of a register that the operation needs.
    pub(super) fn get(&self, register: Register) -> Result<u64, Reason> {
        match self.values.get(register as usize) {
            Some(&value) if value != UNSET => Ok(value),
            _ => Err(Reason::Unset(register)),
        }
    }

    /// A size of 1 to 65536 that the register holds less one.
    pub(super) fn size(&self, register: Register) -> Result<u32, Reason> {
        // Registers named *_M1 have 16 bits at most.
        Ok((self.get(register)? & 0xffff) as u32 + 1)
    }

    /// A 40-bit two's complement number of bytes.
    pub(super) fn signed(&self, register: Register) -> Result<i64, Reason> {
        Ok(((self.get(register)? << 24) as i64) >> 24)
    }

    /// Refuses unless all these are set.
    pub(super) fn require(&self, registers: &[Register]) -> Result<(), Reason> {
        registers
            .iter()
            .try_for_each(|&register| self.get(register).map(drop))
    }
}
