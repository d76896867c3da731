// SPDX-License-Identifier: GPL-2.0
//! How packets get to an engine: by jobs of a queue of the kernel. Nothing else here knows of queues.

use std::collections::VecDeque;
use std::time::Duration;

use accel::Job;
use accel::Queue;
use accel::info::EngineKind;
use accel::job::Deadline;
use accel::qda;
use accel::qda::Packet;
use accel::qda::Workspace;
use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;

/// How long packets may take; the kernel gives up long before.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Packets on their way to an engine, which executes them in their order.
pub struct Lane {
    kind: EngineKind,
    queue: Queue,
    jobs: VecDeque<Job>,
}

impl Lane {
    /// To an engine of a kind.
    pub fn new(workspace: &Workspace, kind: EngineKind) -> Result<Self> {
        Ok(Lane {
            kind,
            queue: workspace.queue(kind, Priority::Normal)?,
            jobs: VecDeque::new(),
        })
    }

    /// Send packets on their way, at most as many as a job may have.
    pub fn submit(&mut self, packets: &[Packet]) -> Result<()> {
        self.jobs
            .push_back(qda::job(&self.queue, packets).submit()?);
        Ok(())
    }

    /// Wait until all packets are executed but those of the last `left` calls of submit.
    pub fn wait(&mut self, left: usize) -> Result<()> {
        let over = self.jobs.len().saturating_sub(left);
        for job in self.jobs.drain(..over) {
            job.wait(Deadline::after(TIMEOUT))
                .with_context(|| format!("packets for engines of kind {}", self.kind))?;
        }
        Ok(())
    }
}
