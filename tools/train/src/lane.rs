// SPDX-License-Identifier: GPL-2.0
//! How packets get to an engine: by a ring of a user queue, without a system call. Nothing else here knows
//! of queues.

use std::collections::VecDeque;
use std::time::Duration;

use accel::info::EngineKind;
use accel::job::Deadline;
use accel::qda::Packet;
use accel::qda::Reach;
use accel::qda::Ring;
use accel::qda::Workspace;
use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;

/// How long packets may take; the kernel gives up long before.
const TIMEOUT: Duration = Duration::from_secs(60);

/// log2 of the packets of a ring.
const ORDER: u32 = 8;

/// The most packets of a submission: two have room.
pub const MOST: usize = 1 << (ORDER - 1);

/// What the collective engine may reach: any link, for others who say this number.
const REACH: Reach = Reach {
    group: 0x6164,
    links: 0b11,
};

/// Packets on their way to an engine, which executes them in their order.
pub struct Lane {
    kind: EngineKind,
    ring: Ring,
    /// Index behind the last packet of each submission.
    ends: VecDeque<u64>,
}

impl Lane {
    /// To an engine of a kind.
    pub fn new(workspace: &Workspace, kind: EngineKind) -> Result<Self> {
        let reach = match kind {
            EngineKind::Collective => REACH,
            _ => Reach::default(),
        };
        Ok(Lane {
            kind,
            ring: workspace.ring(kind, Priority::Normal, ORDER, reach)?,
            ends: VecDeque::new(),
        })
    }

    /// Send packets on their way, at most [`MOST`] of them, with one submission before them that has not
    /// been waited for.
    pub fn submit(&mut self, packets: &[Packet]) -> Result<()> {
        self.ends.push_back(self.ring.submit(packets)?);
        Ok(())
    }

    /// Wait until all packets are executed but those of the last `left` calls of submit.
    pub fn wait(&mut self, left: usize) -> Result<()> {
        let over = self.ends.len().saturating_sub(left);
        let Some(end) = self.ends.drain(..over).next_back() else {
            return Ok(());
        };
        let waited = self.ring.wait(end, Deadline::after(TIMEOUT));
        waited.with_context(|| format!("packets for engines of kind {}", self.kind))
    }
}
