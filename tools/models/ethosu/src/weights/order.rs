// SPDX-License-Identifier: GPL-2.0
//! Order of the weights in a stream.
//!
//! Outermost first: blocks of output channels; blocks of input channels; sub-kernels of up to 8x8;
//! then, with the kernel part first, 8 input channels; 8 output channels; kernel elements; with the
//! depth first, 8 input channels; the output channels of the eight; their input channels.
//! Everything is padded to whole eights with zeros.

use std::ops::Range;

use super::Inputs;
use crate::kernel::{Kernel, pieces};
use crate::stop::Stop;

/// Channels that the hardware takes at a time, on either side.
const UNIT: usize = 8;
/// Extent of a sub-kernel, dilation included.
const SUB_KERNEL: usize = 8;
/// Input channels of a block, depth first and part of the kernel first.
const BLOCK_DEPTH_FIRST: usize = 32;
const BLOCK_PART_KERNEL: usize = 16;
/// Kernel elements of a sub-kernel are padded to this, except depth first.
const ELEMENTS: usize = 4;

/// Output channel, kernel element (row by row), input channel; `None` for padding.
pub(crate) type Place = Option<(usize, usize, usize)>;

/// Receives each place in turn.
type Visit<'a> = dyn FnMut(Place) -> Result<(), Stop> + 'a;

/// The way through the weights of one core.
pub(crate) struct Traversal<'a> {
    pub(crate) kernel: &'a Kernel,
    /// Output channels of the core.
    pub(crate) outputs: usize,
    /// Output channels of a block.
    pub(crate) block: usize,
    pub(crate) inputs: Inputs,
}

impl Traversal<'_> {
    /// Calls `visit` for each weight of the stream.
    pub(crate) fn walk(&self, visit: &mut Visit<'_>) -> Result<(), Stop> {
        let kernel = self.kernel;
        let (high, wide) = (
            SUB_KERNEL / kernel.y.dilation,
            SUB_KERNEL / kernel.x.dilation,
        );
        for outputs in pieces(self.outputs, self.block) {
            for inputs in self.input_blocks() {
                for ys in pieces(kernel.y.size, high) {
                    for xs in pieces(kernel.x.size, wide) {
                        self.sub_kernel(outputs.clone(), inputs.clone(), ys.clone(), xs, visit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Weights in the stream, padding included.
    pub(crate) fn len(&self) -> usize {
        let kernel = self.kernel;
        let (high, wide) = (
            SUB_KERNEL / kernel.y.dilation,
            SUB_KERNEL / kernel.x.dilation,
        );
        let sub_kernels = pieces(kernel.y.size, high)
            .flat_map(|ys| pieces(kernel.x.size, wide).map(move |xs| ys.len() * xs.len()));
        let elements: usize = sub_kernels.map(|elements| self.padded(elements)).sum();
        let outputs: usize = pieces(self.outputs, self.block)
            .map(|outputs| outputs.len().next_multiple_of(UNIT))
            .sum();
        let inputs: usize = match self.inputs {
            Inputs::Same => 1,
            Inputs::All(_) => self.input_blocks().map(|inputs| inputs.len()).sum(),
        };
        elements.saturating_mul(outputs).saturating_mul(inputs)
    }

    /// Blocks of input channels, padded to what the hardware takes; one without extent if
    /// depthwise.
    fn input_blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let (count, step, unit) = match self.inputs {
            Inputs::Same => (1, 1, 1),
            Inputs::All(count) if self.kernel.part_kernel_first => (count, BLOCK_PART_KERNEL, UNIT),
            Inputs::All(count) => (count, BLOCK_DEPTH_FIRST, BLOCK_DEPTH_FIRST),
        };
        pieces(count, step)
            .map(move |block| block.start..block.start + block.len().next_multiple_of(unit))
    }

    /// Elements of a sub-kernel with padding.
    fn padded(&self, elements: usize) -> usize {
        match self.inputs {
            Inputs::All(_) if !self.kernel.part_kernel_first => elements,
            _ => elements.next_multiple_of(ELEMENTS),
        }
    }

    fn sub_kernel(
        &self,
        outputs: Range<usize>,
        inputs: Range<usize>,
        ys: Range<usize>,
        xs: Range<usize>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        let elements = self.padded(ys.len() * xs.len());
        // Which of the two loops over input channels is the outer one.
        let (outer, inner) = if self.kernel.part_kernel_first {
            (UNIT, UNIT)
        } else {
            (inputs.len(), UNIT)
        };
        for outer in pieces(inputs.len(), outer) {
            for unit in outputs.clone().step_by(UNIT) {
                for element in 0..elements {
                    let (y, x) = (ys.start + element / xs.len(), xs.start + element % xs.len());
                    let element = (y < ys.end).then_some(y * self.kernel.x.size + x);
                    for inner in pieces(outer.len(), inner) {
                        let first = inputs.start + outer.start + inner.start;
                        self.unit(unit, element, first..first + inner.len(), visit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Eight output channels, each with the given input channels.
    fn unit(
        &self,
        output: usize,
        element: Option<usize>,
        inputs: Range<usize>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        for output in output..output + UNIT {
            for input in inputs.clone() {
                let exists = output < self.outputs && input < self.inputs.count();
                visit(
                    element
                        .filter(|_| exists)
                        .map(|element| (output, element, input)),
                )?;
            }
        }
        Ok(())
    }
}
