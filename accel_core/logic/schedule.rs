// SPDX-License-Identifier: GPL-2.0

//! Which queue's next job an engine runs.
//!
//! One schedule is for the engines of one class: they are alike, and every queue that is added may
//! use any of them. It knows queues and whether they have something to run; the jobs are in lists of
//! the caller:
//!
//! - [`Schedule::wake`] says that the first job of a queue can run, [`Schedule::sleep`] that none
//!   can;
//! - [`Schedule::pick`] says whose first job comes next, [`Pick::start`] that it was started and
//!   whether there is another one. The [`Ticket`] goes with the job;
//! - [`Schedule::charge`], while the job runs, and [`Schedule::end`] say how long it took.
//!
//! After `wake()`, `end()` and [`Schedule::set_credits`], jobs should be picked until there are none.
//!
//! # Who is first
//!
//! Queues with [`Priority::Realtime`], until their [bandwidth](super::bandwidth) is used up and
//! others wait. Then all others, who share the engines: first the clients with each other, then the
//! queues of a client, each weighted by the [`Priority`] of its queues ([`super::run_queue`]).
//!
//! How long a job takes is not known before: it costs what the last one of its queue did, until it
//! takes longer, or ends. That is SFQ(D) (Jin, Chase, Kaur 2004) with what is known here.
//!
//! # What is promised
//!
//! Let D be the credits of all engines together, L the longest job of a client, c what a nanosecond
//! costs it ([`Priority::shift`]).
//!
//! - Order: a queue's jobs start in their order, and while one is in flight, later ones are started
//!   at the same engine only, so they end in order as well if engines keep it.
//! - Fairness: between two clients that could have used every engine all the time, the difference of
//!   c times the engine time used is at most `2 * D * (c1 * L1 + c2 * L2)`.
//! - No starvation: while a client waits, each other one uses no more than `2 * D * L` of its own and
//!   `2 * D * c * L / c_other` of the waiting one's, and any number of new clients no more than one
//!   job for each [`START_DEBIT`](super::run_queue::START_DEBIT) of that.
//! - Realtime: while others wait, for a time t, at most `RUNTIME_NS * (t / PERIOD_NS + 2)` plus the
//!   jobs in flight, for each engine.
//!
//! `wake`, `sleep`, `pick`, `start`, `charge` and `end` allocate nothing and take O(log n) steps in
//! the worst case, for n clients and queues, the most that there ever were. This can be used with a
//! lock and in interrupts.

use super::{
    bandwidth::Bandwidth,
    run_queue::{
        Client,
        Level,
        Queue,
        RunQueue, //
    },
    slots::{
        Id,
        Slot, //
    },
};
use core::ops::DerefMut;

pub use super::run_queue::Priority;
pub(crate) use super::run_queue::Used;

/// How many engines can be of one class.
pub(crate) const ENGINES: usize = 8;

/// What a job costs at least, nanoseconds: a job that takes no time is not free.
pub(crate) const MIN_JOB_NS: u64 = 1_000;

/// What a job costs at most, nanoseconds: more than an hour is a clock gone wrong.
pub(crate) const MAX_JOB_NS: u64 = 1 << 42;

/// By how much a client can be slowed down at most, log2.
pub(crate) const MAX_SLOWDOWN: u32 = 8;

/// A slot of the storage for clients.
pub(crate) type ClientSlot = Slot<Client>;

/// A slot of the storage for queues.
pub(crate) type QueueSlot = Slot<Queue>;

/// The name of a client; of nobody, once it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientId(Id);

/// The name of a queue; of none, once it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueId(Id);

impl QueueId {
    /// Returns its slot in the storage, for tables of the caller that go along. Of a removed queue it
    /// is another's, perhaps.
    pub(crate) fn slot(self) -> usize {
        self.0.slot() as usize
    }
}

/// Why nothing was added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// All slots are taken: call [`Schedule::grow_clients`] or [`Schedule::grow_queues`].
    NoSlots,
    /// There is no such client.
    NoClient,
    /// The client has queues.
    Busy,
}

/// How many credits an engine has, and how many of them are in use.
#[derive(Clone, Copy, Default)]
struct Engine {
    credits: u32,
    used: u32,
}

impl Engine {
    /// Returns how many a job takes: one that needs more than there are has them all.
    fn needed(self, units: u32) -> u32 {
        units.clamp(1, self.credits.max(1))
    }

    fn free(self) -> u32 {
        self.credits.saturating_sub(self.used)
    }
}

/// The queue whose first job an engine runs next.
struct Choice {
    queue: u32,
    engine: usize,
    units: u32,
}

/// A job in flight. If it is dropped, its credits are lost: call [`Schedule::end`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket {
    queue: QueueId,
    client: ClientId,
    priority: Priority,
    /// log2 of what a nanosecond costs the client.
    shift: u32,
    engine: usize,
    units: u32,
    charged: u64,
}

impl Ticket {
    /// Returns where the job is.
    pub(crate) fn engine(&self) -> usize {
        self.engine
    }

    pub(crate) fn queue(&self) -> QueueId {
        self.queue
    }

    /// Returns whose job it is.
    pub(crate) fn client(&self) -> ClientId {
        self.client
    }
}

/// The schedule of the engines of one class: clients in the storage `C`, their queues in `Q`.
pub(crate) struct Schedule<C, Q> {
    run: RunQueue<C, Q>,
    engines: [Engine; ENGINES],
    /// How many engines there are.
    count: usize,
    bandwidth: Bandwidth,
}

impl<C, Q> Schedule<C, Q>
where
    C: DerefMut<Target = [ClientSlot]>,
    Q: DerefMut<Target = [QueueSlot]>,
{
    /// Makes a schedule for `engines` engines, at most [`ENGINES`], that have no credits yet.
    pub(crate) fn new(engines: usize, clients: C, queues: Q) -> Self {
        let count = engines.min(ENGINES);
        Self {
            run: RunQueue::new(count, clients, queues),
            engines: [Engine::default(); ENGINES],
            count,
            bandwidth: Bandwidth::new(count),
        }
    }

    /// Returns how many clients and how many queues there are slots for.
    pub(crate) fn slots(&self) -> (usize, usize) {
        (self.run.clients.len(), self.run.queues.len())
    }

    /// Changes to a larger storage for clients and returns the old one; or returns `slots` if it is
    /// smaller.
    pub(crate) fn grow_clients(&mut self, slots: C) -> Result<C, C> {
        self.run.clients.grow(slots)
    }

    /// As [`Schedule::grow_clients`], for queues.
    pub(crate) fn grow_queues(&mut self, slots: Q) -> Result<Q, Q> {
        self.run.queues.grow(slots)
    }

    /// Adds a client. [`Error::NoSlots`] if there is no slot.
    pub(crate) fn add_client(&mut self) -> Result<ClientId, Error> {
        self.run.add_client().map(ClientId).ok_or(Error::NoSlots)
    }

    /// Removes a client whose queues are removed; its jobs may be in flight still. [`Error::Busy`] if
    /// it has queues.
    pub(crate) fn remove_client(&mut self, client: ClientId) -> Result<(), Error> {
        match self.run.remove_client(client.0) {
            true => Ok(()),
            false => Err(Error::Busy),
        }
    }

    /// Lets a client have a `2^slowdown`th of what it would have, at least `2^-MAX_SLOWDOWN`. Jobs in
    /// flight cost what they did when they were started.
    pub(crate) fn slow_down(&mut self, client: ClientId, slowdown: u32) {
        if self.run.clients.get(client.0).is_none() {
            return;
        }
        if let Some(client) = self.run.clients.at_mut(client.0.slot()) {
            client.slowdown = slowdown.min(MAX_SLOWDOWN);
        }
    }

    /// Adds a queue to a client, asleep.
    pub(crate) fn add_queue(
        &mut self,
        client: ClientId,
        priority: Priority,
    ) -> Result<QueueId, Error> {
        if self.run.clients.get(client.0).is_none() {
            return Err(Error::NoClient);
        }
        let queue = self.run.add_queue(client.0, priority);
        queue.map(QueueId).ok_or(Error::NoSlots)
    }

    /// Removes a queue, whatever it is doing; its jobs may be in flight still.
    pub(crate) fn remove_queue(&mut self, queue: QueueId) {
        self.run.remove_queue(queue.0);
    }

    /// Gives an engine `credits`, 0 to start nothing there. What is in flight stays.
    pub(crate) fn set_credits(&mut self, engine: usize, credits: u32) {
        if let Some(engine) = self.engines[..self.count].get_mut(engine) {
            engine.credits = credits;
        }
    }

    /// Returns how many credits of an engine are in use.
    pub(crate) fn used_credits(&self, engine: usize) -> u32 {
        self.engines.get(engine).map_or(0, |engine| engine.used)
    }

    /// The first job of a queue can run and needs `units` credits. To be called again if another one
    /// is the first.
    pub(crate) fn wake(&mut self, queue: QueueId, units: u32) {
        if let Some(found) = self.run.queues.get_mut(queue.0) {
            found.units = units;
            self.run.wake(queue.0.slot());
        }
    }

    /// No job of the queue can run.
    pub(crate) fn sleep(&mut self, queue: QueueId) {
        if self.run.queues.get(queue.0).is_some() {
            self.run.settle(queue.0.slot(), false);
        }
    }

    /// Returns the queue whose first job an engine runs next: `None` if there is none, or if it needs
    /// more credits than are free, as then it is waited for. Nothing has happened yet.
    pub(crate) fn pick(&mut self, engine: usize, now: u64) -> Option<Pick<'_, C, Q>> {
        self.bandwidth.refresh(now);
        let choice = self.choose(engine)?;
        self.offer(choice)
    }

    /// As [`Schedule::pick`], for any engine: the one with the least in flight that runs something.
    pub(crate) fn pick_any(&mut self, now: u64) -> Option<Pick<'_, C, Q>> {
        self.bandwidth.refresh(now);
        let choice = match self.count {
            1 => self.choose(0),
            _ => self.choose_any(),
        };
        self.offer(choice?)
    }

    /// Notes that a job has run for `used` nanoseconds so far. To be called for jobs that take long.
    pub(crate) fn charge(&mut self, ticket: &mut Ticket, used: u64) {
        if used > ticket.charged && self.set_charge(ticket, used) {
            self.settle(ticket);
        }
    }

    /// Notes that a job is off the engine, where it ran for `used` nanoseconds, however it ended.
    pub(crate) fn end(&mut self, mut ticket: Ticket, used: u64) {
        let is_changed = self.set_charge(&mut ticket, used);
        if let Some(engine) = self.engines.get_mut(ticket.engine) {
            engine.used = engine.used.saturating_sub(ticket.units);
        }
        let is_free = self.run.end(ticket.queue.0, ticket.charged);
        if is_changed || is_free {
            self.settle(&ticket);
        }
    }

    /// Notes what an engine has done for a client, if it is there still: exact, where what jobs are
    /// charged is for who comes next.
    pub(crate) fn note(&mut self, client: ClientId, engine: usize, done: Used) {
        let client = self.run.clients.get_mut(client.0);
        if let Some(used) = client.and_then(|client| client.used.get_mut(engine)) {
            used.ns += done.ns;
            used.jobs += done.jobs;
        }
    }

    /// Returns what an engine has done for a client.
    pub(crate) fn used(&self, client: ClientId, engine: usize) -> Used {
        let client = self.run.clients.get(client.0);
        let used = client.and_then(|client| client.used.get(engine));
        used.copied().unwrap_or_default()
    }

    /// Returns what an engine runs next.
    fn choose(&self, engine: usize) -> Option<Choice> {
        let state = self.engines.get(engine)?;
        let free = state.free();
        if free == 0 {
            return None;
        }
        let realtime = self.run.first(Level::Realtime, engine);
        let queue = match realtime {
            Some(_) if !self.bandwidth.is_exhausted() => realtime,
            _ => self.run.first(Level::Fair, engine).or(realtime),
        }?;
        let units = state.needed(self.run.queues.at(queue)?.units);
        (units <= free).then_some(Choice {
            queue,
            engine,
            units,
        })
    }

    /// Returns what one of several engines runs next.
    fn choose_any(&self) -> Option<Choice> {
        let mut least = u32::MAX;
        let mut choice = None;
        for engine in 0..self.count {
            let used = self.used_credits(engine);
            if used < least {
                if let Some(found) = self.choose(engine) {
                    (least, choice) = (used, Some(found));
                }
            }
        }
        choice
    }

    /// Makes the ticket of a job.
    fn offer(&mut self, choice: Choice) -> Option<Pick<'_, C, Q>> {
        let (id, queue) = self.run.queues.entry(choice.queue)?;
        let slowdown = self.run.clients.at(queue.client.slot())?.slowdown;
        let ticket = Ticket {
            queue: QueueId(id),
            client: ClientId(queue.client),
            priority: queue.priority,
            shift: queue.priority.shift() + slowdown,
            engine: choice.engine,
            units: choice.units,
            charged: 0,
        };
        Some(Pick {
            schedule: self,
            ticket,
        })
    }

    fn start(&mut self, ticket: &mut Ticket, next: Option<u32>) {
        if let Some(engine) = self.engines.get_mut(ticket.engine) {
            engine.used += ticket.units;
        }
        let at = ticket.queue.0.slot();
        if let (Some(queue), Some(units)) = (self.run.queues.at_mut(at), next) {
            queue.units = units;
        }
        ticket.charged = self.run.start(at, ticket.engine);
        if ticket.priority.level() == Level::Realtime {
            self.charge_bandwidth(0, ticket.charged);
        }
        self.run.settle(at, next.is_some());
    }

    /// Has everything in its place after a change of what a job belongs to, if that is there still.
    fn settle(&mut self, ticket: &Ticket) {
        if let Some(queue) = self.run.queues.get(ticket.queue.0) {
            let can_run = queue.is_awake();
            self.run.settle(ticket.queue.0.slot(), can_run);
        } else if self.run.clients.get(ticket.client.0).is_some() {
            let level = ticket.priority.level();
            self.run.settle_client(ticket.client.0.slot(), level, 0);
        }
    }

    /// Replaces what was charged for a job; returns whether there is something to settle.
    fn set_charge(&mut self, ticket: &mut Ticket, used: u64) -> bool {
        let used = used.clamp(MIN_JOB_NS, MAX_JOB_NS);
        let old = core::mem::replace(&mut ticket.charged, used);
        let level = ticket.priority.level();
        if level == Level::Realtime {
            self.charge_bandwidth(old, used);
        }
        if old == used {
            return false;
        }
        let shift = ticket.shift;
        let (client, queue) = (ticket.client.0, ticket.queue.0);
        self.run
            .charge_client(client, level, old << shift, used << shift);
        let shift = ticket.priority.shift();
        self.run.charge_queue(queue, old << shift, used << shift);
        true
    }

    /// As [`Schedule::set_charge`], for the bandwidth of realtime jobs.
    fn charge_bandwidth(&mut self, old: u64, used: u64) {
        let others_wait = self.run.can_run(Level::Fair);
        self.bandwidth.charge(old, used, others_wait);
    }
}

/// The queue whose first job comes next. If it is dropped, nothing has happened.
#[must_use]
pub(crate) struct Pick<'a, C, Q> {
    schedule: &'a mut Schedule<C, Q>,
    ticket: Ticket,
}

impl<C, Q> Pick<'_, C, Q>
where
    C: DerefMut<Target = [ClientSlot]>,
    Q: DerefMut<Target = [QueueSlot]>,
{
    pub(crate) fn queue(&self) -> QueueId {
        self.ticket.queue
    }

    pub(crate) fn engine(&self) -> usize {
        self.ticket.engine
    }

    /// The first job of the queue is started now. `next` is how many credits the one after it needs,
    /// `None` if none can run.
    pub(crate) fn start(mut self, next: Option<u32>) -> Ticket {
        self.schedule.start(&mut self.ticket, next);
        self.ticket
    }
}
