// SPDX-License-Identifier: GPL-2.0

//! Structs of user space that may be longer or shorter than ours.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

use crate::bindings as ext;

/// Copies a struct of `size` bytes in; what `copy_struct_from_user()` does.
///
/// What user space has less than `out` is 0; what it has more must be 0, else E2BIG.
#[inline]
pub fn copy_struct_in(addr: usize, size: usize, out: &mut [u8]) -> Result {
    let common = size.min(out.len());
    let (head, tail) = out.split_at_mut(common);
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
    tail.fill(0);
    UserSlice::new(UserPtr::from_addr(addr), common)
        .reader()
        .read_slice(head)
}

/// Copies the first `size` bytes of a struct out.
#[inline]
pub fn copy_struct_out(addr: usize, size: usize, data: &[u8]) -> Result {
    let common = data.get(..size).unwrap_or(data);
    UserSlice::new(UserPtr::from_addr(addr), common.len())
        .writer()
        .write_slice(common)
}
