// SPDX-License-Identifier: GPL-2.0
//! The part of SHRAM that streams may write: eight lookup tables of 256 bytes.
//!
//! The rest of SHRAM buffers blocks of feature maps on silicon; nothing in a stream depends on what
//! it holds. A table exists once its stream has loaded it.

use crate::stop::Stop;

/// Offset of the tables in SHRAM: the last 2 KiB of the 48 KiB of a core.
const START: u64 = 0xb800;
/// Bytes of a table.
const TABLE: usize = 256;
/// Number of tables.
const TABLES: usize = 8;
/// Bytes that a DMA to SHRAM may have at most.
pub(crate) const MAX_DMA: u64 = (TABLES * TABLE) as u64;

/// The tables of one stream.
#[derive(Default)]
pub(crate) struct Tables([Option<Vec<u8>>; TABLES]);

impl Tables {
    /// Loads whole tables at an offset of SHRAM.
    pub(crate) fn load(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Stop> {
        const OUTSIDE: Stop = Stop::Command("DMA to SHRAM that is not whole lookup tables");
        let start = offset.checked_sub(START).ok_or(OUTSIDE)? as usize;
        let last = start.checked_add(bytes.len()).ok_or(OUTSIDE)?;
        if start % TABLE != 0 || last % TABLE != 0 {
            return Err(OUTSIDE);
        }
        let tables = self.0.get_mut(start / TABLE..last / TABLE).ok_or(OUTSIDE)?;
        for (table, bytes) in tables.iter_mut().zip(bytes.chunks_exact(TABLE)) {
            *table = Some(bytes.to_vec());
        }
        Ok(())
    }

    /// A table, 0 to 7.
    pub(crate) fn table(&self, index: usize) -> Result<&[u8], Stop> {
        let table = self.0.get(index).and_then(Option::as_deref);
        table.ok_or(Stop::Command("lookup table that the stream has not loaded"))
    }
}
