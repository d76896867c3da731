// SPDX-License-Identifier: GPL-2.0
//! A card as training needs it: memory in one piece, a way in and out of it, and lanes to its engines.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use accel::Device;
use accel::Mapping;
use accel::device::Node;
use accel::info;
use accel::info::EngineKind;
use accel::info::Info;
use accel::info::LinkState;
use accel::qda;
use accel::qda::Matrix;
use accel::qda::Memory;
use accel::qda::Workspace;
use accel::qda::collective::Link;
use accel::qda::copy;
use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use zerocopy::IntoBytes;

use crate::digits::floats;
use crate::lane::Lane;

/// Bytes of the card's memory, and of what goes in or out at once.
const MEMORY: u64 = 4 << 20;
const STAGING: u64 = 1 << 20;

/// Where things begin in the card's memory.
const ALIGNMENT: u64 = 64;

/// How long a link may look for its other side, which may be in a machine that has yet to boot; and
/// how often to ask.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// An open card.
pub struct Card {
    device: Device,
    /// Where packets work.
    pub workspace: Workspace,
}

impl Card {
    /// The cards of this system.
    pub fn nodes() -> Result<Vec<Node>> {
        let mut cards = Vec::new();
        for node in accel::device::nodes()? {
            // The monitor node tells who it is without opening a device that somebody else uses.
            let who: info::Device = node.open_monitor()?.info()?;
            if who.driver == qda::DRIVER {
                cards.push(node);
            }
        }
        if cards.is_empty() {
            bail!(
                "no QDA card found: no accelerator has driver {}",
                qda::DRIVER
            );
        }
        Ok(cards)
    }

    /// Opens a card.
    pub fn open(node: &Node) -> Result<Self> {
        let device = node.open()?;
        let workspace = Workspace::new(&device)?;
        Ok(Card { device, workspace })
    }

    /// Waits until a link is up.
    pub fn wait_for(&self, link: Link) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let links: Vec<info::Link> = self.device.list()?;
            let state = links.get(usize::from(link.0)).map(|link| link.state);
            let state = state.with_context(|| format!("there is no link {}", link.0))?;
            if state == LinkState::Up {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "link {} is {state} after {PATIENCE:?}",
                link.0
            );
            thread::sleep(PAUSE);
        }
    }

    /// A lane to an engine of a kind.
    pub fn lane(&self, kind: EngineKind) -> Result<Lane> {
        Lane::new(&self.workspace, kind)
    }
}

/// Memory of a card that is given away from its start to its end.
pub struct Arena {
    memory: Memory,
    taken: u64,
}

impl Arena {
    /// All of it free and zero.
    pub fn new(card: &Card) -> Result<Self> {
        Ok(Arena {
            memory: card.workspace.card_memory(MEMORY)?,
            taken: 0,
        })
    }

    /// So many bytes: the address of the first one.
    pub fn take(&mut self, size: u64) -> accel::Result<u64> {
        let start = self.taken;
        let end = (start + size).next_multiple_of(ALIGNMENT);
        if end > self.memory.size() {
            return Err(accel::Error::OutOfRange {
                offset: start as usize,
                length: size as usize,
                size: self.memory.size() as usize,
            });
        }
        self.taken = end;
        Ok(self.memory.address() + start)
    }

    /// A matrix of F32.
    pub fn matrix(&mut self, rows: u32, columns: u32) -> accel::Result<Matrix> {
        let address = self.take(Matrix::f32(0, rows, columns).size())?;
        Ok(Matrix::f32(address, rows, columns))
    }
}

/// The way into a card's memory and out of it: through memory of the host, by a copy engine.
pub struct Staging {
    memory: Memory,
    bytes: Mapping,
    lane: Lane,
}

impl Staging {
    /// The way for one card.
    pub fn new(card: &Card) -> Result<Self> {
        let memory = card.workspace.host_memory(STAGING)?;
        Ok(Staging {
            bytes: memory.buffer().map()?,
            memory,
            lane: card.lane(EngineKind::Copy)?,
        })
    }

    /// Writes numbers.
    pub fn write(&mut self, to: u64, values: &[f32]) -> Result<()> {
        let bytes = values.as_bytes();
        self.bytes.copy_from_slice(0, bytes)?;
        self.copy(self.memory.address(), to, bytes.len())
    }

    /// Writes numbers to memory that has no other use yet: one row per `columns` of them.
    pub fn place(&mut self, arena: &mut Arena, columns: u32, values: &[f32]) -> Result<Matrix> {
        let rows = values.len() / columns as usize;
        let matrix = arena.matrix(rows.try_into()?, columns)?;
        self.write(matrix.address, values)?;
        Ok(matrix)
    }

    /// Reads bytes.
    pub fn read(&mut self, from: u64, size: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        self.copy(from, self.memory.address(), size)?;
        self.bytes.copy_to_slice(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads numbers.
    pub fn read_floats(&mut self, from: u64, count: usize) -> Result<Vec<f32>> {
        Ok(floats(&self.read(from, count * size_of::<f32>())?))
    }

    fn copy(&mut self, from: u64, to: u64, size: usize) -> Result<()> {
        self.lane
            .submit(&[copy::bytes(from, to, size.try_into()?)])?;
        self.lane.wait(0)
    }
}
