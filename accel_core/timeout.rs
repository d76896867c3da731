// SPDX-License-Identifier: GPL-2.0

//! Time-outs: finds the jobs that hang, for `recovery`.

use kernel_ext::time::monotonic_ns;

use crate::{
    device::{
        Bound,
        Device, //
    },
    done::DoneList,
    driver::{
        Driver,
        Progress, //
    },
    engine::NEVER,
    job::{
        Fault,
        FaultKind, //
    },
    scheduler::Scheduler,
    scheduler_state::State, //
};

impl<T: Driver> Scheduler<T> {
    /// Looks after the jobs of an engine whose time may be over.
    pub(crate) fn check_timeout(&self, device: &Device<T>, bound: &Bound<'_, T>, engine: usize) {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        let is_hung = self.look_at_due(&mut state, bound, engine, &mut done);
        let due = self.engine(&mut state, engine).and_then(|engine| {
            let due = engine.first_due();
            engine.timer = due.map_or(NEVER, |(_, due)| due);
            due
        });
        if let (Some((_, due)), Some(worker)) = (due, bound.workers.get(engine)) {
            worker.arm_timeout(due.saturating_sub(monotonic_ns()));
        }
        drop(state);
        self.tell(bound, done);
        if is_hung {
            self.recover(device, bound, engine);
        }
    }

    /// Looks at the job of an engine whose time is over first. Returns whether it hangs: the engine
    /// starts nothing until it is recovered.
    fn look_at_due(
        &self,
        state: &mut State<T>,
        bound: &Bound<'_, T>,
        index: usize,
        done: &mut DoneList<T>,
    ) -> bool {
        let Some(engine) = self.engine(state, index) else {
            return false;
        };
        let (now, allowed) = (monotonic_ns(), engine.timeout_ns());
        let Some((at, running)) = engine.overdue(now) else {
            return false;
        };
        let progress = match T::HAS_PROGRESS {
            true => T::progress(&bound.data, index, &running.job.payload),
            false => Progress::Hung,
        };
        if let Progress::Progressing = progress {
            let timeout = running.job.queue.timeout_ns(allowed);
            running.deadline = Some(now.saturating_add(timeout));
            return false;
        }
        let Some(running) = engine.take_at(at) else {
            return false;
        };
        match progress {
            Progress::Ended(outcome) => {
                self.finish(state, bound, running, outcome, done);
                self.start_all(state, bound, done);
                false
            }
            _ => {
                let job = &running.job;
                job.queue.tell_of_timeout(index, job.armed.number());
                let fault = Fault::new(FaultKind::Timeout);
                self.hold(state, running, fault, done);
                true
            }
        }
    }
}
