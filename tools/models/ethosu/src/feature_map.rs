// SPDX-License-Identifier: GPL-2.0
//! Feature maps in memory: tiles, strides and the two formats.
//!
//! A map has up to four tiles: tile 1 right of WIDTH0, tiles 2 and 3 below HEIGHT0 and HEIGHT1.
//! Element (y, x, c) of a tile is at `y * STRIDE_Y + x * STRIDE_X + c` in NHWC, and at
//! `y * STRIDE_Y + c / 16 * STRIDE_C + 16 * x + c % 16` in NHCWB16 ("bricks" of 16 channels).
//! Strides may be negative: addresses are modulo 2^40.

use crate::memory::Memory;
use crate::state::{Long, Short, State};
use crate::stop::{Channel, Stop};

/// Channels of a brick.
const BRICK: usize = 16;

/// Largest map, in elements: no more fits into the memory this model wants to use.
const MAX_ELEMENTS: usize = 1 << 26;

/// Height, width and depth, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) depth: usize,
}

/// A map's elements in the order y, x, c, widened to 16 bits.
pub(crate) struct Tensor {
    pub(crate) shape: Shape,
    elements: Vec<i16>,
}

impl Tensor {
    /// The channels of position (y, x).
    pub(crate) fn at(&self, y: usize, x: usize) -> &[i16] {
        let start = (y * self.shape.width + x) * self.shape.depth;
        &self.elements[start..start + self.shape.depth]
    }

    /// Subtracts the zero point from every element.
    pub(crate) fn subtract(&mut self, zero_point: i16) {
        self.elements.iter_mut().for_each(|e| *e -= zero_point);
    }
}

/// A feature map of 8-bit elements.
pub(crate) struct FeatureMap {
    shape: Shape,
    signed: bool,
    bricks: bool,
    region: u8,
    base: [u64; 4],
    width0: usize,
    height: [usize; 2],
    stride_y: u64,
    stride_x: u64,
    stride_c: u64,
}

/// Bytes of one row that are next to each other in memory.
struct Run {
    offset: u64,
    x: usize,
    c: usize,
    positions: usize,
    channels: usize,
}

/// Names of the parameters that describe one map.
struct Parameters {
    region: Short,
    width0: Short,
    height: [Short; 2],
    base: [Long; 4],
    stride: [Long; 3],
}

const IFM: Parameters = Parameters {
    region: Short::IfmRegion,
    width0: Short::IfmWidth0M1,
    height: [Short::IfmHeight0M1, Short::IfmHeight1M1],
    base: [
        Long::IfmBase0,
        Long::IfmBase1,
        Long::IfmBase2,
        Long::IfmBase3,
    ],
    stride: [Long::IfmStrideY, Long::IfmStrideX, Long::IfmStrideC],
};

const OFM: Parameters = Parameters {
    region: Short::OfmRegion,
    width0: Short::OfmWidth0M1,
    height: [Short::OfmHeight0M1, Short::OfmHeight1M1],
    base: [
        Long::OfmBase0,
        Long::OfmBase1,
        Long::OfmBase2,
        Long::OfmBase3,
    ],
    stride: [Long::OfmStrideY, Long::OfmStrideX, Long::OfmStrideC],
};

impl FeatureMap {
    /// The input of an operation; its height and width are implied by the output.
    pub(crate) fn input(state: &State, shape: Shape) -> Result<Self, Stop> {
        let precision = state.short(Short::IfmPrecision)?;
        if precision >> 2 & 3 != 0 {
            return Err(Stop::Command("IFM of more than 8 bits"));
        }
        if precision & 0xc300 != 0 {
            return Err(Stop::Command("scaling of the IFM"));
        }
        if state.short_or_zero(Short::IfmUpscale) != 0 {
            return Err(Stop::Command("upscaling of the IFM"));
        }
        Self::new(state, &IFM, shape, precision)
    }

    /// The output of an operation.
    pub(crate) fn output(state: &State) -> Result<Self, Stop> {
        let precision = state.short(Short::OfmPrecision)?;
        if precision >> 1 & 3 != 0 {
            return Err(Stop::Command("OFM of more than 8 bits"));
        }
        let shape = Shape {
            height: state.count(Short::OfmHeightM1)?,
            width: state.count(Short::OfmWidthM1)?,
            depth: state.count(Short::OfmDepthM1)?,
        };
        Self::new(state, &OFM, shape, precision)
    }

    fn new(state: &State, of: &Parameters, shape: Shape, precision: u16) -> Result<Self, Stop> {
        let Shape {
            height,
            width,
            depth,
        } = shape;
        let elements = height.checked_mul(width).and_then(|n| n.checked_mul(depth));
        if elements.is_none_or(|elements| elements > MAX_ELEMENTS) {
            return Err(Stop::Command("feature map too large for the model"));
        }
        let bricks = match precision >> 6 & 3 {
            0 => false,
            1 => true,
            _ => return Err(Stop::Command("reserved format of a feature map")),
        };
        let stride = |axis: usize| state.long(of.stride[axis]);
        Ok(Self {
            shape,
            signed: precision & 1 != 0,
            bricks,
            region: state.short(of.region)? as u8,
            base: of.base.map(|base| state.long_or_zero(base)),
            width0: state.count(of.width0)?,
            height: [state.count(of.height[0])?, state.count(of.height[1])?],
            stride_y: stride(0)?,
            stride_x: stride(1)?,
            stride_c: if bricks { stride(2)? } else { 0 },
        })
    }

    /// Height, width and depth.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether the elements are int8; uint8 otherwise.
    pub(crate) fn signed(&self) -> bool {
        self.signed
    }

    /// The input's zero point: a value an element can have.
    pub(crate) fn zero_point(&self, state: &State) -> Result<i16, Stop> {
        let zero_point = state.short(Short::IfmZeroPoint)? as i16;
        let range = if self.signed { -128..128 } else { 0..256 };
        if !range.contains(&zero_point) {
            return Err(Stop::Command("zero point that no element can have"));
        }
        Ok(zero_point)
    }

    /// Reads the whole map.
    pub(crate) fn load(&self, memory: &Memory) -> Result<Tensor, Stop> {
        let Shape {
            height,
            width,
            depth,
        } = self.shape;
        let mut elements = Vec::new();
        let mut bytes = Vec::new();
        for y in 0..height {
            let row = elements.len();
            elements.resize(row + width * depth, 0);
            let row = &mut elements[row..];
            self.runs(y, |run| {
                bytes.resize(run.positions * run.channels, 0);
                memory.read(Channel::IfmRead, self.region, run.offset, &mut bytes)?;
                for (i, position) in bytes.chunks_exact(run.channels).enumerate() {
                    let start = (run.x + i) * depth + run.c;
                    let target = &mut row[start..start + run.channels];
                    for (element, &byte) in target.iter_mut().zip(position) {
                        *element = self.widen(byte);
                    }
                }
                Ok(())
            })?;
        }
        let shape = self.shape;
        Ok(Tensor { shape, elements })
    }

    /// Writes row `y`, whose elements come in the order x, c.
    pub(crate) fn store(&self, memory: &Memory, y: usize, row: &[u8]) -> Result<(), Stop> {
        let depth = self.shape.depth;
        let mut bytes = Vec::new();
        self.runs(y, |run| {
            bytes.clear();
            for x in run.x..run.x + run.positions {
                let start = x * depth + run.c;
                bytes.extend_from_slice(&row[start..start + run.channels]);
            }
            memory.write(Channel::OfmWrite, self.region, run.offset, &bytes)
        })
    }

    fn widen(&self, byte: u8) -> i16 {
        if self.signed {
            i16::from(byte as i8)
        } else {
            i16::from(byte)
        }
    }

    /// Calls `access` for each run of row `y`.
    fn runs(&self, y: usize, mut access: impl FnMut(Run) -> Result<(), Stop>) -> Result<(), Stop> {
        let Shape { width, depth, .. } = self.shape;
        let split = width.min(self.width0);
        for (side, xs) in [0..split, split..width].into_iter().enumerate() {
            let below = y >= self.height[side];
            let tile_y = if below { y - self.height[side] } else { y } as u64;
            let tile = self.base[side + 2 * usize::from(below)];
            let row = tile.wrapping_add(tile_y.wrapping_mul(self.stride_y));
            let (step, pitch) = if self.bricks {
                (BRICK, BRICK as u64)
            } else {
                (depth, self.stride_x)
            };
            for c in (0..depth).step_by(step) {
                let channels = step.min(depth - c);
                let brick = ((c / BRICK) as u64).wrapping_mul(self.stride_c);
                let line = row.wrapping_add(brick);
                let dense = pitch == channels as u64;
                let positions = if dense { xs.len() } else { 1 };
                for x in xs.clone().step_by(positions.max(1)) {
                    let column = ((x - xs.start) as u64).wrapping_mul(pitch);
                    let offset = line.wrapping_add(column);
                    access(Run {
                        offset,
                        x,
                        c,
                        positions,
                        channels,
                    })?;
                }
            }
        }
        Ok(())
    }
}
