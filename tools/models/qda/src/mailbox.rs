// SPDX-License-Identifier: GPL-2.0
//! Mailbox: its registers, and what firmware answers (Documentation/devices/qda/firmware.rst).

use crate::capabilities::{ASIDS, ENGINES, LINKS, QUEUES, RING_ORDER_MAX};
use crate::card::{Card, MANAGEMENT, State};
use crate::device::DeviceState;
use crate::firmware::FirmwareState;
use crate::links::Bye;
use crate::memory::Location;
use crate::queue::{Queue, QueueState};
use crate::registers::Value::{self, Long, Word};

/// Engine with links.
const COLLECTIVE: usize = ENGINES - 1;

/// Why a request was not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Unknown = 1,
    Invalid = 2,
    Exists = 3,
    Absent = 4,
    Busy = 5,
    State = 6,
}

type Message = [u8; 64];
type Answer = Result<[u8; 56], Refusal>;

/// MB_REQUEST to MB_CONTROL.
#[derive(Debug)]
pub struct Mailbox {
    request: Message,
    reply: Message,
    busy: bool,
    /// A test wants the next reply to be of another type and tag.
    pub spoil: bool,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            request: [0; 64],
            reply: [0; 64],
            busy: false,
            spoil: false,
        }
    }
}

fn half(m: &Message, at: usize) -> u16 {
    u16::from_le_bytes([m[at], m[at + 1]])
}

fn long(m: &Message, at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| m[at + i]))
}

/// Whether all is zero but the ranges that the request uses.
fn only(m: &Message, used: &[(usize, usize)]) -> bool {
    let mut rest = *m;
    rest[..2].fill(0);
    rest[4..8].fill(0);
    used.iter().for_each(|&(from, to)| rest[from..to].fill(0));
    rest == [0; 64]
}

impl Mailbox {
    /// The register at `offset`.
    pub fn register(&self, offset: u64) -> Option<Value> {
        let at = (offset & 0x3f) as usize;
        Some(match offset {
            0x300..0x340 if offset % 8 == 0 => Long(long(&self.request, at)),
            0x340..0x380 if offset % 8 == 0 => Long(long(&self.reply, at)),
            0x380 => Word(self.busy.into()),
            _ => return None,
        })
    }

    /// The type of the request that is being served, or 0.
    pub fn serving(&self) -> u16 {
        if self.busy { half(&self.request, 0) } else { 0 }
    }

    /// Firmware died or was reset: no reply will come.
    pub fn abandon(&mut self) {
        self.busy = false;
        self.reply = [0; 64];
    }
}

impl Card {
    pub(crate) fn write_mailbox(&self, state: &mut State, offset: u64, data: &[u8]) {
        if state.mailbox.busy {
            return;
        }
        match offset {
            0x300..0x340 => {
                let at = (offset - 0x300) as usize;
                state.mailbox.request[at..at + data.len()].copy_from_slice(data);
            }
            0x380 if data[0] & 1 != 0 && state.firmware.state == FirmwareState::Running => {
                state.mailbox.busy = true;
                self.wake_management();
            }
            _ => {}
        }
    }

    /// Answers a request, if firmware is there to do it.
    pub(crate) fn serve_mailbox(&self, state: &mut State) {
        if !state.mailbox.busy || !state.firmware.is_alive() {
            return;
        }
        let request = state.mailbox.request;
        let mut reply = [0; 64];
        reply[..2].copy_from_slice(&request[..2]);
        reply[4..8].copy_from_slice(&request[4..8]);
        match self.answer(state, &request) {
            Ok(payload) => reply[8..].copy_from_slice(&payload),
            Err(refusal) => reply[2] = refusal as u8,
        }
        if std::mem::take(&mut state.mailbox.spoil) {
            reply[0] ^= 0xff;
            reply[4] ^= 0xff;
        }
        state.mailbox.reply = reply;
        state.mailbox.busy = false;
        self.message(MANAGEMENT);
    }

    fn answer(&self, state: &mut State, m: &Message) -> Answer {
        let done = |()| [0; 56];
        let failed = state.device.state == DeviceState::Failed;
        // A check that FAILED is no obstacle comes after those of the fields.
        let valid = |valid: bool| match (valid, failed) {
            (false, _) => Err(Refusal::Invalid),
            (true, true) => Err(Refusal::State),
            (true, false) => Ok(()),
        };
        match half(m, 0) {
            1 if only(m, &[(8, 16)]) => {
                let mut reply = [0; 56];
                reply[..8].copy_from_slice(&m[8..16]);
                Ok(reply)
            }
            2 => {
                let (asid, root) = (half(m, 8), Location::parse_memory(long(m, 16)));
                let root = root.filter(|root| root.address % 4096 == 0);
                let in_range = (1..ASIDS).contains(&asid);
                valid(only(m, &[(8, 10), (16, 24)]) && in_range && root.is_some())?;
                let new = root.is_some_and(|root| self.mmu.create(asid, root));
                new.then_some([0; 56]).ok_or(Refusal::Exists)
            }
            3 => {
                let asid = half(m, 8);
                valid(only(m, &[(8, 10)]) && (1..ASIDS).contains(&asid))?;
                self.destroy_context(state, asid).map(done)
            }
            4 => {
                let new = QueueRequest::parse(m);
                valid(new.is_some())?;
                self.create_queue(state, new.ok_or(Refusal::Invalid)?)
                    .map(done)
            }
            5 => {
                let queue = usize::from(half(m, 8));
                valid(only(m, &[(8, 10)]) && queue < QUEUES)?;
                self.destroy_queue(state, queue).map(done)
            }
            6 if only(m, &[(8, 12)]) => {
                let first = u32::from_le_bytes(std::array::from_fn(|i| m[8 + i]));
                Ok(state.ras.rows(first))
            }
            7 => {
                valid(only(m, &[]))?;
                self.sleep(state).map(done)
            }
            1 | 6 => Err(Refusal::Invalid),
            _ => Err(Refusal::Unknown),
        }
    }

    fn destroy_context(&self, state: &mut State, asid: u16) -> Result<(), Refusal> {
        if !self.mmu.has(asid) {
            return Err(Refusal::Absent);
        }
        let mut queues = state.queues.iter();
        if queues.any(|q| q.state != QueueState::Absent && q.asid == asid) {
            return Err(Refusal::Busy);
        }
        self.mmu.destroy(asid);
        Ok(())
    }

    fn create_queue(&self, state: &mut State, new: QueueRequest) -> Result<(), Refusal> {
        if state.queues[new.number].state != QueueState::Absent {
            return Err(Refusal::Exists);
        }
        if new.queue.asid != 0 && !self.mmu.has(new.queue.asid) {
            return Err(Refusal::Absent);
        }
        state.queues[new.number] = new.queue;
        Ok(())
    }

    fn destroy_queue(&self, state: &mut State, number: usize) -> Result<(), Refusal> {
        let queue = &mut state.queues[number];
        match queue.state {
            QueueState::Absent => Err(Refusal::Absent),
            _ if !queue.is_idle() => Err(Refusal::Busy),
            _ => {
                let engine = queue.engine;
                *queue = Queue::default();
                state.engines[engine].acknowledge(number);
                Ok(())
            }
        }
    }

    fn sleep(&self, state: &mut State) -> Result<(), Refusal> {
        let quiet = |q: &Queue| {
            use QueueState::{Absent, Error, Suspended};
            matches!(q.state, Absent | Suspended | Error)
        };
        if !state.queues.iter().all(quiet) {
            return Err(Refusal::Busy);
        }
        self.say_bye(state, Bye::Reset);
        state.firmware.fall_asleep(self.clock.now());
        Ok(())
    }
}

/// A QUEUE_CREATE whose fields are in range.
struct QueueRequest {
    number: usize,
    queue: Queue,
}

impl QueueRequest {
    fn parse(m: &Message) -> Option<Self> {
        let (number, asid) = (usize::from(half(m, 8)), half(m, 0xa));
        let (engine, priority, order, flags) = (usize::from(m[0xc]), m[0xd], m[0xe], m[0xf]);
        let user = flags & 1 != 0;
        let addresses = [0x10, 0x18, 0x20].map(|at| long(m, at));
        let (group, links) = (half(m, 0x28), m[0x2a]);
        let sound = |a: &u64| a % 64 == 0 && (user || Location::parse_memory(*a).is_some());
        let valid = only(m, &[(8, 0x2b)])
            && number < QUEUES
            && asid < ASIDS
            && (asid != 0 || !user)
            && engine < ENGINES
            && priority <= 3
            && (4..=RING_ORDER_MAX).contains(&order)
            && flags <= 1
            && addresses.iter().all(sound)
            && (engine == COLLECTIVE || group == 0 && links == 0)
            && links >> LINKS == 0;
        let queue = Queue {
            state: QueueState::Active,
            engine,
            priority,
            asid,
            order,
            user,
            ring: addresses[0],
            records: addresses[1],
            report: addresses[2],
            group,
            links,
            ..Queue::default()
        };
        valid.then_some(Self { number, queue })
    }
}
