// SPDX-License-Identifier: GPL-2.0
//! The ioctls of address spaces.

use std::os::fd::AsFd;

use accel_uapi::accel_address_space_create;
use accel_uapi::accel_address_space_destroy;
use accel_uapi::accel_address_space_map;
use accel_uapi::accel_address_space_protect;
use accel_uapi::accel_address_space_unmap;
use accel_uapi::ioctl;
use zerocopy::FromZeros;

use super::Result;
use super::call;
use super::call_patiently;

/// Make an address space.
pub(crate) fn create(fd: impl AsFd, flags: u32) -> Result<accel_address_space_create> {
    let mut argument = accel_address_space_create {
        flags,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: ADDRESS_SPACE_CREATE takes an `accel_address_space_create`, which has no pointers.
    unsafe { call_patiently::<{ ioctl::ADDRESS_SPACE_CREATE }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument)
}

/// Give the handle of an address space back.
pub(crate) fn destroy(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_address_space_destroy { handle, flags: 0 };
    // SAFETY: ADDRESS_SPACE_DESTROY takes an `accel_address_space_destroy`, which has no pointers.
    unsafe { call::<{ ioctl::ADDRESS_SPACE_DESTROY }, _>(fd.as_fd(), &mut argument) }
}

/// Map a part of a buffer, or zeroes.
pub(crate) fn map(fd: impl AsFd, argument: &mut accel_address_space_map) -> Result<()> {
    // SAFETY: ADDRESS_SPACE_MAP takes an `accel_address_space_map`, whose addresses are the device's.
    unsafe { call_patiently::<{ ioctl::ADDRESS_SPACE_MAP }, _>(fd.as_fd(), argument) }
}

/// Unmap a range.
pub(crate) fn unmap(fd: impl AsFd, space: u32, address: u64, size: u64) -> Result<()> {
    let mut argument = accel_address_space_unmap {
        space,
        flags: 0,
        address,
        size,
    };
    // SAFETY: ADDRESS_SPACE_UNMAP takes an `accel_address_space_unmap`, whose addresses are the
    // device's.
    unsafe { call::<{ ioctl::ADDRESS_SPACE_UNMAP }, _>(fd.as_fd(), &mut argument) }
}

/// Change what jobs may do in a range.
pub(crate) fn protect(
    fd: impl AsFd,
    space: u32,
    flags: u32,
    address: u64,
    size: u64,
) -> Result<()> {
    let mut argument = accel_address_space_protect {
        space,
        flags,
        address,
        size,
    };
    // SAFETY: ADDRESS_SPACE_PROTECT takes an `accel_address_space_protect`, whose addresses are the
    // device's.
    unsafe { call::<{ ioctl::ADDRESS_SPACE_PROTECT }, _>(fd.as_fd(), &mut argument) }
}
