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
    done::{
        Done,
        DoneList,
        Retired, //
    },
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
    logic::{
        fifo::{
            Deque,
            Fifo, //
        },
        ready,
        schedule::{
            ClientSlot,
            QueueSlot, //
        },
    },
};

/// The jobs that can run.
pub(crate) type Ready<T> = ready::Ready<KVVec<ClientSlot>, KVVec<QueueSlot>, KVVec<List<Job<T>>>>;

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

impl<T: Driver> Fifo for List<Job<T>> {
    type Item = ListArc<Job<T>>;

    #[inline]
    fn push_back(&mut self, job: Self::Item) {
        List::push_back(self, job);
    }

    #[inline]
    fn pop_front(&mut self) -> Option<Self::Item> {
        List::pop_front(self)
    }

    #[inline]
    fn is_empty(&self) -> bool {
        List::is_empty(self)
    }
}

impl<T: Driver> Deque for List<Job<T>> {
    #[inline]
    fn push_front(&mut self, job: Self::Item) {
        List::push_front(self, job);
    }

    #[inline]
    fn pop_back(&mut self) -> Option<Self::Item> {
        List::pop_back(self)
    }
}

pub(crate) struct State<T: Driver> {
    pub(crate) mode: Mode,
    /// There may be jobs that must not start, besides those that know that.
    pub(crate) has_refused: bool,
    pub(crate) ready: Ready<T>,
    pub(crate) engines: KVec<Engine<T>>,
    /// To be dropped by the worker.
    pub(crate) retired: Retired<T>,
    /// The worker was asked to drop them.
    pub(crate) is_reaping: bool,
    /// Ended, but the engine may still use their buffers, as its reset failed. Dropped after
    /// [`Driver::stop`].
    pub(crate) lost: Retired<T>,
}

impl<T: Driver> State<T> {
    /// Lets an engine start jobs, or not.
    pub(crate) fn enable(&mut self, engine: usize, is_on: bool) {
        let credits = self.engines.get(engine).map_or(0, Engine::credits);
        let credits = if is_on { credits } else { 0 };
        self.ready.schedule.set_credits(engine, credits);
    }

    /// Ends a job that was not started, because of `fault`; as no engine has it, the first one counts it.
    pub(crate) fn refuse(&mut self, job: ListArc<Job<T>>, fault: Fault, done: &mut DoneList<T>) {
        if let Some(engine) = self.engines.first_mut() {
            engine.stats.failed += 1;
        }
        done.push(Done::new(job, monotonic_ns(), Err(fault)));
    }

    /// Ends a job that no engine has begun, because of `fault`, in place of starting it.
    pub(crate) fn fail(&mut self, running: Running<T>, fault: Fault, done: &mut DoneList<T>) {
        let Running { job, ticket, .. } = running;
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.stats.failed += 1;
        }
        self.ready.schedule.end(ticket, 0);
        done.push(Done::new(job, monotonic_ns(), Err(fault)));
    }

    /// Notes everywhere that a job is off the engine and will be started again; returns it.
    pub(crate) fn take_back(&mut self, running: Running<T>) -> ListArc<Job<T>> {
        let now = monotonic_ns();
        self.charge(running.ticket.engine(), now, Some((&running, 0)));
        let Running {
            job, ticket, start, ..
        } = running;
        self.ready.schedule.end(ticket, now.saturating_sub(start));
        job.starts_again();
        job
    }

    /// Notes everywhere how a job that is off the engine has ended.
    pub(crate) fn account(&mut self, running: Running<T>, outcome: Outcome) -> Done<T> {
        let now = monotonic_ns();
        self.charge(running.ticket.engine(), now, Some((&running, 1)));
        let Running {
            job, ticket, start, ..
        } = running;
        job.sync_for_cpu();
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.count(outcome);
        }
        self.ready.schedule.end(ticket, now.saturating_sub(start));
        Done::new(job, now, outcome)
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
