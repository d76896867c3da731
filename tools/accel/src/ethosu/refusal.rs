// SPDX-License-Identifier: GPL-2.0
//! Why the driver refused a job, in words.

use std::fmt;

use crate::error::Error;
use crate::info::numbers;

numbers! {
    /// What is wrong with a payload: `enum accel_ethosu_refusal`.
    Wrong {
        /// The stream is longer than 16 MiB.
        TooLong = ACCEL_ETHOSU_REFUSED_TOO_LONG, "the command stream is too long";
        /// The stream does not end with OP_STOP.
        NoStop = ACCEL_ETHOSU_REFUSED_NO_STOP, "no OP_STOP at the end";
        /// Words follow OP_STOP.
        WordsAfterStop = ACCEL_ETHOSU_REFUSED_WORDS_AFTER_STOP, "words after OP_STOP";
        /// The stream ends before a command's payload.
        Truncated = ACCEL_ETHOSU_REFUSED_TRUNCATED, "the payload of the last command is missing";
        /// The command is not on the allow-list.
        UnknownCommand = ACCEL_ETHOSU_REFUSED_UNKNOWN_COMMAND, "unknown command";
        /// A reserved bit of the command is set.
        ReservedBits = ACCEL_ETHOSU_REFUSED_RESERVED_BITS, "a reserved bit is set";
        /// A field has a reserved value.
        ReservedValue = ACCEL_ETHOSU_REFUSED_RESERVED_VALUE, "a field has a reserved value";
        /// OP_IRQ would report the job as done while it runs.
        EarlyInterrupt = ACCEL_ETHOSU_REFUSED_EARLY_INTERRUPT, "OP_IRQ before the end";
        /// OP_STOP with mask 0 would not report the job as done.
        SilentStop = ACCEL_ETHOSU_REFUSED_SILENT_STOP, "OP_STOP without interrupt";
        /// The operation needs a register that was never set.
        Unset = ACCEL_ETHOSU_REFUSED_UNSET, "a register was never set";
        /// An address range leaves the 40-bit address space.
        Overflow = ACCEL_ETHOSU_REFUSED_OVERFLOW, "an address is out of range";
        /// The padding leaves no input, or the input is too large.
        InputShape = ACCEL_ETHOSU_REFUSED_INPUT_SHAPE, "an impossible shape of the input";
        /// An access to the internal memory leaves it.
        InternalRange = ACCEL_ETHOSU_REFUSED_INTERNAL_RANGE, "an access outside of the internal memory";
        /// The activation uses a look-up table that was not loaded.
        TableNotLoaded = ACCEL_ETHOSU_REFUSED_TABLE_NOT_LOADED, "a look-up table was not loaded";
        /// The division of the internal memory is inconsistent.
        InternalLayout = ACCEL_ETHOSU_REFUSED_INTERNAL_LAYOUT, "the internal buffers overlap";
        /// A combination of modes without a defined meaning.
        UnsupportedMode = ACCEL_ETHOSU_REFUSED_UNSUPPORTED_MODE, "an unsupported combination of modes";
        /// A DMA transfer of nothing.
        EmptyTransfer = ACCEL_ETHOSU_REFUSED_EMPTY_TRANSFER, "a DMA transfer of nothing";
        /// No weights, or fewer scales than output channels.
        MissingParameters = ACCEL_ETHOSU_REFUSED_MISSING_PARAMETERS, "too few weights or scales";
        /// Weights or scales are not aligned to 16 bytes.
        Unaligned = ACCEL_ETHOSU_REFUSED_UNALIGNED, "weights or scales are not aligned";
        /// Two cores on an NPU that has one.
        NoSecondCore = ACCEL_ETHOSU_REFUSED_NO_SECOND_CORE, "the NPU has no second core";
        /// The payload is shorter than its header, or the stream is empty or not whole words.
        BadSize = ACCEL_ETHOSU_REFUSED_BAD_SIZE, "an impossible size";
        /// A region names a buffer that the job does not.
        BadRegion = ACCEL_ETHOSU_REFUSED_BAD_REGION, "the buffer is not one of the job's";
        /// The stream uses a region without a buffer.
        NoRegion = ACCEL_ETHOSU_REFUSED_NO_REGION, "it is used, but has no buffer";
        /// The buffer of a region is smaller than what the stream uses of it.
        RegionTooSmall = ACCEL_ETHOSU_REFUSED_REGION_TOO_SMALL, "the buffer is too small";
        /// The stream writes to a region whose buffer is not named for writing.
        RegionReadOnly = ACCEL_ETHOSU_REFUSED_REGION_READ_ONLY, "it is written, but named for reading";
        /// The stream reads a region whose buffer is not named for reading.
        RegionNotReadable = ACCEL_ETHOSU_REFUSED_REGION_NOT_READABLE, "it is read, but named for writing";
    }
}

/// Where in a payload something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Index of a word of the command stream.
    Word(u32),
    /// Number of a region.
    Region(u32),
    /// The payload as a whole, which has this many bytes.
    Size(u32),
}

/// Why a job was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub wrong: Wrong,
    /// Where.
    pub place: Place,
    /// The command that sets the register it is about, if it is about one.
    pub command: Option<u16>,
}

impl Refusal {
    /// The refusal in an error of [`Submit::submit`](crate::Submit::submit) on an Ethos-U.
    pub fn of(error: &Error) -> Option<Self> {
        match *error {
            Error::Refused { reason, at, .. } => Some(Refusal::new(reason, at)),
            _ => None,
        }
    }

    fn new(reason: u32, at: u32) -> Self {
        let wrong = Wrong::from(reason & 0xffff);
        let place = match wrong {
            Wrong::BadSize => Place::Size(at),
            Wrong::BadRegion
            | Wrong::NoRegion
            | Wrong::RegionTooSmall
            | Wrong::RegionReadOnly
            | Wrong::RegionNotReadable => Place::Region(at),
            _ => Place::Word(at),
        };
        let command = (reason >> 16) as u16;
        Refusal {
            wrong,
            place,
            command: (wrong == Wrong::Unset).then_some(command),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Word(word) => write!(f, "word {word} of the command stream: {}", self.wrong)?,
            Place::Region(region) => write!(f, "region {region}: {}", self.wrong)?,
            Place::Size(size) => write!(f, "payload of {size} bytes: {}", self.wrong)?,
        }
        match self.command {
            Some(command) => write!(f, " (by command {command:#x})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use accel_uapi as uapi;

    use super::*;
    use crate::error::Cause;

    fn text(reason: u32, at: u32) -> String {
        let error = Error::Refused {
            cause: Cause::Invalid,
            reason,
            at,
        };
        Refusal::of(&error).expect("a refusal").to_string()
    }

    #[test]
    fn refusals_say_where_and_what() {
        let unset = uapi::ACCEL_ETHOSU_REFUSED_UNSET | 0x10f << 16;
        assert_eq!(
            text(unset, 70),
            "word 70 of the command stream: a register was never set (by command 0x10f)"
        );
        assert_eq!(
            text(uapi::ACCEL_ETHOSU_REFUSED_NO_REGION, 2),
            "region 2: it is used, but has no buffer"
        );
        assert_eq!(
            text(uapi::ACCEL_ETHOSU_REFUSED_BAD_SIZE, 33),
            "payload of 33 bytes: an impossible size"
        );
        assert_eq!(text(999, 1), "word 1 of the command stream: unknown (999)");
    }

    #[test]
    fn other_errors_are_no_refusals() {
        assert_eq!(Refusal::of(&Error::ForeignBuffer), None);
    }
}
