// SPDX-License-Identifier: GPL-2.0

//! Looks for packets of user queues that hang: jobs have time-outs, these have none
//! (Documentation/devices/qda/queues.rst, E_PROGRESS).

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
    /// Gives packets of user queues up that have made no progress since the last call, which must be
    /// longer ago than packets may take.
    pub(crate) fn end_hung(&self) {
        let mut seen = self.watch().seen.lock();
        for (engine, before) in seen.iter_mut().enumerate() {
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
            if self.abort(seen.queue).is_err() {
                // If that does not help either, the next job finds it.
                let _ = self.reset_hardware(engine);
            }
        }
    }
}
