// SPDX-License-Identifier: GPL-2.0

//! An engine: what is in flight there, and what it has done. The lock is its scheduler's.

use core::mem::replace;
use kernel::{
    list::ListArc,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

use crate::{
    driver::{
        Driver,
        EngineInfo, //
    },
    job::{
        Fault,
        Job,
        Outcome, //
    },
    logic::schedule::{
        ClientId,
        Ticket, //
    },
};

/// No time.
pub(crate) const NEVER: u64 = u64::MAX;

/// A job that was started.
pub(crate) struct Running<T: Driver> {
    pub(crate) job: ListArc<Job<T>>,
    pub(crate) ticket: Ticket,
    pub(crate) start: u64,
    /// When its time is over; `None` if the CPU runs it.
    pub(crate) deadline: Option<u64>,
    /// How it has ended, as the driver said.
    outcome: Option<Outcome>,
}

impl<T: Driver> Running<T> {
    pub(crate) fn new(job: ListArc<Job<T>>, ticket: Ticket, start: u64) -> Self {
        Self {
            job,
            ticket,
            start,
            deadline: None,
            outcome: None,
        }
    }
}

/// What an engine has done.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stats {
    /// Jobs that it runs, or that wait for one like it.
    pub(crate) queued: u32,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) busy_ns: u64,
}

/// An engine.
pub(crate) struct Engine<T: Driver> {
    /// In [`Driver::ENGINES`].
    pub(crate) index: usize,
    info: &'static EngineInfo,
    /// The time-out that a developer wants, of all engines; 0: that of `info`.
    timeout_ms: Arc<Atomic<u32>>,
    /// In the order in which they were started; never more than it has credits.
    running: KVec<Running<T>>,
    /// Off the engine, which must be reset before the job ends and another one starts.
    faulted: Option<(Running<T>, Fault)>,
    /// When time-outs will be looked for; [`NEVER`] if not.
    pub(crate) timer: u64,
    /// Until when its time was charged, or since when there is something in flight.
    charged: u64,
    pub(crate) stats: Stats,
}

impl<T: Driver> Engine<T> {
    pub(crate) fn new(
        index: usize,
        info: &'static EngineInfo,
        timeout_ms: &Arc<Atomic<u32>>,
    ) -> Result<Self> {
        Ok(Self {
            index,
            info,
            timeout_ms: timeout_ms.clone(),
            running: KVec::with_capacity(info.credits as usize, GFP_KERNEL)?,
            faulted: None,
            timer: NEVER,
            charged: 0,
            stats: Stats::default(),
        })
    }

    pub(crate) fn credits(&self) -> u32 {
        self.info.credits
    }

    /// Returns how long a job may take, if its queue does not say less.
    pub(crate) fn timeout_ns(&self) -> u64 {
        let ms = match self.timeout_ms.load(Relaxed) {
            0 => self.info.timeout_ms,
            ms => ms,
        };
        u64::from(ms) * 1_000_000
    }

    /// Returns what it has done, until its time was charged last.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.queued += self.all().count() as u32;
        stats
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.faulted.is_none()
    }

    /// Adds a job that was started. There is room: it has a credit.
    pub(crate) fn add(&mut self, running: Running<T>) {
        if self.is_idle() {
            self.charged = running.start;
        }
        let _ = self.running.push_within_capacity(running);
    }

    /// Counts its time until `now`, if it did something or `off` was just taken off it. Returns how
    /// much that is, and whose: that of the job in flight that was started first, as engines work in
    /// order. So the times of all clients add up to that of the engine, and none is counted twice.
    pub(crate) fn charge(&mut self, now: u64, off: Option<&Running<T>>) -> Option<(ClientId, u64)> {
        let all = Iterator::chain(self.all(), off);
        let first = all.min_by_key(|running| running.start)?;
        let client = first.ticket.client();
        let ns = now.saturating_sub(replace(&mut self.charged, now));
        self.stats.busy_ns += ns;
        Some((client, ns))
    }

    /// Has its time until `now` be nobody's.
    pub(crate) fn skip(&mut self, now: u64) {
        self.charged = now;
    }

    /// Counts a job that was taken off it, and has ended.
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Ok(()) => self.stats.completed += 1,
            Err(_) => self.stats.failed += 1,
        }
    }

    /// Returns all that is in flight.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Running<T>> {
        let faulted = self.faulted.as_ref().map(|(running, _)| running);
        Iterator::chain(self.running.iter(), faulted)
    }

    /// Returns the job that the CPU is to run next.
    pub(crate) fn deferred(&self) -> Option<&Running<T>> {
        self.running.iter().find(|r| r.deadline.is_none())
    }

    /// Returns which job's time is over first, and when that is.
    pub(crate) fn first_due(&self) -> Option<(usize, u64)> {
        let due = |(at, running): (usize, &Running<T>)| Some((at, running.deadline?));
        let all = self.running.iter().enumerate().filter_map(due);
        all.min_by_key(|(_, due)| *due)
    }

    /// Returns the job whose time was over first, if there is one.
    pub(crate) fn overdue(&mut self, now: u64) -> Option<(usize, &mut Running<T>)> {
        let (at, due) = self.first_due()?;
        let running = self.running.get_mut(at)?;
        (due <= now).then_some((at, running))
    }

    pub(crate) fn take_at(&mut self, at: usize) -> Option<Running<T>> {
        self.running.remove(at).ok()
    }

    fn take_if(&mut self, is_it: impl FnMut(&Running<T>) -> bool) -> Option<Running<T>> {
        let at = self.running.iter().position(is_it)?;
        self.take_at(at)
    }

    /// Takes `job` off the engine, if it is there.
    pub(crate) fn take(&mut self, job: &Job<T>) -> Option<Running<T>> {
        self.take_if(|r| core::ptr::eq::<Job<T>>(&*r.job, job))
    }

    /// Takes a job of the device off the engine; not those that the CPU runs.
    pub(crate) fn take_lost(&mut self) -> Option<Running<T>> {
        self.take_if(|r| r.deadline.is_some())
    }

    /// Takes any job.
    pub(crate) fn take_any(&mut self) -> Option<Running<T>> {
        let faulted = self.faulted.take().map(|(running, _)| running);
        faulted.or_else(|| self.take_if(|_| true))
    }

    /// Takes a job of which the driver said that it has ended.
    pub(crate) fn take_ended(&mut self) -> Option<(Running<T>, Outcome)> {
        let running = self.take_if(|r| r.outcome.is_some())?;
        let outcome = running.outcome?;
        Some((running, outcome))
    }

    /// Keeps a job that is off the engine until that is reset; gives it back if one is kept already.
    pub(crate) fn set_faulted(&mut self, running: Running<T>, fault: Fault) -> Option<Running<T>> {
        if self.faulted.is_some() {
            return Some(running);
        }
        self.faulted = Some((running, fault));
        None
    }

    /// Returns the job that is kept.
    pub(crate) fn faulted(&self) -> Option<(&Running<T>, Fault)> {
        self.faulted
            .as_ref()
            .map(|(running, fault)| (running, *fault))
    }

    pub(crate) fn take_faulted(&mut self) -> Option<(Running<T>, Fault)> {
        self.faulted.take()
    }
}

/// The jobs that the device has in flight on an engine: none starts or ends meanwhile.
pub struct InFlight<'a, T: Driver>(pub(crate) &'a mut Engine<T>);

impl<T: Driver> InFlight<'_, T> {
    /// Ends the one that was started first, if there is one.
    pub fn end_first(&mut self, outcome: Outcome) {
        let mut outcome = Some(outcome);
        self.end_each(|_| outcome.take());
    }

    /// Asks `ended` how each has ended, in the order in which they were started.
    pub fn end_each(&mut self, mut ended: impl FnMut(&T::Job) -> Option<Outcome>) {
        let by_device = |r: &&mut Running<T>| r.deadline.is_some() && r.outcome.is_none();
        for running in self.0.running.iter_mut().filter(by_device) {
            running.outcome = ended(&running.job.payload);
        }
    }
}
