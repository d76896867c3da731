// SPDX-License-Identifier: GPL-2.0
//! OP_POOL: maximum and average. An average of 1x1 copies, converts and looks up: much of a stream.

use super::{Context, Operation};
use crate::feature_map::{FeatureMap, Tensor};
use crate::kernel::Kernel;
use crate::output::Output;
use crate::state::Short;
use crate::stop::Stop;

/// Largest kernel for which the hardware divides a padded average itself.
const MAX_PADDED: usize = 8;

/// Pooling.
#[derive(Clone, Copy)]
pub(crate) enum Pool {
    /// Maximum of the elements inside the input.
    Max,
    /// Sum of the elements, to be scaled; divided here by the number of elements inside the input
    /// if there is padding.
    Average,
}

impl Pool {
    /// Decodes the mode. A reduction over the depth is not modelled.
    pub(crate) fn from_mode(mode: u16) -> Result<Self, Stop> {
        match mode {
            0 => Ok(Self::Max),
            1 => Ok(Self::Average),
            _ => Err(Stop::Command("pooling mode")),
        }
    }

    /// Computes one position of all channels.
    fn accumulate(self, kernel: &Kernel, ifm: &Tensor, at: (usize, usize), into: &mut [i64]) {
        let start = match self {
            Self::Max => i64::MIN,
            Self::Average => 0,
        };
        into.fill(start);
        let mut inside = 0;
        for (_, y) in kernel.y.taps(at.0, ifm.shape.height) {
            for (_, x) in kernel.x.taps(at.1, ifm.shape.width) {
                inside += 1;
                for (accumulator, &input) in into.iter_mut().zip(ifm.at(y, x)) {
                    let input = i64::from(input);
                    match self {
                        Self::Max => *accumulator = input.max(*accumulator),
                        Self::Average => *accumulator += input,
                    }
                }
            }
        }
        if matches!(self, Self::Average) && kernel.padded() && inside > 0 {
            into.iter_mut().for_each(|sum| *sum = divide(*sum, inside));
        }
    }
}

impl Operation for Pool {
    fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let Context { state, memory, .. } = *context;
        let kernel = Kernel::from_state(state)?;
        let output = Output::from_state(state)?;
        let scale =
            Output::global_scale(state)?.ok_or(Stop::Command("pooling without a global scale"))?;
        let shape = output.map.shape();
        if state.count(Short::IfmDepthM1)? != shape.depth {
            return Err(Stop::Command("pooling that changes the depth"));
        }
        let large = kernel.y.size > MAX_PADDED || kernel.x.size > MAX_PADDED;
        if matches!(self, Self::Average) && kernel.padded() && large {
            return Err(Stop::Command("padded average of a large kernel"));
        }
        let input = FeatureMap::input(state, kernel.input(shape, shape.depth)?)?;
        let zero_point = input.zero_point(state)?;
        let mut ifm = input.load(memory)?;
        ifm.subtract(zero_point);
        let mut row = vec![0; shape.width * shape.depth];
        for y in 0..shape.height {
            memory.check()?;
            for (x, accumulators) in row.chunks_exact_mut(shape.depth).enumerate() {
                self.accumulate(&kernel, &ifm, (y, x), accumulators);
            }
            output.finish(memory, context.tables, y, &row, |_| &scale)?;
        }
        Ok(())
    }
}

/// `sum / count`, to nearest, half away from zero.
fn divide(sum: i64, count: i64) -> i64 {
    if sum >= 0 {
        (sum + count / 2) / count
    } else {
        -((-sum + count / 2) / count)
    }
}
