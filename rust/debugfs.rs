// SPDX-License-Identifier: GPL-2.0

//! A module's directory in debugfs.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use kernel::{
    debugfs::Dir,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Release, //
    }, //
};

/// The top directory of a module; for statics.
pub struct Root(Atomic<*mut c_void>);

impl Root {
    /// Makes a directory that is not there yet.
    pub const fn new() -> Self {
        Self(Atomic::new(core::ptr::null_mut()))
    }

    /// Creates the directory; it exists until the result is dropped.
    pub fn create(&'static self, name: &CStr) -> Result<Creation> {
        let dir = KBox::new(Dir::new(name), GFP_KERNEL)?;
        self.0.store(KBox::into_raw(dir).cast(), Release);
        Ok(Creation(self))
    }

    /// Makes a directory in it.
    pub fn subdir(&self, name: &CStr) -> Option<Dir> {
        // SAFETY: Valid until `Creation` is dropped at module exit, when no user is left.
        let dir = unsafe { self.0.load(Acquire).cast::<Dir>().as_ref() }?;
        Some(dir.subdir(name))
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::new()
    }
}

/// The existence of a [`Root`].
pub struct Creation(&'static Root);

impl Drop for Creation {
    fn drop(&mut self) {
        let dir = self.0 .0.load(Acquire).cast::<Dir>();
        self.0 .0.store(core::ptr::null_mut(), Release);
        // SAFETY: From `KBox::into_raw` in `create`.
        drop(unsafe { KBox::from_raw(dir) });
    }
}
