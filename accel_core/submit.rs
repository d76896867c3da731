// SPDX-License-Identifier: GPL-2.0

//! ACCEL_IOCTL_SUBMIT: from the user's structs to jobs.

use core::mem::{
    offset_of,
    MaybeUninit, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use kernel_ext::uaccess::{
    copy_out,
    copy_struct_in, //
};
use zerocopy::FromBytes;

use crate::{
    device::Bound,
    driver::Driver,
    file::File,
    job::{
        JobBuffer,
        Refusal, //
    },
    submissions::Submissions,
    submit_points::SubmitPoints,
    timeline_ioctl::read_points,
    uapi::{
        accel_submit,
        accel_submit_buffer,
        accel_submit_job,
        ACCEL_SUBMIT_MAX_BUFFERS,
        ACCEL_SUBMIT_MAX_JOBS,
        ACCEL_SUBMIT_MAX_POINTS,
        ACCEL_SUBMIT_REPEATABLE, //
    },
};

/// Queues the jobs one by one, until one is refused.
pub(crate) fn submit<T: Driver>(file: &File<T>, args: &mut accel_submit) -> Result {
    (args.nr_submitted, args.refused_reason, args.refused_at) = (0, 0, 0);
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    match args.nr_jobs {
        0 => return Err(EINVAL),
        n if n > ACCEL_SUBMIT_MAX_JOBS => return Err(E2BIG),
        _ => (),
    }
    let queue = file.queue(args.queue)?;
    queue.statuses().prepare()?;
    let mut addr = usize::try_from(args.jobs).map_err(|_| EFAULT)?;
    while args.nr_submitted < args.nr_jobs {
        if let Err(refusal) = submit_one(file, &queue, addr) {
            args.refused_reason = refusal.reason;
            args.refused_at = refusal.at;
            return Err(match refusal.error {
                // Nobody may call again with jobs that were queued.
                ERESTARTSYS if args.nr_submitted != 0 => EINTR,
                error => error,
            });
        }
        args.nr_submitted += 1;
        addr = addr.wrapping_add(size_of::<accel_submit_job>());
    }
    Ok(())
}

/// Copies all of a job in, then hands it to the driver and the queue under the liveness guard.
#[inline]
fn submit_one<T: Driver>(
    file: &File<T>,
    queue: &Arc<Submissions<T>>,
    addr: usize,
) -> Result<(), Refusal> {
    let mut entry = MaybeUninit::uninit();
    let entry: &mut accel_submit_job =
        copy_struct_in(addr, size_of::<accel_submit_job>(), &mut entry)?;
    if entry.flags & !ACCEL_SUBMIT_REPEATABLE != 0 {
        return Err(EOPNOTSUPP.into());
    }
    let is_repeatable = entry.flags & ACCEL_SUBMIT_REPEATABLE != 0;
    if (entry.reserved, entry.reserved2) != (0, 0) {
        return Err(EINVAL.into());
    }
    let buffers = read_buffers(file, entry)?;
    let points = look_up_points(file, entry)?;
    let payload = read_payload::<T>(entry)?;
    let guard = file.client.device.enter()?;
    let job =
        guard.with(|bound| prepare(file, queue, bound, payload, buffers, points, is_repeatable))?;
    drop(guard);
    let number = addr.wrapping_add(offset_of!(accel_submit_job, job));
    Ok(copy_out(number, &job.to_ne_bytes())?)
}

/// Has the driver make a job of the payload, and queues it. Returns its number.
fn prepare<T: Driver>(
    file: &File<T>,
    submissions: &Arc<Submissions<T>>,
    bound: &Bound<'_, T>,
    payload: KVVec<u8>,
    buffers: KVVec<JobBuffer>,
    points: SubmitPoints,
    is_repeatable: bool,
) -> Result<u64, Refusal> {
    buffers
        .iter()
        .try_for_each(|b| b.buffer.check_reach::<T>())?;
    let queue = submissions.queue();
    queue.check()?;
    let payload = T::prepare(&bound.data, &file.driver, &queue.driver, payload, &buffers)?;
    Ok(submissions.submit(bound, payload, buffers, points, is_repeatable)?)
}

/// Reads the list of buffers and looks them up.
fn read_buffers<T: Driver>(file: &File<T>, entry: &accel_submit_job) -> Result<KVVec<JobBuffer>> {
    if entry.nr_buffers > ACCEL_SUBMIT_MAX_BUFFERS {
        return Err(E2BIG);
    }
    if entry.nr_buffers == 0 {
        return Ok(KVVec::new());
    }
    let size = entry.nr_buffers as usize * size_of::<accel_submit_buffer>();
    let mut bytes = KVVec::new();
    user_slice(entry.buffers, size)?.read_all(&mut bytes, GFP_KERNEL)?;
    let list = <[accel_submit_buffer]>::ref_from_bytes(&bytes).map_err(|_| EINVAL)?;
    file.handles.get_all(list)
}

/// Reads the list of points and looks them up.
fn look_up_points<T: Driver>(file: &File<T>, entry: &accel_submit_job) -> Result<SubmitPoints> {
    match entry.nr_points {
        0 => SubmitPoints::new(&file.timelines, &[]),
        n if n > ACCEL_SUBMIT_MAX_POINTS => Err(E2BIG),
        n => SubmitPoints::new(&file.timelines, &read_points(entry.points, n)?),
    }
}

fn read_payload<T: Driver>(entry: &accel_submit_job) -> Result<KVVec<u8>> {
    let size = entry.payload_size as usize;
    if size > T::MAX_PAYLOAD {
        return Err(E2BIG);
    }
    let mut payload = KVVec::new();
    user_slice(entry.payload, size)?.read_all(&mut payload, GFP_KERNEL_ACCOUNT)?;
    Ok(payload)
}

fn user_slice(addr: u64, size: usize) -> Result<UserSlice> {
    let addr = usize::try_from(addr).map_err(|_| EFAULT)?;
    Ok(UserSlice::new(UserPtr::from_addr(addr), size))
}
