// SPDX-License-Identifier: GPL-2.0
//! One queue: its state, doorbell and registers (Documentation/devices/qda/queues.rst).

use crate::capabilities::QUEUES;
use crate::card::{Card, State};
use crate::engine::Underway;
use crate::memory::Space;
use crate::registers::Value::{self, Long, Word};
use crate::status::{Failure, Status};

/// State of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueState {
    /// Does not exist.
    #[default]
    Absent = 0,
    /// Packets are executed.
    Active = 1,
    /// A packet is still under way, and none will start.
    Suspending = 2,
    /// The device accesses nothing for it.
    Suspended = 3,
    /// As suspended, because of a failure.
    Error = 4,
}

/// A queue. All zero: absent.
#[derive(Debug, Default)]
pub struct Queue {
    /// Its state.
    pub state: QueueState,
    /// Number of its engine.
    pub engine: usize,
    /// 0 low to 3 real time.
    pub priority: u8,
    /// Whose addresses its packets have.
    pub asid: u16,
    /// log2 of the packets in the ring.
    pub order: u8,
    /// Owned by user space.
    pub user: bool,
    /// Address of the packets.
    pub ring: u64,
    /// Address of the completion records.
    pub records: u64,
    /// Address of the report.
    pub report: u64,
    /// Group of its messages.
    pub group: u16,
    /// Links that it may use.
    pub links: u8,
    /// Q_READ.
    pub read: u64,
    /// Q_WRITE.
    pub write: u64,
    /// What doorbells made of Q_WRITE and when, for the log; no more than the ring has packets.
    pub doorbells: Vec<(u64, u64)>,
    /// Q_BUSY.
    pub busy: u64,
    /// Q_STATUS, Q_DETAIL, Q_ADDRESS while in ERROR.
    pub failure: Option<Failure>,
    /// The packet under way.
    pub underway: Option<Underway>,
    /// A wrong doorbell that waits for the end of the packet under way.
    pub wrong_doorbell: Option<u64>,
    /// Halves of the packet at Q_READ that ended before a suspend.
    pub ended: [bool; 2],
}

impl Queue {
    /// Space of ring, records and report.
    pub fn own_space(&self) -> Space {
        if self.user {
            Space::Virtual(self.asid)
        } else {
            Space::Physical
        }
    }

    /// Space of the operands of its packets.
    pub fn operand_space(&self) -> Space {
        match self.asid {
            0 => Space::Physical,
            asid => Space::Virtual(asid),
        }
    }

    /// Slot of the packet at Q_READ.
    pub fn slot(&self, index: u64) -> u64 {
        64 * (index & ((1 << self.order) - 1))
    }

    /// Whether QUEUE_DESTROY may take it away.
    pub fn is_idle(&self) -> bool {
        match self.state {
            QueueState::Suspended | QueueState::Error => true,
            QueueState::Active => self.underway.is_none() && self.read == self.write,
            _ => false,
        }
    }

    /// Whether a packet of it occupies the engine.
    pub fn is_running(&self) -> bool {
        self.underway.as_ref().is_some_and(|packet| packet.running)
    }

    /// TIME of the doorbell that announced the packet at Q_READ.
    pub fn arrival(&self) -> u64 {
        let announces = |(end, _): &&(u64, u64)| *end > self.read;
        let doorbell = self.doorbells.iter().find(announces);
        doorbell.map_or(0, |(_, time)| *time)
    }

    /// A doorbell of value `value` at TIME `now`; the error that it is, if it is one.
    fn ring(&mut self, value: u64, now: u64) -> Option<Failure> {
        use QueueState::{Active, Suspending};
        if value <= self.write {
            return None;
        }
        if value <= self.read + (1 << self.order) {
            self.write = value;
            self.doorbells.retain(|(end, _)| *end > self.read);
            self.doorbells.push((value, now));
            return None;
        }
        if !matches!(self.state, Active | Suspending) {
            return None;
        }
        if self.underway.is_some() {
            self.wrong_doorbell.get_or_insert(value);
            return None;
        }
        Some(wrong_doorbell(value))
    }

    fn register(&self, offset: u64) -> Option<Value> {
        let failure = self.failure;
        let exists = self.state != QueueState::Absent;
        Some(match offset {
            0x00 => {
                let waiting = self.underway.is_some() && !self.is_running();
                let flags = u32::from(self.is_running()) << 8 | u32::from(waiting) << 9;
                Word(self.state as u32 | flags)
            }
            0x08 => Long(self.read),
            0x10 => Long(self.write),
            0x18 => Long(self.busy),
            0x20 => Word(failure.map_or(0, |f| f.status as u32)),
            0x24 => Word(failure.map_or(0, |f| f.detail)),
            0x28 => Long(failure.map_or(0, |f| f.address)),
            0x30 if exists => Word(
                u32::from(self.asid)
                    | (self.engine as u32) << 16
                    | u32::from(self.priority) << 24
                    | u32::from(self.user) << 31,
            ),
            _ => return None,
        })
    }
}

/// The error DOORBELL.
pub fn wrong_doorbell(value: u64) -> Failure {
    Failure {
        status: Status::Doorbell,
        detail: 0,
        address: value,
    }
}

impl State {
    /// A register of a queue.
    pub(crate) fn queue_register(&self, offset: u64) -> Option<Value> {
        self.queues
            .get((offset / 0x40) as usize)?
            .register(offset % 0x40)
    }
}

impl Card {
    pub(crate) fn write_queue(&self, state: &mut State, offset: u64, data: &[u8]) {
        let number = (offset / 0x40) as usize;
        if number >= QUEUES {
            return;
        }
        let queue = &mut state.queues[number];
        match offset % 0x40 {
            0x04 => self.control_queue(state, number, crate::registers::merge(0, 0, data)),
            0x08 | 0x0c => {
                let stopped = matches!(queue.state, QueueState::Suspended | QueueState::Error);
                let value = state.latch.complete(queue.read, offset, data);
                let Some(value) =
                    value.filter(|v| stopped && (queue.read..=queue.write).contains(v))
                else {
                    return;
                };
                if value != queue.read {
                    queue.ended = [false; 2];
                }
                queue.read = value;
            }
            _ => {}
        }
    }

    /// A write to BAR 4.
    pub fn doorbell(&self, offset: u64, data: &[u8]) {
        let number = (offset / 4096) as usize;
        let Ok(value) = data.try_into().map(u64::from_le_bytes) else {
            return;
        };
        if offset % 4096 != 0 || number >= QUEUES {
            return;
        }
        let state = &mut *self.lock();
        if state.device.state == crate::device::DeviceState::Reset {
            return;
        }
        let queue = &mut state.queues[number];
        if queue.state == QueueState::Absent {
            state.device.stray = state.device.stray.wrapping_add(1);
            return;
        }
        let engine = queue.engine;
        if let Some(failure) = queue.ring(value, self.clock.now()) {
            self.enter_error(state, number, failure);
        }
        self.wake(engine);
        self.wake_waiting(state);
    }
}
