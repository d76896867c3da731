// SPDX-License-Identifier: GPL-2.0

//! What a scheduler knows, with its lock: the jobs that wait, and those in flight.

use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*, //
};
use kernel_ext::time::monotonic_ns;

use crate::{
    driver::Driver,
    engine::{
        Engine,
        Running, //
    },
    job::{
        Fault,
        FaultKind,
        Job,
        Outcome, //
    },
    logic::schedule::{
        self,
        ClientSlot,
        QueueSlot,
        Ticket, //
    },
};

/// Who comes next.
pub(crate) type Schedule = schedule::Schedule<KVVec<ClientSlot>, KVVec<QueueSlot>>;

/// How many clients and queues there is room for at first.
pub(crate) const FIRST_SLOTS: usize = 16;

/// Whether jobs are taken and started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Open,
    /// The device sleeps, or is about to: jobs are taken, but not started.
    Resting,
    /// A reset failed.
    Wedged,
    /// The device is gone.
    Closed,
}

impl Mode {
    /// Returns whether jobs are taken.
    pub(crate) fn takes(self) -> bool {
        self.fault().is_none()
    }

    /// Returns why a job cannot be taken.
    pub(crate) fn fault(self) -> Option<Fault> {
        match self {
            Mode::Open | Mode::Resting => None,
            Mode::Wedged => Some(Fault::new(FaultKind::Reset)),
            Mode::Closed => Some(Fault::new(FaultKind::Gone)),
        }
    }
}

/// Jobs that have ended, of which nobody was told yet: [`Scheduler::tell`].
#[must_use]
pub(crate) struct Ended<T: Driver>(pub(crate) List<Job<T>>);

impl<T: Driver> Ended<T> {
    pub(crate) fn new() -> Self {
        Self(List::new())
    }
}

pub(crate) struct State<T: Driver> {
    pub(crate) mode: Mode,
    /// There may be jobs that must not start, besides those that know that.
    pub(crate) has_refused: bool,
    pub(crate) schedule: Schedule,
    /// Jobs that can run, by the slots of their queues.
    pub(crate) waiting: KVVec<List<Job<T>>>,
    /// How many they are.
    pub(crate) count: u32,
    pub(crate) engines: KVec<Engine<T>>,
    /// Ended, to be dropped by the worker.
    pub(crate) ended: List<Job<T>>,
    /// The worker was asked to drop them.
    pub(crate) is_reaping: bool,
    /// Ended, but the engine may still use their buffers, as its reset failed. Dropped after
    /// [`Driver::stop`].
    pub(crate) lost: List<Job<T>>,
}

impl<T: Driver> State<T> {
    /// Adds a job to those that wait; gives it back if its queue is not there.
    pub(crate) fn wait(&mut self, job: ListArc<Job<T>>) -> Option<ListArc<Job<T>>> {
        let id = job.queue.id();
        let Some(jobs) = self.waiting.get_mut(id.slot()) else {
            return Some(job);
        };
        let is_first = jobs.is_empty();
        jobs.push_back(job);
        self.count += 1;
        if is_first {
            self.schedule.wake(id, 1);
        }
        None
    }

    /// Adds a job to those that wait, before the others of its queue, which is there.
    pub(crate) fn wait_first(&mut self, job: ListArc<Job<T>>) {
        let id = job.queue.id();
        if let Some(jobs) = self.waiting.get_mut(id.slot()) {
            jobs.push_front(job);
            self.count += 1;
            self.schedule.wake(id, 1);
        }
    }

    /// Takes the job that is to be started now.
    pub(crate) fn next(&mut self, now: u64) -> Option<(ListArc<Job<T>>, Ticket)> {
        let pick = self.schedule.pick_any(now)?;
        let jobs = self.waiting.get_mut(pick.queue().slot())?;
        let job = jobs.pop_front()?;
        let ticket = pick.start((!jobs.is_empty()).then_some(1));
        self.count -= 1;
        Some((job, ticket))
    }

    /// Lets an engine start jobs, or not.
    pub(crate) fn enable(&mut self, engine: usize, is_on: bool) {
        let credits = self.engines.get(engine).map_or(0, Engine::credits);
        let credits = if is_on { credits } else { 0 };
        self.schedule.set_credits(engine, credits);
    }

    /// Ends a job that was not started, because of `fault`; as no engine has it, the first one counts it.
    pub(crate) fn refuse(&mut self, job: ListArc<Job<T>>, fault: Fault, ended: &mut Ended<T>) {
        job.end(monotonic_ns(), Err(fault));
        if let Some(engine) = self.engines.first_mut() {
            engine.stats.failed += 1;
        }
        ended.0.push_back(job);
    }

    /// Ends the waiting jobs of a queue.
    pub(crate) fn refuse_all(&mut self, slot: usize, fault: Fault, ended: &mut Ended<T>) {
        while let Some(job) = self.waiting.get_mut(slot).and_then(List::pop_front) {
            self.count -= 1;
            self.refuse(job, fault, ended);
        }
    }

    /// Ends a job that no engine has begun, because of `fault`, in place of starting it.
    pub(crate) fn fail(&mut self, running: Running<T>, fault: Fault, ended: &mut Ended<T>) {
        let Running { job, ticket, .. } = running;
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.stats.failed += 1;
        }
        self.schedule.end(ticket, 0);
        job.end(monotonic_ns(), Err(fault));
        ended.0.push_back(job);
    }

    /// Notes everywhere that a job is off the engine and will be started again; returns it.
    pub(crate) fn take_back(&mut self, running: Running<T>) -> ListArc<Job<T>> {
        let now = monotonic_ns();
        self.charge(running.ticket.engine(), now, Some((&running, 0)));
        let Running {
            job, ticket, start, ..
        } = running;
        self.schedule.end(ticket, now.saturating_sub(start));
        job.starts_again();
        job
    }

    /// Notes everywhere how a job that is off the engine has ended; returns it.
    pub(crate) fn account(&mut self, running: Running<T>, outcome: Outcome) -> ListArc<Job<T>> {
        let now = monotonic_ns();
        self.charge(running.ticket.engine(), now, Some((&running, 1)));
        let Running {
            job, ticket, start, ..
        } = running;
        job.sync_for_cpu();
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.count(outcome);
        }
        self.schedule.end(ticket, now.saturating_sub(start));
        job.end(now, outcome);
        job
    }
}

/// Makes `count` lists without jobs.
pub(crate) fn lists<T: Driver>(count: usize) -> Result<KVVec<List<Job<T>>>> {
    let mut lists = KVVec::with_capacity(count, GFP_KERNEL)?;
    for _ in 0..count {
        lists.push(List::new(), GFP_KERNEL)?;
    }
    Ok(lists)
}
