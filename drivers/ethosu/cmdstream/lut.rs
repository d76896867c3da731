// SPDX-License-Identifier: GPL-2.0

//! The look-up tables of activations: which of them this stream has loaded.
//!
//! Eight slots of 256 bytes in the internal memory. A table has 256 entries of one byte for 8-bit
//! outputs and of four bytes for 32-bit outputs, and 512 entries of four bytes for 16-bit outputs.

use super::{
    feature_map::FeatureMap,
    refusal::Reason,
    register::Register,
    shram::TABLES,
    span::Span,
    state::State, //
};

const SLOT_BYTES: u64 = 256;
const SLOTS: u64 = 8;
/// ACTIVATION 16 to 23: the table that starts at slot 0 to 7.
const FIRST_TABLE: u64 = 16;

/// One bit for each slot that is loaded.
pub(super) struct Tables {
    loaded: u8,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self { loaded: 0 }
    }

    /// Notes that these bytes of the internal memory were written; counts the slots that they fill.
    pub(super) fn load(&mut self, span: Span) {
        for slot in 0..SLOTS {
            let start = (TABLES + slot * SLOT_BYTES) as i64;
            if span.start <= start && start + SLOT_BYTES as i64 <= span.end {
                self.loaded |= 1 << slot;
            }
        }
    }

    /// Refuses an activation by a table that is not loaded.
    pub(super) fn check_loaded(&self, state: &State) -> Result<(), Reason> {
        let function = state.get(Register::Activation)? & 0x1f;
        let Some(first) = function.checked_sub(FIRST_TABLE) else {
            return Ok(());
        };
        let slots = match FeatureMap::OFM.element_size(state)? {
            1 => 1,
            2 => 8,
            _ => 4,
        };
        if (first..first + slots).all(|slot| slot < SLOTS && self.loaded & (1 << slot) != 0) {
            Ok(())
        } else {
            Err(Reason::TableNotLoaded)
        }
    }
}
