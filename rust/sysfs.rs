// SPDX-License-Identifier: GPL-2.0

//! Text for a sysfs attribute.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use kernel::{
    fmt,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The page that a `show` callback fills.
///
/// # Invariants
///
/// `len <= buf.len()`.
pub struct Page<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Page<'a> {
    /// Wraps the buffer of a `show` callback.
    ///
    /// # Safety
    ///
    /// `buf` must be valid for writes of `PAGE_SIZE` bytes for `'a`, and nobody else's.
    pub(crate) unsafe fn from_raw(buf: *mut c_char) -> Self {
        // SAFETY: By the requirements; sysfs hands out zeroed memory.
        let buf = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE - 1) };
        Self { buf, len: 0 }
    }

    /// Returns how much was written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.buf.get_mut(self.len..).ok_or(fmt::Error)?;
        room.get_mut(..s.len())
            .ok_or(fmt::Error)?
            .copy_from_slice(s.as_bytes());
        self.len += s.len();
        Ok(())
    }
}
