// SPDX-License-Identifier: GPL-2.0
//! What a program and a card do with the memory of a user queue, without the kernel (`queues.rst`).

use std::sync::atomic::Ordering;
use std::sync::atomic::fence;
use std::time::Duration;

use accel_uapi as uapi;
use accel_uapi::accel_qda_user_queue;

use super::Packet;
use super::Reach;
use crate::error::Error;
use crate::error::Result;
use crate::mapping::Mapping;
use crate::user_queue::Doorbell;

/// Bytes of a packet, of a completion record, of the report.
const SLOT: u64 = size_of::<Packet>() as u64;
const _: () = assert!(size_of::<uapi::accel_qda_record>() as u64 == SLOT);
const _: () = assert!(size_of::<uapi::accel_qda_report>() as u64 == SLOT);

/// Where everything is in the memory of a ring of 2^`order` packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    order: u32,
}

impl Layout {
    pub(super) fn new(order: u32) -> Self {
        Layout {
            order: order.min(u64::BITS / 2),
        }
    }

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

    pub(super) fn size(self) -> u64 {
        self.report() + SLOT
    }

    pub(super) fn payload(self, address: u64, reach: Reach) -> accel_qda_user_queue {
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

/// Ring, completion records and report. A [`Ring`](super::Ring) has one; without a card nothing in it ever
/// ends.
#[derive(Debug)]
pub struct RingMemory {
    bytes: Mapping,
    layout: Layout,
    /// Index behind the last packet.
    written: u64,
}

impl RingMemory {
    /// Bytes of a ring of 2^`order` packets.
    pub fn size(order: u32) -> u64 {
        Layout::new(order).size()
    }

    /// A ring of 2^`order` packets in zeroed memory of at least [`size`](Self::size).
    pub fn new(bytes: Mapping, order: u32) -> Self {
        RingMemory {
            bytes,
            layout: Layout::new(order),
            written: 0,
        }
    }

    /// As [`Ring::room`](super::Ring::room).
    ///
    /// # Errors
    ///
    /// [`Error::BadAnswer`]; [`Error::OutOfRange`] if the memory is too small.
    pub fn room(&self) -> Result<u64> {
        let waiting = self.written.checked_sub(self.completed()?);
        let room = waiting.and_then(|waiting| self.layout.packets().checked_sub(waiting));
        room.ok_or(Error::BadAnswer("packets that end before they begin"))
    }

    /// As [`Ring::submit`](super::Ring::submit).
    ///
    /// # Errors
    ///
    /// [`Error::Full`]; as [`room`](Self::room).
    pub fn submit(&mut self, packets: &[Packet], doorbell: &mut Doorbell) -> Result<u64> {
        if self.room()? < packets.len() as u64 {
            return Err(Error::Full);
        }
        let Some((last, others)) = packets.split_last() else {
            return Ok(self.written);
        };
        for packet in others {
            self.write(*packet)?;
        }
        self.write(last.interrupting())?;
        doorbell.ring(self.written)?;
        Ok(self.written)
    }

    fn write(&mut self, packet: Packet) -> Result<()> {
        let at = self.layout.slot(self.written);
        let words: [u64; 8] = zerocopy::transmute!(packet);
        self.bytes.store(at as usize, words)?;
        self.written += 1;
        Ok(())
    }

    /// As [`Ring::completed`](super::Ring::completed). What these packets wrote is seen after that.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if the memory is too small.
    pub fn completed(&self) -> Result<u64> {
        let [completed] = self.bytes.load(self.layout.report() as usize)?;
        fence(Ordering::Acquire);
        Ok(completed)
    }

    /// As [`Ring::record`](super::Ring::record).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if the memory is too small.
    pub fn record(&self, index: u64) -> Result<Option<Record>> {
        let at = self.layout.records() + self.layout.slot(index);
        let words: [u64; 8] = self.bytes.load(at as usize)?;
        let raw: uapi::accel_qda_record = zerocopy::transmute!(words);
        Ok((index.checked_add(1) == Some(raw.sequence)).then_some(raw.into()))
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
    use std::sync::Arc;

    use rustix::fs::MemfdFlags;
    use rustix::fs::ftruncate;
    use rustix::fs::memfd_create;
    use zerocopy::IntoBytes;

    use super::super::packet;
    use super::*;

    const ORDER: u32 = 4;

    /// A ring, its doorbell, and how the card sees both.
    fn ring() -> (RingMemory, Doorbell, Mapping, Mapping) {
        let map = |size: u64| {
            let file = Arc::new(memfd_create("ring", MemfdFlags::CLOEXEC).unwrap());
            ftruncate(&file, size).unwrap();
            let map = || Mapping::new(&*file, 0, size as usize).unwrap();
            (map(), map())
        };
        let (memory, card) = map(RingMemory::size(ORDER));
        let (page, rung) = map(4096);
        (RingMemory::new(memory, ORDER), page.into(), card, rung)
    }

    #[test]
    fn packets_go_around_as_long_as_there_is_room() {
        let (mut ring, mut doorbell, mut card, rung) = ring();
        let packets = [packet::signal(0x1000, 1); 16];
        assert_eq!(ring.submit(&packets[..10], &mut doorbell), Ok(10));
        assert_eq!(rung.load(0), Ok([10]));
        assert_eq!(ring.submit(&packets[..7], &mut doorbell), Err(Error::Full));
        assert_eq!(ring.submit(&[], &mut doorbell), Ok(10));
        let report = Layout::new(ORDER).report() as usize;
        card.store(report, [4]).unwrap();
        assert_eq!((ring.completed(), ring.room()), (Ok(4), Ok(10)));
        assert_eq!(ring.submit(&packets[..8], &mut doorbell), Ok(18));
        assert_eq!(rung.load(0), Ok([18]));
        // Only the last packet of a submission interrupts.
        let mut bytes = [0; 64];
        for (slot, flags) in [(8, 0), (9, 2), (15, 0), (0, 0), (1, 2)] {
            card.copy_to_slice(slot * 64, &mut bytes).unwrap();
            assert_eq!(bytes[1], flags, "slot {slot}");
            bytes[1] = 0;
            assert_eq!(bytes, packets[0].as_bytes(), "slot {slot}");
        }
        card.store(report, [19]).unwrap();
        assert!(matches!(ring.room(), Err(Error::BadAnswer(_))));
    }

    #[test]
    fn a_record_is_that_of_its_packet() {
        let (ring, _, mut card, _) = ring();
        let at = Layout::new(ORDER).records() as usize + 64;
        card.store(at, [18, 0, 0, 1, 3, 2, 0, 0]).unwrap();
        let [start, end, busy] = [1, 3, 2].map(Duration::from_nanos);
        assert_eq!(ring.record(17), Ok(Some(Record { start, end, busy })));
        assert_eq!((ring.record(1), ring.record(33)), (Ok(None), Ok(None)));
    }

    #[test]
    fn memory_that_is_too_small_is_refused() {
        let (ring, mut doorbell, ..) = ring();
        let mut ring = RingMemory::new(ring.bytes, ORDER + 1);
        let refused = ring.submit(&[packet::nop()], &mut doorbell);
        assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    }

    #[test]
    fn memory_is_ring_records_and_report() {
        let layout = Layout::new(ORDER);
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
