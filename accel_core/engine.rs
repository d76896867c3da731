// SPDX-License-Identifier: GPL-2.0

//! An engine: runs the jobs of all clients one after the other.
//!
//! Lock order: waiting jobs (`backlog`), engine, queue, fences. All are taken in interrupts. Under the
//! engine's lock nothing is allocated or freed, and nobody is told that a job has ended, as that
//! calls back: whoever ends jobs collects them ([`Ended`]) until it has no lock.

use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    sync::{
        Arc,
        SpinLockIrq, //
    },
};
use kernel_ext::{
    dma_fence::Signalling,
    time::monotonic_ns, //
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::{
        Driver,
        EngineInfo,
        Progress,
        Started, //
    },
    health,
    job::{
        Fault,
        FaultKind,
        Job,
        Outcome, //
    },
    lock_class,
    queue::Queue,
};

/// Whether an engine takes and starts jobs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Both.
    Open,
    /// Takes them only: it is being reset.
    Resetting,
    /// Neither, as a reset failed.
    Wedged,
    /// Neither, as the device is gone.
    Closed,
}

struct Running<T: Driver> {
    job: ListArc<Job<T>>,
    start: u64,
    /// When its time is over; `None` if the CPU runs it.
    deadline: Option<u64>,
}

/// Jobs that have ended, of which nobody was told yet: [`Engine::tell`].
#[must_use]
pub(crate) struct Ended<T: Driver>(List<Job<T>>);

impl<T: Driver> Ended<T> {
    fn new() -> Self {
        Self(List::new())
    }
}

/// What an engine has done.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stats {
    pub(crate) queued: u32,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) busy_ns: u64,
}

struct State<T: Driver> {
    mode: Mode,
    queued: List<Job<T>>,
    running: Option<Running<T>>,
    /// Off the engine, which must be reset before the job ends and another one starts.
    faulted: Option<(Running<T>, Fault)>,
    /// Ended, to be dropped by the worker.
    ended: List<Job<T>>,
    /// Ended, but the engine may still use their buffers, as its reset failed. Dropped after
    /// [`Driver::stop`].
    lost: List<Job<T>>,
    stats: Stats,
}

/// An engine.
#[pin_data]
pub(crate) struct Engine<T: Driver> {
    index: usize,
    info: &'static EngineInfo,
    #[pin]
    state: SpinLockIrq<State<T>>,
}

impl<T: Driver> Engine<T> {
    pub(crate) fn new(index: usize, info: &'static EngineInfo) -> impl PinInit<Self> {
        let (name, key) = lock_class::engine();
        pin_init!(Self {
            index,
            info,
            state <- SpinLockIrq::new(
                State {
                    mode: Mode::Open,
                    queued: List::new(),
                    running: None,
                    faulted: None,
                    ended: List::new(),
                    lost: List::new(),
                    stats: Stats::default(),
                },
                name,
                key,
            ),
        })
    }

    pub(crate) fn info(&self) -> &'static EngineInfo {
        self.info
    }

    /// Returns what it has done, the running job included.
    pub(crate) fn stats(&self) -> Stats {
        let state = self.state.lock();
        let mut stats = state.stats;
        if let Some(running) = &state.running {
            stats.busy_ns += monotonic_ns().saturating_sub(running.start);
        }
        stats
    }

    /// Returns whether it takes jobs. EIO: the device is wedged.
    pub(crate) fn check(&self) -> Result {
        match self.state.lock().mode {
            Mode::Open | Mode::Resetting => Ok(()),
            Mode::Wedged => Err(EIO),
            Mode::Closed => Err(ENODEV),
        }
    }

    /// Queues a job whose dependencies are signalled.
    pub(crate) fn push(&self, bound: &Bound<'_, T>, job: ListArc<Job<T>>) -> Ended<T> {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let fault = match state.mode {
            Mode::Open | Mode::Resetting => None,
            Mode::Wedged => Some(FaultKind::Reset),
            Mode::Closed => Some(FaultKind::Gone),
        };
        match fault {
            Some(kind) => {
                job.armed.end(monotonic_ns(), Err(Fault::new(kind)));
                state.stats.failed += 1;
                ended.0.push_back(job);
            }
            None => {
                state.queued.push_back(job);
                state.stats.queued += 1;
                self.start_next(&mut state, bound, &mut ended);
            }
        }
        ended
    }

    /// Ends jobs that were never queued, because of `fault`.
    pub(crate) fn refuse(&self, jobs: List<Job<T>>, fault: Fault) -> Ended<T> {
        let now = monotonic_ns();
        let mut count = 0;
        for job in jobs.iter() {
            job.armed.end(now, Err(fault));
            count += 1;
        }
        self.state.lock().stats.failed += count;
        Ended(jobs)
    }

    /// Tells everybody that jobs have ended; the worker drops them. Any context, without locks.
    pub(crate) fn tell(&self, bound: &Bound<'_, T>, ended: Ended<T>) {
        if self.bury(ended) {
            if let Some(worker) = bound.workers.get(self.index) {
                worker.reap();
            }
        }
    }

    /// Tells everybody that jobs have ended, and keeps them for [`Engine::reap`].
    fn bury(&self, Ended(mut jobs): Ended<T>) -> bool {
        if jobs.is_empty() {
            return false;
        }
        let signalling = Signalling::begin();
        for job in jobs.iter() {
            job.armed.tell();
        }
        drop(signalling);
        self.state.lock().ended.push_all_back(&mut jobs);
        true
    }

    /// Starts jobs until one runs. May be called in any context.
    fn start_next(&self, state: &mut State<T>, bound: &Bound<'_, T>, ended: &mut Ended<T>) {
        while state.mode == Mode::Open && state.running.is_none() {
            let Some(job) = state.queued.pop_front() else {
                return;
            };
            let start = monotonic_ns();
            let running = |job, deadline| Running {
                job,
                start,
                deadline,
            };
            if let Some(fault) = job.fault {
                self.end(state, running(job, None), Err(fault), ended);
                continue;
            }
            job.armed.started(self.index, start);
            job.sync_for_device();
            let timeout = self.timeout_ns();
            let deadline = start.saturating_add(timeout);
            let started = T::start(&bound.data, self.index, &job.payload);
            match (started, bound.workers.get(self.index)) {
                (Ok(Started::Running), Some(worker)) => {
                    worker.arm_timeout(timeout);
                    state.running = Some(running(job, Some(deadline)));
                }
                (Ok(Started::Deferred), Some(worker)) => {
                    worker.run_deferred();
                    state.running = Some(running(job, None));
                }
                _ => {
                    let fault = Fault::new(FaultKind::Device);
                    self.end(state, running(job, None), Err(fault), ended);
                }
            }
        }
    }

    fn timeout_ns(&self) -> u64 {
        u64::from(self.info.timeout_ms) * 1_000_000
    }

    /// Notes everywhere how a job that is off the engine has ended.
    fn account(&self, state: &mut State<T>, running: &Running<T>, outcome: Outcome) {
        let now = monotonic_ns();
        running.job.sync_for_cpu();
        state.stats.queued -= 1;
        state.stats.busy_ns += now.saturating_sub(running.start);
        match outcome {
            Ok(()) => state.stats.completed += 1,
            Err(_) => state.stats.failed += 1,
        }
        running.job.armed.end(now, outcome);
    }

    /// Ends a job that is off the engine.
    fn end(
        &self,
        state: &mut State<T>,
        running: Running<T>,
        outcome: Outcome,
        ended: &mut Ended<T>,
    ) {
        self.account(state, &running, outcome);
        ended.0.push_back(running.job);
    }

    /// Ends a job that is off the engine and starts the next one, after a reset if need be.
    fn finish(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        running: Running<T>,
        outcome: Outcome,
        ended: &mut Ended<T>,
    ) {
        match (outcome, bound.workers.get(self.index)) {
            (Err(fault), Some(worker)) if T::RESET_AFTER_FAULT => {
                state.mode = Mode::Resetting;
                state.faulted = Some((running, fault));
                worker.recover();
            }
            _ => {
                self.end(state, running, outcome, ended);
                self.start_next(state, bound, ended);
            }
        }
    }

    /// Asks `ended` how the job that the device runs has ended, and ends it. No job starts or ends
    /// while `ended` looks, so what it sees is about this job. Returns whether it said so.
    pub(crate) fn complete(
        &self,
        bound: &Bound<'_, T>,
        ended: impl FnOnce() -> Option<Outcome>,
    ) -> bool {
        let _signalling = Signalling::begin();
        let mut done = Ended::new();
        let mut state = self.state.lock();
        let Some(outcome) = ended() else { return false };
        if let Some(running) = state.running.take_if(|r| r.deadline.is_some()) {
            self.finish(&mut state, bound, running, outcome, &mut done);
        }
        drop(state);
        self.tell(bound, done);
        true
    }

    /// Runs the job that was deferred, if it still waits for that; may sleep.
    pub(crate) fn run_deferred(&self, bound: &Bound<'_, T>) {
        let Some(job) = self.deferred() else { return };
        let signalling = Signalling::begin();
        let outcome = if T::HAS_RUN {
            T::run(&bound.data, self.index, &job.payload)
        } else {
            Err(Fault::new(FaultKind::Device))
        };
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let is_it = |r: &mut Running<T>| core::ptr::eq::<Job<T>>(&*r.job, &*job);
        if let Some(running) = state.running.take_if(is_it) {
            self.finish(&mut state, bound, running, outcome, &mut ended);
        }
        drop(state);
        self.tell(bound, ended);
        // Before the job is dropped, perhaps.
        drop(signalling);
    }

    fn deferred(&self) -> Option<Arc<Job<T>>> {
        let state = self.state.lock();
        let running = state.running.as_ref()?;
        running.deadline.is_none().then(|| running.job.clone_arc())
    }

    /// Looks after the running job if its time may be over.
    pub(crate) fn check_timeout(&self, device: &Device<T>, bound: &Bound<'_, T>) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let (Some(running), Some(worker)) = (&mut state.running, bound.workers.get(self.index))
        else {
            return;
        };
        let Some(deadline) = running.deadline else {
            return;
        };
        let now = monotonic_ns();
        if now < deadline {
            return worker.arm_timeout(deadline - now);
        }
        let progress = if T::HAS_PROGRESS {
            T::progress(&bound.data, self.index, &running.job.payload)
        } else {
            Progress::Hung
        };
        match progress {
            Progress::Progressing => {
                running.deadline = Some(now.saturating_add(self.timeout_ns()));
                worker.arm_timeout(self.timeout_ns());
            }
            Progress::Ended(outcome) => {
                let mut ended = Ended::new();
                if let Some(running) = state.running.take() {
                    self.finish(state, bound, running, outcome, &mut ended);
                }
                drop(guard);
                self.tell(bound, ended);
            }
            Progress::Hung => {
                let timeout = Fault::new(FaultKind::Timeout);
                state.faulted = state.running.take().map(|running| (running, timeout));
                state.mode = Mode::Resetting;
                drop(guard);
                self.recover(device, bound);
            }
        }
    }

    /// Resets the engine, ends the job that made it necessary, and goes on.
    pub(crate) fn recover(&self, device: &Device<T>, bound: &Bound<'_, T>) {
        let Some((running, fault)) = self.state.lock().faulted.take() else {
            return;
        };
        device.health.set(health::State::Resetting, false);
        let reset = T::reset(&bound.data, self.index);
        let (mode, health) = match reset {
            Ok(()) => (Mode::Open, health::State::Operational),
            Err(_) => (Mode::Wedged, health::State::Wedged),
        };
        device.health.set(health, true);

        let mut ended = Ended::new();
        let mut lost = None;
        let mut state = self.state.lock();
        state.mode = mode;
        if mode == Mode::Wedged {
            self.account(&mut state, &running, Err(fault));
            lost = Some(running.job.clone_arc());
            state.lost.push_back(running.job);
            let reset = Fault::new(FaultKind::Reset);
            self.fail_queued(&mut state, |_| Some(reset), &mut ended);
        } else {
            self.end(&mut state, running, Err(fault), &mut ended);
            self.start_next(&mut state, bound, &mut ended);
        }
        drop(state);
        if let Some(job) = lost {
            job.armed.tell();
        }
        self.tell(bound, ended);
    }

    /// Ends queued jobs for which `why` has a fault.
    fn fail_queued(
        &self,
        state: &mut State<T>,
        why: impl Fn(&Job<T>) -> Option<Fault>,
        ended: &mut Ended<T>,
    ) {
        let now = monotonic_ns();
        let mut cursor = state.queued.cursor_front();
        while let Some(next) = cursor.peek_next() {
            let Some(fault) = why(&next) else {
                cursor.move_next();
                continue;
            };
            let job = next.remove();
            job.armed.end(now, Err(fault));
            state.stats.queued -= 1;
            state.stats.failed += 1;
            ended.0.push_back(job);
        }
    }

    /// Cancels the queued jobs of a queue whose client is gone. The running one goes on: it owns
    /// what it needs.
    pub(crate) fn cancel(&self, bound: &Bound<'_, T>, queue: &Arc<Queue>) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let canceled = Fault::new(FaultKind::Canceled);
        let is_of = |job: &Job<T>| job.armed.is_of(queue).then_some(canceled);
        self.fail_queued(&mut state, is_of, &mut ended);
        drop(state);
        self.tell(bound, ended);
    }

    /// Returns whether it has an unfinished job of a queue.
    pub(crate) fn has(&self, queue: &Arc<Queue>) -> bool {
        let state = self.state.lock();
        let faulted = state.faulted.as_ref().map(|(running, _)| running);
        let mut running = Iterator::chain(state.running.iter(), faulted);
        running.any(|running| running.job.armed.is_of(queue))
            || state.queued.iter().any(|job| job.armed.is_of(queue))
    }

    /// Ends all jobs for good; the device must have been stopped.
    pub(crate) fn close(&self, fault: Fault) {
        let now = monotonic_ns();
        let mut jobs = List::new();
        let mut state = self.state.lock();
        state.mode = Mode::Closed;
        let faulted = state.faulted.take().map(|(running, _)| running);
        for running in Iterator::chain(faulted.into_iter(), state.running.take()) {
            jobs.push_back(running.job);
        }
        jobs.push_all_back(&mut state.queued);
        jobs.push_all_back(&mut state.lost);
        state.stats.queued = 0;
        drop(state);
        for job in jobs.iter() {
            job.sync_for_cpu();
            job.armed.end(now, Err(fault));
        }
        self.bury(Ended(jobs));
        self.reap();
    }

    /// Drops jobs that have ended; may sleep.
    pub(crate) fn reap(&self) {
        let mut ended = List::new();
        ended.push_all_back(&mut self.state.lock().ended);
        drop(ended);
    }
}
