// SPDX-License-Identifier: GPL-2.0

//! ACCEL_IOCTL_WAIT: succeeds if and only if the job ended well.

use kernel::prelude::*;
use zerocopy::FromZeros;

use crate::{
    driver::Driver,
    file::File,
    uapi::{
        accel_wait,
        ACCEL_JOB_DONE, //
    },
};

/// Waits outside the liveness guard: when the device goes, its jobs end, which wakes us.
pub(crate) fn wait<T: Driver>(file: &File<T>, args: &mut accel_wait) -> Result {
    args.status = FromZeros::new_zeroed();
    args.overwritten = 0;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let queue = file.queue(args.queue)?;
    let deadline = u64::try_from(args.deadline_ns).map_err(|_| EINVAL)?;
    let statuses = queue.statuses();
    args.status = statuses.wait(args.job, deadline).inspect_err(|error| {
        if *error == EOVERFLOW {
            args.overwritten = statuses.overwritten();
        }
    })?;
    if args.status.state == ACCEL_JOB_DONE {
        // What the job used is free again when its client knows that it has ended.
        queue.queue().settle();
    }
    match (args.status.state, args.status.error) {
        (ACCEL_JOB_DONE, 0) => Ok(()),
        (ACCEL_JOB_DONE, errno) => Err(Error::from_errno(-i32::try_from(errno)?)),
        _ => Err(ETIMEDOUT),
    }
}
