// SPDX-License-Identifier: GPL-2.0
//! OP_DEPTHWISE: each output channel sees the input channel of the same number.

use super::{Context, Operation};
use crate::feature_map::{FeatureMap, Tensor};
use crate::kernel::Kernel;
use crate::output::Output;
use crate::state::Short;
use crate::stop::Stop;
use crate::weights::{self, Cores, Inputs, Weights};

/// Depthwise convolution.
pub(crate) struct Depthwise;

impl Operation for Depthwise {
    fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let Context { state, memory, .. } = *context;
        let kernel = Kernel::from_state(state)?;
        let output = Output::from_state(state)?;
        if Output::global_scale(state)?.is_some() {
            return Err(Stop::Command("convolution with a global scale"));
        }
        let shape = output.map.shape();
        if state.count(Short::IfmDepthM1)? != shape.depth {
            return Err(Stop::Command(
                "depthwise convolution that changes the depth",
            ));
        }
        let cores = Cores::from_state(state, context.cores)?;
        let input = FeatureMap::input(state, kernel.input(shape, shape.depth)?)?;
        let zero_point = input.zero_point(state)?;
        let weights = weights::load(state, memory, &kernel, cores, shape.depth, Inputs::Same)?;
        let scales = weights::load_scales(state, memory, cores, shape.depth)?;
        let mut ifm = input.load(memory)?;
        ifm.subtract(zero_point);
        let mut row = vec![0; shape.width * shape.depth];
        for y in 0..shape.height {
            memory.check()?;
            for (x, accumulators) in row.chunks_exact_mut(shape.depth).enumerate() {
                accumulate(&kernel, &ifm, &weights, (y, x), accumulators);
            }
            output.finish(memory, context.tables, y, &row, |c| &scales[c])?;
        }
        Ok(())
    }
}

/// Computes one position of all channels.
fn accumulate(
    kernel: &Kernel,
    ifm: &Tensor,
    weights: &Weights,
    at: (usize, usize),
    into: &mut [i64],
) {
    into.fill(0);
    for (ky, y) in kernel.y.taps(at.0, ifm.shape.height) {
        for (kx, x) in kernel.x.taps(at.1, ifm.shape.width) {
            for (channel, (accumulator, &input)) in into.iter_mut().zip(ifm.at(y, x)).enumerate() {
                *accumulator += i64::from(input) * i64::from(weights.at(channel, ky, kx)[0]);
            }
        }
    }
}
