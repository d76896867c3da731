// SPDX-License-Identifier: GPL-2.0
//! The kernel of an operation: size, stride, dilation, padding, and the input it implies.

use std::ops::Range;

use crate::feature_map::Shape;
use crate::state::{Short, State};
use crate::stop::Stop;

/// One axis, y or x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Elements of the kernel, gaps of dilation not counted.
    pub(crate) size: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// Rows or columns of padding before the input.
    pub(crate) before: usize,
    /// And after it.
    pub(crate) after: usize,
}

impl Axis {
    /// Extent of the input under an output of `len` elements, if there is any.
    fn input(&self, len: usize) -> Result<usize, Stop> {
        let padded = (len - 1) * self.stride + (self.size - 1) * self.dilation + 1;
        let input = padded.checked_sub(self.before + self.after);
        let input = input.filter(|&input| input > 0);
        input.ok_or(Stop::Command("padding covers the input"))
    }

    /// Kernel elements that are inside an input of `len` elements at output position `out`, each
    /// with its input position.
    pub(crate) fn taps(&self, out: usize, len: usize) -> impl Iterator<Item = (usize, usize)> {
        let Self {
            stride,
            dilation,
            before,
            ..
        } = *self;
        (0..self.size).filter_map(move |k| {
            let at = (out * stride + k * dilation).checked_sub(before)?;
            (at < len).then_some((k, at))
        })
    }
}

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) y: Axis,
    pub(crate) x: Axis,
    /// Order of the weights: kernel elements before input channels.
    pub(crate) part_kernel_first: bool,
}

impl Kernel {
    /// The kernel that the parameters describe.
    pub(crate) fn from_state(state: &State) -> Result<Self, Stop> {
        let stride = usize::from(state.short(Short::KernelStride)?);
        let bit = |n: usize| stride >> n & 1;
        let axis = |low, high, dilation, extent, before, after| {
            let dilation = 1 + bit(dilation);
            let extent = usize::from(state.short(extent)?);
            if extent % dilation != 0 {
                return Err(Stop::Command("kernel extent does not fit its dilation"));
            }
            Ok(Axis {
                size: extent / dilation + 1,
                stride: 1 + bit(low) + 2 * bit(high),
                dilation,
                before: state.short(before)?.into(),
                after: state.short(after)?.into(),
            })
        };
        let (top, bottom) = (Short::IfmPadTop, Short::IfmPadBottom);
        let (left, right) = (Short::IfmPadLeft, Short::IfmPadRight);
        Ok(Self {
            y: axis(1, 9, 4, Short::KernelHeightM1, top, bottom)?,
            x: axis(0, 6, 3, Short::KernelWidthM1, left, right)?,
            part_kernel_first: bit(2) != 0,
        })
    }

    /// Elements of the kernel.
    pub(crate) fn elements(&self) -> usize {
        self.y.size * self.x.size
    }

    /// Whether any side of the input is padded.
    pub(crate) fn padded(&self) -> bool {
        [self.y.before, self.y.after, self.x.before, self.x.after] != [0; 4]
    }

    /// Shape of the input of `depth` channels under an output of `output`.
    pub(crate) fn input(&self, output: Shape, depth: usize) -> Result<Shape, Stop> {
        Ok(Shape {
            height: self.y.input(output.height)?,
            width: self.x.input(output.width)?,
            depth,
        })
    }
}

/// Cuts `0..len` into pieces of `step`.
pub(crate) fn pieces(len: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len)
        .step_by(step.max(1))
        .map(move |start| start..len.min(start + step.max(1)))
}
