// SPDX-License-Identifier: GPL-2.0
//! What happened to a device: events that a [`Monitor`](crate::monitor::Monitor) reads.

use std::time::Duration;

use accel_uapi as uapi;
use rustix::io::Errno;

use crate::error::Cause;
use crate::info::Health;
use crate::info::LinkState;
use crate::info::numbers;
use crate::job::Fault;

numbers! {
    /// How bad an event is.
    Severity {
        /// As it should be.
        Info = ACCEL_SEVERITY_INFO, "info";
        /// Something to look at, nobody is hurt.
        Warning = ACCEL_SEVERITY_WARNING, "warning";
        /// Work of somebody was lost.
        Error = ACCEL_SEVERITY_ERROR, "error";
        /// The device does not work.
        Fatal = ACCEL_SEVERITY_FATAL, "fatal";
    }
}

numbers! {
    /// Kinds of events; [`What`] says more.
    Kind {
        /// Events were not read in time.
        Dropped = ACCEL_EVENT_DROPPED, "dropped";
        /// The health changed.
        Health = ACCEL_EVENT_HEALTH, "health";
        /// A reset ended.
        Reset = ACCEL_EVENT_RESET, "reset";
        /// A job was overdue.
        Timeout = ACCEL_EVENT_TIMEOUT, "timeout";
        /// A job or a user queue failed.
        Fault = ACCEL_EVENT_FAULT, "fault";
        /// The hardware found errors in itself.
        Error = ACCEL_EVENT_ERROR, "error";
        /// The reasons why clocks are lowered changed.
        Throttle = ACCEL_EVENT_THROTTLE, "throttle";
        /// A link changed.
        Link = ACCEL_EVENT_LINK, "link";
        /// Something happened to firmware.
        Firmware = ACCEL_EVENT_FIRMWARE, "firmware";
        /// A client came or went.
        Client = ACCEL_EVENT_CLIENT, "client";
        /// There was no room in the device's memory.
        Memory = ACCEL_EVENT_MEMORY, "memory";
        /// The device found more errors in itself than it may.
        Limit = ACCEL_EVENT_LIMIT, "limit";
    }
}

numbers! {
    /// Why there was a reset.
    ResetReason {
        /// A job hung, or left its engine in need of it.
        Job = ACCEL_RESET_JOB, "job";
        /// The device, or its firmware, was not well.
        Device = ACCEL_RESET_DEVICE, "device";
        /// An administrator wanted it.
        Administrator = ACCEL_RESET_ADMINISTRATOR, "administrator";
        /// The device did not wake as it should, or has lost its power.
        Wake = ACCEL_RESET_WAKE, "wake";
    }
}

impl Kind {
    /// Its bit in a filter, if filters have it.
    fn mask(self) -> u64 {
        1u64.checked_shl(self.raw()).unwrap_or(0)
    }
}

/// What happened. Of work of other users only privileged readers know more than that it happened:
/// numbers are 0 then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// So many events were not read in time.
    Dropped(u64),
    /// The health changed.
    Health {
        /// What it is now.
        now: Health,
        /// What it was.
        before: Health,
    },
    /// A reset ended.
    Reset {
        /// Why it did not help, if so.
        error: Option<Cause>,
        /// How often all of the device was reset, and worked afterwards.
        epoch: u64,
        /// Why there was one.
        reason: ResetReason,
    },
    /// A job was overdue.
    Timeout {
        /// Its number.
        job: u64,
    },
    /// A job or a user queue failed.
    Fault {
        /// Why.
        fault: Fault,
        /// Where.
        address: u64,
        /// The number of the job, `None` for a user queue.
        job: Option<u64>,
    },
    /// The hardware found errors in itself: corrected ones are [`Severity::Warning`].
    Error {
        /// Where: index in the list of [`info::Errors`](crate::info::Errors).
        block: u64,
        /// Where in it.
        address: u64,
        /// How many.
        count: u64,
    },
    /// Clocks are lowered for these reasons: a mask of the list of
    /// [`info::Throttle`](crate::info::Throttle).
    Throttle(u64),
    /// A link changed.
    Link {
        /// Which one.
        index: u64,
        /// How it is now.
        state: LinkState,
    },
    /// Something happened to firmware; 0: it works again.
    Firmware(u64),
    /// A client came (or went).
    Client {
        /// It came.
        came: bool,
    },
    /// There was no room in the device's memory for a buffer.
    Memory {
        /// Index of the region in the list of [`info::Memory`](crate::info::Memory).
        region: u64,
        /// Bytes that were wanted, if the reader may know.
        wanted: Option<u64>,
        /// Bytes that nobody uses.
        free: u64,
    },
    /// The device found more errors in itself than its administrator allows.
    Limit {
        /// They were not corrected, and the device is isolated.
        uncorrected: bool,
        /// How many there were of late.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Something that this library does not know, as the kernel says it.
    Unknown([u64; 3]),
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number on the device.
    pub sequence: u64,
    /// When, on CLOCK_MONOTONIC.
    pub time: Duration,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of event it is.
    pub kind: Kind,
    /// Index of the engine that it is about.
    pub engine: Option<u32>,
    /// The client that it is about, as in trace events.
    pub client: Option<u64>,
    /// A number that the context of the queue has, and no other one.
    pub context: Option<u64>,
    /// The queue of the client that it is about, as in trace events; not of user queues.
    pub queue: Option<u32>,
    /// What happened.
    pub what: What,
}

impl From<uapi::accel_event> for Event {
    fn from(raw: uapi::accel_event) -> Self {
        Event {
            sequence: raw.sequence,
            time: Duration::from_nanos(raw.time_ns),
            severity: raw.severity.into(),
            kind: raw.kind.into(),
            engine: (raw.engine != uapi::ACCEL_EVENT_NONE).then_some(raw.engine),
            client: (raw.client != 0).then_some(raw.client),
            context: (raw.context != 0).then_some(raw.context),
            queue: (raw.queue != uapi::ACCEL_EVENT_NONE).then_some(raw.queue),
            what: what(raw.kind, raw.data),
        }
    }
}

fn what(kind: u32, data: [u64; 3]) -> What {
    // Numbers of enums; none of them is longer.
    let number = |i: usize| u32::try_from(data[i]).unwrap_or(u32::MAX);
    match kind {
        uapi::ACCEL_EVENT_DROPPED => What::Dropped(data[0]),
        uapi::ACCEL_EVENT_HEALTH => What::Health {
            now: number(0).into(),
            before: number(1).into(),
        },
        uapi::ACCEL_EVENT_RESET => What::Reset {
            error: cause(data[0]),
            epoch: data[1],
            reason: number(2).into(),
        },
        uapi::ACCEL_EVENT_TIMEOUT => What::Timeout { job: data[0] },
        uapi::ACCEL_EVENT_FAULT => What::Fault {
            fault: number(0).into(),
            address: data[1],
            job: (data[2] != 0).then_some(data[2]),
        },
        uapi::ACCEL_EVENT_ERROR => What::Error {
            block: data[0],
            address: data[1],
            count: data[2],
        },
        uapi::ACCEL_EVENT_THROTTLE => What::Throttle(data[0]),
        uapi::ACCEL_EVENT_LINK => What::Link {
            index: data[0],
            state: number(1).into(),
        },
        uapi::ACCEL_EVENT_FIRMWARE => What::Firmware(data[0]),
        uapi::ACCEL_EVENT_CLIENT => What::Client { came: data[0] != 0 },
        uapi::ACCEL_EVENT_MEMORY => What::Memory {
            region: data[0],
            wanted: (data[1] != 0).then_some(data[1]),
            free: data[2],
        },
        uapi::ACCEL_EVENT_LIMIT => What::Limit {
            uncorrected: data[0] != 0,
            count: data[1],
            limit: data[2],
        },
        _ => What::Unknown(data),
    }
}

fn cause(errno: u64) -> Option<Cause> {
    let errno = i32::try_from(errno).ok().filter(|errno| *errno != 0)?;
    Some(Errno::from_raw_os_error(errno).into())
}

/// Which events a monitor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    kinds: u64,
    severity: u32,
}

impl Filter {
    /// All events.
    pub const ALL: Filter = Filter {
        kinds: (2 << uapi::ACCEL_EVENT_LIMIT) - (1 << uapi::ACCEL_EVENT_HEALTH),
        severity: 0,
    };

    /// Of these kinds only. [`Kind::Dropped`] cannot be hidden.
    #[must_use]
    pub fn only(self, kinds: &[Kind]) -> Self {
        let mask = kinds.iter().fold(0, |mask, kind| mask | kind.mask());
        Filter {
            kinds: self.kinds & mask,
            ..self
        }
    }

    /// No client that comes or goes.
    #[must_use]
    pub fn without_clients(self) -> Self {
        Filter {
            kinds: self.kinds & !Kind::Client.mask(),
            ..self
        }
    }

    /// Nothing less bad than this.
    #[must_use]
    pub fn at_least(self, severity: Severity) -> Self {
        Filter {
            severity: severity.raw(),
            ..self
        }
    }

    pub(crate) fn raw(self) -> uapi::accel_event_filter {
        uapi::accel_event_filter {
            kinds: self.kinds,
            severity: self.severity,
            flags: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(kind: u32, data: [u64; 3]) -> uapi::accel_event {
        uapi::accel_event {
            sequence: 7,
            time_ns: 1_500_000_000,
            kind,
            severity: uapi::ACCEL_SEVERITY_ERROR,
            engine: uapi::ACCEL_EVENT_NONE,
            queue: uapi::ACCEL_EVENT_NONE,
            client: 0,
            context: 0,
            data,
        }
    }

    #[test]
    fn what_does_not_apply_is_absent() {
        let event = Event::from(raw(uapi::ACCEL_EVENT_RESET, [0, 3, 1]));
        assert_eq!(event.time, Duration::from_millis(1500));
        assert_eq!((event.engine, event.client), (None, None));
        let expected = What::Reset {
            error: None,
            epoch: 3,
            reason: ResetReason::Job,
        };
        assert_eq!(event.what, expected);
        let event = Event::from(raw(uapi::ACCEL_EVENT_FAULT, [3, 0x1000, 0]));
        assert!(matches!(event.what, What::Fault { job: None, .. }));
    }

    #[test]
    fn an_unknown_kind_is_kept() {
        let data = [1, 2, 3];
        let event = Event::from(raw(63, data));
        assert_eq!(event.kind, Kind::Unknown(63));
        assert_eq!(event.what, What::Unknown(data));
    }

    #[test]
    fn filters_are_masks() {
        let filter = Filter::ALL.without_clients().at_least(Severity::Error);
        assert_eq!(filter.raw().kinds, 0xdfe);
        assert_eq!(filter.raw().severity, uapi::ACCEL_SEVERITY_ERROR);
        let filter = Filter::ALL.only(&[Kind::Health, Kind::Dropped, Kind::Unknown(64)]);
        assert_eq!(filter.raw().kinds, 1 << uapi::ACCEL_EVENT_HEALTH);
    }
}
