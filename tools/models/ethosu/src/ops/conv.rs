// SPDX-License-Identifier: GPL-2.0
//! OP_CONV: each output channel sees all input channels.

use super::{Context, Operation};
use crate::feature_map::{FeatureMap, Tensor};
use crate::kernel::Kernel;
use crate::output::Output;
use crate::state::Short;
use crate::stop::Stop;
use crate::weights::{self, Cores, Inputs, Weights};

/// Products of 9-bit factors that surely fit into 32 bits when summed.
const CHUNK: usize = 1 << 14;

/// Convolution; a fully connected layer is one of 1x1.
pub(crate) struct Convolution;

impl Operation for Convolution {
    fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let Context { state, memory, .. } = *context;
        let kernel = Kernel::from_state(state)?;
        let output = Output::from_state(state)?;
        if Output::global_scale(state)?.is_some() {
            return Err(Stop::Command("convolution with a global scale"));
        }
        let shape = output.map.shape();
        let inputs = state.count(Short::IfmDepthM1)?;
        let cores = Cores::from_state(state, context.cores)?;
        let input = FeatureMap::input(state, kernel.input(shape, inputs)?)?;
        let zero_point = input.zero_point(state)?;
        let weights = weights::load(
            state,
            memory,
            &kernel,
            cores,
            shape.depth,
            Inputs::All(inputs),
        )?;
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

/// Computes one position of all output channels.
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
            let input = ifm.at(y, x);
            for (channel, accumulator) in into.iter_mut().enumerate() {
                *accumulator += dot(input, weights.at(channel, ky, kx));
            }
        }
    }
}

fn dot(a: &[i16], b: &[i16]) -> i64 {
    let part = |(a, b): (&[i16], &[i16])| {
        let products = a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b));
        i64::from(products.sum::<i32>())
    };
    a.chunks(CHUNK).zip(b.chunks(CHUNK)).map(part).sum()
}
