// SPDX-License-Identifier: GPL-2.0
//! Engines: a thread each, which takes one packet at a time (Documentation/devices/qda/queues.rst).

mod completion;
mod control;
mod copy;
mod registers;
mod scheduler;
mod tensor;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use control::Underway;
pub use work::{Shape, Stop, Work};

use crate::card::{Card, State};
use crate::memory::Access;
use crate::status::{Failure, Status};

/// What an engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// COPY and FILL.
    Copy = 1,
    /// Matrices.
    Tensor = 2,
    /// Messages.
    Collective = 3,
}

/// The packet that occupies an engine.
#[derive(Debug)]
pub struct Running {
    /// Number of its queue.
    pub queue: usize,
    index: u64,
    start: u64,
    access: Access,
    /// How it ends, whatever its work says.
    verdict: Option<Failure>,
}

/// One engine.
#[derive(Debug)]
pub struct Engine {
    /// What it is for.
    pub kind: EngineKind,
    /// What occupies it.
    pub running: Option<Running>,
    /// RESETTING.
    pub resetting: bool,
    failed: bool,
    resets: u32,
    progress: Arc<AtomicU64>,
    busy: u64,
    /// What of `busy` was for user queues; nothing resets it.
    pub user_busy: u64,
    packets: u64,
    errors: u64,
    pending: [u64; 4],
    /// The queue that was served last in each priority.
    last: [Option<usize>; 4],
    /// The next packet that starts hangs.
    pub hang_next: bool,
}

impl Engine {
    /// Engine number `number` of the product.
    pub fn new(number: usize) -> Self {
        let kind = match number {
            0 | 1 => EngineKind::Copy,
            2 | 3 => EngineKind::Tensor,
            _ => EngineKind::Collective,
        };
        Self {
            kind,
            running: None,
            resetting: false,
            failed: false,
            resets: 0,
            progress: Arc::default(),
            busy: 0,
            user_busy: 0,
            packets: 0,
            errors: 0,
            pending: [0; 4],
            last: [None; 4],
            hang_next: false,
        }
    }

    /// What runs is forgotten: no status, no more accesses.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.access.cancelled.store(true, Ordering::Relaxed);
        }
        self.resetting = false;
    }

    /// As after a device reset.
    pub fn reset(&mut self) {
        self.stop();
        let (kind, user_busy, number) = (self.kind, self.user_busy, 0);
        *self = Self {
            kind,
            user_busy,
            ..Self::new(number)
        };
    }

    /// Nothing survives FLR that a device reset leaves.
    pub fn reset_counters(&mut self) {
        self.progress = Arc::default();
    }

    /// Clears the bit of a queue in QPENDING.
    pub fn acknowledge(&mut self, queue: usize) {
        self.pending[queue / 64] &= !(1 << (queue % 64));
    }
}

/// The thread of one engine.
pub fn run(card: &Card, engine: usize) {
    let mut state = card.lock();
    loop {
        card.end_engine_reset(&mut state, engine);
        let (work, pause) = card.choose(&mut state, engine);
        let Some(work) = work else {
            state = card.rest(engine, state, pause);
            continue;
        };
        let hang = std::mem::take(&mut state.engines[engine].hang_next) || state.faults.hang;
        let begin = card.clock.now();
        drop(state);
        let result = work.execute(card);
        state = card.lock();
        let took = card.clock.now() - begin;
        state = card.linger(state, engine, &work.access, hang, took);
        card.finish(&mut state, engine, &work.access, result);
    }
}

impl Card {
    /// Lets a packet take longer, if a test or a lower clock wants that.
    fn linger<'a>(
        &'a self,
        mut state: std::sync::MutexGuard<'a, State>,
        engine: usize,
        access: &Access,
        hang: bool,
        took: u64,
    ) -> std::sync::MutexGuard<'a, State> {
        let late = std::mem::take(&mut state.faults.late);
        let throttled = if state.power.is_throttled() { took } else { 0 };
        let stretched = took * u64::from(state.faults.stretch.saturating_sub(1));
        let longest = state.faults.slow.max(late).max(throttled).max(stretched);
        let until = self.clock.now() + longest;
        let ended = |state: &State| {
            let verdict = state.engines[engine].running.as_ref();
            let Some(running) = verdict.filter(|_| self.mmu.is_current(access)) else {
                return true;
            };
            match running.verdict.map(|failure| failure.status) {
                None => false,
                Some(Status::Aborted) => !hang && late == 0,
                Some(_) => true,
            }
        };
        while !ended(&state) && (hang || self.clock.now() < until) {
            if !hang && late == 0 {
                state.engines[engine]
                    .progress
                    .fetch_add(1, Ordering::Relaxed);
            }
            self.end_late(&mut state, engine);
            let left = match hang {
                true => u64::MAX,
                false => until.saturating_sub(self.clock.now()),
            };
            let pause = Duration::from_nanos(left.min(crate::clock::MS));
            state = self.rest(engine, state, Some(pause));
        }
        if late > 0 {
            if let Some(running) = &mut state.engines[engine].running {
                running.verdict = running.verdict.filter(|v| v.status != Status::Aborted);
            }
        }
        state
    }
}

impl Engine {
    /// E_PACKETS.
    pub fn packets(&self) -> u64 {
        self.packets
    }
}
