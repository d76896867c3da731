// SPDX-License-Identifier: GPL-2.0
//! One run of a command stream, from the first command to the reason of its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lut::Tables;
use crate::memory::{Lease, Memory};
use crate::npu::Late;
use crate::ops::{Context, Convolution, Depthwise, Dma, Operation, Pool};
use crate::state::State;
use crate::stop::Stop;
use crate::stream::{Command, Stream};

/// Largest QSIZE, bytes.
const MAX_STREAM: u32 = 16 << 20;

/// What registers and reset see of a job.
pub(crate) struct Job {
    /// Its right to use the bus.
    pub(crate) lease: Arc<Lease>,
    /// QREAD.
    pub(crate) position: AtomicU32,
    /// When its completion comes, if not in time.
    pub(crate) late: Option<Late>,
}

/// What a job needs to run.
pub(crate) struct Run {
    pub(crate) job: Arc<Job>,
    pub(crate) memory: Memory,
    /// QSIZE.
    pub(crate) size: u32,
    pub(crate) cores: usize,
    /// Injected slowness: how long the whole stream takes at least.
    pub(crate) slow: Duration,
}

impl Run {
    /// Obeys the stream; gives the mask of its STOP.
    pub(crate) fn run(&self) -> Result<u16, Stop> {
        if self.size > MAX_STREAM || self.size % 4 != 0 {
            return Err(Stop::Command("length of the stream"));
        }
        let begin = Instant::now();
        let mut stream = Stream::new(&self.memory, self.size);
        let mut state = State::new();
        let mut tables = Tables::default();
        loop {
            self.pace(begin, stream.position())?;
            let command = stream.next()?;
            let mut context = Context {
                state: &state,
                memory: &self.memory,
                tables: &mut tables,
                cores: self.cores,
            };
            match command {
                Command::SetShort { opcode, value } => state.set_short(opcode, value)?,
                Command::SetLong { opcode, value } => state.set_long(opcode, value)?,
                Command::Convolution => Convolution.run(&mut context)?,
                Command::Depthwise => Depthwise.run(&mut context)?,
                Command::Pool { mode } => Pool::from_mode(mode)?.run(&mut context)?,
                Command::Dma => Dma.run(&mut context)?,
                Command::Wait => (),
                Command::Stop { mask } => {
                    self.pace(begin, self.size)?;
                    self.job
                        .position
                        .store(stream.position(), Ordering::Relaxed);
                    return Ok(mask);
                }
            }
            self.job
                .position
                .store(stream.position(), Ordering::Relaxed);
        }
    }

    /// Sleeps until a stream of the injected slowness would have got this far.
    fn pace(&self, begin: Instant, position: u32) -> Result<(), Stop> {
        const NAP: Duration = Duration::from_millis(5);
        if self.slow.is_zero() {
            return Ok(());
        }
        let share = f64::from(position) / f64::from(self.size.max(1));
        let due = begin + self.slow.mul_f64(share);
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            if left.is_zero() {
                break;
            }
            self.memory.check()?;
            thread::sleep(left.min(NAP));
        }
        Ok(())
    }
}
