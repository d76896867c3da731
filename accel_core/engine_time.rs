// SPDX-License-Identifier: GPL-2.0

//! Engine time: how long each engine has worked, and for whom.
//!
//! It is charged when a job leaves an engine, and whenever somebody asks: what was said once is never
//! taken back. That is exact, and for people; what a job costs in the schedule is for who comes next.

use kernel::sync::SpinLockIrqGuard;
use kernel_ext::{
    accounting,
    time::monotonic_ns, //
};

use crate::{
    driver::Driver,
    engine::{
        Running,
        Stats, //
    },
    logic::schedule::{
        ClientId,
        Used, //
    },
    scheduler::Scheduler,
    scheduler_state::State, //
};

impl<T: Driver> Scheduler<T> {
    /// Returns what an engine of it has done until now.
    pub(crate) fn stats(&self, engine: usize) -> Stats {
        let mut state = self.charged(engine);
        let count = state.ready.count();
        let engine = self.engine(&mut state, engine);
        let mut stats = engine.map(|engine| engine.stats()).unwrap_or_default();
        stats.queued += count;
        stats
    }

    /// Returns how long a job may take on an engine of it, nanoseconds.
    pub(crate) fn timeout_ns(&self, engine: usize) -> u64 {
        let mut state = self.state.lock();
        let engine = self.engine(&mut state, engine);
        engine.map_or(0, |engine| engine.timeout_ns())
    }

    /// Returns what an engine of it has done for a client until now.
    pub(crate) fn used(&self, client: ClientId, engine: usize) -> Used {
        let number = engine.wrapping_sub(self.engines().start);
        self.charged(engine).ready.schedule.used(client, number)
    }

    /// Returns the state, an engine's time charged until now.
    fn charged(&self, engine: usize) -> SpinLockIrqGuard<'_, State<T>> {
        let mut state = self.state.lock();
        let number = engine.wrapping_sub(self.engines().start);
        state.charge(number, monotonic_ns(), None);
        state
    }
}

impl<T: Driver> State<T> {
    /// Charges the time of an engine until now to its clients, and `jobs` that ended to the one
    /// whose job `off` was just taken off it.
    pub(crate) fn charge(&mut self, number: usize, now: u64, off: Option<(&Running<T>, u64)>) {
        let Some(engine) = self.engines.get_mut(number) else {
            return;
        };
        if !accounting::is_on() {
            return engine.skip(now);
        }
        let charged = engine.charge(now, off.map(|(running, _)| running));
        if let Some((client, ns)) = charged {
            self.ready
                .schedule
                .note(client, number, Used { ns, jobs: 0 });
        }
        if let Some((running, jobs)) = off {
            let client = running.ticket.client();
            self.ready
                .schedule
                .note(client, number, Used { ns: 0, jobs });
        }
    }
}
