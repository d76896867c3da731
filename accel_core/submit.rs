// SPDX-License-Identifier: GPL-2.0

//! ACCEL_IOCTL_SUBMIT: from the user's structs to a job.

use kernel::{
    prelude::*,
    sync::Arc,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
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
        ACCEL_SUBMIT_MAX_BUFFERS,
        ACCEL_SUBMIT_MAX_POINTS,
        ACCEL_SUBMIT_REPEATABLE, //
    },
};

/// Copies everything in, then hands it to the driver and the queue under the liveness guard.
pub(crate) fn submit<T: Driver>(file: &File<T>, args: &mut accel_submit) -> Result {
    (args.job, args.refused_reason, args.refused_at) = (0, 0, 0);
    if args.flags & !ACCEL_SUBMIT_REPEATABLE != 0 {
        return Err(EOPNOTSUPP);
    }
    let is_repeatable = args.flags & ACCEL_SUBMIT_REPEATABLE != 0;
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let queue = file.queue(args.queue)?;
    let buffers = read_buffers(file, args)?;
    let points = look_up_points(file, args)?;
    let payload = read_payload::<T>(args)?;
    queue.statuses().prepare()?;
    let guard = file.client.device.enter()?;
    match guard.with(|bound| prepare(file, &queue, bound, payload, buffers, points, is_repeatable))
    {
        Ok(job) => {
            args.job = job;
            Ok(())
        }
        Err(refusal) => {
            args.refused_reason = refusal.reason;
            args.refused_at = refusal.at;
            Err(refusal.error)
        }
    }
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
fn read_buffers<T: Driver>(file: &File<T>, args: &accel_submit) -> Result<KVVec<JobBuffer>> {
    if args.nr_buffers > ACCEL_SUBMIT_MAX_BUFFERS {
        return Err(E2BIG);
    }
    if args.nr_buffers == 0 {
        return Ok(KVVec::new());
    }
    let size = args.nr_buffers as usize * size_of::<accel_submit_buffer>();
    let mut bytes = KVVec::new();
    user_slice(args.buffers, size)?.read_all(&mut bytes, GFP_KERNEL)?;
    let list = <[accel_submit_buffer]>::ref_from_bytes(&bytes).map_err(|_| EINVAL)?;
    file.handles.get_all(list)
}

/// Reads the list of points and looks them up.
fn look_up_points<T: Driver>(file: &File<T>, args: &accel_submit) -> Result<SubmitPoints> {
    match args.nr_points {
        0 => SubmitPoints::new(&file.timelines, &[]),
        n if n > ACCEL_SUBMIT_MAX_POINTS => Err(E2BIG),
        n => SubmitPoints::new(&file.timelines, &read_points(args.points, n)?),
    }
}

fn read_payload<T: Driver>(args: &accel_submit) -> Result<KVVec<u8>> {
    let size = args.payload_size as usize;
    if size > T::MAX_PAYLOAD {
        return Err(E2BIG);
    }
    let mut payload = KVVec::new();
    user_slice(args.payload, size)?.read_all(&mut payload, GFP_KERNEL_ACCOUNT)?;
    Ok(payload)
}

fn user_slice(addr: u64, size: usize) -> Result<UserSlice> {
    let addr = usize::try_from(addr).map_err(|_| EFAULT)?;
    Ok(UserSlice::new(UserPtr::from_addr(addr), size))
}
