// SPDX-License-Identifier: GPL-2.0
//! A buffer in the address space of the program.

#![allow(unsafe_code)]

use std::ops::Range;
use std::os::fd::AsFd;
use std::ptr;
use std::ptr::NonNull;

use rustix::mm::MapFlags;
use rustix::mm::ProtFlags;
use rustix::mm::mmap;
use rustix::mm::munmap;

use crate::error::Error;
use crate::error::Result;
use crate::volatile;

/// The memory of a buffer, mapped. It stays valid when the device goes away.
///
/// The device (and another program) may change the memory at any time, so there is no `&[u8]` of it:
/// bytes are copied in and out by volatile accesses. What a copy returns while a job writes to the
/// buffer is any mixture of old and new bytes; wait for the job first.
#[derive(Debug)]
pub struct Mapping {
    // Invariant: `size` bytes at `start` are mapped readable and writable until `self` is dropped.
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the memory is process-wide, and no method depends on the thread.
unsafe impl Send for Mapping {}

// SAFETY: through `&self` the memory is only read.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn new(file: impl AsFd, offset: u64, size: usize) -> Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an unused range.
        let start = unsafe { mmap(ptr::null_mut(), size, prot, MapFlags::SHARED, file, offset) };
        let start = start.map_err(Error::in_call("map a buffer"))?;
        let start = NonNull::new(start.cast()).ok_or(Error::BadAnswer("a mapping at address 0"))?;
        Ok(Mapping { start, size })
    }

    /// Bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// First byte, valid for [`size`](Self::size) bytes as long as the mapping lives. Others may
    /// change the memory at any time.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Copy `source` to `offset`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]; nothing is copied then.
    pub fn copy_from_slice(&mut self, offset: usize, source: &[u8]) -> Result<()> {
        let start = self.check(offset, source.len())?;
        // SAFETY: `check()` proved that the bytes are inside of the mapping.
        unsafe { volatile::write(start, source) };
        Ok(())
    }

    /// Copy from `offset` to `destination`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]; nothing is copied then.
    pub fn copy_to_slice(&self, offset: usize, destination: &mut [u8]) -> Result<()> {
        let start = self.check(offset, destination.len())?;
        // SAFETY: `check()` proved that the bytes are inside of the mapping.
        unsafe { volatile::read(start, destination) };
        Ok(())
    }

    /// Set all bytes of `range` to `byte`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]; nothing is set then.
    pub fn fill(&mut self, range: Range<usize>, byte: u8) -> Result<()> {
        let start = self.check(range.start, range.len())?;
        // SAFETY: `check()` proved that the bytes are inside of the mapping.
        unsafe { volatile::fill(start, range.len(), byte) };
        Ok(())
    }

    /// Store words at `offset`, a multiple of 8, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], also if they are not aligned; nothing is stored then.
    pub(crate) fn store<const N: usize>(&mut self, offset: usize, words: [u64; N]) -> Result<()> {
        let start = self.check_words::<N>(offset)?;
        for (i, word) in words.into_iter().enumerate() {
            // SAFETY: `check_words()` proved that they are inside of the mapping, and aligned.
            unsafe { start.add(i).write_volatile(word) };
        }
        Ok(())
    }

    /// Load words from `offset`, a multiple of 8, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], also if they are not aligned.
    pub(crate) fn load<const N: usize>(&self, offset: usize) -> Result<[u64; N]> {
        let start = self.check_words::<N>(offset)?;
        // SAFETY: `check_words()` proved that they are inside of the mapping, and aligned.
        Ok(std::array::from_fn(|i| unsafe {
            start.add(i).read_volatile()
        }))
    }

    /// The address of `offset`, with so many aligned words of the mapping behind it.
    fn check_words<const N: usize>(&self, offset: usize) -> Result<*mut u64> {
        let length = N * size_of::<u64>();
        let start = self.check(offset, length)?.cast::<u64>();
        match start.is_aligned() {
            true => Ok(start),
            false => Err(self.out_of_range(offset, length)),
        }
    }

    /// The address of `offset`, with `length` bytes of the mapping behind it.
    fn check(&self, offset: usize, length: usize) -> Result<*mut u8> {
        match offset.checked_add(length) {
            Some(end) if end <= self.size => {
                // SAFETY: `offset` is at most `size`.
                Ok(unsafe { self.start.as_ptr().add(offset) })
            }
            _ => Err(self.out_of_range(offset, length)),
        }
    }

    fn out_of_range(&self, offset: usize, length: usize) -> Error {
        Error::OutOfRange {
            offset,
            length,
            size: self.size,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is ours by the invariant, and nobody can use it after this.
        // It fails for bad ranges only.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.size) };
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::MemfdFlags;
    use rustix::fs::ftruncate;
    use rustix::fs::memfd_create;

    use super::*;

    fn mapping() -> Mapping {
        let file = memfd_create("mapping", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, 4096).unwrap();
        Mapping::new(file, 0, 4096).unwrap()
    }

    #[test]
    fn copies_go_in_and_out() {
        let mut mapping = mapping();
        let mut bytes = [1; 5];
        mapping.copy_to_slice(4091, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 5]);
        mapping.copy_from_slice(1, b"abcde").unwrap();
        mapping.fill(2..4, b'x').unwrap();
        mapping.copy_to_slice(1, &mut bytes).unwrap();
        assert_eq!(&bytes, b"axxde");
    }

    #[test]
    fn words_are_whole_and_aligned() {
        let mut mapping = mapping();
        mapping.store(4080, [0x0102_0304_0506_0708, 9]).unwrap();
        assert_eq!(mapping.load(4080), Ok([0x0102_0304_0506_0708, 9]));
        let mut bytes = [0; 9];
        mapping.copy_to_slice(4080, &mut bytes).unwrap();
        assert_eq!(bytes, [8, 7, 6, 5, 4, 3, 2, 1, 9]);
        for offset in [1, 4, 4088, 4096, usize::MAX] {
            assert!(mapping.load::<2>(offset).is_err());
            assert!(mapping.store(offset, [0, 0]).is_err());
        }
    }

    #[test]
    fn copies_end_with_the_mapping() {
        let mut mapping = mapping();
        assert_eq!(mapping.copy_from_slice(4096, &[]), Ok(()));
        let error = |offset, length| {
            Err(Error::OutOfRange {
                offset,
                length,
                size: 4096,
            })
        };
        assert_eq!(mapping.copy_from_slice(4095, &[0; 2]), error(4095, 2));
        assert_eq!(
            mapping.copy_to_slice(usize::MAX, &mut [0; 2]),
            error(usize::MAX, 2)
        );
        assert_eq!(mapping.fill(0..4097, 0), error(0, 4097));
    }
}
