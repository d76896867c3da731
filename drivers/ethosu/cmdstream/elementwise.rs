// SPDX-License-Identifier: GPL-2.0

//! Elementwise operations: each element of the output from the same element of one or two operands.

use super::{
    command::Elementwise,
    feature_map::{
        FeatureMap,
        Shape, //
    },
    footprint::Footprint,
    kernel_op::global_scale,
    lut::Tables,
    refusal::Reason,
    register::Register,
    shram,
    state::State, //
};

/// The registers that every elementwise operation uses, apart from those read here and in the
/// modules called from here.
const USED: [Register; 9] = [
    Register::IfmZeroPoint,
    Register::OfmZeroPoint,
    Register::OfmBlkWidthM1,
    Register::OfmBlkHeightM1,
    Register::OfmBlkDepthM1,
    Register::ActivationMin,
    Register::ActivationMax,
    Register::Blockdep,
    Register::ParallelMode,
];

/// Bits of IFM2_BROADCAST: the dimension has size 1 in the second operand.
const BROADCAST_HEIGHT: u64 = 1 << 0;
const BROADCAST_WIDTH: u64 = 1 << 1;
const BROADCAST_DEPTH: u64 = 1 << 2;
/// The second operand is the constant in IFM2_SCALAR.
const BROADCAST_CONSTANT: u64 = 1 << 7;

/// Checks an elementwise operation and covers its operands and output.
pub(super) fn check(
    operation: Elementwise,
    state: &State,
    tables: &Tables,
    footprint: &mut Footprint,
) -> Result<(), Reason> {
    state.require(&USED)?;
    shram::check_layout(state)?;
    tables.check_loaded(state)?;
    check_scaling(operation, state)?;
    if state.get(Register::IfmUpscale)? != 0 {
        return Err(Reason::UnsupportedMode);
    }
    let output = Shape::output(state)?;
    // The first operand cannot be broadcast: both depths are the same, or it is open which one
    // counts.
    let depth = output.depth.max(state.size(Register::IfmDepthM1)?);
    FeatureMap::IFM.cover(state, Shape { depth, ..output }, footprint)?;
    if !matches!(operation, Elementwise::Unary | Elementwise::Count) {
        second_operand(state, output, footprint)?;
    }
    FeatureMap::OFM.cover(state, output, footprint)
}

/// Scaled operations use OFM_SCALE, never a scale for each channel; sums scale their operands too.
fn check_scaling(operation: Elementwise, state: &State) -> Result<(), Reason> {
    if operation == Elementwise::Sum {
        state.require(&[Register::OpaScale, Register::OpbScale])?;
    }
    match operation {
        Elementwise::Binary | Elementwise::Count => Ok(()),
        _ if global_scale(state)? => state.require(&[Register::OfmScale]),
        _ => Err(Reason::UnsupportedMode),
    }
}

/// Covers the second operand, unless it is a constant.
fn second_operand(state: &State, output: Shape, footprint: &mut Footprint) -> Result<(), Reason> {
    state.require(&[Register::Ifm2ZeroPoint])?;
    shram::check_second_operand(state)?;
    if FeatureMap::IFM2.element_size(state)? != FeatureMap::IFM.element_size(state)? {
        return Err(Reason::UnsupportedMode);
    }
    let broadcast = state.get(Register::Ifm2Broadcast)?;
    if broadcast & BROADCAST_CONSTANT != 0 {
        return state.require(&[Register::Ifm2Scalar]);
    }
    let unless = |bit, size| if broadcast & bit == 0 { size } else { 1 };
    let shape = Shape {
        height: unless(BROADCAST_HEIGHT, output.height),
        width: unless(BROADCAST_WIDTH, output.width),
        depth: unless(BROADCAST_DEPTH, output.depth),
    };
    FeatureMap::IFM2.cover(state, shape, footprint)
}
