// SPDX-License-Identifier: GPL-2.0

//! Waking whoever reads or polls an eventfd.
//!
//! C header: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*, //
};

/// An eventfd of user space.
///
/// # Invariants
///
/// It owns a reference to the context.
pub struct EventFd(NonNull<bindings::eventfd_ctx>);

// SAFETY: A context is counted, and may be put by any thread.
unsafe impl Send for EventFd {}
// SAFETY: A context has its own lock.
unsafe impl Sync for EventFd {}

impl EventFd {
    /// Returns the eventfd that is open as `fd` in the current process.
    ///
    /// # Errors
    ///
    /// EBADF: nothing is; EINVAL: something else is.
    pub fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: May always be called in process context; the reference is for us.
        let context = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) })?;
        // INVARIANT: Just got.
        NonNull::new(context).map(Self).ok_or(EINVAL)
    }

    /// Adds 1 to its counter, which wakes. Any context, but what a wait queue calls.
    pub fn signal(&self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::eventfd_signal_mask(self.0.as_ptr(), 0) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::eventfd_ctx_put(self.0.as_ptr()) };
    }
}

#[kunit_tests(accel_eventfd)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_open_is_refused() {
        assert_eq!(EventFd::from_fd(-1).err(), Some(EBADF));
        assert_eq!(EventFd::from_fd(i32::MAX).err(), Some(EBADF));
    }
}
