// SPDX-License-Identifier: GPL-2.0
//! Registers of an engine (Documentation/devices/qda/queues.rst, registers of an engine).

use std::sync::atomic::Ordering;

use crate::card::{Card, State};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

impl Card {
    pub(crate) fn engine_register(&self, state: &State, offset: u64) -> Option<Value> {
        let engine = state.engines.get((offset / 0x100) as usize)?;
        let running = engine.running.as_ref();
        let now = self.clock.now();
        Some(match offset % 0x100 {
            0x00 => Word(engine.kind as u32),
            0x04 => {
                let busy = running.map_or(0, |r| 1 | (r.queue as u32) << 16);
                Word(busy | u32::from(engine.resetting) << 1 | u32::from(engine.failed) << 2)
            }
            0x0c => Word(engine.resets),
            0x10 => Long(running.map_or(0, |r| r.index)),
            0x18 => Long(running.map_or(0, |r| r.start)),
            0x20 => Long(engine.progress.load(Ordering::Relaxed)),
            0x28 => Long(engine.busy + running.map_or(0, |r| now.saturating_sub(r.start))),
            0x30 => Long(engine.packets),
            0x38 => Long(engine.errors),
            at @ (0x40 | 0x48 | 0x50 | 0x58) => Long(engine.pending[(at - 0x40) as usize / 8]),
            _ => return None,
        })
    }

    pub(crate) fn write_engine(&self, state: &mut State, offset: u64, data: &[u8]) {
        let number = (offset / 0x100) as usize;
        if number >= state.engines.len() {
            return;
        }
        match offset % 0x100 {
            0x08 if merge(0, 0, data) == 1 => self.reset_engine(state, number),
            at @ 0x40..0x60 => {
                let word = &mut state.engines[number].pending[(at - 0x40) as usize / 8];
                *word &= !merge(0, offset, data);
            }
            _ => {}
        }
    }
}
