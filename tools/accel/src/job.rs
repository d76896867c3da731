// SPDX-License-Identifier: GPL-2.0
//! Give a device work and wait for it.

mod prepared;
mod status;

use std::time::Duration;

use accel_uapi::accel_point;
use accel_uapi::accel_submit;
use accel_uapi::accel_submit_buffer;
use accel_uapi::accel_wait;
use rustix::io::Errno;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use zerocopy::FromZeros;

pub use prepared::Prepared;
pub use status::Fault;
pub use status::State;
pub use status::Status;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::queue::Queue;
use crate::sys::job as sys;
use crate::timeline::Point;

/// How a job uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    fn flags(self) -> u32 {
        match self {
            Access::Read => accel_uapi::ACCEL_BUFFER_READ,
            Access::Write => accel_uapi::ACCEL_BUFFER_WRITE,
            Access::ReadWrite => accel_uapi::ACCEL_BUFFER_READ | accel_uapi::ACCEL_BUFFER_WRITE,
        }
    }
}

/// A moment on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub(crate) i64);

impl Deadline {
    /// Never.
    pub const NEVER: Deadline = Deadline(i64::MAX);

    /// Over already: look, do not wait.
    pub const OVER: Deadline = Deadline(0);

    /// `timeout` from now; [`NEVER`](Self::NEVER) if a clock cannot hold it.
    pub fn after(timeout: Duration) -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let now = now
            .tv_sec
            .saturating_mul(1_000_000_000)
            .saturating_add(now.tv_nsec);
        Deadline(now.saturating_add(timeout.as_nanos().try_into().unwrap_or(i64::MAX)))
    }
}

/// A job before it is submitted. It may be submitted any number of times.
#[derive(Clone, Debug)]
pub struct Submit {
    device: Device,
    queue: Option<Queue>,
    buffers: Vec<(Buffer, u32)>,
    points: Vec<(Point, u32)>,
    payload: Vec<u8>,
}

impl Submit {
    /// A job for queue 0 of `device`, without buffers and payload.
    pub fn new(device: &Device) -> Self {
        Self::with(device, None)
    }

    /// A job for `queue`, without buffers and payload.
    pub fn to(queue: &Queue) -> Self {
        Self::with(queue.device(), Some(queue.clone()))
    }

    fn with(device: &Device, queue: Option<Queue>) -> Self {
        Submit {
            device: device.clone(),
            queue,
            buffers: Vec::new(),
            points: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Name a buffer that the job uses; returns the index by which a payload refers to it. A buffer
    /// that is named again keeps its index and may be used both ways.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignBuffer`].
    pub fn buffer(&mut self, buffer: &Buffer, access: Access) -> Result<u32> {
        if !buffer.device().same_client(&self.device) {
            return Err(Error::ForeignBuffer);
        }
        let known = self
            .buffers
            .iter()
            .position(|(known, _)| known.number() == buffer.number());
        let index = known.unwrap_or(self.buffers.len());
        match self.buffers.get_mut(index) {
            Some((_, flags)) => *flags |= access.flags(),
            None => self.buffers.push((buffer.clone(), access.flags())),
        }
        u32::try_from(index).map_err(|_| Error::in_call("name a buffer")(Errno::TOOBIG))
    }

    /// Neither wait for others because of a buffer that is shared, nor have others wait for the job:
    /// that is up to the caller. `index` is what [`buffer`](Self::buffer) returned; others are ignored.
    pub fn without_sync(&mut self, index: u32) {
        if let Some((_, flags)) = self.buffers.get_mut(index as usize) {
            *flags |= accel_uapi::ACCEL_BUFFER_NO_SYNC;
        }
    }

    /// Start the job only when a point is done. If nothing backs it when the job is submitted, this and
    /// those that are submitted after it wait until something does.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTimeline`].
    pub fn wait_for(&mut self, point: &Point) -> Result<()> {
        self.point(point, accel_uapi::ACCEL_POINT_WAIT)
    }

    /// Add a point that is done when the job has ended, well or not. As a point can be added once, such
    /// a job can be submitted once.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTimeline`].
    pub fn signal(&mut self, point: &Point) -> Result<()> {
        self.point(point, accel_uapi::ACCEL_POINT_SIGNAL)
    }

    fn point(&mut self, point: &Point, flags: u32) -> Result<()> {
        if !point.timeline().device().same_client(&self.device) {
            return Err(Error::ForeignTimeline);
        }
        self.points.push((point.clone(), flags));
        Ok(())
    }

    /// Set what the driver runs; its form is the driver's.
    pub fn payload(&mut self, payload: Vec<u8>) {
        self.payload = payload;
    }

    /// Queue the job. It runs after all jobs that were queued there before, and after the work of
    /// others on buffers that are shared.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] by the driver; [`Error::Call`]: `TooBig`, `Quota` too many unfinished jobs,
    /// `Invalid` a point to signal is not after the last one, or the job waits for its own point,
    /// `Failed` the device is wedged, `Access` the job writes to a buffer that is named for reading,
    /// `NoMemory`, `Gone`.
    pub fn submit(&self) -> Result<Job> {
        match submit_all(&[self]) {
            Ok(mut jobs) => jobs
                .pop()
                .ok_or(Error::in_call("submit a job")(Errno::INVAL)),
            Err(refused) => Err(refused.error),
        }
    }

    /// The job that the kernel numbered.
    fn numbered(&self, number: u64) -> Job {
        Job {
            device: self.device.clone(),
            queue: self.queue.clone(),
            number,
        }
    }

    fn queue_number(&self) -> u32 {
        self.queue.as_ref().map_or(0, Queue::number)
    }

    fn points(&self) -> Vec<accel_point> {
        let raw = |(point, flags): &(Point, u32)| accel_point {
            flags: *flags,
            ..point.raw()
        };
        self.points.iter().map(raw).collect()
    }

    fn named(&self) -> Vec<accel_submit_buffer> {
        let named = |(buffer, flags): &(Buffer, u32)| accel_submit_buffer {
            handle: buffer.number(),
            flags: *flags,
        };
        self.buffers.iter().map(named).collect()
    }
}

/// Why not all jobs were queued.
#[derive(Debug)]
pub struct Refused {
    /// Those before the one that was refused: they are queued, and go on.
    pub queued: Vec<Job>,
    /// Why it was refused.
    pub error: Error,
}

/// Queue jobs in one call, in their order, as [`Submit::submit`] does one: all to the queue of the
/// first, until one is refused.
///
/// # Errors
///
/// As [`Submit::submit`]; [`Error::OtherQueue`], and none is queued; [`Error::Call`]: `TooBig` more
/// than 64.
pub fn submit_all(jobs: &[&Submit]) -> std::result::Result<Vec<Job>, Refused> {
    let none = |error| Refused {
        queued: Vec::new(),
        error,
    };
    let Some(first) = jobs.first() else {
        return Ok(Vec::new());
    };
    let is_apart = |job: &&Submit| {
        !job.device.same_client(&first.device) || job.queue_number() != first.queue_number()
    };
    if jobs.iter().any(is_apart) {
        return Err(none(Error::OtherQueue));
    }
    let lists: Vec<_> = jobs.iter().map(|job| (job.named(), job.points())).collect();
    let new: Vec<_> = jobs
        .iter()
        .zip(&lists)
        .map(|(job, (buffers, points))| sys::NewJob {
            what: sys::What::Payload {
                buffers,
                payload: &job.payload,
            },
            points,
        })
        .collect();
    let (numbers, raw, result) = sys::submit(&first.device, first.queue_number(), &new);
    let queued = jobs.iter().zip(numbers);
    let queued = queued.map(|(job, number)| job.numbered(number)).collect();
    match result {
        Ok(()) => Ok(queued),
        Err(errno) => Err(Refused {
            queued,
            error: refusal(&raw, errno),
        }),
    }
}

fn refusal(raw: &accel_submit, errno: Errno) -> Error {
    Error::in_payload("submit a job", errno, raw.refused_reason, raw.refused_at)
}

/// A job that was submitted. Dropping it changes nothing: the job runs on.
#[derive(Clone, Debug)]
pub struct Job {
    device: Device,
    queue: Option<Queue>,
    number: u64,
}

impl Job {
    /// Number of the job, counted up from 1 in each queue.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Sleep until the job ends; it ended well if this succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::JobFailed`]; [`Error::Deadline`], and the job goes on; [`Error::Call`]: `StatusLost`
    /// if it ended too many jobs ago, `Gone`.
    pub fn wait(&self, deadline: Deadline) -> Result<Status> {
        let (raw, result) = self.call(deadline);
        outcome(&raw, result)
    }

    /// How the job is now, or how it ended, well or not.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `StatusLost` if it ended too many jobs ago, `Gone`.
    pub fn look(&self) -> Result<Status> {
        let (raw, result) = self.call(Deadline::OVER);
        match outcome(&raw, result) {
            Err(Error::JobFailed { status } | Error::Deadline { status }) => Ok(status),
            other => other,
        }
    }

    fn call(&self, deadline: Deadline) -> (accel_wait, std::result::Result<(), Errno>) {
        let mut raw = accel_wait {
            queue: self.queue.as_ref().map_or(0, Queue::number),
            job: self.number,
            deadline_ns: deadline.0,
            ..FromZeros::new_zeroed()
        };
        let result = sys::wait(&self.device, &mut raw);
        (raw, result)
    }
}

/// What WAIT says of the job, or of itself.
fn outcome(raw: &accel_wait, result: std::result::Result<(), Errno>) -> Result<Status> {
    let status = Status::from(raw.status);
    match result {
        Ok(()) => Ok(status),
        Err(Errno::TIMEDOUT) => Err(Error::Deadline { status }),
        Err(_) if status.state == State::Done => Err(Error::JobFailed { status }),
        Err(errno) => Err(Error::in_call("wait for a job")(errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn device() -> Device {
        Device::open("/dev/null").unwrap()
    }

    #[test]
    fn buffers_are_named_once() {
        let device = device();
        let (a, b) = (Buffer::fake(&device, 7), Buffer::fake(&device, 9));
        let mut submit = Submit::new(&device);
        assert_eq!(submit.buffer(&a, Access::Read), Ok(0));
        assert_eq!(submit.buffer(&b, Access::Write), Ok(1));
        assert_eq!(submit.buffer(&a.clone(), Access::Write), Ok(0));
        let named: Vec<_> = submit
            .named()
            .iter()
            .map(|named| (named.handle, named.flags))
            .collect();
        assert_eq!(
            named,
            [(7, Access::ReadWrite.flags()), (9, Access::Write.flags())]
        );
    }

    #[test]
    fn buffers_of_others_are_refused() {
        let foreign = Buffer::fake(&device(), 7);
        assert_eq!(
            Submit::new(&device()).buffer(&foreign, Access::Read),
            Err(Error::ForeignBuffer)
        );
    }

    #[test]
    fn a_file_that_is_no_device_is_told() {
        let error = Submit::new(&device()).submit().unwrap_err();
        assert_eq!(error.cause(), Some(Cause::NoSuchCommand));
    }

    #[test]
    fn jobs_that_are_submitted_together_go_to_one_queue() {
        let (one, other) = (device(), device());
        let refused = submit_all(&[&Submit::new(&one), &Submit::new(&other)]).unwrap_err();
        assert_eq!(refused.error, Error::OtherQueue);
        assert!(refused.queued.is_empty());
        assert!(submit_all(&[]).unwrap().is_empty());
    }

    #[test]
    fn refusals_carry_the_reason() {
        let mut raw = accel_submit::new_zeroed();
        assert_eq!(
            refusal(&raw, Errno::INVAL),
            Error::in_call("submit a job")(Errno::INVAL)
        );
        (raw.refused_reason, raw.refused_at) = (3, 70);
        let error = refusal(&raw, Errno::INVAL);
        assert_eq!(
            error,
            Error::Refused {
                cause: Cause::Invalid,
                reason: 3,
                at: 70
            }
        );
        assert_eq!(
            error.to_string(),
            "the driver refused the payload: a value is not valid (reason 3 at 70)"
        );
    }

    fn waited(state: u32, error: Errno) -> Result<Status> {
        let mut raw = accel_wait::new_zeroed();
        raw.status.state = state;
        raw.status.error = error.raw_os_error() as u32;
        outcome(&raw, Err(error))
    }

    #[test]
    fn failures_of_jobs_and_of_calls_differ() {
        let failed = |errno| waited(accel_uapi::ACCEL_JOB_DONE, errno).unwrap_err();
        for errno in [
            Errno::TIME,
            Errno::IO,
            Errno::NODATA,
            Errno::CANCELED,
            Errno::NODEV,
        ] {
            assert!(
                matches!(failed(errno), Error::JobFailed { status } if status.error == Some(errno.into()))
            );
        }
        assert!(matches!(
            waited(accel_uapi::ACCEL_JOB_RUNNING, Errno::TIMEDOUT),
            Err(Error::Deadline { .. })
        ));
        for errno in [Errno::NOENT, Errno::OVERFLOW, Errno::NODEV] {
            assert_eq!(
                waited(0, errno),
                Err(Error::in_call("wait for a job")(errno))
            );
        }
    }

    #[test]
    fn deadlines_do_not_wrap() {
        assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
        assert!(Deadline::after(Duration::from_secs(1)) > Deadline::after(Duration::ZERO));
        assert!(Deadline::after(Duration::ZERO) > Deadline::OVER);
    }
}
