// SPDX-License-Identifier: GPL-2.0

//! Facts about a `struct device`.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use kernel::{
    bindings,
    device::{
        Device,
        DeviceContext, //
    },
    prelude::*, //
};

use crate::bindings as ext;

/// Returns the C device; `Device::as_raw` is private to the `kernel` crate.
#[inline]
pub(crate) fn as_raw<C: DeviceContext>(dev: &Device<C>) -> *mut bindings::device {
    // CAST: `Device` is `repr(transparent)` over `Opaque<bindings::device>`.
    core::ptr::from_ref(dev)
        .cast::<bindings::device>()
        .cast_mut()
}

/// Returns the name of the bus that `dev` is on, "" if none.
pub fn bus_name<C: DeviceContext>(dev: &Device<C>) -> &CStr {
    // SAFETY: `bus` is set before a device is added and does not change; a bus with devices keeps
    // its name.
    unsafe {
        let bus = (*as_raw(dev)).bus;
        if bus.is_null() {
            return c"";
        }
        CStr::from_char_ptr((*bus).name)
    }
}

/// Returns the NUMA node of `dev`, -1 if unknown.
pub fn numa_node<C: DeviceContext>(dev: &Device<C>) -> i32 {
    // SAFETY: `dev` is valid.
    unsafe { ext::accel_helper_dev_to_node(as_raw(dev)) }
}
