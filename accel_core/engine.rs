// SPDX-License-Identifier: GPL-2.0

//! An engine: runs the jobs of all clients one after the other.
//!
//! Lock order: engine, then queue. Both are taken in interrupts. Under the engine's lock nothing is
//! allocated or freed: ended jobs are kept until the worker drops them.

use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    sync::{
        Arc,
        SpinLockIrq,
        UniqueArc, //
    },
};
use kernel_ext::time::monotonic_ns;

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
        JobBuffer,
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

    /// Queues a job and returns its number. EIO: the device is wedged.
    pub(crate) fn submit(
        &self,
        bound: &Bound<'_, T>,
        queue: &Arc<Queue>,
        payload: T::Job,
        buffers: KVVec<JobBuffer>,
    ) -> Result<u64> {
        let place = UniqueArc::<Job<T>>::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let mut state = self.state.lock();
        match state.mode {
            Mode::Open | Mode::Resetting => (),
            Mode::Wedged => return Err(EIO),
            Mode::Closed => return Err(ENODEV),
        }
        // Armed under the lock, so that numbers are in the order of the queue. Nothing fails
        // after this.
        let ticket = queue.arm(monotonic_ns())?;
        let number = ticket.number();
        let Ok(job) = place.pin_init_with(Job::new(ticket, payload, buffers));
        state.queued.push_back(ListArc::from(job));
        state.stats.queued += 1;
        self.start_next(&mut state, bound);
        Ok(number)
    }

    /// Starts jobs until one runs. May be called in any context.
    fn start_next(&self, state: &mut State<T>, bound: &Bound<'_, T>) {
        while state.mode == Mode::Open && state.running.is_none() {
            let Some(job) = state.queued.pop_front() else {
                return;
            };
            let start = monotonic_ns();
            job.ticket.started(self.index, start);
            job.sync_for_device();
            let timeout = self.timeout_ns();
            let deadline = start.saturating_add(timeout);
            let started = T::start(&bound.data, self.index, &job.payload);
            let running = |deadline| Running {
                job,
                start,
                deadline,
            };
            match (started, bound.workers.get(self.index)) {
                (Ok(Started::Running), Some(worker)) => {
                    worker.arm_timeout(timeout);
                    state.running = Some(running(Some(deadline)));
                }
                (Ok(Started::Deferred), Some(worker)) => {
                    worker.run_deferred();
                    state.running = Some(running(None));
                }
                _ => {
                    let fault = Fault::new(FaultKind::Device);
                    self.end(state, bound, running(None), Err(fault));
                }
            }
        }
    }

    fn timeout_ns(&self) -> u64 {
        u64::from(self.info.timeout_ms) * 1_000_000
    }

    /// Tells everybody that a job which is off the engine has ended.
    fn account(&self, state: &mut State<T>, running: &Running<T>, outcome: Outcome) {
        let now = monotonic_ns();
        running.job.sync_for_cpu();
        state.stats.queued -= 1;
        state.stats.busy_ns += now.saturating_sub(running.start);
        match outcome {
            Ok(()) => state.stats.completed += 1,
            Err(_) => state.stats.failed += 1,
        }
        running.job.ticket.end(now, outcome);
    }

    /// Ends a job that is off the engine; the worker drops it.
    fn end(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        running: Running<T>,
        outcome: Outcome,
    ) {
        self.account(state, &running, outcome);
        state.ended.push_back(running.job);
        if let Some(worker) = bound.workers.get(self.index) {
            worker.reap();
        }
    }

    /// Ends a job that is off the engine and starts the next one, after a reset if need be.
    fn finish(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        running: Running<T>,
        outcome: Outcome,
    ) {
        match (outcome, bound.workers.get(self.index)) {
            (Err(fault), Some(worker)) if T::RESET_AFTER_FAULT => {
                state.mode = Mode::Resetting;
                state.faulted = Some((running, fault));
                worker.recover();
            }
            _ => {
                self.end(state, bound, running, outcome);
                self.start_next(state, bound);
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
        let mut state = self.state.lock();
        let Some(outcome) = ended() else { return false };
        if let Some(running) = state.running.take_if(|r| r.deadline.is_some()) {
            self.finish(&mut state, bound, running, outcome);
        }
        true
    }

    /// Runs the job that was deferred, if it still waits for that; may sleep.
    pub(crate) fn run_deferred(&self, bound: &Bound<'_, T>) {
        let Some(job) = self.deferred() else { return };
        let outcome = if T::HAS_RUN {
            T::run(&bound.data, self.index, &job.payload)
        } else {
            Err(Fault::new(FaultKind::Device))
        };
        let mut state = self.state.lock();
        let is_it = |r: &mut Running<T>| core::ptr::eq::<Job<T>>(&*r.job, &*job);
        if let Some(running) = state.running.take_if(is_it) {
            self.finish(&mut state, bound, running, outcome);
        }
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
                if let Some(running) = state.running.take() {
                    self.finish(state, bound, running, outcome);
                }
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

        let mut state = self.state.lock();
        state.mode = mode;
        if mode == Mode::Wedged {
            self.account(&mut state, &running, Err(fault));
            state.lost.push_back(running.job);
            let lost = Fault::new(FaultKind::Reset);
            self.fail_queued(&mut state, bound, |_| Some(lost));
        } else {
            self.end(&mut state, bound, running, Err(fault));
            self.start_next(&mut state, bound);
        }
    }

    /// Ends queued jobs for which `why` has a fault.
    fn fail_queued(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        why: impl Fn(&Job<T>) -> Option<Fault>,
    ) {
        let now = monotonic_ns();
        let mut cursor = state.queued.cursor_front();
        while let Some(next) = cursor.peek_next() {
            let Some(fault) = why(&next) else {
                cursor.move_next();
                continue;
            };
            let job = next.remove();
            job.ticket.end(now, Err(fault));
            state.stats.queued -= 1;
            state.stats.failed += 1;
            state.ended.push_back(job);
        }
        if let Some(worker) = bound.workers.get(self.index) {
            worker.reap();
        }
    }

    /// Cancels the queued jobs of a queue whose client is gone. The running one goes on: it owns
    /// what it needs.
    pub(crate) fn cancel(&self, bound: &Bound<'_, T>, queue: &Arc<Queue>) {
        let mut state = self.state.lock();
        let canceled = Fault::new(FaultKind::Canceled);
        self.fail_queued(&mut state, bound, |job| {
            job.ticket.is_of(queue).then_some(canceled)
        });
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
            job.ticket.end(now, Err(fault));
        }
        self.reap();
    }

    /// Drops jobs that have ended; may sleep.
    pub(crate) fn reap(&self) {
        let mut ended = List::new();
        ended.push_all_back(&mut self.state.lock().ended);
        drop(ended);
    }
}
