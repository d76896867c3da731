// SPDX-License-Identifier: GPL-2.0
//! The operations of a command stream, one per file.

mod conv;
mod depthwise;
mod dma;
mod pool;

pub(crate) use conv::Convolution;
pub(crate) use depthwise::Depthwise;
pub(crate) use dma::Dma;
pub(crate) use pool::Pool;

use crate::lut::Tables;
use crate::memory::Memory;
use crate::state::State;
use crate::stop::Stop;

/// What an operation works on.
pub(crate) struct Context<'a> {
    /// Parameters set so far.
    pub(crate) state: &'a State,
    pub(crate) memory: &'a Memory,
    pub(crate) tables: &'a mut Tables,
    /// Cores of the configuration.
    pub(crate) cores: usize,
}

/// An operation.
pub(crate) trait Operation {
    /// Performs it, from parameters to the last byte of output.
    fn run(&self, context: &mut Context<'_>) -> Result<(), Stop>;
}
