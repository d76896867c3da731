// SPDX-License-Identifier: GPL-2.0

//! Processes, as they are known after they are gone.
//!
//! C header: [`include/linux/pid.h`](srctree/include/linux/pid.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    pid_namespace::PidNamespace,
    task, //
};

use crate::bindings as ext;

/// A reference to a process that is, or was.
pub struct Pid(NonNull<bindings::pid>);

// SAFETY: It is counted, and does not change.
unsafe impl Send for Pid {}
// SAFETY: As above.
unsafe impl Sync for Pid {}

impl Pid {
    /// Returns the current process: the group of the current thread. `None` in none.
    pub fn current() -> Option<Self> {
        // SAFETY: In process context; it returns a reference.
        NonNull::new(unsafe { ext::accel_helper_current_pid() }).map(Self)
    }

    /// Returns its number, as the host sees it.
    pub fn number(&self) -> task::Pid {
        // SAFETY: Valid as long as the reference.
        unsafe { ext::accel_helper_pid_nr(self.0.as_ptr()) }
    }

    /// Returns its number in a namespace, 0 if it has none there.
    pub fn number_in(&self, namespace: &PidNamespace) -> task::Pid {
        // SAFETY: As above.
        unsafe { bindings::pid_nr_ns(self.0.as_ptr(), namespace.as_ptr()) }
    }
}

impl Drop for Pid {
    fn drop(&mut self) {
        // SAFETY: The reference is ours.
        unsafe { bindings::put_pid(self.0.as_ptr()) };
    }
}
