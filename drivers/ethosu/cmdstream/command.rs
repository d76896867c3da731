// SPDX-License-Identifier: GPL-2.0

//! From words to commands: the allow-list of `NPU_OP_*`.
//!
//! A command is one word, or two if it has a payload: opcode in bits 9:0, 13:10 reserved, control
//! in 15:14 (0: one word, 1: a payload follows), parameter in 31:16.

use super::{
    refusal::Reason,
    register::Register, //
};

/// An allowed command.
#[derive(Clone, Copy)]
pub(super) enum Command {
    /// Sets a register: the parameter, or the parameter above 32 bits of payload.
    Set(Register, u64),
    Conv,
    Depthwise,
    Pool(Pool),
    Elementwise(Elementwise),
    DmaStart,
    /// Waits for DMA or for kernel operations, which changes nothing that is checked.
    Wait,
    Stop,
}

/// What a pooling operation does with the elements below its kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    Max,
    Average,
    /// Sums over the channels.
    ReduceSum,
}

/// What an elementwise operation computes, by what it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Elementwise {
    /// ADD, SUB: two operands, each scaled.
    Sum,
    /// MUL: two operands.
    Product,
    /// MIN, MAX, SHR, SHL: two operands, the result is not scaled.
    Binary,
    /// LRELU, ABS: one operand.
    Unary,
    /// CLZ: one operand, the result is not scaled.
    Count,
}

/// Control field 1: a payload follows.
const CONTROL_PAYLOAD: u16 = 0x4000;
/// The control field; values 2 and 3 are reserved.
const CONTROL: u16 = 0xc000;
/// Bits 13:10.
const RESERVED: u16 = 0x3c00;

impl Command {
    /// The command that starts with `word`; takes its payload from `rest`.
    pub(super) fn decode(word: u32, rest: &mut impl Iterator<Item = u32>) -> Result<Self, Reason> {
        let code = (word & 0xffff) as u16;
        let parameter = word >> 16;
        if code & RESERVED != 0 {
            return Err(Reason::ReservedBits);
        }
        match code & CONTROL {
            0 if code < 0x100 => Self::operation(code, parameter),
            0 => {
                let register = Register::from_code(code).ok_or(Reason::UnknownCommand)?;
                Ok(Self::Set(register, parameter.into()))
            }
            CONTROL_PAYLOAD => {
                let register = Register::from_code(code).ok_or(Reason::UnknownCommand)?;
                let payload = rest.next().ok_or(Reason::Truncated)?;
                Ok(Self::Set(
                    register,
                    u64::from(parameter) << 32 | u64::from(payload),
                ))
            }
            _ => Err(Reason::ReservedBits),
        }
    }

    fn operation(code: u16, parameter: u32) -> Result<Self, Reason> {
        let (command, mask) = match code {
            0x00 if parameter == 0 => return Err(Reason::SilentStop),
            0x00 => (Self::Stop, 0xffff),
            0x01 => return Err(Reason::EarlyInterrupt),
            0x02 => (Self::Conv, 0),
            0x03 => (Self::Depthwise, 0),
            0x05 => (Self::Pool(Pool::decode(parameter & 0x7)?), 0x7),
            0x06 => (
                Self::Elementwise(Elementwise::decode(parameter & 0x3f)?),
                0x3f,
            ),
            0x10 => (Self::DmaStart, 0),
            0x11 => (Self::Wait, 0x1),
            0x12 => (Self::Wait, 0x3),
            _ => return Err(Reason::UnknownCommand),
        };
        if parameter & !mask != 0 {
            return Err(Reason::ReservedBits);
        }
        Ok(command)
    }
}

impl Pool {
    fn decode(mode: u32) -> Result<Self, Reason> {
        match mode {
            0 => Ok(Self::Max),
            1 => Ok(Self::Average),
            2 => Ok(Self::ReduceSum),
            _ => Err(Reason::ReservedValue),
        }
    }
}

impl Elementwise {
    fn decode(mode: u32) -> Result<Self, Reason> {
        match mode {
            0 => Ok(Self::Product),
            1 | 2 => Ok(Self::Sum),
            3 | 4 | 8 | 9 => Ok(Self::Binary),
            5 | 6 => Ok(Self::Unary),
            7 => Ok(Self::Count),
            _ => Err(Reason::ReservedValue),
        }
    }
}
