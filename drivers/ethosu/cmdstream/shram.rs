// SPDX-License-Identifier: GPL-2.0

//! The internal memory (SHRAM) and its division among the buffers.
//!
//! 48 banks of 1 KiB in each core: 2 for the output, then the input buffer up to IFM_IB_END (the
//! second operand's from IFM2_IB_START), the accumulators from AB_START, and the look-up tables in
//! the last 2.

use super::{
    refusal::Reason,
    register::Register,
    span::Span,
    state::State, //
};

const BANKS: u64 = 48;
const OUTPUT_BANKS: u64 = 2;
const BANK_BYTES: u64 = 1024;
const BYTES: i64 = (BANKS * BANK_BYTES) as i64;

/// Offset of the look-up tables, which fill the rest.
pub(super) const TABLES: u64 = (BANKS - 2) * BANK_BYTES;

/// Refuses an access that leaves the SHRAM.
pub(super) fn check_range(span: Span) -> Result<(), Reason> {
    if span.start < 0 || span.end > BYTES {
        return Err(Reason::InternalRange);
    }
    Ok(())
}

/// Refuses buffers that are out of order.
pub(super) fn check_layout(state: &State) -> Result<(), Reason> {
    state.require(&[Register::AccFormat])?;
    let input_end = state.get(Register::IfmIbEnd)?;
    let accumulators = state.get(Register::AbStart)?;
    if OUTPUT_BANKS < input_end && input_end <= accumulators && accumulators <= BANKS {
        Ok(())
    } else {
        Err(Reason::InternalLayout)
    }
}

/// Refuses a buffer of the second operand that does not start within the input buffer.
pub(super) fn check_second_operand(state: &State) -> Result<(), Reason> {
    let start = state.get(Register::Ifm2IbStart)?;
    if OUTPUT_BANKS <= start && start <= state.get(Register::IfmIbEnd)? {
        Ok(())
    } else {
        Err(Reason::InternalLayout)
    }
}
