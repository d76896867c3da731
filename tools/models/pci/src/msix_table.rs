// SPDX-License-Identifier: GPL-2.0
//! The part of a BAR that holds the MSI-X table and pending-bit array.
//!
//! A peer that traps the table (QEMU does) never gets here; to any other it behaves as memory with
//! the reset values of the specification.

use crate::function::MsixLayout;
use crate::messages::Vectors;

/// Bytes per vector: address, data, control.
const ENTRY: usize = 16;

/// Table of one function.
pub(crate) struct Table {
    layout: MsixLayout,
    bytes: Vec<u8>,
}

impl Table {
    /// All vectors masked.
    pub(crate) fn new(layout: MsixLayout, vectors: u16) -> Self {
        let mut table = Self {
            layout,
            bytes: vec![0; ENTRY * usize::from(vectors)],
        };
        table.reset();
        table
    }

    /// Back to all vectors masked.
    pub(crate) fn reset(&mut self) {
        for entry in self.bytes.chunks_exact_mut(ENTRY) {
            entry.fill(0);
            entry[ENTRY - 4] = 1;
        }
    }

    /// Whether the table or the pending bits are at `offset` of `bar`.
    pub(crate) fn covers(&self, bar: usize, offset: u64) -> bool {
        bar == self.layout.bar && (self.entry(offset).is_some() || self.pending(offset).is_some())
    }

    /// Reads; what is beyond table or array stays as it is.
    pub(crate) fn read(&self, offset: u64, data: &mut [u8], vectors: &Vectors) {
        let pending = vectors.pending();
        for (at, byte) in (offset..).zip(data) {
            if let Some(entry) = self.entry(at) {
                *byte = self.bytes[entry];
            } else if let Some(bits) = self.pending(at).and_then(|bit| pending.get(bit)) {
                *byte = *bits;
            }
        }
    }

    /// Writes the table; the pending bits are read-only.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        for (at, &byte) in (offset..).zip(data) {
            if let Some(entry) = self.entry(at) {
                self.bytes[entry] = byte;
            }
        }
    }

    /// Index into the table of a BAR offset.
    fn entry(&self, offset: u64) -> Option<usize> {
        let index = offset.checked_sub(self.layout.table.into())? as usize;
        (index < self.bytes.len()).then_some(index)
    }

    /// Index into the pending-bit array of a BAR offset.
    fn pending(&self, offset: u64) -> Option<usize> {
        let index = offset.checked_sub(self.layout.pba.into())? as usize;
        let vectors = self.bytes.len() / ENTRY;
        (index < vectors.div_ceil(64) * 8).then_some(index)
    }
}
