// SPDX-License-Identifier: GPL-2.0

//! Random numbers that nobody can guess.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use kernel::{
    bindings,
    prelude::*, //
};

/// Returns a random number.
pub fn u64() -> u64 {
    let mut value = 0u64;
    // SAFETY: The pointer is valid for writing so many bytes.
    unsafe { bindings::get_random_bytes((&raw mut value).cast::<c_void>(), size_of::<u64>()) };
    value
}
