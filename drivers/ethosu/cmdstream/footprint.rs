// SPDX-License-Identifier: GPL-2.0

//! Which bytes of each region a command stream touches.

use super::{
    refusal::Reason,
    span::Span, //
};

/// Number of regions: of base pointers `BASEP` of the NPU.
pub(crate) const REGIONS: usize = 8;

/// The NPU's addresses have 40 bits.
const ADDRESS_SPACE: u64 = 1 << 40;

/// Whether the NPU reads or writes the bytes.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
}

/// How far the NPU reads and writes in each region.
///
/// Each number is the end, in bytes from the region's base, of the highest access of its kind; 0 if
/// there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Where reads end, by region.
    pub(crate) read: [u64; REGIONS],
    /// Where writes end, by region.
    pub(crate) written: [u64; REGIONS],
}

impl Footprint {
    /// Covers an access to `span` of the region whose number is in bits 2:0 of `region`.
    pub(super) fn cover(&mut self, access: Access, region: u64, span: Span) -> Result<(), Reason> {
        if span.start == span.end {
            return Ok(());
        }
        let end = u64::try_from(span.end).map_err(|_| Reason::Overflow)?;
        if span.start < 0 || end > ADDRESS_SPACE {
            return Err(Reason::Overflow);
        }
        let ends = match access {
            Access::Read => &mut self.read,
            Access::Write => &mut self.written,
        };
        if let Some(highest) = ends.get_mut((region & 7) as usize) {
            *highest = end.max(*highest);
        }
        Ok(())
    }
}
