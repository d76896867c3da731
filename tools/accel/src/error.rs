// SPDX-License-Identifier: GPL-2.0
//! What can go wrong, in the words of the errno contract of `uapi/accel/accel.h`.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::ethosu::BadContainer;
use crate::info::EngineKind;
use crate::job;
use crate::qda::BadOperand;

/// Result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Cause,
    },
    /// A call failed.
    Call {
        /// What was tried, for people: "create a buffer".
        call: &'static str,
        /// Why.
        cause: Cause,
    },
    /// The driver refused the payload of a job or queue.
    Refused {
        /// The errno's meaning, mostly [`Cause::Invalid`].
        cause: Cause,
        /// The driver's reason.
        reason: u32,
        /// Where in the payload, in units of the driver.
        at: u32,
    },
    /// A job ended, and not well.
    JobFailed {
        /// How it ended.
        status: job::Status,
    },
    /// A deadline passed before the job ended; the job goes on.
    Deadline {
        /// How the job is.
        status: job::Status,
    },
    /// The kernel's answer makes no sense.
    BadAnswer(&'static str),
    /// An access beyond the end of a mapping.
    OutOfRange {
        /// First byte of the access.
        offset: usize,
        /// Bytes of the access.
        length: usize,
        /// Bytes of the mapping.
        size: usize,
    },
    /// A buffer was named in a job for another open device.
    ForeignBuffer,
    /// Points of timelines of different open devices were named in one call.
    ForeignTimeline,
    /// A context was to have the address space of another open device.
    ForeignAddressSpace,
    /// Jobs were submitted together that are of different queues.
    OtherQueue,
    /// A deadline passed before the points were reached.
    NotReached,
    /// A region that the command streams of this device do not have.
    NoSuchRegion(usize),
    /// A compiled network is not what the compiler writes.
    BadContainer(BadContainer),
    /// The operands of a packet do not fit each other or the operation.
    BadOperand(BadOperand),
    /// A user queue has no room for so many commands now.
    Full,
    /// A user queue has stopped for good.
    QueueFailed {
        /// Why.
        fault: job::Fault,
        /// Where, 0 if that is unknown.
        address: u64,
    },
    /// The device has no engine of this kind.
    NoSuchEngine(EngineKind),
}

/// Meaning of an errno; the same in every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// ENOTTY: this node has no such command.
    NoSuchCommand,
    /// E2BIG: a count or payload exceeds the maximum, or this kernel is too old for what was asked.
    TooBig,
    /// EOPNOTSUPP: unknown flag, kind or placement.
    Unsupported,
    /// EINVAL: known, but a bad value.
    Invalid,
    /// EFAULT: bad pointer.
    BadPointer,
    /// ENOENT: no such file, handle, queue or job.
    NotFound,
    /// ENODEV, ENXIO: the device is gone.
    Gone,
    /// EBUSY: taken by someone else.
    Busy,
    /// EAGAIN: in reset or being scrubbed, try again. What makes something has waited for ten seconds.
    Resetting,
    /// ENOSPC: out of device memory, or at its limit.
    NoDeviceMemory,
    /// ENOMEM: out of host memory, or at the limit for locked memory.
    NoMemory,
    /// EDQUOT: a limit per client.
    Quota,
    /// EPERM: a capability is missing.
    Privilege,
    /// EACCES: the mode of the file or of the buffer does not allow it.
    Access,
    /// EIO: the device failed.
    Failed,
    /// ETIME: the job was stopped by its timeout.
    Timeout,
    /// ENODATA: the job was innocent and lost to a reset.
    LostToReset,
    /// ECANCELED: the job's own context was killed.
    Canceled,
    /// EOVERFLOW: the status of the job is no longer kept.
    StatusLost,
    /// An errno that is not in the contract.
    Other(i32),
}

const CAUSES: [(Errno, Cause, &str); 20] = [
    (
        Errno::NOTTY,
        Cause::NoSuchCommand,
        "the device does not have this command",
    ),
    (
        Errno::TOOBIG,
        Cause::TooBig,
        "too much at once, or too new for this kernel",
    ),
    (
        Errno::OPNOTSUPP,
        Cause::Unsupported,
        "not supported by this device or kernel",
    ),
    (Errno::INVAL, Cause::Invalid, "a value is not valid"),
    (Errno::FAULT, Cause::BadPointer, "bad address"),
    (Errno::NOENT, Cause::NotFound, "there is none"),
    (Errno::NODEV, Cause::Gone, "the device is gone"),
    (Errno::NXIO, Cause::Gone, "the device is gone"),
    (Errno::BUSY, Cause::Busy, "somebody else is using it"),
    (
        Errno::AGAIN,
        Cause::Resetting,
        "the device is being reset, or clears memory: try again",
    ),
    (
        Errno::NOSPC,
        Cause::NoDeviceMemory,
        "the device has no memory left",
    ),
    (Errno::NOMEM, Cause::NoMemory, "out of memory"),
    (Errno::DQUOT, Cause::Quota, "this program has too many"),
    (Errno::PERM, Cause::Privilege, "this needs a privilege"),
    (Errno::ACCESS, Cause::Access, "permission denied"),
    (Errno::IO, Cause::Failed, "the device failed"),
    (
        Errno::TIME,
        Cause::Timeout,
        "stopped because it took too long",
    ),
    (
        Errno::NODATA,
        Cause::LostToReset,
        "lost when the device was reset because of another job",
    ),
    (Errno::CANCELED, Cause::Canceled, "canceled"),
    (
        Errno::OVERFLOW,
        Cause::StatusLost,
        "ended too long ago, its result is no longer kept",
    ),
];

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Self {
        let known = CAUSES.iter().find(|(known, ..)| *known == errno);
        known.map_or(Cause::Other(errno.raw_os_error()), |(_, cause, _)| *cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Cause::Other(errno) = self {
            return io::Error::from_raw_os_error(*errno).fmt(f);
        }
        let known = CAUSES.iter().find(|(_, cause, _)| cause == self);
        f.write_str(known.map_or("unknown error", |(.., text)| text))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Open { path, cause } => write!(f, "cannot open {}: {cause}", path.display()),
            Error::Call { call, cause } => write!(f, "cannot {call}: {cause}"),
            Error::Refused { cause, reason, at } => {
                write!(
                    f,
                    "the driver refused the payload: {cause} (reason {reason} at {at})"
                )
            }
            Error::JobFailed { status } => write!(f, "the job failed: {status}"),
            Error::Deadline { status } => write!(f, "the job is not done in time: {status}"),
            Error::BadAnswer(what) => write!(f, "the kernel's answer makes no sense: {what}"),
            Error::OutOfRange {
                offset,
                length,
                size,
            } => {
                write!(
                    f,
                    "{length} bytes at {offset} are beyond the buffer's {size} bytes"
                )
            }
            Error::ForeignBuffer => f.write_str("the buffer belongs to another open device"),
            Error::ForeignTimeline => f.write_str("the timeline belongs to another open device"),
            Error::ForeignAddressSpace => {
                f.write_str("the address space belongs to another open device")
            }
            Error::OtherQueue => f.write_str("the jobs are of different queues"),
            Error::NotReached => f.write_str("the points are not reached in time"),
            Error::NoSuchRegion(region) => write!(f, "command streams have no region {region}"),
            Error::BadContainer(what) => write!(f, "not a compiled network: {what}"),
            Error::BadOperand(what) => write!(f, "operands are not right: {what}"),
            Error::Full => f.write_str("the queue has no room now"),
            Error::QueueFailed { fault, address } => {
                write!(f, "the queue has failed: {fault} at {address:#x}")
            }
            Error::NoSuchEngine(kind) => write!(f, "there is no engine that is of kind {kind}"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The errno's meaning, if the kernel refused something.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Error::Open { cause, .. }
            | Error::Call { cause, .. }
            | Error::Refused { cause, .. } => Some(*cause),
            Error::JobFailed { status } => status.error,
            _ => None,
        }
    }

    /// Name the call that failed: `result.map_err(Error::in_call("create a buffer"))`.
    pub(crate) fn in_call(call: &'static str) -> impl Fn(Errno) -> Error {
        move |errno| Error::Call {
            call,
            cause: errno.into(),
        }
    }

    /// What a call failed with whose payload the driver may have refused; `reason` is 0 if it did not.
    pub(crate) fn in_payload(call: &'static str, errno: Errno, reason: u32, at: u32) -> Error {
        match reason {
            0 => Error::in_call(call)(errno),
            reason => Error::Refused {
                cause: errno.into(),
                reason,
                at,
            },
        }
    }

    /// Name the file that failed.
    pub(crate) fn in_file(path: impl Into<PathBuf>) -> impl FnOnce(Errno) -> Error {
        move |errno| Error::Open {
            path: path.into(),
            cause: errno.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_of_the_contract_has_one_meaning() {
        for (errno, cause, text) in CAUSES {
            assert_eq!(Cause::from(errno), cause);
            assert_eq!(cause.to_string(), text);
        }
        assert_eq!(
            Cause::from(Errno::ROFS),
            Cause::Other(Errno::ROFS.raw_os_error())
        );
        assert!(Cause::from(Errno::ROFS).to_string().contains("Read-only"));
    }

    #[test]
    fn errors_are_sentences() {
        let error = Error::in_call("create a buffer")(Errno::NOMEM);
        assert_eq!(error.to_string(), "cannot create a buffer: out of memory");
        let error = Error::in_file("/dev/accel/accel7")(Errno::NOENT);
        assert_eq!(
            error.to_string(),
            "cannot open /dev/accel/accel7: there is none"
        );
        assert_eq!(error.cause(), Some(Cause::NotFound));
    }
}
