// SPDX-License-Identifier: GPL-2.0
//! Event rings (Documentation/devices/qda/status.rst, event rings).

use crate::card::{Card, State};
use crate::device::Reason;
use crate::memory::Location;
use crate::registers::Value::{self, Long, Word};
use crate::registers::{Latch, merge};

/// Which ring; also the number of its vector less 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// QUEUE_ERROR.
    Fault = 0,
    /// All others.
    Health = 1,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// A queue went to ERROR.
    QueueError = 0x01,
    /// A corrected error.
    Corrected = 0x10,
    /// An uncorrected error.
    Uncorrected = 0x11,
    /// A row is pending.
    RowPending = 0x12,
    /// A row has no spare.
    NoSpares = 0x13,
    /// L_STATE changed.
    Link = 0x14,
    /// THROTTLE changed.
    Throttle = 0x15,
    /// S_STATE changed.
    Sensor = 0x16,
}

/// A record, but for sequence and time.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Engine, RAS block, sensor or link.
    pub source: usize,
    /// Status or state.
    pub status: u32,
    /// As the kind says.
    pub detail: u32,
    /// As the kind says.
    pub address: u64,
    /// QUEUE_ERROR: queue, ASID, index of the packet.
    pub queue: (u16, u16, u64),
}

impl Event {
    /// An event that has nothing to do with a queue.
    pub fn new(kind: Kind, source: usize, status: u32) -> Self {
        Self {
            kind,
            source,
            status,
            detail: 0,
            address: 0,
            queue: (0, 0, 0),
        }
    }

    fn bytes(&self, sequence: u64, time: u64) -> [u8; 64] {
        let mut bytes = [0; 64];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0x00, &sequence.to_le_bytes());
        put(0x08, &(self.kind as u16).to_le_bytes());
        put(0x0a, &(self.source as u16).to_le_bytes());
        put(0x0c, &self.queue.0.to_le_bytes());
        put(0x0e, &self.queue.1.to_le_bytes());
        put(0x10, &self.status.to_le_bytes());
        put(0x14, &self.detail.to_le_bytes());
        put(0x18, &self.address.to_le_bytes());
        put(0x20, &self.queue.2.to_le_bytes());
        put(0x28, &time.to_le_bytes());
        bytes
    }
}

/// One ring's registers.
#[derive(Debug, Default)]
pub struct EventRing {
    base: u64,
    order: u32,
    enabled: bool,
    head: u64,
    tail: u64,
    /// EV_DROPPED.
    pub dropped: u32,
}

impl EventRing {
    /// The register at `offset` of the ring's block.
    pub fn register(&self, offset: u64) -> Option<Value> {
        Some(match offset {
            0x00 => Long(self.base),
            0x08 => Word(self.order),
            0x0c => Word(self.enabled.into()),
            0x10 => Long(self.head),
            0x18 => Long(self.tail),
            0x20 => Word(self.dropped),
            _ => return None,
        })
    }

    /// As after a device reset: EV_DROPPED stays.
    pub fn reset(&mut self) {
        let dropped = self.dropped;
        *self = Self {
            dropped,
            ..Self::default()
        };
    }

    fn write(&mut self, latch: &mut Latch, offset: u64, data: &[u8]) {
        match offset & 0x3f {
            0x00 | 0x04 if !self.enabled => self.base = merge(self.base, offset, data),
            0x08 if !self.enabled => self.order = merge(0, 0, data) as u32,
            0x0c if merge(0, 0, data) & 1 == 0 => self.enabled = false,
            0x0c if self.is_sound() => {
                self.enabled = true;
                (self.head, self.tail) = (0, 0);
            }
            0x18 | 0x1c => {
                let tail = latch.complete(self.tail, offset, data);
                let valid = self.tail..=self.head;
                self.tail = tail
                    .filter(|tail| valid.contains(tail))
                    .unwrap_or(self.tail);
            }
            _ => {}
        }
    }

    fn is_sound(&self) -> bool {
        self.base % 4096 == 0
            && Location::parse_memory(self.base).is_some()
            && (6..=12).contains(&self.order)
    }

    /// Where the next record goes; `None` if there is no room for it.
    fn slot(&self) -> Option<u64> {
        // The order is only known to be one while the ring is enabled.
        let size = self.enabled.then(|| 1 << self.order)?;
        (self.head - self.tail < size).then(|| 64 * (self.head % size))
    }
}

impl State {
    pub(crate) fn write_events(&mut self, offset: u64, data: &[u8]) {
        let ring = usize::from(offset >= 0x540);
        self.events[ring].write(&mut self.latch, offset, data);
    }
}

impl Card {
    /// Writes a record, or counts it as dropped; then the message.
    pub(crate) fn report_event(&self, state: &mut State, event: Event) {
        if !state.device.works() {
            return;
        }
        let which = match event.kind {
            Kind::QueueError => Ring::Fault,
            _ => Ring::Health,
        };
        let faults = &mut state.faults;
        let spoilt = std::mem::take(&mut faults.bad_events);
        let wild = std::mem::take(&mut faults.wild_events);
        let ring = &mut state.events[which as usize];
        let Some(slot) = ring.slot() else {
            ring.dropped = ring.dropped.wrapping_add(1);
            return self.message(1 + which as u16);
        };
        let mut record = event.bytes(ring.head + 1, self.clock.now());
        if spoilt > 0 {
            record.fill(0x5a);
        }
        if wild > 0 {
            // All but sequence and kind.
            record[10..].fill(0xff);
        }
        let place = Location::parse_memory(ring.base).and_then(|base| base.offset(slot));
        let written = place.map(|place| self.mmu.bus.write_record(place, &record));
        if written != Some(Ok(())) {
            return self.fail(state, Reason::EventRing);
        }
        ring.head += 1;
        state.faults.bad_events = spoilt.saturating_sub(1);
        state.faults.wild_events = wild.saturating_sub(1);
        self.message(1 + which as u16);
    }
}
