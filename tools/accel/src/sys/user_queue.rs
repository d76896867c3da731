// SPDX-License-Identifier: GPL-2.0
//! The ioctls of doorbells and user queues.

use std::os::fd::AsFd;

use accel_uapi::accel_doorbell_close;
use accel_uapi::accel_doorbell_create;
use accel_uapi::accel_user_queue_create;
use accel_uapi::accel_user_queue_destroy;
use accel_uapi::accel_user_queue_query;
use accel_uapi::ioctl;
use zerocopy::FromZeros;

use super::Result;
use super::call;
use super::call_patiently;
use super::length;

/// Take a doorbell.
pub(crate) fn doorbell_create(fd: impl AsFd) -> Result<accel_doorbell_create> {
    let mut argument = accel_doorbell_create::new_zeroed();
    // SAFETY: DOORBELL_CREATE takes an `accel_doorbell_create`, which has no pointers.
    unsafe { call::<{ ioctl::DOORBELL_CREATE }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument)
}

/// Give the handle of a doorbell back.
pub(crate) fn doorbell_close(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_doorbell_close { handle, flags: 0 };
    // SAFETY: DOORBELL_CLOSE takes an `accel_doorbell_close`, which has no pointers.
    unsafe { call::<{ ioctl::DOORBELL_CLOSE }, _>(fd.as_fd(), &mut argument) }
}

/// Make a user queue. What the kernel left is returned with failures too.
pub(crate) fn user_queue_create(
    fd: impl AsFd,
    mut argument: accel_user_queue_create,
    payload: &[u8],
) -> (accel_user_queue_create, Result<()>) {
    argument.payload = payload.as_ptr().expose_provenance() as u64;
    let result = length(payload).and_then(|size| {
        argument.payload_size = size;
        // SAFETY: USER_QUEUE_CREATE takes an `accel_user_queue_create` and reads `payload_size` bytes
        // at `payload` before it returns.
        unsafe { call_patiently::<{ ioctl::USER_QUEUE_CREATE }, _>(fd.as_fd(), &mut argument) }
    });
    (argument, result)
}

/// Give the handle of a user queue back.
pub(crate) fn user_queue_destroy(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_user_queue_destroy { handle, flags: 0 };
    // SAFETY: USER_QUEUE_DESTROY takes an `accel_user_queue_destroy`, which has no pointers.
    unsafe { call::<{ ioctl::USER_QUEUE_DESTROY }, _>(fd.as_fd(), &mut argument) }
}

/// Ask how a user queue is.
pub(crate) fn user_queue_query(fd: impl AsFd, handle: u32) -> Result<accel_user_queue_query> {
    let mut argument = accel_user_queue_query {
        handle,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: USER_QUEUE_QUERY takes an `accel_user_queue_query`, which has no pointers.
    unsafe { call::<{ ioctl::USER_QUEUE_QUERY }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument)
}
