// SPDX-License-Identifier: GPL-2.0
//! Memory of this program as a dma-buf, which any driver can import.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::MemfdFlags;
use rustix::fs::OFlags;
use rustix::fs::SealFlags;
use rustix::io::Errno;

use crate::device;
use crate::error::Error;
use crate::error::Result;
use crate::sys;

const DRIVER: &str = "/dev/udmabuf";
const PAGE: u64 = 4096;

/// Pages of a memfd, zeroed at first: what a program has that is its own camera.
///
/// Without an IOMMU, only one page of it is in one piece for every device.
#[derive(Debug)]
pub struct Udmabuf {
    memory: File,
    buf: OwnedFd,
    size: u64,
}

impl Udmabuf {
    /// Share at least `size` bytes, rounded up to whole pages.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if the kernel has no udmabuf, or the user may not open it; [`Error::Call`].
    pub fn new(size: u64) -> Result<Self> {
        let driver = device::open(Path::new(DRIVER), OFlags::RDWR)?;
        let failed = Error::in_call("share memory");
        let pages = || size.checked_next_multiple_of(PAGE).ok_or(Errno::INVAL);
        let make = || {
            let size = pages()?;
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let memory = rustix::fs::memfd_create("udmabuf", flags)?;
            rustix::fs::ftruncate(&memory, size)?;
            // The driver wants to be sure of the pages that it holds.
            rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK)?;
            let buf = sys::udmabuf_create(&driver, &memory, size)?;
            Ok(Udmabuf {
                memory: memory.into(),
                buf,
                size,
            })
        };
        make().map_err(failed)
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Copy `source` to `offset`, so that devices see it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]; [`Error::Call`].
    pub fn write(&mut self, offset: u64, source: &[u8]) -> Result<()> {
        let end = offset.checked_add(source.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(Error::OutOfRange {
                offset: usize::try_from(offset).unwrap_or(usize::MAX),
                length: source.len(),
                size: usize::try_from(self.size).unwrap_or(usize::MAX),
            });
        }
        let failed = Error::in_call("write to shared memory");
        let write = || {
            sys::dma_buf_write_begin(&self.buf)?;
            let written = self.memory.write_all_at(source, offset);
            sys::dma_buf_write_end(&self.buf)?;
            written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        };
        write().map_err(failed)
    }
}

/// The dma-buf, for [`Device::import`](crate::Device::import) and everybody else who takes one.
impl AsFd for Udmabuf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.buf.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_end_with_the_memory() {
        let null = || File::open("/dev/null").unwrap();
        let mut memory = Udmabuf {
            memory: null(),
            buf: null().into(),
            size: 4096,
        };
        for (offset, length) in [(4096, 1), (4000, 97), (u64::MAX, 1)] {
            let error = memory.write(offset, &vec![0; length]).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { size: 4096, .. }));
        }
    }
}
