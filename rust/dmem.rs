// SPDX-License-Identifier: GPL-2.0

//! Limits of device memory, by the dmem controller of cgroups.
//!
//! C header: [`include/linux/cgroup_dmem.h`](srctree/include/linux/cgroup_dmem.h)

use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

use crate::bindings as ext;

/// A region of device memory, as administrators see it; gone when dropped.
///
/// # Invariants
///
/// It is registered, or null where the kernel has no such controller.
pub struct Region(*mut ext::dmem_cgroup_region);

// SAFETY: The controller has its own locks.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Region {
    /// Registers a region of `size` bytes; `name` must be unique and have no space in it.
    pub fn new(name: &CStr, size: u64) -> Result<Self> {
        // SAFETY: `name` is a string.
        let raw = unsafe { ext::accel_helper_dmem_register(name.as_char_ptr(), size) };
        // INVARIANT: Registered.
        Ok(Self(from_err_ptr(raw)?))
    }

    /// Charges the cgroup of the current task with `size` bytes, until the result is dropped.
    ///
    /// # Errors
    ///
    /// ENOSPC: its limit, or that of one above it; ENOMEM.
    pub fn charge(&self, size: u64) -> Result<Charge> {
        let mut pool = core::ptr::null_mut();
        // SAFETY: By the type invariants the region is valid or null.
        to_result(unsafe { ext::accel_helper_dmem_charge(self.0, size, &mut pool) })
            .map_err(|e| if e == EAGAIN { ENOSPC } else { e })?;
        // INVARIANT: Just charged.
        Ok(Charge { pool, size })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; charges hold what they need.
        unsafe { ext::accel_helper_dmem_unregister(self.0) };
    }
}

/// What a cgroup was charged with; may outlive its region.
///
/// # Invariants
///
/// `pool` was charged with `size`, or is null.
pub struct Charge {
    pool: *mut ext::dmem_cgroup_pool_state,
    size: u64,
}

// SAFETY: The controller has its own locks.
unsafe impl Send for Charge {}
// SAFETY: As above.
unsafe impl Sync for Charge {}

impl Drop for Charge {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { ext::accel_helper_dmem_uncharge(self.pool, self.size) };
    }
}
