// SPDX-License-Identifier: GPL-2.0
//! Memory shared with another process: the only `unsafe` code of the crate.
//!
//! The other side may write at any time, so no reference to the bytes ever exists: they are only
//! copied in and out. A naturally aligned access of 1, 2, 4 or 8 bytes is one machine access, as on
//! a bus.

use std::ffi::c_void;
use std::io;
use std::os::fd::AsFd;
use std::ptr;

use rustix::fs::fstat;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A window of a file, mapped shared; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: The mapping belongs to no thread, and all access to it is by volatile or raw copies.
unsafe impl Send for Mapping {}
// SAFETY: As above: `&self` gives no reference into the mapping.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes from `offset` of `fd`.
    ///
    /// Fails with `EINVAL` if the file ends before the window does. A file that is truncated later
    /// raises SIGBUS in this process, as it would in its owner's.
    pub(crate) fn new(fd: impl AsFd, offset: u64, len: u64, writable: bool) -> io::Result<Self> {
        let size = u64::try_from(fstat(&fd)?.st_size).unwrap_or(0);
        let end = offset.checked_add(len).filter(|&end| end <= size);
        let len = usize::try_from(len).ok().filter(|&len| len > 0);
        let (Some(_), Some(len)) = (end, len) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut protection = ProtFlags::READ;
        protection.set(ProtFlags::WRITE, writable);
        // SAFETY: A new mapping at an address of the kernel's choice disturbs no other memory.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                fd,
                offset,
            )?
        };
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// Copies from `offset` into `data`; `false` if that leaves the window.
    #[must_use]
    pub(crate) fn read(&self, offset: u64, data: &mut [u8]) -> bool {
        let Some(source) = self.at(offset, data.len()) else {
            return false;
        };
        // SAFETY: `at` checked that `data.len()` bytes from `source` are inside the mapping, which
        // lives as long as `self`.
        unsafe { load(source, data) };
        true
    }

    /// Copies `data` to `offset`; `false` if that leaves the window. The mapping must be writable.
    #[must_use]
    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> bool {
        let Some(target) = self.at(offset, data.len()) else {
            return false;
        };
        // SAFETY: As in `read`; callers write to writable mappings only.
        unsafe { store(target, data) };
        true
    }

    /// The address of `len` bytes at `offset`, if they are inside the window.
    fn at(&self, offset: u64, len: usize) -> Option<*mut u8> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| self.start.wrapping_add(offset))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped exactly this range, and no pointer into it outlives `self`. That it
        // fails is impossible for a range that is mapped; nothing could be done about it either.
        let _ = unsafe { munmap(self.start.cast::<c_void>(), self.len) };
    }
}

/// Copies shared memory at `source` into `data`.
///
/// # Safety
///
/// `data.len()` bytes from `source` must be mapped.
unsafe fn load(source: *const u8, data: &mut [u8]) {
    let len = data.len();
    let aligned = len.is_power_of_two() && source.addr() % len == 0;
    // SAFETY: The caller vouches for the range, the match for the alignment of each wide access.
    unsafe {
        match len {
            1 => data[0] = source.read_volatile(),
            2 if aligned => {
                data.copy_from_slice(&source.cast::<u16>().read_volatile().to_ne_bytes())
            }
            4 if aligned => {
                data.copy_from_slice(&source.cast::<u32>().read_volatile().to_ne_bytes())
            }
            8 if aligned => {
                data.copy_from_slice(&source.cast::<u64>().read_volatile().to_ne_bytes())
            }
            _ => ptr::copy_nonoverlapping(source, data.as_mut_ptr(), len),
        }
    }
}

/// Copies `data` to shared memory at `target`.
///
/// # Safety
///
/// `data.len()` bytes from `target` must be mapped writable.
unsafe fn store(target: *mut u8, data: &[u8]) {
    let aligned = data.len().is_power_of_two() && target.addr() % data.len() == 0;
    // SAFETY: The caller vouches for the range, the match for the alignment of each wide access.
    unsafe {
        match *data {
            [byte] => target.write_volatile(byte),
            [a, b] if aligned => target
                .cast::<u16>()
                .write_volatile(u16::from_ne_bytes([a, b])),
            [a, b, c, d] if aligned => target
                .cast::<u32>()
                .write_volatile(u32::from_ne_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] if aligned => {
                target
                    .cast::<u64>()
                    .write_volatile(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
            }
            _ => ptr::copy_nonoverlapping(data.as_ptr(), target, data.len()),
        }
    }
}
