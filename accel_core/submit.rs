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
use zerocopy::{
    FromBytes,
    IntoBytes, //
};

use crate::{
    device::Bound,
    driver::Driver,
    file::File,
    job::{
        Body,
        JobBuffer,
        Refusal, //
    },
    prepared::Prepared,
    queue::Queue,
    submissions::{
        Parts,
        Submissions, //
    },
    submit_points::SubmitPoints,
    timeline_ioctl::read_points,
    uapi::{
        accel_job_replace,
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
    if entry.reserved != 0 {
        return Err(EINVAL.into());
    }
    let job = match entry.prepared {
        0 => submit_new(file, queue, entry),
        _ => Ok(submit_prepared(file, queue, entry)?),
    }?;
    let number = addr.wrapping_add(offset_of!(accel_submit_job, job));
    Ok(copy_out(number, &job.to_ne_bytes())?)
}

fn is_repeatable(entry: &accel_submit_job) -> bool {
    entry.flags & ACCEL_SUBMIT_REPEATABLE != 0
}

/// Submits a job that the driver is to make of its payload. Returns its number.
#[inline]
fn submit_new<T: Driver>(
    file: &File<T>,
    queue: &Arc<Submissions<T>>,
    entry: &accel_submit_job,
) -> Result<u64, Refusal> {
    let buffers = read_buffers(file, entry.buffers, entry.nr_buffers)?;
    let points = look_up_points(file, entry)?;
    let payload = read_payload::<T>(entry.payload, entry.payload_size)?;
    file.client.device.enter_awake()?.with(|bound| {
        let payload = check(file, queue.queue(), bound, payload, &buffers)?;
        let body = Body::new(payload, buffers)?;
        let parts = Parts::new(body, None, points, is_repeatable(entry));
        Ok(queue.submit(bound, parts)?)
    })
}

/// Submits a prepared job. Returns its number.
#[inline(never)]
fn submit_prepared<T: Driver>(
    file: &File<T>,
    queue: &Arc<Submissions<T>>,
    entry: &accel_submit_job,
) -> Result<u64> {
    let prepared = queue.prepared().get(entry.prepared)?;
    if entry.payload_size != 0 {
        return Err(EINVAL);
    }
    let mut loan = Prepared::lend(&prepared, queue.queue())?;
    if entry.nr_buffers != 0 {
        let count = entry.nr_buffers as usize;
        let size = count
            .checked_mul(size_of::<accel_job_replace>())
            .ok_or(EINVAL)?;
        loan.read(user_slice(entry.buffers, size)?, count, &file.handles)?;
    }
    let points = look_up_points(file, entry)?;
    file.client.device.enter_awake()?.with(|bound| {
        queue.queue().check()?;
        let body = loan.take_body()?;
        let parts = Parts::new(body, Some(loan), points, is_repeatable(entry));
        queue.submit(bound, parts)
    })
}

/// Has the driver make a job of a payload.
#[inline]
pub(crate) fn check<T: Driver>(
    file: &File<T>,
    queue: &Queue<T>,
    bound: &Bound<'_, T>,
    payload: KVVec<u8>,
    buffers: &[JobBuffer],
) -> Result<T::Job, Refusal> {
    buffers
        .iter()
        .try_for_each(|b| b.buffer.check_reach::<T>())?;
    queue.check()?;
    T::prepare(&bound.data, &file.driver, &queue.driver, payload, buffers)
}

/// Reads a list of buffers and looks them up.
#[inline]
pub(crate) fn read_buffers<T: Driver>(
    file: &File<T>,
    addr: u64,
    count: u32,
) -> Result<KVVec<JobBuffer>> {
    const FEW: usize = 8;
    let count = match count {
        0 => return Ok(KVVec::new()),
        n if n > ACCEL_SUBMIT_MAX_BUFFERS => return Err(E2BIG),
        n => n as usize,
    };
    let list = user_slice(addr, count * size_of::<accel_submit_buffer>())?;
    let (mut few, mut many) = ([0u64; FEW], KVVec::new());
    let bytes = match few.get_mut(..count) {
        Some(few) => {
            let bytes = few.as_mut_bytes();
            list.reader().read_slice(bytes)?;
            &*bytes
        }
        None => {
            list.read_all(&mut many, GFP_KERNEL)?;
            &*many
        }
    };
    let list = <[accel_submit_buffer]>::ref_from_bytes(bytes).map_err(|_| EINVAL)?;
    file.handles.get_all(list)
}

/// Reads the list of points and looks them up.
#[inline]
fn look_up_points<T: Driver>(file: &File<T>, entry: &accel_submit_job) -> Result<SubmitPoints> {
    match entry.nr_points {
        0 => SubmitPoints::new(&file.timelines, &[]),
        n if n > ACCEL_SUBMIT_MAX_POINTS => Err(E2BIG),
        n => SubmitPoints::new(&file.timelines, &read_points(entry.points, n)?),
    }
}

/// Copies what the driver is to run. E2BIG; EFAULT; ENOMEM.
#[inline]
pub(crate) fn read_payload<T: Driver>(addr: u64, size: u32) -> Result<KVVec<u8>> {
    let size = size as usize;
    if size > T::MAX_PAYLOAD {
        return Err(E2BIG);
    }
    let mut payload = KVVec::new();
    user_slice(addr, size)?.read_all(&mut payload, GFP_KERNEL_ACCOUNT)?;
    Ok(payload)
}

fn user_slice(addr: u64, size: usize) -> Result<UserSlice> {
    let addr = usize::try_from(addr).map_err(|_| EFAULT)?;
    Ok(UserSlice::new(UserPtr::from_addr(addr), size))
}
