// SPDX-License-Identifier: GPL-2.0
//! Memory that a device can work with.

use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use accel_uapi::accel_buffer_create;
use accel_uapi::accel_buffer_import;
use accel_uapi::accel_buffer_info;
use zerocopy::FromZeros;

use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::mapping::Mapping;
use crate::sys;

/// Where the memory of a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// Where the device can work with it.
    Default,
    /// Pages of system memory, scattered.
    System,
    /// System memory that is contiguous for the device.
    Contiguous,
    /// Where another driver put it; see [`Device::import`].
    Imported,
    /// Memory of the device; see [`Device::buffer_in`].
    Device,
    /// Memory of the program.
    User,
    /// A placement that this library does not know.
    Unknown(u32),
}

impl From<u32> for Placement {
    fn from(raw: u32) -> Self {
        match raw {
            accel_uapi::ACCEL_PLACEMENT_DEFAULT => Placement::Default,
            accel_uapi::ACCEL_PLACEMENT_SYSTEM => Placement::System,
            accel_uapi::ACCEL_PLACEMENT_CONTIGUOUS => Placement::Contiguous,
            accel_uapi::ACCEL_PLACEMENT_IMPORTED => Placement::Imported,
            accel_uapi::ACCEL_PLACEMENT_DEVICE => Placement::Device,
            accel_uapi::ACCEL_PLACEMENT_USER => Placement::User,
            other => Placement::Unknown(other),
        }
    }
}

impl From<Placement> for u32 {
    fn from(placement: Placement) -> Self {
        match placement {
            Placement::Default => accel_uapi::ACCEL_PLACEMENT_DEFAULT,
            Placement::System => accel_uapi::ACCEL_PLACEMENT_SYSTEM,
            Placement::Contiguous => accel_uapi::ACCEL_PLACEMENT_CONTIGUOUS,
            Placement::Imported => accel_uapi::ACCEL_PLACEMENT_IMPORTED,
            Placement::Device => accel_uapi::ACCEL_PLACEMENT_DEVICE,
            Placement::User => accel_uapi::ACCEL_PLACEMENT_USER,
            Placement::Unknown(raw) => raw,
        }
    }
}

/// Where in the memory of a device a buffer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which element of [`Memory`](crate::info::Memory), as the device lists them.
    pub region: u32,
    /// In one piece.
    pub contiguous: bool,
    /// Where CPUs reach it, so that it can be mapped.
    pub visible: bool,
}

/// A buffer of an open device, zeroed at first.
///
/// Clones name the same buffer. The kernel frees it when the last clone, the last [`Mapping`] and
/// the last job with it are gone.
#[derive(Clone, Debug)]
pub struct Buffer {
    handle: Arc<Handle>,
    size: u64,
    placement: Placement,
    mmap_offset: u64,
}

/// Whether the contents of a buffer are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Advice {
    /// They are, as at first.
    WillNeed = accel_uapi::ACCEL_ADVICE_WILLNEED,
    /// They may be lost.
    DontNeed = accel_uapi::ACCEL_ADVICE_DONTNEED,
}

/// What the kernel says of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferInfo {
    /// Bytes.
    pub size: u64,
    /// Where it is.
    pub placement: Placement,
    /// Which element of the list of memory regions it is in.
    pub region: u32,
}

fn handle(device: &Device, number: u32) -> Arc<Handle> {
    Handle::new(device, number, |device, number| {
        sys::buffer_close(device, number)
    })
}

impl Buffer {
    pub(crate) fn create(device: &Device, size: u64, placement: Placement) -> Result<Self> {
        Self::create_by(
            device,
            accel_buffer_create {
                size,
                placement: placement.into(),
                ..FromZeros::new_zeroed()
            },
        )
    }

    pub(crate) fn create_in(device: &Device, size: u64, place: Place) -> Result<Self> {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        Self::create_by(
            device,
            accel_buffer_create {
                size,
                placement: accel_uapi::ACCEL_PLACEMENT_DEVICE,
                flags: flag(place.contiguous, accel_uapi::ACCEL_CREATE_CONTIGUOUS)
                    | flag(place.visible, accel_uapi::ACCEL_CREATE_VISIBLE),
                region: place.region,
                ..FromZeros::new_zeroed()
            },
        )
    }

    fn create_by(device: &Device, mut raw: accel_buffer_create) -> Result<Self> {
        let size = raw.size;
        sys::buffer_create(device, &mut raw).map_err(Error::in_call("create a buffer"))?;
        let handle = handle(device, raw.handle);
        if raw.size < size {
            return Err(Error::BadAnswer("a buffer that is too small"));
        }
        Ok(Buffer {
            handle,
            size: raw.size,
            placement: raw.placement.into(),
            mmap_offset: raw.mmap_offset,
        })
    }

    pub(crate) fn import(device: &Device, buf: BorrowedFd<'_>) -> Result<Self> {
        let mut raw = accel_buffer_import {
            fd: buf.as_raw_fd(),
            ..FromZeros::new_zeroed()
        };
        sys::buffer_import(device, &mut raw).map_err(Error::in_call("import a dma-buf"))?;
        Ok(Buffer {
            handle: handle(device, raw.handle),
            size: raw.size,
            placement: raw.placement.into(),
            mmap_offset: raw.mmap_offset,
        })
    }

    /// Share the memory with other drivers, devices and processes, as a dma-buf. It lives as long as
    /// anybody holds that.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `NoMemory`, `Gone`, or no file descriptor is free.
    pub fn export(&self) -> Result<OwnedFd> {
        sys::buffer_export(self.device(), self.number()).map_err(Error::in_call("export a buffer"))
    }

    /// Bytes: what was asked for, rounded up to whole pages.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Name the buffer for people, where buffers are listed for debugging: at most 47 characters of
    /// printable ASCII; nothing takes the name away.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` for another text; `NoMemory`, `Gone`.
    pub fn set_label(&self, label: &str) -> Result<()> {
        sys::buffer_label(self.device(), self.number(), label)
            .map_err(Error::in_call("name a buffer"))
    }

    /// Say whether the contents of the buffer are needed; returns whether they are there.
    ///
    /// While they are not, the kernel may take the memory, for ever, and the buffer cannot be mapped,
    /// exported or named by a job.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Unsupported` for memory that cannot be taken, `Busy` for a buffer that was
    /// shared; `NoMemory`, `Gone`.
    pub fn advise(&self, advice: Advice) -> Result<bool> {
        sys::buffer_advise(self.device(), self.number(), advice as u32)
            .map_err(Error::in_call("advise of a buffer"))
    }

    /// Ask the kernel about the buffer.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Gone`.
    pub fn info(&self) -> Result<BufferInfo> {
        let mut raw = accel_buffer_info {
            handle: self.number(),
            ..FromZeros::new_zeroed()
        };
        sys::buffer_info(self.device(), &mut raw).map_err(Error::in_call("ask about a buffer"))?;
        Ok(BufferInfo {
            size: raw.size,
            placement: raw.placement.into(),
            region: raw.region,
        })
    }

    /// Make the whole buffer accessible to this program.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `NoMemory`, `Gone`.
    pub fn map(&self) -> Result<Mapping> {
        let size =
            usize::try_from(self.size).map_err(|_| Error::BadAnswer("a buffer without end"))?;
        Mapping::new(self.device(), self.mmap_offset, size)
    }

    pub(crate) fn device(&self) -> &Device {
        self.handle.device()
    }

    pub(crate) fn number(&self) -> u32 {
        self.handle.number()
    }
}

#[cfg(test)]
impl Buffer {
    /// A buffer that only has a name.
    pub(crate) fn fake(device: &Device, number: u32) -> Self {
        let handle = handle(device, number);
        Buffer {
            handle,
            size: 4096,
            placement: Placement::System,
            mmap_offset: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placements_are_the_kernels() {
        for raw in 0..7 {
            assert_eq!(u32::from(Placement::from(raw)), raw);
        }
        assert_eq!(Placement::from(3), Placement::Imported);
        assert_eq!(Placement::from(4), Placement::Device);
        assert_eq!(Placement::from(5), Placement::User);
        assert_eq!(Placement::from(6), Placement::Unknown(6));
    }
}
