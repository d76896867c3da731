// SPDX-License-Identifier: GPL-2.0

//! The commands of prepared jobs.

use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    driver::Driver,
    file::File,
    ioctl::Commit,
    job::{
        JobBuffer,
        Refusal, //
    },
    open_queue::OpenQueue,
    prepared::Prepared,
    submit::{
        check,
        read_buffers,
        read_payload, //
    },
    uapi::{
        accel_job_prepare,
        accel_job_release, //
    },
};

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct Reserved<T: Driver> {
    queue: Arc<OpenQueue<T>>,
    handle: u32,
    is_committed: bool,
}

impl<T: Driver> Commit for Reserved<T> {
    fn commit(mut self) {
        self.queue.prepared().publish(self.handle);
        self.is_committed = true;
    }
}

impl<T: Driver> Drop for Reserved<T> {
    fn drop(&mut self) {
        if self.is_committed {
            return;
        }
        // Else it has been let go of.
        if let Ok(guard) = self.queue.queue().device().enter() {
            let _ = guard.with(|_| self.queue.prepared().remove(self.handle, false));
        }
    }
}

/// ACCEL_IOCTL_JOB_PREPARE
pub(crate) fn prepare<T: Driver>(
    file: &File<T>,
    args: &mut accel_job_prepare,
) -> Result<Reserved<T>> {
    (args.handle, args.refused_reason, args.refused_at) = (0, 0, 0);
    if args.flags != 0 || !T::HAS_REBIND {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let queue = file.queue(args.queue)?;
    let buffers = read_buffers(file, args.buffers, args.nr_buffers)?;
    let payload = read_payload::<T>(args.payload, args.payload_size)?;
    let handle = add(file, &queue, payload, buffers).map_err(|refusal| {
        args.refused_reason = refusal.reason;
        args.refused_at = refusal.at;
        refusal.error
    })?;
    args.handle = handle;
    Ok(Reserved {
        queue,
        handle,
        is_committed: false,
    })
}

/// Has the driver make a job, and keeps it.
fn add<T: Driver>(
    file: &File<T>,
    queue: &OpenQueue<T>,
    payload: KVVec<u8>,
    buffers: KVVec<JobBuffer>,
) -> Result<u32, Refusal> {
    file.client.device.enter_awake()?.with(|bound| {
        let payload = check(file, queue.queue(), bound, payload, &buffers)?;
        let prepared = Prepared::new(payload, buffers)?;
        Ok(queue.prepared().add(prepared)?)
    })
}

/// ACCEL_IOCTL_JOB_RELEASE
pub(crate) fn release<T: Driver>(file: &File<T>, args: &mut accel_job_release) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let queue = file.queue(args.queue)?;
    let guard = file.client.device.enter()?;
    guard.with(|_| queue.prepared().remove(args.handle, true))
}
