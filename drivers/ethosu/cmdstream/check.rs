// SPDX-License-Identifier: GPL-2.0

//! The walk over a command stream.

use super::{
    command::Command,
    config::{
        Config,
        MAX_BYTES, //
    },
    dma,
    elementwise,
    footprint::Footprint,
    kernel_op::{
        self,
        Kernel, //
    },
    lut::Tables,
    refusal::{
        Reason,
        Refusal, //
    },
    register::Register,
    state::State, //
};

/// Checks a whole command stream; says what it touches, or why it must not run.
pub(crate) fn check(words: &[u32], config: Config) -> Result<Footprint, Refusal> {
    if words.len() > MAX_BYTES / 4 {
        let reason = Reason::TooLong;
        return Err(Refusal { word: 0, reason });
    }
    let mut rest = words.iter().copied();
    let mut checker = Checker::new(config);
    loop {
        let word = position(words, &rest);
        let refuse = |reason| Refusal { word, reason };
        match checker.next(&mut rest).map_err(refuse)? {
            Progress::More => (),
            Progress::Done if rest.len() == 0 => return Ok(checker.footprint),
            Progress::Done => {
                let (word, reason) = (position(words, &rest), Reason::WordsAfterStop);
                return Err(Refusal { word, reason });
            }
        }
    }
}

/// Index of the first word of the rest. Below 2^32, as [`MAX_BYTES`] is.
fn position(words: &[u32], rest: &impl ExactSizeIterator) -> u32 {
    words.len().saturating_sub(rest.len()) as u32
}

/// Whether the stream goes on.
enum Progress {
    More,
    Done,
}

/// What is known after the commands so far.
struct Checker {
    config: Config,
    state: State,
    tables: Tables,
    footprint: Footprint,
}

impl Checker {
    fn new(config: Config) -> Self {
        Self {
            config,
            state: State::new(),
            tables: Tables::new(),
            footprint: Footprint::default(),
        }
    }

    /// Takes one command from the stream and checks it.
    fn next(&mut self, words: &mut impl Iterator<Item = u32>) -> Result<Progress, Reason> {
        let word = words.next().ok_or(Reason::NoStop)?;
        match Command::decode(word, words)? {
            Command::Set(register, value) => self.set(register, value)?,
            Command::Conv => self.kernel(Kernel::Conv)?,
            Command::Depthwise => self.kernel(Kernel::Depthwise)?,
            Command::Pool(pool) => self.kernel(Kernel::Pool(pool))?,
            Command::Elementwise(operation) => {
                elementwise::check(operation, &self.state, &self.tables, &mut self.footprint)?
            }
            Command::DmaStart => dma::check(&self.state, &mut self.tables, &mut self.footprint)?,
            Command::Wait => (),
            Command::Stop => return Ok(Progress::Done),
        }
        Ok(Progress::More)
    }

    fn set(&mut self, register: Register, value: u64) -> Result<(), Reason> {
        self.state.set(register, value)?;
        match (register, self.config) {
            (Register::ParallelMode, Config::U65_256) if value != 0 => Err(Reason::NoSecondCore),
            _ => Ok(()),
        }
    }

    fn kernel(&mut self, kernel: Kernel) -> Result<(), Reason> {
        kernel_op::check(kernel, &self.state, &self.tables, &mut self.footprint)
    }
}
