// SPDX-License-Identifier: GPL-2.0

//! Operations that move a kernel over the input: convolution, depthwise convolution, pooling.

use super::{
    command::Pool,
    feature_map::{
        FeatureMap,
        Shape, //
    },
    footprint::Footprint,
    lut::Tables,
    refusal::Reason,
    register::Register,
    shram,
    state::State,
    weights::{
        self,
        Cores, //
    }, //
};

/// The registers that every kernel operation uses, apart from those read here and in the modules
/// called from here.
const USED: [Register; 8] = [
    Register::IfmZeroPoint,
    Register::OfmZeroPoint,
    Register::OfmBlkWidthM1,
    Register::OfmBlkHeightM1,
    Register::OfmBlkDepthM1,
    Register::ActivationMin,
    Register::ActivationMax,
    Register::Blockdep,
];

/// Most rows or columns of an input.
const MAX_INPUT: u64 = 65536;

/// Which of the operations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Conv,
    Depthwise,
    Pool(Pool),
}

/// Checks a kernel operation and covers its input, output, weights and scales.
pub(super) fn check(
    kernel: Kernel,
    state: &State,
    tables: &Tables,
    footprint: &mut Footprint,
) -> Result<(), Reason> {
    state.require(&USED)?;
    shram::check_layout(state)?;
    tables.check_loaded(state)?;
    let output = Shape::output(state)?;
    FeatureMap::IFM.cover(state, input(kernel, state, output)?, footprint)?;
    FeatureMap::OFM.cover(state, output, footprint)?;
    let cores = Cores::new(state, output.depth)?;
    let weighted = !matches!(kernel, Kernel::Pool(_));
    if weighted {
        weights::cover_weights(state, &cores, footprint)?;
    }
    if !global_scale(state)? {
        weights::cover_scales(state, &cores, footprint)
    } else if weighted {
        // Where the biases come from then is documented nowhere, and no compiler asks for it.
        Err(Reason::UnsupportedMode)
    } else {
        state.require(&[Register::OfmScale])
    }
}

/// Whether one scale is for all channels: bit 8 of OFM_PRECISION.
pub(super) fn global_scale(state: &State) -> Result<bool, Reason> {
    Ok(state.get(Register::OfmPrecision)? & 0x100 != 0)
}

/// The shape of the input, which the NPU derives from the output's.
fn input(kernel: Kernel, state: &State, output: Shape) -> Result<Shape, Reason> {
    let stride = state.get(Register::KernelStride)?;
    let stride_y = 1 + ((stride >> 1) & 1) + ((stride >> 9) & 1) * 2;
    let stride_x = 1 + (stride & 1) + ((stride >> 6) & 1) * 2;
    let depth = state.size(Register::IfmDepthM1)?;
    let pad_y = [Register::IfmPadTop, Register::IfmPadBottom];
    let pad_x = [Register::IfmPadLeft, Register::IfmPadRight];
    Ok(Shape {
        height: reach(
            state,
            output.height,
            stride_y,
            Register::KernelHeightM1,
            pad_y,
        )?,
        width: reach(
            state,
            output.width,
            stride_x,
            Register::KernelWidthM1,
            pad_x,
        )?,
        depth: match kernel {
            Kernel::Conv | Kernel::Pool(Pool::ReduceSum) => depth,
            // One output channel from one input channel: both sizes are the same, or it is open
            // which one counts.
            Kernel::Depthwise | Kernel::Pool(_) => depth.max(output.depth),
        },
    })
}

/// Rows or columns that the kernel reaches in the input, less the padding before and after.
///
/// The sizes of the kernel include its dilation. An upscaled input repeats or spreads each element
/// over two.
fn reach(
    state: &State,
    output: u32,
    stride: u64,
    kernel_m1: Register,
    padding: [Register; 2],
) -> Result<u32, Reason> {
    let [before, after] = padding;
    let steps = u64::from(output).saturating_sub(1);
    let reached = steps
        .saturating_mul(stride)
        .saturating_add(state.size(kernel_m1)?.into())
        .checked_sub(state.get(before)?.saturating_add(state.get(after)?))
        .ok_or(Reason::InputShape)?;
    let size = match state.get(Register::IfmUpscale)? {
        0 => reached,
        _ => reached.div_ceil(2),
    };
    match u32::try_from(size) {
        Ok(size) if size > 0 && u64::from(size) <= MAX_INPUT => Ok(size),
        _ => Err(Reason::InputShape),
    }
}
