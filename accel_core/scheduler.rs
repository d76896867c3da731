// SPDX-License-Identifier: GPL-2.0

//! A scheduler: runs the jobs of all queues on the engines of one kind.
//!
//! Which queue comes next says [`logic::schedule`](crate::logic). Lock order: waiting jobs
//! (`backlog`), scheduler, statuses, fences. All are taken in interrupts. Under the scheduler's lock
//! nothing is allocated or freed, and nobody is told that a job has ended, as that calls back: whoever
//! ends jobs collects them ([`DoneList`]) until it has no lock.

use core::{
    mem::replace,
    ops::Range, //
};
use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        SpinLockIrq, //
    },
};
use kernel_ext::{
    dma_fence::Signalling,
    time::monotonic_ns, //
};

use crate::{
    device::Bound,
    done::{
        Done,
        DoneList,
        Retired, //
    },
    driver::{
        Driver,
        EngineInfo,
        Started, //
    },
    engine::{
        Engine,
        InFlight,
        Running, //
    },
    job::{
        Fault,
        FaultKind,
        Job,
        Outcome, //
    },
    lock_class,
    logic::schedule::{
        self,
        ClientId,
        ClientSlot,
        Priority,
        QueueId,
        QueueSlot,
        Schedule, //
    },
    look::Look,
    queue::Queue,
    scheduler_state::{
        lists,
        Mode,
        Ready,
        State,
        FIRST_SLOTS, //
    },
};

/// The engines of one kind.
#[pin_data]
pub(crate) struct Scheduler<T: Driver> {
    /// In [`Driver::ENGINES`].
    engines: Range<usize>,
    #[pin]
    pub(crate) state: SpinLockIrq<State<T>>,
    /// What the mode is, without the lock.
    pub(crate) is_wedged: Atomic<bool>,
}

impl<T: Driver> Scheduler<T> {
    /// For engines that are alike, the first of which has index `first`.
    pub(crate) fn new(
        first: usize,
        infos: &'static [EngineInfo],
        timeout_ms: &Arc<Atomic<u32>>,
    ) -> Result<Pin<KBox<Self>>> {
        let clients = KVVec::from_elem(ClientSlot::VACANT, FIRST_SLOTS, GFP_KERNEL)?;
        let queues = KVVec::from_elem(QueueSlot::VACANT, FIRST_SLOTS, GFP_KERNEL)?;
        let mut engines = KVec::new();
        for (index, info) in (first..).zip(infos) {
            engines.push(Engine::new(index, info, timeout_ms)?, GFP_KERNEL)?;
        }
        let count = engines.len();
        let mut state = State {
            mode: Mode::Open,
            has_refused: false,
            ready: Ready::new(Schedule::new(count, clients, queues), lists(FIRST_SLOTS)?),
            engines,
            retired: Retired::new(),
            is_reaping: false,
            lost: Retired::new(),
        };
        for engine in 0..count {
            state.enable(engine, true);
        }
        let (name, key) = lock_class::scheduler();
        KBox::pin_init(
            pin_init!(Self {
                engines: first..first + count,
                state <- SpinLockIrq::new(state, name, key),
                is_wedged: Atomic::new(false),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns its engines, as indices into [`Driver::ENGINES`].
    pub(crate) fn engines(&self) -> Range<usize> {
        self.engines.clone()
    }

    /// Returns whether jobs are taken. EIO: the device is wedged.
    #[inline]
    pub(crate) fn check(&self) -> Result {
        match self.is_wedged.load(Relaxed) {
            true => Err(EIO),
            false => Ok(()),
        }
    }

    /// Lets a client have a `2^slowdown`th of its share.
    pub(crate) fn slow_down(&self, client: ClientId, slowdown: u32) {
        self.state.lock().ready.schedule.slow_down(client, slowdown);
    }

    /// Adds a client. May sleep. ENOMEM.
    pub(crate) fn add_client(&self) -> Result<ClientId> {
        loop {
            let mut state = self.state.lock();
            if let Ok(id) = state.ready.schedule.add_client() {
                return Ok(id);
            }
            let (count, _) = state.ready.schedule.slots();
            drop(state);
            let slots = KVVec::from_elem(ClientSlot::VACANT, 2 * count, GFP_KERNEL)?;
            let spare = self.state.lock().ready.schedule.grow_clients(slots);
            drop(spare);
        }
    }

    /// Takes out a client that has no queues.
    pub(crate) fn remove_client(&self, client: ClientId) {
        let _ = self.state.lock().ready.schedule.remove_client(client);
    }

    /// Adds a queue to a client. May sleep. ENOMEM.
    pub(crate) fn add_queue(&self, client: ClientId, priority: Priority) -> Result<QueueId> {
        loop {
            let mut state = self.state.lock();
            match state.ready.schedule.add_queue(client, priority) {
                Ok(id) => return Ok(id),
                Err(schedule::Error::NoSlots) => (),
                Err(_) => return Err(EINVAL),
            }
            let (_, count) = state.ready.schedule.slots();
            drop(state);
            self.grow_queues(2 * count)?;
        }
    }

    /// Makes room for `count` queues.
    fn grow_queues(&self, count: usize) -> Result {
        let slots = KVVec::from_elem(QueueSlot::VACANT, count, GFP_KERNEL)?;
        let lists = lists(count)?;
        // Another thread may have been faster; what is too much is dropped after the lock.
        let spare = self.state.lock().ready.grow_queues(slots, lists);
        drop(spare);
        Ok(())
    }

    /// Takes out a queue without jobs that wait.
    pub(crate) fn remove_queue(&self, queue: QueueId) {
        self.state.lock().ready.schedule.remove_queue(queue);
    }

    /// Queues a job whose dependencies are signalled.
    pub(crate) fn push(&self, bound: &Bound<'_, T>, job: ListArc<Job<T>>) -> DoneList<T> {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        match state.mode.fault() {
            Some(fault) => state.refuse(job, fault, &mut done),
            None => {
                if let Some(job) = state.ready.push(job.queue.id(), job) {
                    state.refuse(job, Fault::new(FaultKind::Canceled), &mut done);
                }
                self.start_all(&mut state, bound, &mut done);
            }
        }
        done
    }

    /// Ends jobs that were never queued, because of `fault`.
    pub(crate) fn refuse(&self, mut jobs: List<Job<T>>, fault: Fault) -> DoneList<T> {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        while let Some(job) = jobs.pop_front() {
            state.refuse(job, fault, &mut done);
        }
        drop(state);
        done
    }

    /// Tells everybody that jobs have ended; the worker drops them. Any context, without locks.
    pub(crate) fn tell(&self, bound: &Bound<'_, T>, done: DoneList<T>) {
        if self.bury(done) {
            if let Some(worker) = bound.workers.get(self.engines.start) {
                worker.reap();
            }
        }
    }

    /// Tells everybody that jobs have ended, and keeps them for [`Scheduler::reap`]. Returns whether the
    /// worker must be asked for that.
    fn bury(&self, jobs: DoneList<T>) -> bool {
        if jobs.is_empty() {
            return false;
        }
        let told = jobs.tell();
        let mut state = self.state.lock();
        state.retired.add(told);
        !replace(&mut state.is_reaping, true)
    }

    /// Starts jobs as long as there are any and engines are free. Any context.
    pub(crate) fn start_all(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        done: &mut DoneList<T>,
    ) {
        while state.mode == Mode::Open && state.ready.count() != 0 {
            let now = monotonic_ns();
            let Some((job, ticket)) = state.ready.next(now) else {
                return;
            };
            self.start(state, bound, Running::new(job, ticket, now), done);
        }
    }

    /// Starts a job.
    fn start(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        mut running: Running<T>,
        done: &mut DoneList<T>,
    ) {
        let job = &running.job;
        if job.fault.is_some() || state.has_refused && job.queue.is_over() {
            let fault = job.refusal();
            return state.fail(running, fault, done);
        }
        let Some(engine) = state.engines.get_mut(running.ticket.engine()) else {
            return;
        };
        job.armed.started(engine.index, running.start);
        job.queue.trace_run(job.armed.number());
        job.sync_for_device();
        let started = T::start(&bound.data, engine.index, &job.queue.driver, &job.payload);
        match (started, bound.workers.get(engine.index)) {
            (Ok(Started::Running), Some(worker)) => {
                let timeout = job.queue.timeout_ns(engine.timeout_ns());
                let deadline = running.start.saturating_add(timeout);
                if deadline < engine.timer {
                    engine.timer = deadline;
                    worker.arm_timeout(timeout);
                }
                running.deadline = Some(deadline);
                engine.add(running);
            }
            (Ok(Started::Deferred), Some(worker)) => {
                worker.run_deferred();
                engine.add(running);
            }
            _ => {
                job.sync_for_cpu();
                state.fail(running, Fault::new(FaultKind::Device), done);
            }
        }
    }

    /// Ends a job that is off the engine, after a reset if need be.
    pub(crate) fn finish(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        running: Running<T>,
        outcome: Outcome,
        done: &mut DoneList<T>,
    ) {
        match outcome {
            Err(fault) if T::RESET_AFTER_FAULT => {
                let worker = bound
                    .workers
                    .get(self.engines.start + running.ticket.engine());
                self.hold(state, running, fault, done);
                if let Some(worker) = worker {
                    worker.recover();
                }
            }
            _ => done.push(state.account(running, outcome)),
        }
    }

    /// Keeps a job that is off the engine, which is to be reset and starts nothing until then. If it
    /// has one already, the job ends at once.
    pub(crate) fn hold(
        &self,
        state: &mut State<T>,
        running: Running<T>,
        fault: Fault,
        done: &mut DoneList<T>,
    ) {
        let number = running.ticket.engine();
        state.enable(number, false);
        let refused = match state.engines.get_mut(number) {
            Some(engine) => engine.set_faulted(running, fault),
            None => Some(running),
        };
        if let Some(running) = refused {
            done.push(state.account(running, Err(fault)));
        }
    }

    /// Calls `f` with the jobs that the device has in flight on an engine, and ends those of which it
    /// says so. No job starts or ends while `f` looks, so what it sees is about these jobs.
    pub(crate) fn complete<R>(
        &self,
        bound: &Bound<'_, T>,
        engine: usize,
        f: impl FnOnce(&mut InFlight<'_, T>) -> R,
    ) -> Option<R> {
        let _signalling = Signalling::begin();
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        let result = f(&mut InFlight(self.engine(&mut state, engine)?));
        let mut has_ended = false;
        while let Some((running, outcome)) = self.engine(&mut state, engine)?.take_ended() {
            self.finish(&mut state, bound, running, outcome, &mut done);
            has_ended = true;
        }
        if has_ended {
            self.start_all(&mut state, bound, &mut done);
        }
        drop(state);
        self.tell(bound, done);
        Some(result)
    }

    /// Runs the jobs that were deferred, if they still wait for that; may sleep.
    pub(crate) fn run_deferred(&self, bound: &Bound<'_, T>, engine: usize) {
        while let Some(job) = self.deferred(engine) {
            let signalling = Signalling::begin();
            let outcome = if T::HAS_RUN {
                T::run(&bound.data, engine, &job.queue.driver, &job.payload)
            } else {
                Err(Fault::new(FaultKind::Device))
            };
            let mut done = DoneList::new();
            let mut state = self.state.lock();
            let running = self.engine(&mut state, engine).and_then(|e| e.take(&job));
            if let Some(running) = running {
                self.finish(&mut state, bound, running, outcome, &mut done);
                self.start_all(&mut state, bound, &mut done);
            }
            drop(state);
            self.tell(bound, done);
            // Before the job is dropped, perhaps.
            drop(signalling);
        }
    }

    fn deferred(&self, engine: usize) -> Option<Look<T>> {
        let mut state = self.state.lock();
        let running = self.engine(&mut state, engine)?.deferred()?;
        Some(Look::at(&running.job))
    }

    /// Cancels the jobs of a queue that wait. Those in flight go on: they own what they need.
    pub(crate) fn cancel(&self, bound: &Bound<'_, T>, queue: &Queue<T>) {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        let canceled = Fault::new(FaultKind::Canceled);
        while let Some(job) = state.ready.take(queue.id()) {
            state.refuse(job, canceled, &mut done);
        }
        drop(state);
        self.tell(bound, done);
    }

    /// Returns whether it has an unfinished job of a queue.
    pub(crate) fn has(&self, queue: &Arc<Queue<T>>) -> bool {
        let state = self.state.lock();
        let mut running = state.engines.iter().flat_map(Engine::all);
        state.ready.has(queue.id()) || running.any(|running| Arc::ptr_eq(&running.job.queue, queue))
    }

    /// Ends all jobs for good; the device must have been stopped.
    pub(crate) fn close(&self, fault: Fault) {
        let now = monotonic_ns();
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        state.mode = Mode::Closed;
        for slot in 0..state.engines.len() {
            while let Some(running) = state.engines.get_mut(slot).and_then(Engine::take_any) {
                state.ready.schedule.end(running.ticket, 0);
                running.job.sync_for_cpu();
                done.push(Done::new(running.job, now, Err(fault)));
            }
        }
        while let Some(job) = state.ready.take_any(|job| job.queue.id()) {
            done.push(Done::new(job, now, Err(fault)));
        }
        let State { lost, retired, .. } = &mut *state;
        retired.append(lost);
        drop(state);
        self.bury(done);
        self.reap();
    }

    /// [`Scheduler::reap`], by the worker that was asked for it, and is to come again if not all are gone.
    pub(crate) fn reap_late(&self) -> bool {
        self.state.lock().is_reaping = false;
        self.reap()
    }

    /// Drops jobs that nobody needs any more; may sleep. Returns whether all
    /// are gone.
    pub(crate) fn reap(&self) -> bool {
        let mut retired = Retired::new();
        retired.append(&mut self.state.lock().retired);
        let Some(mut left) = retired.drop_jobs() else {
            return true;
        };
        self.state.lock().retired.append(&mut left);
        false
    }

    /// Returns one of its engines, by its index in [`Driver::ENGINES`].
    pub(crate) fn engine<'a>(
        &self,
        state: &'a mut State<T>,
        index: usize,
    ) -> Option<&'a mut Engine<T>> {
        state
            .engines
            .get_mut(index.checked_sub(self.engines.start)?)
    }
}
