// SPDX-License-Identifier: GPL-2.0

//! What becomes of jobs when one hangs, or the device fails: the steps of
//! [`logic::recovery`](crate::logic), one after the other until one helps.
//!
//! Whoever takes a step holds [`Device::recovery`], so there is one at a time. It allocates
//! nothing, as others may wait for the jobs in memory reclaim. An engine starts nothing from when
//! its job is found to hang until it is recovered; in a reset of the device, no engine does.

use kernel::{
    list::List,
    prelude::*,
    sync::atomic::Relaxed, //
};
use kernel_ext::{
    coredump::Dump,
    time::monotonic_ns, //
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    done::DoneList,
    driver::Driver,
    dump::{
        self,
        Hung, //
    },
    engine::{
        Engine,
        Running, //
    },
    events::ResetReason,
    health,
    job::{
        Fault,
        FaultKind, //
    },
    logic::{
        recovery::{
            verdict,
            Able,
            Ladder,
            Step,
            Trouble,
            Verdict,
            Witness, //
        },
        schedule::ClientId, //
    },
    look::Look,
    scheduler::Scheduler,
    scheduler_state::{
        Mode,
        State, //
    },
};

/// An index that is of no engine.
const NO_ENGINE: usize = usize::MAX;

/// What was tried for an engine.
struct Tried {
    ladder: Ladder,
    /// How many jobs had ended well there.
    completed: u64,
}

/// What was tried of late.
pub(crate) struct Recovery {
    engines: KVec<Tried>,
    /// For what is of no engine.
    device: Ladder,
    /// Where to write what a device does whose job hangs.
    pub(crate) dump: Option<Dump>,
}

/// Returns what devices of a driver can do.
fn able<T: Driver>() -> Able {
    let steps = [
        (Step::Job, T::HAS_ABORT),
        (Step::Context, T::HAS_ABORT),
        (Step::Engine, true),
        (Step::Device, T::HAS_RESET_DEVICE),
    ];
    let able = steps.into_iter().filter(|(_, is_able)| *is_able);
    Able::new(able.map(|(step, _)| step))
}

impl Recovery {
    pub(crate) fn new<T: Driver>() -> Result<Self> {
        let mut engines = KVec::with_capacity(T::ENGINES.len(), GFP_KERNEL)?;
        for _ in T::ENGINES {
            let ladder = Ladder::new(able::<T>());
            let tried = Tried {
                ladder,
                completed: 0,
            };
            engines.push(tried, GFP_KERNEL)?;
        }
        Ok(Self {
            engines,
            device: Ladder::new(able::<T>()),
            dump: dump::room::<T>()?,
        })
    }

    fn ladder(&mut self, engine: usize) -> &mut Ladder {
        match self.engines.get_mut(engine) {
            Some(tried) => &mut tried.ladder,
            None => &mut self.device,
        }
    }

    /// Returns the first step because of `trouble` with an engine where `completed` jobs have ended
    /// well.
    fn first(&mut self, engine: usize, trouble: Trouble, completed: u64) -> Step {
        if let Some(tried) = self.engines.get_mut(engine) {
            if core::mem::replace(&mut tried.completed, completed) != completed {
                tried.ladder.works();
            }
        }
        self.ladder(engine).next(trouble, monotonic_ns())
    }

    /// The step did not help; returns the next one.
    fn next(&mut self, engine: usize) -> Step {
        self.ladder(engine).failed(monotonic_ns())
    }

    /// All of the device was reset because of `engine`: so were the others.
    fn was_reset(&mut self, engine: usize) {
        // That it was given up once is no reason to do so again.
        self.device.works();
        for (index, tried) in self.engines.iter_mut().enumerate() {
            if index != engine {
                tried.ladder.works();
            }
        }
    }
}

/// What made recovery necessary: the job that its engine is off.
struct Suspect<T: Driver> {
    job: Look<T>,
    /// Whose job it is.
    client: ClientId,
    trouble: Trouble,
    /// How many jobs have ended well on the engine.
    completed: u64,
}

impl<T: Driver> Device<T> {
    /// Takes `step`, and those after it until one helps; returns which. All but those that concern
    /// the device as a whole are done by `lower`.
    fn climb(
        &self,
        bound: &Bound<'_, T>,
        recovery: &mut Recovery,
        engine: usize,
        mut step: Step,
        lower: impl Fn(Step) -> Result,
    ) -> Step {
        let reason = match engine {
            NO_ENGINE => ResetReason::Device,
            _ => ResetReason::Job,
        };
        loop {
            let taken = match step {
                Step::Job | Step::Context | Step::Engine => lower(step),
                Step::Device => self.reset_hardware(bound, reason),
                Step::Wedge => Ok(()),
            };
            if taken.is_ok() {
                return step;
            }
            step = recovery.next(engine);
        }
    }

    /// Resets all of the device, on which nothing is started any more.
    fn reset_hardware(&self, bound: &Bound<'_, T>, reason: ResetReason) -> Result {
        self.set_health(health::State::Resetting);
        for scheduler in &self.schedulers {
            scheduler.pause();
        }
        let reset = match T::HAS_RESET_DEVICE {
            true => T::reset_device(&bound.data),
            false => (0..T::ENGINES.len()).try_for_each(|engine| T::reset(&bound.data, engine)),
        };
        self.health.count_reset(reset.is_ok());
        self.tell_of_reset(None, reason, reset);
        reset
    }

    /// Goes on after [`Device::reset_hardware`], or gives the device up.
    fn go_on(&self, bound: &Bound<'_, T>, is_reset: bool) {
        self.is_troubled.store(true, Relaxed);
        let health = match is_reset {
            true => health::State::Operational,
            false => health::State::Wedged,
        };
        self.set_health(health);
        for scheduler in &self.schedulers {
            match is_reset {
                true => scheduler.reopen(bound),
                false => scheduler.wedge(bound),
            }
        }
        bound.watch.clone().announce();
    }

    /// Has everybody look closer from now on at who may have jobs.
    pub(crate) fn tell_of_trouble(&self) {
        self.is_troubled.store(true, Relaxed);
        for scheduler in &self.schedulers {
            scheduler.state.lock().has_refused = true;
        }
    }

    /// Resets the device, whatever it does, even if it was given up. EIO: that does not help.
    pub(crate) fn reset(&self, bound: &Bound<'_, T>) -> Result {
        let mut recovery = self.recovery.lock();
        let reset = self.reset_all(bound, &mut recovery, ResetReason::Administrator);
        drop(recovery);
        bound.watch.clone().arm();
        reset.map_err(|_| EIO)
    }

    /// Resets the device with the lock, and goes on, or gives it up.
    pub(crate) fn reset_all(
        &self,
        bound: &Bound<'_, T>,
        recovery: &mut Recovery,
        reason: ResetReason,
    ) -> Result {
        let reset = self.reset_hardware(bound, reason);
        recovery.was_reset(NO_ENGINE);
        self.go_on(bound, reset.is_ok());
        reset
    }

    /// Brings a device back that is not well. Returns whether it is.
    pub(crate) fn revive(&self, bound: &Bound<'_, T>) -> bool {
        let mut recovery = self.recovery.lock();
        if self.health.state() == health::State::Wedged {
            return false;
        }
        // It may have been reset meanwhile.
        if T::HAS_IS_WELL && T::is_well(&bound.data) {
            return true;
        }
        if let Some(dump) = &mut recovery.dump {
            self.write_dump(dump, bound, None);
        }
        self.set_health(health::State::Resetting);
        if T::HAS_REVIVE && T::revive(&bound.data).is_ok() {
            self.health.count_reset(false);
            self.tell_of_reset(None, ResetReason::Device, Ok(()));
            self.set_health(health::State::Operational);
            return true;
        }
        let first = recovery.first(NO_ENGINE, Trouble::Device, 0);
        let step = self.climb(bound, &mut recovery, NO_ENGINE, first, |_| Err(EIO));
        recovery.was_reset(NO_ENGINE);
        self.go_on(bound, step == Step::Device);
        step == Step::Device
    }
}

impl<T: Driver> Scheduler<T> {
    /// Recovers an engine from its job, which hangs or left it in need of a reset.
    pub(crate) fn recover(&self, device: &Device<T>, bound: &Bound<'_, T>, index: usize) {
        let mut recovery = device.recovery.lock();
        // Else it was reset with the device.
        let Some(suspect) = self.suspect(index) else {
            return;
        };
        if let Some(dump) = &mut recovery.dump {
            let hung = Hung {
                engine: index,
                job: &suspect.job,
            };
            device.write_dump(dump, bound, Some(hung));
        }
        let first = recovery.first(index, suspect.trouble, suspect.completed);
        let step = device.climb(bound, &mut recovery, index, first, |step| match step {
            Step::Engine => {
                device.set_health(health::State::Resetting);
                let reset = T::reset(&bound.data, index);
                device.health.count_reset(false);
                device.tell_of_reset(Some(index), ResetReason::Job, reset);
                reset
            }
            _ if T::HAS_ABORT => T::abort(&bound.data, index, &suspect.job.payload),
            _ => Err(EIO),
        });
        self.punish(&suspect, step);
        device.tell_of_trouble();
        bound.watch.clone().end_user_queues();
        // So that the engine has the last reference.
        drop(suspect);
        match step {
            Step::Job | Step::Context | Step::Engine => {
                if step == Step::Engine {
                    device.set_health(health::State::Operational);
                }
                self.resume(bound, index, step);
            }
            Step::Device | Step::Wedge => {
                recovery.was_reset(index);
                device.go_on(bound, step == Step::Device);
            }
        }
    }

    /// Sees to it that who hangs engines does so less often.
    fn punish(&self, suspect: &Suspect<T>, step: Step) {
        let queue = &suspect.job.queue;
        if step == Step::Context {
            queue.life().end();
        }
        if let Trouble::Job(_) = suspect.trouble {
            let standing = queue.share().conduct.offend(step);
            self.slow_down(suspect.client, standing.slowdown());
        }
    }

    fn suspect(&self, index: usize) -> Option<Suspect<T>> {
        let mut state = self.state.lock();
        let engine = self.engine(&mut state, index)?;
        let (running, fault) = engine.faulted()?;
        let job = Look::at(&running.job);
        let culprit = job.queue.culprit();
        Some(Suspect {
            job,
            client: running.ticket.client(),
            trouble: match fault.kind {
                FaultKind::Timeout => Trouble::Job(culprit),
                _ => Trouble::Engine(culprit),
            },
            completed: engine.stats.completed,
        })
    }

    /// Goes on after a step for one engine.
    fn resume(&self, bound: &Bound<'_, T>, index: usize, step: Step) {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        state.settle(index - self.engines().start, step, &mut done);
        self.start_all(&mut state, bound, &mut done);
        drop(state);
        self.tell(bound, done);
    }

    /// Starts nothing until [`Scheduler::reopen`].
    fn pause(&self) {
        let mut state = self.state.lock();
        for engine in 0..state.engines.len() {
            state.enable(engine, false);
        }
    }

    /// Goes on after a reset of the device.
    fn reopen(&self, bound: &Bound<'_, T>) {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        if state.mode == Mode::Wedged {
            state.mode = Mode::Open;
            self.is_wedged.store(false, Relaxed);
        }
        for engine in 0..state.engines.len() {
            state.settle(engine, Step::Device, &mut done);
        }
        let State { lost, retired, .. } = &mut *state;
        retired.append(lost);
        self.start_all(&mut state, bound, &mut done);
        drop(state);
        self.tell(bound, done);
        if let Some(worker) = bound.workers.get(self.engines().start) {
            worker.reap();
        }
    }

    /// Takes no more jobs, and ends all of them, as the device is given up. It may still use what
    /// those in flight are made of, so they are kept.
    fn wedge(&self, bound: &Bound<'_, T>) {
        let mut state = self.state.lock();
        if state.mode.takes() {
            state.mode = Mode::Wedged;
            self.is_wedged.store(true, Relaxed);
        }
        drop(state);
        let told = self.lose().tell();
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        state.lost.keep(told);
        let reset = Fault::new(FaultKind::Reset);
        while let Some(job) = state.ready.take_any(|job| job.queue.id()) {
            state.refuse(job, reset, &mut done);
        }
        drop(state);
        self.tell(bound, done);
    }

    /// Ends the jobs that are in flight.
    fn lose(&self) -> DoneList<T> {
        let mut lost = DoneList::new();
        let mut state = self.state.lock();
        while let Some((running, fault)) = state.engines.iter_mut().find_map(|engine| {
            let reset = Fault::new(FaultKind::Reset);
            let lost = |engine: &mut Engine<T>| Some((engine.take_lost()?, reset));
            engine.take_faulted().or_else(|| lost(engine))
        }) {
            lost.push(state.account(running, Err(fault)));
        }
        lost
    }
}

impl<T: Driver> State<T> {
    /// Ends, or queues again, what a step has hit on an engine, which goes on.
    fn settle(&mut self, number: usize, step: Step, done: &mut DoneList<T>) {
        let mut again = List::new();
        while let Some((running, fault)) = self.take_hit(number, step) {
            match fault {
                Some(fault) => done.push(self.account(running, Err(fault))),
                None => again.push_back(self.take_back(running)),
            }
        }
        self.ready.put_back(again, |job| job.queue.id());
        self.enable(number, self.mode.takes());
    }

    /// Takes a job off an engine that a step has hit: how it ends, if it does.
    fn take_hit(&mut self, number: usize, step: Step) -> Option<(Running<T>, Option<Fault>)> {
        let engine = self.engines.get_mut(number)?;
        if let Some((running, fault)) = engine.take_faulted() {
            return Some((running, Some(fault)));
        }
        if step < Step::Engine {
            return None;
        }
        let running = engine.take_lost()?;
        let witness = Witness {
            is_culprit: false,
            is_repeatable: running.job.is_repeatable,
            reruns: running.job.reruns(),
        };
        let fault = match verdict(step, witness) {
            Verdict::Rerun => None,
            _ => Some(Fault::new(FaultKind::Reset)),
        };
        Some((running, fault))
    }
}
