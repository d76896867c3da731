// SPDX-License-Identifier: GPL-2.0

//! The commands of address spaces.

use core::ops::Range;
use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    address_space::AddressSpace,
    address_space_state::Request,
    driver::Driver,
    file::File,
    ioctl::Commit,
    mapped_objects::Object,
    mmu::{
        Mmu,
        MmuInfo, //
    },
    objects::Reserved,
    uapi::{
        accel_address_space_create,
        accel_address_space_destroy,
        accel_address_space_map,
        accel_address_space_protect,
        accel_address_space_unmap,
        ACCEL_MAP_FIXED,
        ACCEL_MAP_READ,
        ACCEL_MAP_SPARSE,
        ACCEL_MAP_WRITE, //
    },
};

const ACCESS: u32 = ACCEL_MAP_READ | ACCEL_MAP_WRITE;

/// Refuses flags that are not `known`, and devices without an MMU.
fn check<T: Driver>(flags: u32, known: u32) -> Result<MmuInfo> {
    match (flags & !known, T::Mmu::INFO) {
        (0, Some(info)) => Ok(info),
        _ => Err(EOPNOTSUPP),
    }
}

/// Parses a range of addresses: whole pages, not empty.
fn range(info: &MmuInfo, address: u64, size: u64) -> Result<Range<u64>> {
    let range = address..address.checked_add(size).ok_or(EINVAL)?;
    match info.page_sizes().is_whole(&range) {
        true => Ok(range),
        false => Err(EINVAL),
    }
}

/// ACCEL_IOCTL_ADDRESS_SPACE_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_address_space_create,
) -> Result<Reserved<'f, AddressSpace<T>>> {
    let info = check::<T>(args.flags, 0)?;
    let space = AddressSpace::new(&file.client.device, &info)?;
    let reserved = file.address_spaces.reserve(space)?;
    args.handle = reserved.handle();
    args.start = info.addresses.start;
    args.size = info.addresses.end - info.addresses.start;
    args.page_sizes = info.page_sizes;
    Ok(reserved)
}

/// ACCEL_IOCTL_ADDRESS_SPACE_DESTROY
pub(crate) fn destroy<T: Driver>(file: &File<T>, args: &mut accel_address_space_destroy) -> Result {
    check::<T>(args.flags, 0)?;
    drop(file.address_spaces.remove(args.handle)?);
    Ok(())
}

/// What was mapped where the kernel chose: taken back unless committed, as nobody knows where it is.
pub(crate) struct Mapped<T: Driver> {
    space: Option<Arc<AddressSpace<T>>>,
    range: Range<u64>,
}

impl<T: Driver> Commit for Mapped<T> {
    fn commit(mut self) {
        self.space = None;
    }
}

impl<T: Driver> Drop for Mapped<T> {
    fn drop(&mut self) {
        if let Some(space) = &self.space {
            // If the device does not answer, it stays mapped until the space ends.
            let _ = space.unmap(self.range.clone());
        }
    }
}

/// ACCEL_IOCTL_ADDRESS_SPACE_MAP
pub(crate) fn map<T: Driver>(
    file: &File<T>,
    args: &mut accel_address_space_map,
) -> Result<Mapped<T>> {
    let info = check::<T>(args.flags, ACCESS | ACCEL_MAP_FIXED | ACCEL_MAP_SPARSE)?;
    if args.reserved != 0 || args.address % info.page_sizes().smallest() != 0 {
        return Err(EINVAL);
    }
    let space = file.address_spaces.get(args.space)?;
    let is_fixed = args.flags & ACCEL_MAP_FIXED != 0;
    let request = Request {
        object: object(file, args, &info)?,
        offset: args.offset,
        size: args.size,
        address: args.address,
        is_fixed,
        access: args.flags & ACCESS,
    };
    args.address = space.map(&info, request)?;
    Ok(Mapped {
        space: (!is_fixed).then_some(space),
        range: args.address..args.address + args.size,
    })
}

/// Returns the part of a buffer that is to be mapped; `None`: zeroes.
fn object<T: Driver>(
    file: &File<T>,
    args: &accel_address_space_map,
    info: &MmuInfo,
) -> Result<Option<KBox<Object>>> {
    let part = range(info, args.offset, args.size)?;
    if args.flags & ACCEL_MAP_SPARSE != 0 {
        return match (args.buffer, args.offset) {
            (0, 0) => Ok(None),
            _ => Err(EINVAL),
        };
    }
    let buffer = file.handles.get(args.buffer)?;
    let object = Object::new(buffer, part, info.page_sizes().smallest())?;
    match args.flags & ACCEL_MAP_WRITE != 0 && !object.is_writable() {
        true => Err(EACCES),
        false => Ok(Some(object)),
    }
}

/// ACCEL_IOCTL_ADDRESS_SPACE_UNMAP
pub(crate) fn unmap<T: Driver>(file: &File<T>, args: &mut accel_address_space_unmap) -> Result {
    let info = check::<T>(args.flags, 0)?;
    let space = file.address_spaces.get(args.space)?;
    space.unmap(range(&info, args.address, args.size)?)
}

/// ACCEL_IOCTL_ADDRESS_SPACE_PROTECT
pub(crate) fn protect<T: Driver>(file: &File<T>, args: &mut accel_address_space_protect) -> Result {
    let info = check::<T>(args.flags, ACCESS)?;
    let space = file.address_spaces.get(args.space)?;
    space.protect(range(&info, args.address, args.size)?, args.flags)
}
