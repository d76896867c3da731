// SPDX-License-Identifier: GPL-2.0

//! Trace events: what `kernel_ext::trace` tells of jobs and resets, from what the core knows of them.

use kernel::prelude::*;
use kernel_ext::trace;

use crate::{
    device::Device,
    driver::Driver,
    job::Outcome,
    queue::Queue,
    statuses,
    uapi::accel_job_status, //
};

impl<T: Driver> Queue<T> {
    /// Returns what events tell of a job with this `status`.
    fn record(&self, job: u64, status: &accel_job_status) -> trace::Job {
        trace::Job {
            device: self.device().index(),
            queue: self.name(),
            client: self.share().client(),
            context: self.statuses().fences().id(),
            job,
            state: status.state,
            engine: status.engine,
            error: status.error,
            fault: status.fault,
            address: status.fault_address,
            submit_ns: status.submit_ns,
            start_ns: status.start_ns,
            end_ns: status.end_ns,
        }
    }

    fn record_now(&self, job: u64) -> trace::Job {
        self.record(job, &self.statuses().get(job))
    }

    /// A job has its number. Any context, as the following.
    #[inline(always)]
    pub(crate) fn trace_submit(&self, job: u64) {
        trace::job_submit(|| self.record_now(job));
    }

    /// A job was put on an engine.
    #[inline(always)]
    pub(crate) fn trace_run(&self, job: u64) {
        trace::job_run(|| self.record_now(job));
    }

    /// A job hangs.
    #[inline(always)]
    pub(crate) fn trace_timeout(&self, job: u64) {
        trace::job_timeout(|| self.record_now(job));
    }

    /// A job is about to end: who sees that it has ended finds the event.
    #[inline(always)]
    pub(crate) fn trace_done(&self, job: u64, now: u64, outcome: Outcome) {
        trace::job_done(|| {
            let mut status = self.statuses().get(job);
            statuses::finish(&mut status, now, outcome);
            self.record(job, &status)
        });
    }
}

impl<T: Driver> Device<T> {
    /// A reset has ended, and was counted: of `engine`, or of all of the device.
    pub(crate) fn trace_reset(&self, engine: Option<usize>, result: Result) {
        trace::reset(|| {
            let status = self.health.get();
            trace::Reset {
                device: self.index(),
                // CAST: There are few engines.
                engine: engine.map_or(-1, |engine| engine as i32),
                error: result.map_or_else(|e| e.to_errno().unsigned_abs(), |()| 0),
                epoch: status.epoch,
                resets: status.resets,
            }
        });
    }
}
