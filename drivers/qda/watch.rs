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
    sync::Mutex,
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

use crate::{
    card::Card,
    pci::read64,
    regs,
    ENGINE_KINDS, //
};

/// How long a packet may make no progress: looks are as far apart, but that there is one more when the card
/// is brought back.
const PATIENCE: Delta = Delta::from_millis(1000);

/// What an engine was seen to do.
#[derive(Clone, Copy)]
struct Seen {
    /// When it was first seen to do that.
    since: Instant<Monotonic>,
    queue: usize,
    /// Of its packet, which nothing else has.
    start: u64,
    progress: u64,
}

impl Seen {
    /// Returns whether nothing has moved since `before`.
    fn is_as(&self, before: &Self) -> bool {
        self.queue == before.queue && self.start == before.start && self.progress == before.progress
    }
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
    /// Tells who waits for user queues what no message has told, and gives packets up that make no progress.
    pub(crate) fn look_after_engines(&self) {
        let mut seen = self.watch().seen.lock();
        for (engine, before) in seen.iter_mut().enumerate() {
            self.attend(engine);
            let now = self.see(engine);
            match (&*before, now) {
                (Some(then), Some(now)) if now.is_as(then) => {
                    if then.since.elapsed() >= PATIENCE {
                        self.end_occupant(engine, now);
                    }
                }
                _ => *before = now,
            }
        }
    }

    /// Returns what an engine does, if it does something.
    fn see(&self, engine: usize) -> Option<Seen> {
        let bar = self.bar();
        let status = bar.read(regs::E_STATUS::try_at(engine)?);
        status.busy().then_some(Seen {
            since: Instant::now(),
            queue: u32::from(status.queue()) as usize,
            start: read64(bar, regs::E_START::try_at(engine)?),
            progress: read64(bar, regs::E_PROGRESS::try_at(engine)?),
        })
    }

    fn end_occupant(&self, engine: usize, seen: Seen) {
        if !(self.first_user_queue()..regs::MAX_QUEUES).contains(&seen.queue) {
            return;
        }
        self.blame(seen.queue);
        if self.abort(seen.queue).is_err() {
            // If that does not help either, the card is reset next.
            let _ = self.reset_by_ourselves(engine);
        }
    }
}
