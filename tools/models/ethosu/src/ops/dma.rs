// SPDX-License-Identifier: GPL-2.0
//! OP_DMA_START: copies memory to memory, or a lookup table to SHRAM.

use super::{Context, Operation};
use crate::lut;
use crate::state::{Long, Short, State};
use crate::stop::{Channel, Stop};

/// Bytes copied at a time.
const BLOCK: u64 = 1 << 16;

/// A copy of consecutive bytes; strided ones are not modelled.
pub(crate) struct Dma;

/// One end of a copy.
struct End {
    region: u8,
    offset: u64,
    /// In SHRAM instead of a region.
    internal: bool,
}

impl End {
    fn from_state(state: &State, region: Short, offset: Long) -> Result<Self, Stop> {
        let bits = state.short(region)?;
        if bits >> 9 & 3 != 0 {
            return Err(Stop::Command("strided DMA"));
        }
        Ok(Self {
            region: (bits & 7) as u8,
            offset: state.long(offset)?,
            internal: bits >> 8 & 1 != 0,
        })
    }
}

impl Operation for Dma {
    fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let Context { state, memory, .. } = *context;
        let source = End::from_state(state, Short::Dma0SrcRegion, Long::Dma0Src)?;
        let target = End::from_state(state, Short::Dma0DstRegion, Long::Dma0Dst)?;
        let len = state.long(Long::Dma0Len)?;
        if source.internal {
            return Err(Stop::Command("DMA from SHRAM"));
        }
        if target.internal && len > lut::MAX_DMA {
            return Err(Stop::Command("DMA to SHRAM outside of the lookup tables"));
        }
        let mut bytes = Vec::new();
        let mut done = 0;
        while done < len {
            let part = (len - done).min(BLOCK);
            bytes.resize(part as usize, 0);
            memory.read(
                Channel::DmaRead,
                source.region,
                source.offset.wrapping_add(done),
                &mut bytes,
            )?;
            if target.internal {
                context
                    .tables
                    .load(target.offset.wrapping_add(done), &bytes)?;
            } else {
                memory.write(
                    Channel::DmaWrite,
                    target.region,
                    target.offset.wrapping_add(done),
                    &bytes,
                )?;
            }
            done += part;
        }
        Ok(())
    }
}
