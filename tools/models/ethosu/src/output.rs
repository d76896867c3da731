// SPDX-License-Identifier: GPL-2.0
//! The output stage: accumulators are scaled, offset, clipped, looked up and written.

use crate::feature_map::FeatureMap;
use crate::lut::Tables;
use crate::memory::Memory;
use crate::scaling::{Rounding, Scale};
use crate::state::{Long, Short, State};
use crate::stop::Stop;

/// First activation function that is a table.
const TABLE_0: u16 = 16;

/// The output stage of one operation.
pub(crate) struct Output {
    pub(crate) map: FeatureMap,
    rounding: Rounding,
    zero_point: i64,
    min: i64,
    max: i64,
    table: Option<usize>,
    /// Accumulators have 40 bits instead of 32.
    wide: bool,
}

impl Output {
    /// The output stage that the parameters describe.
    pub(crate) fn from_state(state: &State) -> Result<Self, Stop> {
        let map = FeatureMap::output(state)?;
        let activation = state.short(Short::Activation)?;
        if activation >> 12 != 0 {
            return Err(Stop::Command("forced clip range"));
        }
        let table = match activation & 0x1f {
            0 => None,
            function if (TABLE_0..TABLE_0 + 8).contains(&function) => {
                Some(usize::from(function - TABLE_0))
            }
            _ => return Err(Stop::Command("activation function")),
        };
        let accumulator = state.short(Short::AccFormat)?;
        if accumulator > 1 {
            return Err(Stop::Command("accumulator format"));
        }
        let signed = |parameter| state.short(parameter).map(|value| i64::from(value as i16));
        let range: (i64, i64) = if map.signed() { (-128, 127) } else { (0, 255) };
        let min = signed(Short::ActivationMin)?.max(range.0);
        let max = signed(Short::ActivationMax)?.min(range.1);
        if min > max {
            return Err(Stop::Command("empty activation range"));
        }
        Ok(Self {
            map,
            rounding: Rounding::from_bits(state.short(Short::OfmPrecision)? >> 14)?,
            zero_point: signed(Short::OfmZeroPoint)?,
            min,
            max,
            table,
            wide: accumulator == 1,
        })
    }

    /// The scale of OFM_SCALE, if the operation uses that one for all channels.
    pub(crate) fn global_scale(state: &State) -> Result<Option<Scale>, Stop> {
        if state.short(Short::OfmPrecision)? >> 8 & 1 == 0 {
            return Ok(None);
        }
        let scale = state.long(Long::OfmScale)?;
        Ok(Some(Scale {
            bias: 0,
            multiplier: scale as u32,
            shift: (scale >> 32) as u32,
        }))
    }

    /// Finishes row `y`: `accumulators` in the order x, c, `scale` by channel.
    pub(crate) fn finish<'a>(
        &self,
        memory: &Memory,
        tables: &Tables,
        y: usize,
        accumulators: &[i64],
        scale: impl Fn(usize) -> &'a Scale,
    ) -> Result<(), Stop> {
        let depth = self.map.shape().depth;
        let table = self.table.map(|table| tables.table(table)).transpose()?;
        let mut row = Vec::with_capacity(accumulators.len());
        for position in accumulators.chunks_exact(depth) {
            for (c, &accumulator) in position.iter().enumerate() {
                self.check(accumulator)?;
                let scaled = scale(c).apply(accumulator, self.rounding);
                let value = scaled.saturating_add(self.zero_point);
                row.push(self.activate(value.clamp(self.min, self.max), table));
            }
        }
        self.map.store(memory, y, &row)
    }

    /// What silicon does on overflow is not known.
    fn check(&self, accumulator: i64) -> Result<(), Stop> {
        let bits = if self.wide { 40 } else { 32 };
        let limit = 1i64 << (bits - 1);
        if !(-limit..limit).contains(&accumulator) {
            return Err(Stop::Command("accumulator overflow"));
        }
        Ok(())
    }

    /// The byte to write for a clipped value.
    fn activate(&self, value: i64, table: Option<&[u8]>) -> u8 {
        let index = if self.map.signed() {
            value + 128
        } else {
            value
        };
        match table {
            Some(table) => table[index as usize],
            None => value as u8,
        }
    }
}
