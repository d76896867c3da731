// SPDX-License-Identifier: GPL-2.0

//! A context: what the queues in it have in common.

use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    address_space::AddressSpace,
    driver::Driver,
    file::File,
    objects::Reserved,
    uapi::{
        accel_context_create,
        accel_context_destroy, //
    },
};

/// A context.
pub(crate) struct Context<T: Driver> {
    space: Option<Arc<AddressSpace<T>>>,
}

/// Returns where jobs of the context of `file` with this handle work. ENOENT: there is none.
pub(crate) fn space_of<T: Driver>(
    file: &File<T>,
    handle: u32,
) -> Result<Option<Arc<AddressSpace<T>>>> {
    match handle {
        0 => Ok(None),
        _ => Ok(file.contexts.get(handle)?.space.clone()),
    }
}

/// ACCEL_IOCTL_CONTEXT_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_context_create,
) -> Result<Reserved<'f, Context<T>>> {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let space = match args.address_space {
        0 => None,
        handle => Some(file.address_spaces.get(handle)?),
    };
    let reserved = file.contexts.reserve(Context { space })?;
    args.handle = reserved.handle();
    args.reserved = 0;
    Ok(reserved)
}

/// ACCEL_IOCTL_CONTEXT_DESTROY
pub(crate) fn destroy<T: Driver>(file: &File<T>, args: &mut accel_context_destroy) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    drop(file.contexts.remove(args.handle)?);
    Ok(())
}
