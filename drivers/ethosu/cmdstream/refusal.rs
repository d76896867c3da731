// SPDX-License-Identifier: GPL-2.0

//! Why a command stream is refused.

use core::fmt;

use super::register::Register;

/// A refused command stream: which command, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Index of the refused command's first word; the stream's length if something is missing at
    /// its end.
    pub(crate) word: u32,
    /// What is wrong with the command.
    pub(crate) reason: Reason,
}

/// What is wrong with a command. The numbers of [`Reason::code`] never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// 1: the stream is longer than [`MAX_BYTES`](super::MAX_BYTES).
    TooLong,
    /// 2: the stream does not end with `OP_STOP`.
    NoStop,
    /// 3: words follow `OP_STOP`.
    WordsAfterStop,
    /// 4: the stream ends before the command's payload.
    Truncated,
    /// 5: the command is not on the allow-list.
    UnknownCommand,
    /// 6: a reserved bit of the command, its parameter or its payload is set.
    ReservedBits,
    /// 7: an enumerated field has a reserved value.
    ReservedValue,
    /// 8: `OP_IRQ` would report the job as done while it runs.
    EarlyInterrupt,
    /// 9: `OP_STOP` with mask 0 would not report the job as done.
    SilentStop,
    /// 10: the operation needs a register that was never set.
    Unset(Register),
    /// 11: an address range leaves the NPU's 40-bit address space.
    Overflow,
    /// 12: the padding leaves no input, or the input exceeds 65536 rows or columns.
    InputShape,
    /// 13: an access to the internal memory (SHRAM) leaves it.
    InternalRange,
    /// 14: the activation uses a look-up table that this stream has not loaded.
    TableNotLoaded,
    /// 15: the division of the internal memory (SHRAM) among the buffers is inconsistent.
    InternalLayout,
    /// 16: a combination of modes without a defined meaning, or one that reads what earlier jobs
    /// left in the SHRAM.
    UnsupportedMode,
    /// 17: a DMA transfer of nothing.
    EmptyTransfer,
    /// 18: no weights, or fewer scales than output channels.
    MissingParameters,
    /// 19: weights or scales are not aligned to 16 bytes, or their length is no multiple of 16.
    Unaligned,
    /// 20: two cores on an NPU that has one.
    NoSecondCore,
}

impl Reason {
    /// Number for user space: the cause in bits 15:0, in bits 31:16 the command that would have set
    /// the register that the cause is about, if it is about one.
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::TooLong => 1,
            Self::NoStop => 2,
            Self::WordsAfterStop => 3,
            Self::Truncated => 4,
            Self::UnknownCommand => 5,
            Self::ReservedBits => 6,
            Self::ReservedValue => 7,
            Self::EarlyInterrupt => 8,
            Self::SilentStop => 9,
            Self::Unset(register) => 10 | u32::from(register.code()) << 16,
            Self::Overflow => 11,
            Self::InputShape => 12,
            Self::InternalRange => 13,
            Self::TableNotLoaded => 14,
            Self::InternalLayout => 15,
            Self::UnsupportedMode => 16,
            Self::EmptyTransfer => 17,
            Self::MissingParameters => 18,
            Self::Unaligned => 19,
            Self::NoSecondCore => 20,
        }
    }

    /// The cause in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "stream too long",
            Self::NoStop => "no OP_STOP at the end",
            Self::WordsAfterStop => "words after OP_STOP",
            Self::Truncated => "payload missing",
            Self::UnknownCommand => "command not allowed",
            Self::ReservedBits => "reserved bit set",
            Self::ReservedValue => "reserved value",
            Self::EarlyInterrupt => "OP_IRQ before the end",
            Self::SilentStop => "OP_STOP without interrupt",
            Self::Unset(_) => "register not set",
            Self::Overflow => "address out of range",
            Self::InputShape => "impossible input shape",
            Self::InternalRange => "outside the internal memory",
            Self::TableNotLoaded => "look-up table not loaded",
            Self::InternalLayout => "internal buffers overlap",
            Self::UnsupportedMode => "unsupported mode",
            Self::EmptyTransfer => "DMA of nothing",
            Self::MissingParameters => "too few weights or scales",
            Self::Unaligned => "weights or scales not aligned",
            Self::NoSecondCore => "no second core",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "word {}: {}", self.word, self.reason.as_str())?;
        match self.reason {
            Reason::Unset(register) => write!(f, ": {}", register.name()),
            _ => Ok(()),
        }
    }
}
