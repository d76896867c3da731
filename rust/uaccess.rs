// SPDX-License-Identifier: GPL-2.0

//! Copying small structs between user space and the kernel, also ones that are longer or shorter
//! than ours.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use core::mem::MaybeUninit;
use kernel::{
    error::to_result,
    prelude::*, //
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

use crate::bindings as ext;

/// Copies a struct of `size` bytes in; what `copy_struct_from_user()` does.
///
/// What user space has less than `S` is 0; what it has more must be 0, else E2BIG.
#[inline(always)]
pub fn copy_struct_in<S: FromBytes + IntoBytes>(
    addr: usize,
    size: usize,
    to: &mut MaybeUninit<S>,
) -> Result<&mut S> {
    if size != size_of::<S>() {
        let to = to.write(S::new_zeroed());
        resized_in(addr, size, to.as_mut_bytes())?;
        return Ok(to);
    }
    // SAFETY: Writes all of `to`, or fails.
    match unsafe { ext::accel_helper_copy_in(to.as_mut_ptr().cast(), addr, size_of::<S>()) } {
        // SAFETY: All of it was written, and every bit pattern is valid.
        0 => Ok(unsafe { to.assume_init_mut() }),
        _ => Err(EFAULT),
    }
}

/// Copies the first `size` bytes of a struct out.
#[inline]
pub fn copy_struct_out<S: IntoBytes + Immutable>(addr: usize, size: usize, s: &S) -> Result {
    let bytes = s.as_bytes();
    copy_out(addr, bytes.get(..size).unwrap_or(bytes))
}

/// Copies bytes out.
#[inline]
pub fn copy_out(addr: usize, bytes: &[u8]) -> Result {
    // SAFETY: Reads `bytes`; checks `addr`.
    match unsafe { ext::accel_helper_copy_out(addr, bytes.as_ptr().cast(), bytes.len()) } {
        0 => Ok(()),
        _ => Err(EFAULT),
    }
}

#[cold]
fn resized_in(addr: usize, size: usize, out: &mut [u8]) -> Result {
    let common = size.min(out.len());
    if size > common {
        // SAFETY: Reads user memory with the usual checks.
        match unsafe {
            ext::accel_helper_check_zeroed_user(addr.wrapping_add(common), size - common)
        } {
            1 => (),
            0 => return Err(E2BIG),
            e => return Err(Error::from_errno(e)),
        }
    }
    // SAFETY: Writes the first `common` bytes of `out`; checks `addr`.
    to_result(unsafe { ext::accel_helper_copy_in(out.as_mut_ptr().cast(), addr, common) })
}
