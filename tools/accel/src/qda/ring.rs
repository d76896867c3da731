// SPDX-License-Identifier: GPL-2.0
//! A user queue of a card: packets get to an engine without a system call (`queues.rst`).
//!
//! Ring, completion records and report are in memory of the host. The kernel is needed to make the
//! queue, and to sleep until packets have ended.

use zerocopy::IntoBytes;

use super::Memory;
use super::Packet;
use super::Workspace;
use super::ring_memory::Layout;
use super::ring_memory::Record;
use super::ring_memory::RingMemory;
use crate::error::Error;
use crate::error::Result;
use crate::info::EngineKind;
use crate::job::Deadline;
use crate::queue::Priority;
use crate::timeline;
use crate::timeline::Timeline;
use crate::timeline::Until;
use crate::user_queue::State;
use crate::user_queue::UserQueue;

/// What packets of the collective engine may reach; nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Queues meet only if they have the same number here.
    pub group: u16,
    /// Links, a bit each.
    pub links: u32,
}

/// A ring of packets that an engine executes in their order.
#[derive(Debug)]
pub struct Ring {
    // Dropped first: after that the card does not touch the memory.
    queue: UserQueue,
    ended: Timeline,
    memory: RingMemory,
    _memory: Memory,
}

impl Workspace {
    /// A ring of 2^`order` packets, 4 to [`Card::order_max`](super::Card::order_max), for the first engine
    /// of a kind. `reach` is for [`EngineKind::Collective`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchEngine`]; as [`ring_on`](Self::ring_on).
    pub fn ring(
        &self,
        kind: EngineKind,
        priority: Priority,
        order: u32,
        reach: Reach,
    ) -> Result<Ring> {
        self.ring_on(self.engine(kind)?, priority, order, reach)
    }

    /// As [`ring`](Self::ring), for this one of [`engines`](Self::engines).
    ///
    /// # Errors
    ///
    /// As [`Workspace::host_memory`], [`Device::timeline`](crate::Device::timeline) and
    /// [`Context::user_queue`](crate::Context::user_queue).
    pub fn ring_on(
        &self,
        engine: u32,
        priority: Priority,
        order: u32,
        reach: Reach,
    ) -> Result<Ring> {
        let layout = Layout::new(order);
        let memory = self.host_memory(layout.size())?;
        let ended = self.device().timeline(0)?;
        let payload = layout.payload(memory.address(), reach);
        let queue =
            self.context()
                .user_queue(engine, priority, Some(&ended), payload.as_bytes())?;
        Ok(Ring {
            queue,
            ended,
            memory: RingMemory::new(memory.buffer().map()?, order),
            _memory: memory,
        })
    }
}

impl Ring {
    /// How many packets have room now.
    ///
    /// # Errors
    ///
    /// [`Error::BadAnswer`] if the card says that more have ended than there were.
    pub fn room(&self) -> Result<u64> {
        self.memory.room()
    }

    /// Write packets behind those that are there and ring the doorbell. Returns the index behind the
    /// last one, which sends an interrupt.
    ///
    /// # Errors
    ///
    /// [`Error::Full`]; as [`room`](Self::room).
    pub fn submit(&mut self, packets: &[Packet]) -> Result<u64> {
        self.memory.submit(packets, self.queue.doorbell())
    }

    /// How many packets have ended well, by looking at memory.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn completed(&self) -> Result<u64> {
        self.memory.completed()
    }

    /// What the card has recorded of packet number `index`, counted from 0, which was to be
    /// [`recorded`](Packet::recorded): `None` before that, and when a later packet has its place.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn record(&self, index: u64) -> Result<Option<Record>> {
        self.memory.record(index)
    }

    /// Sleep until the packets before `index`, which [`submit`](Self::submit) returned, have ended well.
    ///
    /// # Errors
    ///
    /// [`Error::QueueFailed`]; [`Error::NotReached`] at the deadline; [`Error::Call`]: `NoMemory`, `Gone`.
    pub fn wait(&self, index: u64, deadline: Deadline) -> Result<()> {
        let point = self.ended.point(index);
        let waited = timeline::wait_all(&[point], Until::Done, deadline);
        match (&waited, self.queue.state()) {
            (Err(Error::Call { .. }), Ok(State::Failed { fault, address })) => {
                Err(Error::QueueFailed { fault, address })
            }
            _ => waited,
        }
    }
}
