// SPDX-License-Identifier: GPL-2.0

//! Time as plain numbers, for interfaces that carry it as such.
//!
//! C header: [`include/linux/ktime.h`](srctree/include/linux/ktime.h)

use kernel::{
    bindings,
    time::Jiffies, //
};

/// Returns CLOCK_MONOTONIC in nanoseconds.
#[inline]
pub fn monotonic_ns() -> u64 {
    // SAFETY: May be called in any context.
    let ns = unsafe { bindings::ktime_get() };
    // CAST: The clock starts at 0 and does not run backwards.
    ns as u64
}

/// Returns the least number of jiffies that lasts at least `ns` nanoseconds.
pub fn jiffies_from_ns(ns: u64) -> Jiffies {
    let ms = u32::try_from(ns.div_ceil(1_000_000)).unwrap_or(u32::MAX >> 1);
    // One more, because the current jiffy has already begun.
    kernel::time::msecs_to_jiffies(ms).saturating_add(1)
}
