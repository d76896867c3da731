// SPDX-License-Identifier: GPL-2.0

//! Ties a driver to the very sources of the core it was built against.
//!
//! Generic code of the core is compiled into the drivers, so layouts that symbol versions do not see
//! must match. The name of the tag has a hash of the core's sources in it: a stale driver does not
//! find the symbol and is refused by the module loader.

#[allow(missing_docs, unsafe_code)]
mod generated {
    include!(concat!(env!("ACCEL_OBJ"), "/accel_core/abi_generated.rs"));
}

/// Makes the calling module depend on the tag.
#[inline(always)]
pub(crate) fn tie() {
    core::hint::black_box(generated::tag());
}
