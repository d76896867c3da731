// SPDX-License-Identifier: GPL-2.0
//! Weights of an operation: compressed streams in memory, one per core, to a plain array.

pub mod mlw;
pub(crate) mod order;
#[cfg(test)]
mod tests;

use crate::kernel::Kernel;
use crate::memory::Memory;
use crate::scaling::{RECORD, Scale};
use crate::state::{Long, Short, State};
use crate::stop::{Channel, Stop};
use order::Traversal;

/// Longest weight stream and largest array that the model accepts.
const MAX_WEIGHTS: usize = 1 << 26;

/// Weights in the order output channel, y, x, input channel.
pub(crate) struct Weights {
    values: Vec<i16>,
    per_element: usize,
    elements: usize,
    width: usize,
}

impl Weights {
    /// The input-channel weights of one kernel element.
    pub(crate) fn at(&self, channel: usize, y: usize, x: usize) -> &[i16] {
        let start = (channel * self.elements + y * self.width + x) * self.per_element;
        &self.values[start..start + self.per_element]
    }
}

/// How the cores share an operation: core `k` of `n` has output channels `k`, `k + n`, ...
#[derive(Clone, Copy)]
pub(crate) struct Cores(usize);

impl Cores {
    /// PARALLEL_MODE. The second core exists in the 512-MAC configuration only.
    pub(crate) fn from_state(state: &State, present: usize) -> Result<Self, Stop> {
        let cores = 1 + usize::from(state.short_or_zero(Short::ParallelMode));
        if cores > present {
            return Err(Stop::Command("parallel mode on one core"));
        }
        Ok(Self(cores))
    }

    /// Output channels of `core`, out of `channels`.
    fn share(self, core: usize, channels: usize) -> usize {
        (channels + self.0 - 1 - core) / self.0
    }
}

/// Reads and decodes the weights of an operation.
///
/// `inputs` is the number of input channels each output channel sees: 1 in a depthwise convolution.
pub(crate) fn load(
    state: &State,
    memory: &Memory,
    kernel: &Kernel,
    cores: Cores,
    depth: usize,
    inputs: Inputs,
) -> Result<Weights, Stop> {
    let elements = kernel.elements();
    let per_element = inputs.count();
    let total = elements
        .checked_mul(per_element)
        .and_then(|n| n.checked_mul(depth));
    let total = total.filter(|&total| total <= MAX_WEIGHTS);
    let total = total.ok_or(Stop::Command("weights too large for the model"))?;
    let mut weights = Weights {
        values: vec![0; total],
        per_element,
        elements,
        width: kernel.x.size,
    };
    let block = state.count(Short::OfmBlkDepthM1)?;
    for core in 0..cores.0 {
        let traversal = Traversal {
            kernel,
            outputs: cores.share(core, depth),
            block: cores.share(core, block).max(1),
            inputs,
        };
        let stream = stream(state, memory, core)?;
        decode(&stream, &traversal, |(output, element, input), weight| {
            let output = core + output * cores.0;
            weights.values[(output * elements + element) * per_element + input] = weight;
        })?;
    }
    Ok(weights)
}

/// Decodes the stream of a core, and puts each weight into its place.
fn decode(
    stream: &[u8],
    traversal: &Traversal<'_>,
    mut put: impl FnMut((usize, usize, usize), i16),
) -> Result<(), Stop> {
    let weights = mlw::decode(stream, traversal.len().saturating_add(MAX_SLACK))
        .map_err(|_| Stop::Weights("malformed weight stream"))?;
    let mut source = weights.into_iter();
    traversal.walk(&mut |place| {
        let weight = source
            .next()
            .ok_or(Stop::Weights("weight stream too short"))?;
        if let Some(place) = place {
            put(place, weight);
        }
        Ok(())
    })?;
    if source.any(|weight| weight != 0) {
        return Err(Stop::Weights("weight stream too long"));
    }
    Ok(())
}

/// Weights that may follow the last one: padding of the stream.
const MAX_SLACK: usize = 1 << 12;

/// Input channels that one output channel is made of.
#[derive(Clone, Copy)]
pub(crate) enum Inputs {
    /// All of them.
    All(usize),
    /// The one of the same number.
    Same,
}

impl Inputs {
    fn count(self) -> usize {
        match self {
            Self::All(count) => count,
            Self::Same => 1,
        }
    }
}

/// Reads the compressed stream of a core.
fn stream(state: &State, memory: &Memory, core: usize) -> Result<Vec<u8>, Stop> {
    let (base, length) = match core {
        0 => (Long::WeightBase, Long::WeightLength),
        _ => (Long::Weight1Base, Long::Weight1Length),
    };
    let length = state.long(length)? as usize;
    if length > MAX_WEIGHTS {
        return Err(Stop::Command("weights too large for the model"));
    }
    let mut stream = vec![0; length];
    let region = state.short(Short::WeightRegion)? as u8;
    memory.read(Channel::WeightRead, region, state.long(base)?, &mut stream)?;
    Ok(stream)
}

/// Reads the scale of each output channel.
pub(crate) fn load_scales(
    state: &State,
    memory: &Memory,
    cores: Cores,
    depth: usize,
) -> Result<Vec<Scale>, Stop> {
    let region = state.short(Short::ScaleRegion)? as u8;
    let mut scales = vec![
        Scale {
            bias: 0,
            multiplier: 0,
            shift: 0
        };
        depth
    ];
    for core in 0..cores.0 {
        let (base, length) = match core {
            0 => (Long::ScaleBase, Long::ScaleLength),
            _ => (Long::Scale1Base, Long::Scale1Length),
        };
        let mut records = vec![0; cores.share(core, depth) * RECORD];
        if records.len() as u64 > state.long(length)? {
            return Err(Stop::Command("fewer scales than channels"));
        }
        memory.read(Channel::ScaleRead, region, state.long(base)?, &mut records)?;
        let own = scales.iter_mut().skip(core).step_by(cores.0);
        for (scale, record) in own.zip(records.chunks_exact(RECORD)) {
            *scale = Scale::from_record(record);
        }
    }
    Ok(scales)
}
