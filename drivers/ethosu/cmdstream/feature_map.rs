// SPDX-License-Identifier: GPL-2.0

//! Where the elements of an input or output feature map lie.
//!
//! A feature map is cut into four tiles, each with its own base: tile 0 holds x < WIDTH0 and y <
//! HEIGHT0, tile 1 the columns right of it (and y < HEIGHT1), tiles 2 and 3 what is below tiles 0
//! and 1. Coordinates count from the tile's corner. Within a tile (x, y, c) lies at
//! - NHWC: `y * STRIDE_Y + x * STRIDE_X + c * size`; STRIDE_C has no part in it (comment in Vela's
//!   generator);
//! - NHCWB16: `y * STRIDE_Y + (c / 16) * STRIDE_C + (16 * x + c % 16) * size`.

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

/// Channels in a brick of the format NHCWB16.
const BRICK: u64 = 16;

/// Size of a feature map in elements; each at least 1 and at most 65536.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) depth: u32,
}

impl Shape {
    /// The shape of the output.
    pub(super) fn output(state: &State) -> Result<Self, Reason> {
        Ok(Self {
            height: state.size(Register::OfmHeightM1)?,
            width: state.size(Register::OfmWidthM1)?,
            depth: state.size(Register::OfmDepthM1)?,
        })
    }
}

/// The registers that place a feature map.
pub(super) struct FeatureMap {
    pub(super) precision: Register,
    output: bool,
    region: Register,
    base: [Register; 4],
    stride_x: Register,
    stride_y: Register,
    stride_c: Register,
    width0: Register,
    height0: Register,
    height1: Register,
}

impl FeatureMap {
    /// The input, or the first operand.
    pub(super) const IFM: Self = Self {
        precision: Register::IfmPrecision,
        output: false,
        region: Register::IfmRegion,
        base: [
            Register::IfmBase0,
            Register::IfmBase1,
            Register::IfmBase2,
            Register::IfmBase3,
        ],
        stride_x: Register::IfmStrideX,
        stride_y: Register::IfmStrideY,
        stride_c: Register::IfmStrideC,
        width0: Register::IfmWidth0M1,
        height0: Register::IfmHeight0M1,
        height1: Register::IfmHeight1M1,
    };

    /// The second operand of an elementwise operation.
    pub(super) const IFM2: Self = Self {
        precision: Register::Ifm2Precision,
        output: false,
        region: Register::Ifm2Region,
        base: [
            Register::Ifm2Base0,
            Register::Ifm2Base1,
            Register::Ifm2Base2,
            Register::Ifm2Base3,
        ],
        stride_x: Register::Ifm2StrideX,
        stride_y: Register::Ifm2StrideY,
        stride_c: Register::Ifm2StrideC,
        width0: Register::Ifm2Width0M1,
        height0: Register::Ifm2Height0M1,
        height1: Register::Ifm2Height1M1,
    };

    /// The output.
    pub(super) const OFM: Self = Self {
        precision: Register::OfmPrecision,
        output: true,
        region: Register::OfmRegion,
        base: [
            Register::OfmBase0,
            Register::OfmBase1,
            Register::OfmBase2,
            Register::OfmBase3,
        ],
        stride_x: Register::OfmStrideX,
        stride_y: Register::OfmStrideY,
        stride_c: Register::OfmStrideC,
        width0: Register::OfmWidth0M1,
        height0: Register::OfmHeight0M1,
        height1: Register::OfmHeight1M1,
    };

    /// Covers every tile of a feature map of this shape.
    pub(super) fn cover(
        &self,
        state: &State,
        shape: Shape,
        footprint: &mut Footprint,
    ) -> Result<(), Reason> {
        let region = state.get(self.region)?;
        let access = if self.output {
            Access::Write
        } else {
            Access::Read
        };
        let (height0, width0) = (state.size(self.height0)?, state.size(self.width0)?);
        let left = shape.width.min(width0);
        let right = shape.width.saturating_sub(width0);
        // HEIGHT1 has a part in it only if there are columns right of tile 0.
        let height1 = if right > 0 {
            state.size(self.height1)?
        } else {
            shape.height
        };
        let tiles = [
            (shape.height.min(height0), left),
            (shape.height.min(height1), right),
            (shape.height.saturating_sub(height0), left),
            (shape.height.saturating_sub(height1), right),
        ];
        for (base, (height, width)) in self.base.into_iter().zip(tiles) {
            if height > 0 && width > 0 {
                let tile = Shape {
                    height,
                    width,
                    ..shape
                };
                footprint.cover(access, region, self.tile(state, state.get(base)?, tile)?)?;
            }
        }
        Ok(())
    }

    /// The bytes of one tile.
    fn tile(&self, state: &State, base: u64, shape: Shape) -> Result<Span, Reason> {
        let size = self.element_size(state)?;
        let depth = u64::from(shape.depth);
        let stride_x = state.signed(self.stride_x)?;
        let row = if self.is_bricks(state)? {
            let column = bricks(base, depth, size, state.signed(self.stride_c)?)?;
            // Vela sets STRIDE_X to the size of a brick: covered is what either says.
            column
                .repeat(shape.width.into(), (BRICK * size) as i64)?
                .union(column.repeat(shape.width.into(), stride_x)?)
        } else {
            Span::new(base, depth * size)?.repeat(shape.width.into(), stride_x)?
        };
        row.repeat(shape.height.into(), state.signed(self.stride_y)?)
    }

    /// Bytes in an element: 1, 2 or 4.
    pub(super) fn element_size(&self, state: &State) -> Result<u64, Reason> {
        let precision = state.get(self.precision)?;
        let log2 = if self.output {
            precision >> 1
        } else {
            precision >> 2
        } & 3;
        Ok(1 << log2)
    }

    fn is_bricks(&self, state: &State) -> Result<bool, Reason> {
        Ok((state.get(self.precision)? >> 6) & 3 == 1)
    }
}

/// All channels of one column of a feature map in the format NHCWB16.
fn bricks(base: u64, depth: u64, size: u64, stride: i64) -> Result<Span, Reason> {
    let (full, rest) = (depth / BRICK, depth % BRICK);
    let brick = Span::new(base, BRICK * size)?;
    let last = Span::new(base, rest * size)?
        .shift(stride.checked_mul(full as i64).ok_or(Reason::Overflow)?)?;
    match (full, rest) {
        (0, _) => Ok(last),
        (_, 0) => brick.repeat(full, stride),
        _ => Ok(brick.repeat(full, stride)?.union(last)),
    }
}
