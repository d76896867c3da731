// SPDX-License-Identifier: GPL-2.0

//! Whether the module accounts for what is done: its parameter "accounting", behind a static key.

use crate::{
    bindings as ext,
    static_key::is_enabled, //
};

/// Returns whether to account. Any context.
#[inline(always)]
pub fn is_on() -> bool {
    // SAFETY: `accounting_parameter.c` defines it.
    !unsafe { is_enabled!(ext::accel_accounting, ext::accel_switch, off) }
}
