// SPDX-License-Identifier: GPL-2.0

//! The commands of address spaces.

use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
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
        ACCEL_ADDRESS_SPACE_PREEMPTIBLE,
        ACCEL_MAP_FIXED,
        ACCEL_MAP_READ,
        ACCEL_MAP_SPARSE,
        ACCEL_MAP_USER,
        ACCEL_MAP_WRITE, //
    },
    user_queue::UserQueues,
};

const ACCESS: u32 = ACCEL_MAP_READ | ACCEL_MAP_WRITE;

/// The kinds of what is mapped that is not a buffer.
const SOURCES: u32 = ACCEL_MAP_SPARSE | ACCEL_MAP_USER;

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
    let info = check::<T>(args.flags, ACCEL_ADDRESS_SPACE_PREEMPTIBLE)?;
    let is_preemptible = args.flags & ACCEL_ADDRESS_SPACE_PREEMPTIBLE != 0;
    if is_preemptible && T::UserQueues::MAX_PAYLOAD.is_none() {
        return Err(EOPNOTSUPP);
    }
    let space = AddressSpace::new(&file.client.device, &info, is_preemptible)?;
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
    let info = check::<T>(args.flags, ACCESS | ACCEL_MAP_FIXED | SOURCES)?;
    if args.reserved != 0 || args.address % info.page_sizes().smallest() != 0 {
        return Err(EINVAL);
    }
    let space = file.address_spaces.get(args.space)?;
    let is_fixed = args.flags & ACCEL_MAP_FIXED != 0;
    let request = Request {
        object: object(file, &space, args, &info)?,
        // Of a mirror it is where the memory is for the process.
        offset: if args.flags & ACCEL_MAP_USER != 0 {
            0
        } else {
            args.offset
        },
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

/// Returns what is to be mapped; `None`: zeroes.
fn object<T: Driver>(
    file: &File<T>,
    space: &AddressSpace<T>,
    args: &accel_address_space_map,
    info: &MmuInfo,
) -> Result<Option<KBox<Object>>> {
    let part = range(info, args.offset, args.size)?;
    let smallest = info.page_sizes().smallest();
    let is_writable = args.flags & ACCEL_MAP_WRITE != 0;
    match (args.flags & SOURCES, args.buffer, args.offset) {
        (0, ..) => (),
        (ACCEL_MAP_SPARSE, 0, 0) => return Ok(None),
        (ACCEL_MAP_USER, 0, _) if smallest > PAGE_SIZE as u64 => return Err(EOPNOTSUPP),
        (ACCEL_MAP_USER, 0, address) => {
            let (address, size) = (usize::try_from(address)?, usize::try_from(args.size)?);
            return Ok(Some(space.mirror(address, size, is_writable)?));
        }
        _ => return Err(EINVAL),
    }
    let buffer = file.handles.get(args.buffer)?;
    let object = Object::new(buffer, part, smallest)?;
    match is_writable && !object.is_writable() {
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
