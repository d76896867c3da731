// SPDX-License-Identifier: GPL-2.0

//! The commands of doorbells.

use kernel::prelude::*;

use crate::{
    doorbell::Doorbell,
    driver::Driver,
    file::File,
    mmap_offset,
    objects::Reserved,
    uapi::{
        accel_doorbell_close,
        accel_doorbell_create, //
    },
};

/// ACCEL_IOCTL_DOORBELL_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_doorbell_create,
) -> Result<Reserved<'f, Doorbell>> {
    let doorbells = file.client.device.doorbells().ok_or(EOPNOTSUPP)?;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let _guard = file.client.device.enter()?;
    let doorbell = Doorbell::new(doorbells)?;
    args.index = doorbell.index();
    args.size = doorbell.pages().size() as u64;
    args.reserved = 0;
    let reserved = file.doorbells.reserve(doorbell)?;
    args.handle = reserved.handle();
    args.mmap_offset = mmap_offset::bytes(mmap_offset::doorbell(args.handle));
    Ok(reserved)
}

/// ACCEL_IOCTL_DOORBELL_CLOSE
pub(crate) fn close<T: Driver>(file: &File<T>, args: &mut accel_doorbell_close) -> Result {
    file.client.device.doorbells().ok_or(EOPNOTSUPP)?;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    // A user queue may keep it.
    file.doorbells.remove(args.handle)?.pages().revoke();
    Ok(())
}
