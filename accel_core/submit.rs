// SPDX-License-Identifier: GPL-2.0

//! ACCEL_IOCTL_SUBMIT: from the user's structs to a queued job.

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

use crate::{
    device::Bound,
    driver::Driver,
    file::File,
    job::{
        Access,
        JobBuffer,
        Refusal, //
    },
    uapi::{
        accel_submit,
        accel_submit_buffer,
        ACCEL_SUBMIT_MAX_BUFFERS, //
    },
};

/// Copies everything in, then hands it to the driver and the engine under the liveness guard.
pub(crate) fn submit<T: Driver>(file: &File<T>, args: &mut accel_submit) -> Result {
    (args.job, args.refused_reason, args.refused_at) = (0, 0, 0);
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.queue != 0 {
        return Err(ENOENT);
    }
    let buffers = read_buffers(file, args)?;
    let payload = read_payload::<T>(args)?;
    file.client.queue.prepare()?;
    let guard = file.client.device.enter()?;
    match guard.with(|bound| queue(file, bound, payload, buffers)) {
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

fn queue<T: Driver>(
    file: &File<T>,
    bound: &Bound<'_, T>,
    payload: KVVec<u8>,
    buffers: KVVec<JobBuffer>,
) -> Result<u64, Refusal> {
    let unreachable = |b: &JobBuffer| T::DMA_BITS.is_some() && b.buffer.dma_address().is_none();
    if buffers.iter().any(unreachable) {
        return Err(EOPNOTSUPP.into());
    }
    let job = T::prepare(&bound.data, &file.driver, payload, &buffers)?;
    let engine = file.client.device.engines.first().ok_or(ENODEV)?;
    Ok(engine.submit(bound, &file.client.queue, job, buffers)?)
}

/// Reads the list of buffers and looks them up.
fn read_buffers<T: Driver>(file: &File<T>, args: &accel_submit) -> Result<KVVec<JobBuffer>> {
    if args.nr_buffers > ACCEL_SUBMIT_MAX_BUFFERS {
        return Err(E2BIG);
    }
    let count = args.nr_buffers as usize;
    let mut list = KVVec::<accel_submit_buffer>::new();
    list.resize(count, FromZeros::new_zeroed(), GFP_KERNEL)?;
    user_slice(args.buffers, size_of_val(&*list))?
        .reader()
        .read_slice(list.as_mut_bytes())?;

    let mut buffers = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
    for named in &list {
        let access = Access::parse(named.flags)?;
        let buffer = file.handles.get(named.handle)?;
        if access.can_write() && !buffer.is_writable() {
            return Err(EACCES);
        }
        buffers.push(JobBuffer { buffer, access }, GFP_KERNEL_ACCOUNT)?;
    }
    list.sort_unstable_by_key(|named| named.handle);
    match list.windows(2).any(|w| w[0].handle == w[1].handle) {
        true => Err(EINVAL),
        false => Ok(buffers),
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
