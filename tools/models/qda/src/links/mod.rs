// SPDX-License-Identifier: GPL-2.0
//! Links and the messages on them (Documentation/devices/qda/collective.rst).

mod cable;
pub mod frame;
mod incoming;
mod message;
mod packet;
mod training;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use cable::{Cable, Outbox};
pub use message::Halves;
pub use packet::check;

use crate::capabilities::LINKS;
use crate::card::{Card, State};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

/// L_STATE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// ENABLE is clear.
    #[default]
    Disabled = 0,
    /// Looks for the other side.
    Training = 1,
    /// Carries messages.
    Up = 2,
    /// Lost.
    Down = 3,
}

/// Why a link is lost: L_REASON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// It is not.
    #[default]
    None = 0,
    /// ENABLE was cleared here.
    Disabled = 1,
    /// No signal.
    Signal = 2,
    /// Replays failed.
    Errors = 3,
    /// Nothing arrived for 1 s.
    Silent = 4,
    /// The other side said so.
    Bye = 5,
    /// The other side sent what it may not.
    Protocol = 6,
}

/// How a card leaves its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bye {
    /// It says so: a reset, or sleep.
    Reset,
    /// The signal ends.
    Silent,
}

const ENABLE: u32 = 1;
const LOOPBACK: u32 = 2;
const SPEED: u32 = 64_000;
const WIDTH: u32 = 4;

/// A GRANT that the other side has given, and nobody has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many came before it.
    age: u64,
    slot: u16,
    serial: u32,
    group: u16,
    tag: u32,
    bytes: u32,
}

/// One link.
#[derive(Debug, Default)]
pub struct Link {
    state: LinkState,
    control: u32,
    reason: Loss,
    /// Number of the link on the other card, and its UUID.
    peer: (u32, [u8; 16]),
    /// Whether there is a cable, and whether HELLO was sent since training began.
    wired: bool,
    introduced: bool,
    /// What HELLO of the other side said, if it came since the last loss.
    hello: Option<(u32, [u8; 16])>,
    tx: u64,
    rx: u64,
    crc: u64,
    replays: u64,
    downs: u64,
    /// TIME of the last frame in each direction, and of the next training.
    sent: u64,
    heard: u64,
    retrain: u64,
    /// GRANTs of the other side, the oldest first.
    grants: VecDeque<Grant>,
    /// How many there were.
    granted: u64,
    /// Serials that slots have used.
    serials: BTreeMap<u16, u32>,
    /// A test wants so many damaged frames in a row.
    pub damage: u32,
    outbox: Arc<Outbox>,
}

impl Link {
    /// Whether it carries messages.
    pub fn is_up(&self) -> bool {
        self.state == LinkState::Up
    }

    /// As after FLR.
    pub fn reset_counters(&mut self) {
        (self.tx, self.rx, self.crc) = (0, 0, 0);
        (self.replays, self.downs) = (0, 0);
        (self.sent, self.heard, self.retrain) = (0, 0, 0);
    }

    /// For `telemetry links`.
    pub(crate) fn telemetry(&self) -> String {
        let Self {
            state,
            tx,
            rx,
            crc,
            replays,
            downs,
            ..
        } = self;
        format!("{}:{tx}:{rx}:{crc}:{replays}:{downs}", *state as u32)
    }

    /// For `telemetry peers`.
    pub(crate) fn other_side(&self) -> String {
        let (peer, speed, lanes) = if self.is_up() {
            (self.peer, SPEED, WIDTH)
        } else {
            Default::default()
        };
        let uuid = u128::from_be_bytes(peer.1);
        format!("{uuid:032x}:{}:{speed}:{lanes}", peer.0)
    }

    /// A GRANT that was taken is there for others again, by its age.
    fn give_back(&mut self, grant: Grant) {
        let at = self.grants.partition_point(|other| other.age < grant.age);
        self.grants.insert(at, grant);
    }

    fn register(&self, offset: u64) -> Option<Value> {
        let up = self.is_up();
        let peer = if up { self.peer } else { Default::default() };
        let uuid = |from: usize| {
            let bytes = std::array::from_fn(|i| peer.1[from + i]);
            Long(u64::from_le_bytes(bytes))
        };
        Some(match offset {
            0x00 => Word(self.state as u32),
            0x04 => Word(self.control),
            0x08 => Word(self.reason as u32),
            0x0c => Word(peer.0),
            0x10 => uuid(0),
            0x18 => uuid(8),
            0x20 => Word(if up { SPEED } else { 0 }),
            0x24 => Word(if up { WIDTH } else { 0 }),
            0x28 => Long(self.tx),
            0x30 => Long(self.rx),
            0x38 => Long(self.crc),
            0x40 => Long(self.replays),
            0x48 => Long(self.downs),
            _ => return None,
        })
    }
}

impl Card {
    pub(crate) fn link_register(&self, state: &State, offset: u64) -> Option<Value> {
        state
            .links
            .get((offset / 0x100) as usize)?
            .register(offset % 0x100)
    }

    pub(crate) fn write_link(&self, state: &mut State, offset: u64, data: &[u8]) {
        let number = (offset / 0x100) as usize;
        if number < LINKS && offset % 0x100 == 4 {
            self.control_link(
                state,
                number,
                merge(0, 0, data) as u32 & (ENABLE | LOOPBACK),
            );
        }
    }

    /// Starts the threads that write.
    pub(crate) fn start_links(self: &Arc<Self>) {
        for link in 0..LINKS {
            cable::start_writer(self, link, self.outbox(link));
        }
    }

    fn outbox(&self, link: usize) -> Arc<Outbox> {
        self.lock().links[link].outbox.clone()
    }
}
