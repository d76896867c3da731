// SPDX-License-Identifier: GPL-2.0
//! A user queue of a card: packets get to an engine without a system call (`queues.rst`).
//!
//! Ring, completion records and report are in memory of the host. The kernel is needed to make the
//! queue, and to sleep until packets have ended.

use std::time::Duration;

use accel_uapi as uapi;
use accel_uapi::accel_qda_user_queue;
use zerocopy::IntoBytes;

use super::Memory;
use super::Packet;
use super::Workspace;
use crate::error::Error;
use crate::error::Result;
use crate::info::EngineKind;
use crate::job::Deadline;
use crate::mapping::Mapping;
use crate::queue::Priority;
use crate::timeline;
use crate::timeline::Timeline;
use crate::timeline::Until;
use crate::user_queue::State;
use crate::user_queue::UserQueue;

/// Bytes of a packet, of a completion record, of the report.
const SLOT: u64 = size_of::<Packet>() as u64;
const _: () = assert!(size_of::<uapi::accel_qda_record>() as u64 == SLOT);
const _: () = assert!(size_of::<uapi::accel_qda_report>() as u64 == SLOT);

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
    bytes: Mapping,
    _memory: Memory,
    layout: Layout,
    /// Index behind the last packet.
    written: u64,
}

/// Where everything is in the memory of a ring of 2^`order` packets.
#[derive(Clone, Copy, Debug)]
struct Layout {
    order: u32,
}

impl Layout {
    fn packets(self) -> u64 {
        1 << self.order
    }

    fn slot(self, packet: u64) -> u64 {
        packet % self.packets() * SLOT
    }

    fn records(self) -> u64 {
        self.packets() * SLOT
    }

    fn report(self) -> u64 {
        2 * self.records()
    }

    fn size(self) -> u64 {
        self.report() + SLOT
    }

    fn payload(self, address: u64, reach: Reach) -> accel_qda_user_queue {
        accel_qda_user_queue {
            ring: address,
            records: address + self.records(),
            report: address + self.report(),
            order: self.order,
            links: reach.links,
            group: reach.group.into(),
            reserved: 0,
        }
    }
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
        let layout = Layout {
            order: order.min(u64::BITS / 2),
        };
        let memory = self.host_memory(layout.size())?;
        let ended = self.device().timeline(0)?;
        let payload = layout.payload(memory.address(), reach);
        let queue =
            self.context()
                .user_queue(engine, priority, Some(&ended), payload.as_bytes())?;
        Ok(Ring {
            queue,
            ended,
            bytes: memory.buffer().map()?,
            _memory: memory,
            layout,
            written: 0,
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
        let waiting = self.written.checked_sub(self.completed()?);
        let room = waiting.and_then(|waiting| self.layout.packets().checked_sub(waiting));
        room.ok_or(Error::BadAnswer("packets that end before they begin"))
    }

    /// Write packets behind those that are there and ring the doorbell. Returns the index behind the
    /// last one, which sends an interrupt.
    ///
    /// # Errors
    ///
    /// [`Error::Full`]; as [`room`](Self::room).
    pub fn submit(&mut self, packets: &[Packet]) -> Result<u64> {
        if self.room()? < packets.len() as u64 {
            return Err(Error::Full);
        }
        let Some((&last, others)) = packets.split_last() else {
            return Ok(self.written);
        };
        for packet in others.iter().chain([&last.interrupting()]) {
            let at = self.layout.slot(self.written);
            self.bytes.copy_from_slice(at as usize, packet.as_bytes())?;
            self.written += 1;
        }
        self.queue.ring(self.written)?;
        Ok(self.written)
    }

    /// How many packets have ended well, by looking at memory.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn completed(&self) -> Result<u64> {
        let mut completed = [0; 8];
        let at = self.layout.report() as usize;
        self.bytes.copy_to_slice(at, &mut completed)?;
        Ok(u64::from_le_bytes(completed))
    }

    /// What the card has recorded of packet number `index`, counted from 0, which was to be
    /// [`recorded`](Packet::recorded): `None` before that, and when a later packet has its place.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn record(&self, index: u64) -> Result<Option<Record>> {
        let mut bytes = [0; SLOT as usize];
        let at = self.layout.records() + self.layout.slot(index);
        self.bytes.copy_to_slice(at as usize, &mut bytes)?;
        let raw: uapi::accel_qda_record = zerocopy::transmute!(bytes);
        Ok((index.checked_add(1) == Some(raw.sequence)).then_some(raw.into()))
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

/// When a packet was executed, in time of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// It started.
    pub start: Duration,
    /// It ended.
    pub end: Duration,
    /// So long it occupied the engine in between.
    pub busy: Duration,
}

impl From<uapi::accel_qda_record> for Record {
    fn from(raw: uapi::accel_qda_record) -> Self {
        Record {
            start: Duration::from_nanos(raw.start_ns),
            end: Duration::from_nanos(raw.end_ns),
            busy: Duration::from_nanos(raw.busy_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_ring_records_and_report() {
        let layout = Layout { order: 4 };
        let reach = Reach { group: 7, links: 3 };
        let payload = layout.payload(0x10_0000, reach);
        assert_eq!(payload.ring, 0x10_0000);
        assert_eq!(payload.records, 0x10_0000 + 16 * 64);
        assert_eq!(payload.report, 0x10_0000 + 32 * 64);
        assert_eq!((payload.order, payload.group, payload.links), (4, 7, 3));
        assert_eq!(layout.size(), 33 * 64);
        assert_eq!(
            [0, 15, 16, 17].map(|index| layout.slot(index)),
            [0, 960, 0, 64]
        );
    }
}
