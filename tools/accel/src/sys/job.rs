// SPDX-License-Identifier: GPL-2.0
//! The commands of jobs.

use std::os::fd::AsFd;

use accel_uapi::accel_job_prepare;
use accel_uapi::accel_job_release;
use accel_uapi::accel_job_replace;
use accel_uapi::accel_point;
use accel_uapi::accel_submit;
use accel_uapi::accel_submit_buffer;
use accel_uapi::accel_submit_job;
use accel_uapi::accel_wait;
use accel_uapi::ioctl;
use rustix::io::Errno;
use zerocopy::FromZeros;

use super::Result;
use super::call;
use super::call_once;
use super::length;

/// A job, before it is submitted.
#[derive(Debug)]
pub(crate) struct NewJob<'a> {
    pub(crate) what: What<'a>,
    pub(crate) points: &'a [accel_point],
}

/// What a job is.
#[derive(Debug)]
pub(crate) enum What<'a> {
    Payload {
        buffers: &'a [accel_submit_buffer],
        payload: &'a [u8],
    },
    Prepared {
        number: u32,
        replace: &'a [accel_job_replace],
    },
}

impl NewJob<'_> {
    fn raw(&self) -> Result<accel_submit_job> {
        let mut raw = accel_submit_job {
            nr_points: length(self.points)?,
            points: self.points.as_ptr().expose_provenance() as u64,
            ..accel_submit_job::new_zeroed()
        };
        match self.what {
            What::Payload { buffers, payload } => {
                raw.buffers = buffers.as_ptr().expose_provenance() as u64;
                raw.nr_buffers = length(buffers)?;
                raw.payload = payload.as_ptr().expose_provenance() as u64;
                raw.payload_size = length(payload)?;
            }
            What::Prepared { number, replace } => {
                raw.prepared = number;
                raw.buffers = replace.as_ptr().expose_provenance() as u64;
                raw.nr_buffers = length(replace)?;
            }
        }
        Ok(raw)
    }
}

/// Queue jobs. The numbers of those that were queued, and what else the kernel left, are returned
/// with failures too.
pub(crate) fn submit(
    fd: impl AsFd,
    queue: u32,
    jobs: &[NewJob<'_>],
) -> (Vec<u64>, accel_submit, Result<()>) {
    let mut argument = accel_submit {
        queue,
        ..accel_submit::new_zeroed()
    };
    let mut raw = match jobs.iter().map(NewJob::raw).collect::<Result<Vec<_>>>() {
        Ok(raw) => raw,
        Err(errno) => return (Vec::new(), argument, Err(errno)),
    };
    let mut queued = 0;
    let result = loop {
        let rest = raw.get_mut(queued..).unwrap_or_default();
        argument.nr_submitted = 0;
        argument.jobs = rest.as_mut_ptr().expose_provenance() as u64;
        argument.nr_jobs = match length(rest) {
            Ok(count) => count,
            Err(errno) => break Err(errno),
        };
        // SAFETY: SUBMIT takes an `accel_submit`, reads and writes `nr_jobs` elements at `jobs`, and
        // reads what those point to: `nr_buffers`, `nr_points` and `payload_size` elements, all
        // before it returns.
        let result = unsafe { call_once::<{ ioctl::SUBMIT }, _>(fd.as_fd(), &mut argument) };
        queued += argument.nr_submitted as usize;
        // A signal; those before it are not queued again.
        if result != Err(Errno::INTR) {
            break result;
        }
    };
    let queued = raw.iter().take(queued);
    (queued.map(|job| job.job).collect(), argument, result)
}

/// Have a job checked. What the kernel left is returned with failures too.
pub(crate) fn job_prepare(
    fd: impl AsFd,
    queue: u32,
    buffers: &[accel_submit_buffer],
    payload: &[u8],
) -> (accel_job_prepare, Result<()>) {
    let mut argument = accel_job_prepare {
        queue,
        buffers: buffers.as_ptr().expose_provenance() as u64,
        payload: payload.as_ptr().expose_provenance() as u64,
        ..accel_job_prepare::new_zeroed()
    };
    let lengths = length(buffers).and_then(|buffers| Ok((buffers, length(payload)?)));
    let result = lengths.and_then(|(buffers, payload)| {
        argument.nr_buffers = buffers;
        argument.payload_size = payload;
        // SAFETY: JOB_PREPARE takes an `accel_job_prepare` and reads `nr_buffers` elements at
        // `buffers` and `payload_size` bytes at `payload`, all before it returns.
        unsafe { call::<{ ioctl::JOB_PREPARE }, _>(fd.as_fd(), &mut argument) }
    });
    (argument, result)
}

/// Give a prepared job back.
pub(crate) fn job_release(fd: impl AsFd, queue: u32, handle: u32) -> Result<()> {
    let mut argument = accel_job_release {
        queue,
        handle,
        ..accel_job_release::new_zeroed()
    };
    // SAFETY: JOB_RELEASE takes an `accel_job_release`, which has no pointers.
    unsafe { call::<{ ioctl::JOB_RELEASE }, _>(fd.as_fd(), &mut argument) }
}

/// Wait for a job to end.
pub(crate) fn wait(fd: impl AsFd, argument: &mut accel_wait) -> Result<()> {
    // SAFETY: WAIT takes an `accel_wait`, which has no pointers.
    unsafe { call::<{ ioctl::WAIT }, _>(fd.as_fd(), argument) }
}
