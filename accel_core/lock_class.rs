// SPDX-License-Identifier: GPL-2.0

//! Lock classes of what generic code makes.
//!
//! lockdep tells classes apart by the addresses of key and name. In a generic function both would be
//! made again in every driver; here there is one of each.

use kernel::{
    prelude::*,
    static_lock_class,
    sync::LockClassKey, //
};

/// Name and key of a class.
pub(crate) type Class = (&'static CStr, Pin<&'static LockClassKey>);

macro_rules! classes {
    ($($class:ident = $name:literal;)*) => {$(
        #[inline(never)]
        pub(crate) fn $class() -> Class {
            ($name, static_lock_class!())
        }
    )*};
}

classes! {
    engine = c"accel_engine";
    nodes = c"accel_nodes";
    recover = c"accel_recover";
    reap = c"accel_reap";
    run = c"accel_run";
    timeout = c"accel_timeout";
    timeout_timer = c"accel_timeout_timer";
}
