// SPDX-License-Identifier: GPL-2.0

//! DMA: copies between regions, and from a region to the internal memory.
//!
//! A transfer has rows of LEN bytes; SIZE0 of them in the 2D mode, SIZE1 planes of SIZE0 rows in
//! the 3D mode. The stride mode is set apart for the source and for the destination: a side in the
//! 1D mode is contiguous, the other leaves SKIP0 bytes out between rows and SKIP1 between planes.

use super::{
    footprint::{
        Access,
        Footprint, //
    },
    lut::Tables,
    refusal::Reason,
    register::Register,
    shram,
    span::Span,
    state::State, //
};

/// One side of a transfer, as its region register describes it.
#[derive(Clone, Copy)]
struct Side {
    region: u64,
    internal: bool,
    mode: Mode,
}

/// Stride mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Contiguous,
    Rows,
    Planes,
}

impl Side {
    fn new(value: u64) -> Self {
        Self {
            region: value,
            internal: value & 0x100 != 0,
            mode: match (value >> 9) & 3 {
                0 => Mode::Contiguous,
                1 => Mode::Rows,
                _ => Mode::Planes,
            },
        }
    }
}

/// Checks a DMA transfer, covers both its sides and notes the look-up tables that it loads.
pub(super) fn check(
    state: &State,
    tables: &mut Tables,
    footprint: &mut Footprint,
) -> Result<(), Reason> {
    let source = Side::new(state.get(Register::Dma0SrcRegion)?);
    let destination = Side::new(state.get(Register::Dma0DstRegion)?);
    let transfer = Transfer::new(state, source.mode, destination.mode)?;
    if source.internal {
        // It would show what an earlier job left there.
        return Err(Reason::UnsupportedMode);
    }
    let from = transfer.span(state, Register::Dma0Src, source.mode)?;
    let to = transfer.span(state, Register::Dma0Dst, destination.mode)?;
    footprint.cover(Access::Read, source.region, from)?;
    if !destination.internal {
        return footprint.cover(Access::Write, destination.region, to);
    }
    if destination.mode != Mode::Contiguous {
        return Err(Reason::UnsupportedMode);
    }
    shram::check_range(to)?;
    tables.load(to);
    Ok(())
}

/// How much is transferred.
struct Transfer {
    length: u64,
    rows: u64,
    planes: u64,
}

impl Transfer {
    fn new(state: &State, source: Mode, destination: Mode) -> Result<Self, Reason> {
        let mode = match (source, destination) {
            (mode, Mode::Contiguous) | (Mode::Contiguous, mode) => mode,
            (source, destination) if source == destination => source,
            _ => return Err(Reason::UnsupportedMode),
        };
        let transfer = Self {
            length: state.get(Register::Dma0Len)?,
            rows: if mode == Mode::Contiguous {
                1
            } else {
                state.get(Register::Dma0Size0)?
            },
            planes: if mode == Mode::Planes {
                state.get(Register::Dma0Size1)?
            } else {
                1
            },
        };
        if transfer.length == 0 || transfer.rows == 0 || transfer.planes == 0 {
            return Err(Reason::EmptyTransfer);
        }
        Ok(transfer)
    }

    /// The bytes of one side.
    fn span(&self, state: &State, base: Register, mode: Mode) -> Result<Span, Reason> {
        let base = state.get(base)?;
        let plane = self.length.checked_mul(self.rows).ok_or(Reason::Overflow)?;
        if mode == Mode::Contiguous {
            return Span::new(
                base,
                plane.checked_mul(self.planes).ok_or(Reason::Overflow)?,
            );
        }
        let skip = state.signed(Register::Dma0Skip0)?;
        let pitch = add(self.length, skip)?;
        let rows = Span::new(base, self.length)?.repeat(self.rows, pitch)?;
        if mode == Mode::Rows {
            return Ok(rows);
        }
        // From plane to plane by SKIP1 and by a plane's bytes: without the skips between its rows
        // in Vela, with them in mainline's driver. Both are covered.
        let skip = state.signed(Register::Dma0Skip1)?;
        let rows_pitch = pitch
            .checked_mul(self.rows as i64)
            .ok_or(Reason::Overflow)?;
        let without = rows.repeat(self.planes, add(plane, skip)?)?;
        let with = rows.repeat(
            self.planes,
            rows_pitch.checked_add(skip).ok_or(Reason::Overflow)?,
        )?;
        Ok(without.union(with))
    }
}

fn add(length: u64, skip: i64) -> Result<i64, Reason> {
    i64::try_from(length)
        .ok()
        .and_then(|length| length.checked_add(skip))
        .ok_or(Reason::Overflow)
}
