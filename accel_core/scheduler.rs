// SPDX-License-Identifier: GPL-2.0

//! A scheduler: runs the jobs of all queues on the engines of one kind.
//!
//! Which queue comes next says [`logic::schedule`](crate::logic). Lock order: waiting jobs
//! (`backlog`), scheduler, statuses, fences. All are taken in interrupts. Under the scheduler's lock
//! nothing is allocated or freed, and nobody is told that a job has ended, as that calls back: whoever
//! ends jobs collects them ([`Ended`]) until it has no lock.

use core::ops::Range;
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
    engine::{
        Engine,
        InFlight,
        Running,
        Stats, //
    },
    health,
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
        Ticket, //
    },
    queue::Queue,
};

/// Who comes next.
type Schedule = schedule::Schedule<KVVec<ClientSlot>, KVVec<QueueSlot>>;

/// How many clients and queues there is room for at first.
const FIRST_SLOTS: usize = 16;

/// Whether jobs are taken and started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// A reset failed.
    Wedged,
    /// The device is gone.
    Closed,
}

impl Mode {
    /// Returns why a job cannot be taken.
    fn fault(self) -> Option<Fault> {
        match self {
            Mode::Open => None,
            Mode::Wedged => Some(Fault::new(FaultKind::Reset)),
            Mode::Closed => Some(Fault::new(FaultKind::Gone)),
        }
    }
}

/// Jobs that have ended, of which nobody was told yet: [`Scheduler::tell`].
#[must_use]
pub(crate) struct Ended<T: Driver>(List<Job<T>>);

impl<T: Driver> Ended<T> {
    fn new() -> Self {
        Self(List::new())
    }
}

struct State<T: Driver> {
    mode: Mode,
    schedule: Schedule,
    /// Jobs that can run, by the slots of their queues.
    waiting: KVVec<List<Job<T>>>,
    /// How many they are.
    count: u32,
    engines: KVec<Engine<T>>,
    /// Ended, to be dropped by the worker.
    ended: List<Job<T>>,
    /// Ended, but the engine may still use their buffers, as its reset failed. Dropped after
    /// [`Driver::stop`].
    lost: List<Job<T>>,
}

impl<T: Driver> State<T> {
    /// Adds a job to those that wait; gives it back if its queue is not there.
    fn wait(&mut self, job: ListArc<Job<T>>) -> Option<ListArc<Job<T>>> {
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

    /// Takes the job that is to be started now.
    fn next(&mut self, now: u64) -> Option<(ListArc<Job<T>>, Ticket)> {
        let pick = self.schedule.pick_any(now)?;
        let jobs = self.waiting.get_mut(pick.queue().slot())?;
        let job = jobs.pop_front()?;
        let ticket = pick.start((!jobs.is_empty()).then_some(1));
        self.count -= 1;
        Some((job, ticket))
    }

    /// Lets an engine start jobs, or not.
    fn enable(&mut self, engine: usize, is_on: bool) {
        let credits = self.engines.get(engine).map_or(0, Engine::credits);
        let credits = if is_on { credits } else { 0 };
        self.schedule.set_credits(engine, credits);
    }

    /// Counts jobs that no engine ran as failed.
    fn count_failed(&mut self, count: u64) {
        if let Some(engine) = self.engines.first_mut() {
            engine.stats.failed += count;
        }
    }

    /// Ends a job that was not started, because of `fault`.
    fn refuse(&mut self, job: ListArc<Job<T>>, fault: Fault, ended: &mut Ended<T>) {
        job.armed.end(monotonic_ns(), Err(fault));
        self.count_failed(1);
        ended.0.push_back(job);
    }

    /// Ends the waiting jobs of a queue.
    fn refuse_all(&mut self, slot: usize, fault: Fault, ended: &mut Ended<T>) {
        while let Some(job) = self.waiting.get_mut(slot).and_then(List::pop_front) {
            self.count -= 1;
            self.refuse(job, fault, ended);
        }
    }

    /// Ends a job that no engine has begun, because of `fault`, in place of starting it.
    fn fail(&mut self, running: Running<T>, fault: Fault, ended: &mut Ended<T>) {
        let Running { job, ticket, .. } = running;
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.stats.failed += 1;
        }
        self.schedule.end(ticket, 0);
        job.armed.end(monotonic_ns(), Err(fault));
        ended.0.push_back(job);
    }

    /// Notes everywhere how a job that is off the engine has ended; returns it.
    fn account(&mut self, running: Running<T>, outcome: Outcome) -> ListArc<Job<T>> {
        let Running {
            job, ticket, start, ..
        } = running;
        let now = monotonic_ns();
        job.sync_for_cpu();
        if let Some(engine) = self.engines.get_mut(ticket.engine()) {
            engine.count(now, outcome);
        }
        self.schedule.end(ticket, now.saturating_sub(start));
        job.armed.end(now, outcome);
        job
    }
}

/// The engines of one kind.
#[pin_data]
pub(crate) struct Scheduler<T: Driver> {
    /// In [`Driver::ENGINES`].
    engines: Range<usize>,
    #[pin]
    state: SpinLockIrq<State<T>>,
}

impl<T: Driver> Scheduler<T> {
    /// For the first engines of `infos` that are alike; the first of all has index `first`.
    pub(crate) fn new(first: usize, infos: &'static [EngineInfo]) -> Result<Pin<KBox<Self>>> {
        let clients = KVVec::from_elem(ClientSlot::VACANT, FIRST_SLOTS, GFP_KERNEL)?;
        let queues = KVVec::from_elem(QueueSlot::VACANT, FIRST_SLOTS, GFP_KERNEL)?;
        let mut engines = KVec::new();
        for (index, info) in (first..).zip(infos) {
            engines.push(Engine::new(index, info)?, GFP_KERNEL)?;
        }
        let count = engines.len();
        let mut state = State {
            mode: Mode::Open,
            schedule: Schedule::new(count, clients, queues),
            waiting: lists(FIRST_SLOTS)?,
            count: 0,
            engines,
            ended: List::new(),
            lost: List::new(),
        };
        for engine in 0..count {
            state.enable(engine, true);
        }
        let (name, key) = lock_class::scheduler();
        KBox::pin_init(
            pin_init!(Self {
                engines: first..first + count,
                state <- SpinLockIrq::new(state, name, key),
            }),
            GFP_KERNEL,
        )
        .map_err(Into::into)
    }

    /// Returns its engines, as indices into [`Driver::ENGINES`].
    pub(crate) fn engines(&self) -> Range<usize> {
        self.engines.clone()
    }

    /// Returns what an engine of it has done, those in flight included.
    pub(crate) fn stats(&self, engine: usize) -> Stats {
        let mut state = self.state.lock();
        let count = state.count;
        let engine = self.engine(&mut state, engine);
        let mut stats = engine.map(|engine| engine.stats()).unwrap_or_default();
        stats.queued += count;
        stats
    }

    /// Returns whether jobs are taken. EIO: the device is wedged.
    pub(crate) fn check(&self) -> Result {
        match self.state.lock().mode {
            Mode::Open => Ok(()),
            Mode::Wedged => Err(EIO),
            Mode::Closed => Err(ENODEV),
        }
    }

    /// Adds a client. May sleep. ENOMEM.
    pub(crate) fn add_client(&self) -> Result<ClientId> {
        loop {
            let mut state = self.state.lock();
            if let Ok(id) = state.schedule.add_client() {
                return Ok(id);
            }
            let (count, _) = state.schedule.slots();
            drop(state);
            let slots = KVVec::from_elem(ClientSlot::VACANT, 2 * count, GFP_KERNEL)?;
            let spare = self.state.lock().schedule.grow_clients(slots);
            drop(spare);
        }
    }

    /// Takes out a client that has no queues.
    pub(crate) fn remove_client(&self, client: ClientId) {
        let _ = self.state.lock().schedule.remove_client(client);
    }

    /// Adds a queue to a client. May sleep. ENOMEM.
    pub(crate) fn add_queue(&self, client: ClientId, priority: Priority) -> Result<QueueId> {
        loop {
            let mut state = self.state.lock();
            match state.schedule.add_queue(client, priority) {
                Ok(id) => return Ok(id),
                Err(schedule::Error::NoSlots) => (),
                Err(_) => return Err(EINVAL),
            }
            let (_, count) = state.schedule.slots();
            drop(state);
            self.grow_queues(2 * count)?;
        }
    }

    /// Makes room for `count` queues.
    fn grow_queues(&self, count: usize) -> Result {
        let slots = KVVec::from_elem(QueueSlot::VACANT, count, GFP_KERNEL)?;
        let mut waiting = lists(count)?;
        let mut state = self.state.lock();
        let spare = state.schedule.grow_queues(slots);
        // Another thread may have been faster.
        if spare.is_ok() {
            for (new, old) in waiting.iter_mut().zip(&mut state.waiting) {
                core::mem::swap(new, old);
            }
            core::mem::swap(&mut waiting, &mut state.waiting);
        }
        drop(state);
        // With nothing in it.
        drop((spare, waiting));
        Ok(())
    }

    /// Takes out a queue without jobs that wait.
    pub(crate) fn remove_queue(&self, queue: QueueId) {
        self.state.lock().schedule.remove_queue(queue);
    }

    /// Queues a job whose dependencies are signalled.
    pub(crate) fn push(&self, bound: &Bound<'_, T>, job: ListArc<Job<T>>) -> Ended<T> {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        match state.mode.fault() {
            Some(fault) => state.refuse(job, fault, &mut ended),
            None => {
                if let Some(job) = state.wait(job) {
                    state.refuse(job, Fault::new(FaultKind::Canceled), &mut ended);
                }
                self.start_all(&mut state, bound, &mut ended);
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
        self.state.lock().count_failed(count);
        Ended(jobs)
    }

    /// Tells everybody that jobs have ended; the worker drops them. Any context, without locks.
    pub(crate) fn tell(&self, bound: &Bound<'_, T>, ended: Ended<T>) {
        if self.bury(ended) {
            if let Some(worker) = bound.workers.get(self.engines.start) {
                worker.reap();
            }
        }
    }

    /// Tells everybody that jobs have ended, and keeps them for [`Scheduler::reap`].
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

    /// Starts jobs as long as there are any and engines are free. Any context.
    fn start_all(&self, state: &mut State<T>, bound: &Bound<'_, T>, ended: &mut Ended<T>) {
        while state.mode == Mode::Open {
            let now = monotonic_ns();
            let Some((job, ticket)) = state.next(now) else {
                return;
            };
            self.start(state, bound, Running::new(job, ticket, now), ended);
        }
    }

    /// Starts a job.
    fn start(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        mut running: Running<T>,
        ended: &mut Ended<T>,
    ) {
        let job = &running.job;
        if let Some(fault) = job.fault {
            return state.fail(running, fault, ended);
        }
        let Some(engine) = state.engines.get_mut(running.ticket.engine()) else {
            return;
        };
        job.armed.started(engine.index, running.start);
        job.sync_for_device();
        let started = T::start(&bound.data, engine.index, &job.payload);
        match (started, bound.workers.get(engine.index)) {
            (Ok(Started::Running), Some(worker)) => {
                worker.arm_timeout(engine.timeout_ns());
                running.deadline = Some(running.start.saturating_add(engine.timeout_ns()));
                engine.add(running);
            }
            (Ok(Started::Deferred), Some(worker)) => {
                worker.run_deferred();
                engine.add(running);
            }
            _ => {
                job.sync_for_cpu();
                state.fail(running, Fault::new(FaultKind::Device), ended);
            }
        }
    }

    /// Ends a job that is off the engine, after a reset if need be.
    fn finish(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        running: Running<T>,
        outcome: Outcome,
        ended: &mut Ended<T>,
    ) {
        match outcome {
            Err(fault) if T::RESET_AFTER_FAULT => {
                let worker = bound
                    .workers
                    .get(self.engines.start + running.ticket.engine());
                self.hold(state, running, fault, ended);
                if let Some(worker) = worker {
                    worker.recover();
                }
            }
            _ => ended.0.push_back(state.account(running, outcome)),
        }
    }

    /// Keeps a job that is off the engine, which is to be reset and starts nothing until then. If it
    /// has one already, the job ends at once.
    fn hold(&self, state: &mut State<T>, running: Running<T>, fault: Fault, ended: &mut Ended<T>) {
        let number = running.ticket.engine();
        state.enable(number, false);
        let refused = match state.engines.get_mut(number) {
            Some(engine) => engine.set_faulted(running, fault),
            None => Some(running),
        };
        if let Some(running) = refused {
            ended.0.push_back(state.account(running, Err(fault)));
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
        let mut done = Ended::new();
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
                T::run(&bound.data, engine, &job.payload)
            } else {
                Err(Fault::new(FaultKind::Device))
            };
            let mut ended = Ended::new();
            let mut state = self.state.lock();
            let running = self.engine(&mut state, engine).and_then(|e| e.take(&job));
            if let Some(running) = running {
                self.finish(&mut state, bound, running, outcome, &mut ended);
                self.start_all(&mut state, bound, &mut ended);
            }
            drop(state);
            self.tell(bound, ended);
            // Before the job is dropped, perhaps.
            drop(signalling);
        }
    }

    fn deferred(&self, engine: usize) -> Option<Arc<Job<T>>> {
        let mut state = self.state.lock();
        let running = self.engine(&mut state, engine)?.deferred()?;
        Some(running.job.clone_arc())
    }

    /// Looks after the jobs of an engine whose time may be over.
    pub(crate) fn check_timeout(&self, device: &Device<T>, bound: &Bound<'_, T>, engine: usize) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let is_hung = self.look_at_due(&mut state, bound, engine, &mut ended);
        let due = self.engine(&mut state, engine).and_then(|e| e.first_due());
        if let (Some((_, due)), Some(worker)) = (due, bound.workers.get(engine)) {
            worker.arm_timeout(due.saturating_sub(monotonic_ns()));
        }
        drop(state);
        self.tell(bound, ended);
        if is_hung {
            self.recover(device, bound, engine);
        }
    }

    /// Looks at the job of an engine whose time is over first. Returns whether the engine must be
    /// reset: it starts nothing until then.
    fn look_at_due(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        index: usize,
        ended: &mut Ended<T>,
    ) -> bool {
        let Some(engine) = self.engine(state, index) else {
            return false;
        };
        let (now, timeout) = (monotonic_ns(), engine.timeout_ns());
        let Some((at, running)) = engine.overdue(now) else {
            return false;
        };
        let progress = match T::HAS_PROGRESS {
            true => T::progress(&bound.data, index, &running.job.payload),
            false => Progress::Hung,
        };
        if let Progress::Progressing = progress {
            running.deadline = Some(now.saturating_add(timeout));
            return false;
        }
        let Some(running) = engine.take_at(at) else {
            return false;
        };
        match progress {
            Progress::Ended(outcome) => {
                self.finish(state, bound, running, outcome, ended);
                self.start_all(state, bound, ended);
                false
            }
            _ => {
                let fault = Fault::new(FaultKind::Timeout);
                self.hold(state, running, fault, ended);
                true
            }
        }
    }

    /// Resets an engine, ends the job that made it necessary and those that are lost by it, and goes
    /// on.
    pub(crate) fn recover(&self, device: &Device<T>, bound: &Bound<'_, T>, index: usize) {
        // One at a time, so that the health is that of the device.
        let recovery = device.recovery.lock();
        let mut state = self.state.lock();
        let faulted = self
            .engine(&mut state, index)
            .and_then(Engine::take_faulted);
        let is_open = state.mode == Mode::Open;
        drop(state);
        let Some((running, fault)) = faulted else {
            return;
        };
        if is_open {
            device.health.set(health::State::Resetting, false);
        }
        let reset = T::reset(&bound.data, index);
        if is_open {
            let health = match reset {
                Ok(()) => health::State::Operational,
                Err(_) => health::State::Wedged,
            };
            device.health.set(health, true);
        }
        match reset {
            Ok(()) => self.resume(bound, index, running, fault),
            Err(_) => {
                self.lose(index, running, fault);
                device.schedulers.iter().for_each(|s| s.wedge(bound));
            }
        }
        drop(recovery);
    }

    /// Goes on after a reset of an engine.
    fn resume(&self, bound: &Bound<'_, T>, index: usize, running: Running<T>, fault: Fault) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let number = running.ticket.engine();
        ended.0.push_back(state.account(running, Err(fault)));
        while let Some(lost) = self.engine(&mut state, index).and_then(Engine::take_lost) {
            let reset = Fault::new(FaultKind::Reset);
            ended.0.push_back(state.account(lost, Err(reset)));
        }
        if state.mode == Mode::Open {
            state.enable(number, true);
        }
        self.start_all(&mut state, bound, &mut ended);
        drop(state);
        self.tell(bound, ended);
    }

    /// Ends what is in flight on an engine that could not be reset, but keeps it, as the engine may
    /// still use it.
    fn lose(&self, index: usize, running: Running<T>, fault: Fault) {
        let mut next = Some((running, fault));
        while let Some((running, fault)) = next {
            let mut state = self.state.lock();
            let job = state.account(running, Err(fault));
            let told = job.clone_arc();
            state.lost.push_back(job);
            let reset = Fault::new(FaultKind::Reset);
            let lost = self.engine(&mut state, index).and_then(Engine::take_lost);
            next = lost.map(|running| (running, reset));
            drop(state);
            told.armed.tell();
        }
    }

    /// Takes no more jobs, and ends those that wait, as the device is wedged.
    fn wedge(&self, bound: &Bound<'_, T>) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        if state.mode == Mode::Open {
            state.mode = Mode::Wedged;
        }
        let reset = Fault::new(FaultKind::Reset);
        for slot in 0..state.waiting.len() {
            state.refuse_all(slot, reset, &mut ended);
        }
        drop(state);
        self.tell(bound, ended);
    }

    /// Cancels the jobs of a queue that wait. Those in flight go on: they own what they need.
    pub(crate) fn cancel(&self, bound: &Bound<'_, T>, queue: &Queue<T>) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let canceled = Fault::new(FaultKind::Canceled);
        state.schedule.sleep(queue.id());
        state.refuse_all(queue.id().slot(), canceled, &mut ended);
        drop(state);
        self.tell(bound, ended);
    }

    /// Returns whether it has an unfinished job of a queue.
    pub(crate) fn has(&self, queue: &Arc<Queue<T>>) -> bool {
        let state = self.state.lock();
        let waiting = state.waiting.get(queue.id().slot());
        let mut running = state.engines.iter().flat_map(Engine::all);
        waiting.is_some_and(|jobs| !jobs.is_empty())
            || running.any(|running| Arc::ptr_eq(&running.job.queue, queue))
    }

    /// Ends all jobs for good; the device must have been stopped.
    pub(crate) fn close(&self, fault: Fault) {
        let now = monotonic_ns();
        let (mut jobs, mut waiting) = (List::new(), List::new());
        let mut state = self.state.lock();
        state.mode = Mode::Closed;
        for slot in 0..state.engines.len() {
            while let Some(running) = state.engines.get_mut(slot).and_then(Engine::take_any) {
                state.schedule.end(running.ticket, 0);
                jobs.push_back(running.job);
            }
        }
        jobs.push_all_back(&mut state.lost);
        for jobs in &mut state.waiting {
            waiting.push_all_back(jobs);
        }
        state.count = 0;
        drop(state);
        for job in jobs.iter() {
            job.sync_for_cpu();
        }
        jobs.push_all_back(&mut waiting);
        for job in jobs.iter() {
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

    /// Returns one of its engines, by its index in [`Driver::ENGINES`].
    fn engine<'a>(&self, state: &'a mut State<T>, index: usize) -> Option<&'a mut Engine<T>> {
        state
            .engines
            .get_mut(index.checked_sub(self.engines.start)?)
    }
}

/// Makes `count` lists without jobs.
fn lists<T: Driver>(count: usize) -> Result<KVVec<List<Job<T>>>> {
    let mut lists = KVVec::with_capacity(count, GFP_KERNEL)?;
    for _ in 0..count {
        lists.push(List::new(), GFP_KERNEL)?;
    }
    Ok(lists)
}
