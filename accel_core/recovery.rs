// SPDX-License-Identifier: GPL-2.0

//! What becomes of jobs when an engine hangs: time-outs, resets, and giving the device up.

use kernel_ext::time::monotonic_ns;

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::{
        Driver,
        Progress, //
    },
    engine::{
        Engine,
        Running, //
    },
    health,
    job::{
        Fault,
        FaultKind, //
    },
    scheduler::Scheduler,
    scheduler_state::{
        Ended,
        Mode,
        State, //
    },
};

impl<T: Driver> Scheduler<T> {
    /// Looks after the jobs of an engine whose time may be over.
    pub(crate) fn check_timeout(&self, device: &Device<T>, bound: &Bound<'_, T>, engine: usize) {
        let mut ended = Ended::new();
        let mut state = self.state.lock();
        let is_hung = self.look_at_due(&mut state, bound, engine, &mut ended);
        let due = self.engine(&mut state, engine).and_then(|engine| {
            let due = engine.first_due();
            engine.has_timer = due.is_some();
            due
        });
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
            told.told();
        }
    }

    /// Takes no more jobs, and ends those that wait, as the device is wedged.
    pub(crate) fn wedge(&self, bound: &Bound<'_, T>) {
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
}
