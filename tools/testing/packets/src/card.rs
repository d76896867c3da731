// SPDX-License-Identifier: GPL-2.0
//! A card that executes packets: by rings, all at once, or by jobs, one after the other.

use std::time::Duration;

use accel::Mapping;
use accel::info;
use accel::info::EngineKind;
use accel::info::Info;
use accel::job::Deadline;
use accel::qda;
use accel::qda::Memory;
use accel::qda::Packet;
use accel::qda::Reach;
use accel::qda::Ring;
use accel::qda::Workspace;
use accel::qda::copy;
use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::vectors::CARDS;
use crate::vectors::Vector;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the rings of the collective engines may reach: all links, and each other.
const REACH: Reach = Reach {
    group: 0x7670,
    links: 0b11,
};

const KINDS: [EngineKind; 3] = [
    EngineKind::Copy,
    EngineKind::Compute,
    EngineKind::Collective,
];

/// An open card.
pub struct Card {
    /// Where its packets work.
    pub workspace: Workspace,
    limits: qda::Card,
}

/// The cards of this system.
pub fn open_all() -> Result<Vec<Card>> {
    let mut cards = Vec::new();
    for node in accel::device::nodes()? {
        let device = node.open()?;
        if device.info::<info::Device>()?.driver == qda::DRIVER {
            cards.push(Card {
                workspace: Workspace::new(&device)?,
                limits: device.info()?,
            });
        }
    }
    ensure!(
        cards.len() == CARDS,
        "{} cards with driver {}, not {CARDS}",
        cards.len(),
        qda::DRIVER
    );
    Ok(cards)
}

impl Card {
    /// Give packets to engines of all kinds, in memory that begins with `before`.
    pub fn start(&self, vectors: &[Vector], before: &[u8]) -> Result<Run> {
        let mut run = self.memory(before)?;
        let base = run.memory.address();
        for kind in KINDS {
            let of_kind = vectors.iter().filter(|vector| vector.kind == kind);
            let packets: Vec<_> = of_kind.map(|vector| vector.at(base)).collect();
            self.submit(&mut run, kind, &packets)?;
        }
        Ok(run)
    }

    /// Give the collective engine packets, made for the address of memory that begins with `before`.
    pub fn start_messages(
        &self,
        packets: impl Fn(u64) -> Vec<Packet>,
        before: &[u8],
    ) -> Result<Run> {
        let mut run = self.memory(before)?;
        let packets = packets(run.memory.address());
        self.submit(&mut run, EngineKind::Collective, &packets)?;
        Ok(run)
    }

    fn memory(&self, before: &[u8]) -> Result<Run> {
        let memory = self.workspace.host_memory(before.len() as u64)?;
        let mut bytes = memory.buffer().map()?;
        bytes.copy_from_slice(0, before)?;
        Ok(Run {
            rings: Vec::new(),
            bytes,
            memory,
            size: before.len(),
        })
    }

    fn submit(&self, run: &mut Run, kind: EngineKind, packets: &[Packet]) -> Result<()> {
        let order = packets.len().next_power_of_two().ilog2().max(4);
        let reach = match kind {
            EngineKind::Collective => REACH,
            _ => Reach::default(),
        };
        let mut ring = self.workspace.ring(kind, Priority::Normal, order, reach)?;
        let end = ring.submit(packets)?;
        run.rings.push((kind, ring, end));
        Ok(())
    }

    /// Have jobs execute packets in memory of the card that begins with `before`; returns what it becomes.
    pub fn run_jobs(&self, vectors: &[&Vector], before: &[u8]) -> Result<Vec<u8>> {
        let run = self.memory(before)?;
        let (host, size) = (run.memory.address(), before.len().try_into()?);
        let local = self.workspace.card_memory(before.len() as u64)?;
        let local = local.address();
        self.jobs(EngineKind::Copy, &[copy::bytes(host, local, size)])?;
        for kind in KINDS {
            let of_kind = vectors.iter().filter(|vector| vector.kind == kind);
            let packets: Vec<_> = of_kind.map(|vector| vector.at(local)).collect();
            self.jobs(kind, &packets)?;
        }
        self.jobs(EngineKind::Copy, &[copy::bytes(local, host, size)])?;
        run.finish()
    }

    fn jobs(&self, kind: EngineKind, packets: &[Packet]) -> Result<()> {
        let queue = self.workspace.queue(kind, Priority::Normal)?;
        for (number, job) in packets.chunks(self.limits.job_packets as usize).enumerate() {
            let done = qda::job(&queue, job).submit()?;
            done.wait(Deadline::after(PATIENCE))
                .with_context(|| format!("{kind}: job {number}"))?;
        }
        Ok(())
    }
}

/// Packets under way.
pub struct Run {
    // Dropped first: after that no engine touches the memory.
    rings: Vec<(EngineKind, Ring, u64)>,
    bytes: Mapping,
    memory: Memory,
    size: usize,
}

impl Run {
    /// Wait for all of them; returns what the memory has become.
    pub fn finish(self) -> Result<Vec<u8>> {
        for (kind, ring, end) in &self.rings {
            let waited = ring.wait(*end, Deadline::after(PATIENCE));
            let done = ring.completed()?;
            waited.with_context(|| format!("{kind}: packet {done} of {end}"))?;
        }
        let mut bytes = vec![0; self.size];
        self.bytes.copy_to_slice(0, &mut bytes)?;
        Ok(bytes)
    }
}
