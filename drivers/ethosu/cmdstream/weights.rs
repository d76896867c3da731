// SPDX-License-Identifier: GPL-2.0

//! The weight and scale streams of each core.
//!
//! With two cores (PARALLEL_MODE 1) core k computes the output channels k, k + 2, ... and has
//! streams of its own. A core without channels may have a stream of length 0.

use super::{
    footprint::{
        Access,
        Footprint, //
    },
    refusal::Reason,
    register::Register,
    span::Span,
    state::State, //
};

/// Bytes of a scale: 40-bit bias, 32-bit scale, 6-bit shift.
const SCALE_BYTES: u64 = 10;
/// Streams start at a multiple of this and their length is one.
const ALIGNMENT: u64 = 16;

/// How many output channels each core computes; 0 for a core that is idle or absent.
pub(super) struct Cores {
    channels: [u32; 2],
    dual: bool,
}

impl Cores {
    pub(super) fn new(state: &State, depth: u32) -> Result<Self, Reason> {
        let dual = state.get(Register::ParallelMode)? != 0;
        let second = if dual { depth / 2 } else { 0 };
        Ok(Self {
            channels: [depth.saturating_sub(second), second],
            dual,
        })
    }

    /// Covers the streams of all cores in a region; a stream must have `bytes_for(channels)` bytes
    /// at least.
    fn cover(
        &self,
        state: &State,
        region: Register,
        streams: [(Register, Register); 2],
        bytes_for: impl Fn(u32) -> u64,
        footprint: &mut Footprint,
    ) -> Result<(), Reason> {
        let region = state.get(region)?;
        let cores = if self.dual { 2 } else { 1 };
        for (&channels, (base, length)) in self.channels.iter().zip(streams).take(cores) {
            let length = state.get(length)?;
            if length < bytes_for(channels) {
                return Err(Reason::MissingParameters);
            }
            if length == 0 {
                continue;
            }
            let base = state.get(base)?;
            if base % ALIGNMENT != 0 || length % ALIGNMENT != 0 {
                return Err(Reason::Unaligned);
            }
            footprint.cover(Access::Read, region, Span::new(base, length)?)?;
        }
        Ok(())
    }
}

/// Covers the weights. How many bytes a core needs shows only in their compressed stream: never
/// more than it has.
pub(super) fn cover_weights(
    state: &State,
    cores: &Cores,
    footprint: &mut Footprint,
) -> Result<(), Reason> {
    let streams = [
        (Register::WeightBase, Register::WeightLength),
        (Register::Weight1Base, Register::Weight1Length),
    ];
    cores.cover(
        state,
        Register::WeightRegion,
        streams,
        |channels| channels.min(1).into(),
        footprint,
    )
}

/// Covers the biases and scales, one for each channel.
pub(super) fn cover_scales(
    state: &State,
    cores: &Cores,
    footprint: &mut Footprint,
) -> Result<(), Reason> {
    let streams = [
        (Register::ScaleBase, Register::ScaleLength),
        (Register::Scale1Base, Register::Scale1Length),
    ];
    let bytes_for = |channels| u64::from(channels) * SCALE_BYTES;
    cores.cover(state, Register::ScaleRegion, streams, bytes_for, footprint)
}
