// SPDX-License-Identifier: GPL-2.0

//! How a client behaves: who hangs the device again and again is slowed down, then banned, by
//! [`logic::offence`](crate::logic).

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    }, //
};
use kernel_ext::time::monotonic_ns;

use crate::{
    lock_class,
    logic::{
        offence::{
            Record,
            Standing, //
        },
        recovery::Step, //
    },
};

/// The conduct of a client.
#[pin_data]
pub(crate) struct Conduct {
    /// Locked in recovery: nothing is allocated with it.
    #[pin]
    record: Mutex<Record>,
    /// It was not good when it was last looked at, which is to be done again.
    is_watched: Atomic<bool>,
    is_banned: Atomic<bool>,
    /// How often a user queue hung since it was last looked at.
    hangs: Atomic<u32>,
}

impl Conduct {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::conduct();
        pin_init!(Self {
            record <- Mutex::new(Record::default(), name, key),
            is_watched: Atomic::new(false),
            is_banned: Atomic::new(false),
            hangs: Atomic::new(0),
        })
    }

    /// Notes that a job of the client hung, and what it took to go on. Returns what follows.
    pub(crate) fn offend(&self, step: Step) -> Standing {
        let mut record = self.record.lock();
        let standing = record.offend(step, monotonic_ns());
        self.keep(standing)
    }

    /// Notes that a user queue of the client hung, which counts as a job that was stopped, with the next
    /// [`Conduct::review`]. Any context.
    pub(crate) fn note_hang(&self) {
        self.hangs.fetch_add(1, Relaxed);
    }

    /// Returns what the client may do now.
    pub(crate) fn review(&self) -> Standing {
        let mut record = self.record.lock();
        let now = monotonic_ns();
        for _ in 0..self.hangs.xchg(0, Relaxed) {
            record.offend(Step::Job, now);
        }
        let standing = record.standing(now);
        self.keep(standing)
    }

    /// Remembers it; with the lock, so that the last one counts.
    fn keep(&self, standing: Standing) -> Standing {
        let is_banned = matches!(standing, Standing::Banned(_));
        self.is_banned.store(is_banned, Relaxed);
        self.is_watched.store(standing != Standing::Good, Relaxed);
        standing
    }

    /// Returns whether [`Conduct::review`] has something to say.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Relaxed) || self.hangs.load(Relaxed) != 0
    }

    /// Returns whether its jobs are not to run.
    #[inline]
    pub(crate) fn is_banned(&self) -> bool {
        self.is_banned.load(Relaxed)
    }
}
