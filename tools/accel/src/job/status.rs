// SPDX-License-Identifier: GPL-2.0
//! How a job is, or how it ended.

use std::fmt;
use std::time::Duration;

use accel_uapi::accel_job_status;
use rustix::io::Errno;

use crate::error::Cause;
use crate::info::numbers;
use crate::info::time;

numbers! {
    /// Where a job is.
    State {
        /// Waits for an engine.
        Queued = ACCEL_JOB_QUEUED, "waits for an engine";
        /// On an engine.
        Running = ACCEL_JOB_RUNNING, "is running";
        /// Ended.
        Done = ACCEL_JOB_DONE, "is done";
    }
}

numbers! {
    /// Why a job failed.
    Fault {
        /// It did not.
        None = ACCEL_FAULT_NONE, "no fault";
        /// It did not end in time.
        Timeout = ACCEL_FAULT_TIMEOUT, "it took too long and was stopped";
        /// The device did not understand a command.
        Command = ACCEL_FAULT_COMMAND, "the device did not understand a command";
        /// An access to memory failed.
        Bus = ACCEL_FAULT_BUS, "the device could not access memory";
        /// The device failed otherwise.
        Device = ACCEL_FAULT_DEVICE, "the device failed";
        /// Lost to a reset that it did not cause.
        Reset = ACCEL_FAULT_RESET, "it was lost when the device was reset because of another job";
        /// The device went away.
        Gone = ACCEL_FAULT_GONE, "the device went away";
        /// It was canceled, or what it waited for cannot come.
        Canceled = ACCEL_FAULT_CANCELED, "it was canceled";
        /// The kernel had no memory to go on with it.
        NoMemory = ACCEL_FAULT_NO_MEMORY, "the kernel was out of memory";
        /// An address of its address space leads nowhere, or it may not do that there.
        Page = ACCEL_FAULT_PAGE, "it accessed what is not mapped, or not for that";
    }
}

/// How a job is, or how it ended. Times are on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where the job is.
    pub state: State,
    /// What it ended with, `None` if well or not ended.
    pub error: Option<Cause>,
    /// Why it failed.
    pub fault: Fault,
    /// Index of the engine in the list of [`info::Engine`](crate::info::Engine).
    pub engine: u32,
    /// Where it faulted, 0 if unknown; its meaning is the driver's.
    pub fault_address: u64,
    /// When it was submitted.
    pub submitted: Duration,
    /// When it was put on the engine; `None` if it never was.
    pub started: Option<Duration>,
    /// When it ended; `None` if it did not yet.
    pub ended: Option<Duration>,
}

impl Status {
    /// How long the job was on its engine; `None` if it did not end there.
    pub fn run_time(&self) -> Option<Duration> {
        Some(self.ended?.saturating_sub(self.started?))
    }
}

impl From<accel_job_status> for Status {
    fn from(raw: accel_job_status) -> Self {
        Status {
            state: raw.state.into(),
            error: error(raw.error),
            fault: raw.fault.into(),
            engine: raw.engine,
            fault_address: raw.fault_address,
            submitted: Duration::from_nanos(raw.submit_ns),
            started: time(raw.start_ns),
            ended: time(raw.end_ns),
        }
    }
}

/// The meaning of an errno that came as a number; errnos end at 4095.
fn error(raw: u32) -> Option<Cause> {
    match i32::try_from(raw) {
        Ok(0) => None,
        Ok(errno @ 1..=4095) => Some(Errno::from_raw_os_error(errno).into()),
        _ => Some(Cause::Other(raw as i32)),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state != State::Done {
            return write!(f, "it {}", self.state);
        }
        match self.fault {
            Fault::None => write!(f, "it {}", self.state)?,
            fault => write!(f, "{fault}")?,
        }
        if self.fault_address != 0 {
            write!(f, " at {:#x}", self.fault_address)?;
        }
        if let Some(time) = self.run_time() {
            write!(f, " (after {time:.1?})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_failed_job_says_why() {
        let raw = accel_job_status {
            state: accel_uapi::ACCEL_JOB_DONE,
            error: Errno::IO.raw_os_error() as u32,
            fault: accel_uapi::ACCEL_FAULT_BUS,
            fault_address: 0x1000,
            submit_ns: 10,
            start_ns: 1_000_000,
            end_ns: 3_000_000,
            ..FromZeros::new_zeroed()
        };
        let status = Status::from(raw);
        assert_eq!(status.error, Some(Cause::Failed));
        assert_eq!(
            status.to_string(),
            "the device could not access memory at 0x1000 (after 2.0ms)"
        );
    }

    #[test]
    fn a_job_that_never_ran_has_no_run_time() {
        let raw = accel_job_status {
            end_ns: 5,
            ..FromZeros::new_zeroed()
        };
        assert_eq!(Status::from(raw).run_time(), None);
        let raw = accel_job_status {
            start_ns: 9,
            end_ns: 5,
            ..FromZeros::new_zeroed()
        };
        assert_eq!(Status::from(raw).run_time(), Some(Duration::ZERO));
    }

    #[test]
    fn impossible_errnos_do_no_harm() {
        assert_eq!(error(0), None);
        assert_eq!(error(4096), Some(Cause::Other(4096)));
        assert_eq!(error(u32::MAX), Some(Cause::Other(-1)));
    }
}
