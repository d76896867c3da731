// SPDX-License-Identifier: GPL-2.0
//! The commands of jobs.

use std::os::fd::AsFd;

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
    pub(crate) buffers: &'a [accel_submit_buffer],
    pub(crate) points: &'a [accel_point],
    pub(crate) payload: &'a [u8],
}

impl NewJob<'_> {
    fn raw(&self) -> Result<accel_submit_job> {
        Ok(accel_submit_job {
            flags: 0,
            reserved: 0,
            buffers: self.buffers.as_ptr().expose_provenance() as u64,
            nr_buffers: length(self.buffers)?,
            nr_points: length(self.points)?,
            points: self.points.as_ptr().expose_provenance() as u64,
            payload: self.payload.as_ptr().expose_provenance() as u64,
            payload_size: length(self.payload)?,
            reserved2: 0,
            job: 0,
        })
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

/// Wait for a job to end.
pub(crate) fn wait(fd: impl AsFd, argument: &mut accel_wait) -> Result<()> {
    // SAFETY: WAIT takes an `accel_wait`, which has no pointers.
    unsafe { call::<{ ioctl::WAIT }, _>(fd.as_fd(), argument) }
}
