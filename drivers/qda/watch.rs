// SPDX-License-Identifier: GPL-2.0

//! Looks after user queues, which have no time-outs as jobs have: for packets that hang, and for messages
//! that were lost (Documentation/devices/qda/queues.rst, E_PROGRESS and QPENDING).

use kernel::{
    io::{
        register::Array,
        Io, //
    },
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

use crate::{
    card::Card,
    pci::read64,
    regs,
    ENGINE_KINDS, //
};

/// What an engine was seen to do.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    queue: usize,
    packet: u64,
    progress: u64,
}

/// What the engines were seen to do when somebody last looked.
#[pin_data]
pub(crate) struct Watch {
    #[pin]
    seen: Mutex<[Option<Seen>; ENGINE_KINDS.len()]>,
}

impl Watch {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            seen <- new_mutex!([None; ENGINE_KINDS.len()], "qda_watch"),
        })
    }
}

impl Card<'_> {
    /// Tells who waits for user queues what no message has told, and gives packets up that have made no
    /// progress since the last call, which must be longer ago than packets may take.
    pub(crate) fn look_after_engines(&self) {
        let mut seen = self.watch().seen.lock();
        for (engine, before) in seen.iter_mut().enumerate() {
            self.attend(engine);
            let now = self.see(engine);
            if now.is_some() && *before == now {
                self.end_occupant(engine, now);
            }
            *before = now;
        }
    }

    /// Returns what an engine does, if it does something.
    fn see(&self, engine: usize) -> Option<Seen> {
        let bar = self.bar();
        let status = bar.read(regs::E_STATUS::try_at(engine)?);
        status.busy().then_some(Seen {
            queue: u32::from(status.queue()) as usize,
            packet: read64(bar, regs::E_PACKET::try_at(engine)?),
            progress: read64(bar, regs::E_PROGRESS::try_at(engine)?),
        })
    }

    fn end_occupant(&self, engine: usize, seen: Option<Seen>) {
        let users = self.first_user_queue()..regs::MAX_QUEUES;
        if let Some(seen) = seen.filter(|seen| users.contains(&seen.queue)) {
            self.blame(seen.queue);
            if self.abort(seen.queue).is_err() {
                // If that does not help either, the card is reset next.
                let _ = self.reset_by_ourselves(engine);
            }
        }
    }
}
