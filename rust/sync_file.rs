// SPDX-License-Identifier: GPL-2.0

//! Files of fences, for user space to pass around.
//!
//! C header: [`include/linux/sync_file.h`](srctree/include/linux/sync_file.h)

use core::ptr::NonNull;
use kernel::{
    fs::file::{
        flags,
        File,
        FileDescriptorReservation, //
    },
    prelude::*,
    sync::aref::ARef, //
};

use crate::{
    bindings as ext,
    dma_fence::Fence, //
};

/// A sync_file and its descriptor, before there is a fence; undone when dropped.
///
/// It can be made before work is armed, so that nothing is left to fail after that.
///
/// # Invariants
///
/// `file` is a sync_file that nobody else has seen.
pub struct PendingSyncFile {
    fd: FileDescriptorReservation,
    file: ARef<File>,
}

impl PendingSyncFile {
    /// Allocates the file and reserves a descriptor of the current process, which is closed on
    /// exec. May sleep.
    ///
    /// # Errors
    ///
    /// EMFILE: no descriptor; ENOMEM.
    pub fn new() -> Result<Self> {
        let fd = FileDescriptorReservation::get_unused_fd_flags(flags::O_CLOEXEC)?;
        // SAFETY: May always be called in process context.
        let file = unsafe { ext::accel_helper_sync_file_create() };
        let file = NonNull::new(file.cast::<File>()).ok_or(ENOMEM)?;
        // INVARIANT: Just made.
        Ok(Self {
            fd,
            // SAFETY: The file is new, and the reference is for us.
            file: unsafe { ARef::from_raw(file) },
        })
    }

    /// Returns the descriptor, which is not open yet.
    pub fn fd(&self) -> u32 {
        self.fd.reserved_fd()
    }

    /// Makes the file one of `fence`, opens the descriptor and returns it. Does not fail.
    ///
    /// The fence must be that of armed work: user space may wait for it.
    pub fn install(self, fence: &Fence) -> u32 {
        let fd = self.fd();
        // SAFETY: By the type invariants; it takes a reference to the fence.
        unsafe { ext::accel_helper_sync_file_set_fence(self.file.as_ptr(), fence.as_raw()) };
        self.fd.fd_install(self.file);
        fd
    }
}

/// Returns the fence of the sync_file that is open as `fd` in the current process.
///
/// # Errors
///
/// EINVAL: it is not open, or something else.
pub fn fence(fd: i32) -> Result<ARef<Fence>> {
    // SAFETY: May always be called in process context; the reference is for us.
    unsafe { Fence::from_owned(ext::sync_file_get_fence(fd)) }.ok_or(EINVAL)
}

#[kunit_tests(accel_sync_file)]
mod tests {
    use super::*;
    use crate::dma_fence_context::{
        FenceContext,
        UnarmedFence, //
    };

    fn close(fd: u32) {
        // SAFETY: The test opened it, in the table that all kernel threads share.
        unsafe { kernel::bindings::close_fd(fd) };
    }

    #[test]
    fn a_fence_makes_the_round_trip() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let pending = PendingSyncFile::new()?;
        let reserved = pending.fd();
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        let fd = pending.install(armed.fence());
        let back = fence(fd as i32);
        close(fd);
        let back = back?;
        assert_eq!(fd, reserved);
        assert_eq!(back.as_raw(), armed.fence().as_raw());
        armed.signal(Err(EIO));
        assert_eq!(back.status(), Some(Err(EIO)));
        Ok(())
    }

    #[test]
    fn what_is_not_installed_is_undone() -> Result {
        let pending = PendingSyncFile::new()?;
        let fd = pending.fd();
        assert_eq!(fence(fd as i32).err(), Some(EINVAL));
        drop(pending);
        let again = PendingSyncFile::new()?;
        assert_eq!(again.fd(), fd);
        Ok(())
    }

    #[test]
    fn what_is_no_sync_file_is_refused() {
        assert_eq!(fence(-1).err(), Some(EINVAL));
        assert_eq!(fence(i32::MAX).err(), Some(EINVAL));
    }
}
