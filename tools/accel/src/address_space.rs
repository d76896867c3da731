// SPDX-License-Identifier: GPL-2.0
//! Where jobs of a device with an MMU see memory.
//!
//! An [`AddressSpace`] has addresses at which parts of buffers are mapped, and zeroes. Jobs use it that are
//! in queues of a [`Context`](crate::Context) with it. Every change is made, for
//! jobs that run, too, when the call returns.
//!
//! ```no_run
//! use accel::address_space::Rights;
//! use accel::address_space::Where;
//! use accel::buffer::Placement;
//!
//! # fn main() -> accel::Result<()> {
//! # let device = accel::device::Node::new(0).open()?;
//! let space = device.address_space()?;
//! let buffer = device.buffer(1 << 20, Placement::Device)?;
//! let address = space.map(&buffer, 0..buffer.size(), Where::Anywhere, Rights::ALL)?;
//! // The memory stays until it is unmapped.
//! drop(buffer);
//! space.protect(address..address + 4096, Rights::READ)?;
//! space.unmap(address..address + (1 << 20))?;
//! # Ok(())
//! # }
//! ```

use std::ops::Range;
use std::sync::Arc;

use accel_uapi::accel_address_space_map;
use zerocopy::FromZeros;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::sys;

/// An address space of an open device. Clones are the same one, which ends with the last of them and
/// of the jobs that use it.
#[derive(Clone, Debug)]
pub struct AddressSpace {
    handle: Arc<Handle>,
    addresses: Range<u64>,
    page_sizes: u64,
}

/// Where something is to be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Where large pages are possible.
    Anywhere,
    /// At this address if there is nothing yet, else anywhere.
    Rather(u64),
    /// At this address, in the place of what is there.
    Exactly(u64),
}

/// What jobs may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Read.
    pub read: bool,
    /// Write.
    pub write: bool,
}

impl Rights {
    /// Nothing: any access is a fault.
    pub const NONE: Rights = Rights {
        read: false,
        write: false,
    };
    /// Read only.
    pub const READ: Rights = Rights {
        read: true,
        write: false,
    };
    /// Both.
    pub const ALL: Rights = Rights {
        read: true,
        write: true,
    };

    fn flags(self) -> u32 {
        let flag = |is: bool, flag: u32| if is { flag } else { 0 };
        flag(self.read, accel_uapi::ACCEL_MAP_READ) | flag(self.write, accel_uapi::ACCEL_MAP_WRITE)
    }
}

fn handle(device: &Device, number: u32) -> Arc<Handle> {
    Handle::new(device, number, |device, number| {
        sys::address_space::destroy(device, number)
    })
}

impl AddressSpace {
    pub(crate) fn create(device: &Device, flags: u32) -> Result<Self> {
        let raw = sys::address_space::create(device, flags)
            .map_err(Error::in_call("create an address space"))?;
        let handle = handle(device, raw.handle);
        let end = raw.start.checked_add(raw.size);
        Ok(AddressSpace {
            handle,
            addresses: raw.start..end.ok_or(Error::BadAnswer("addresses without end"))?,
            page_sizes: raw.page_sizes,
        })
    }

    pub(crate) fn device(&self) -> &Device {
        self.handle.device()
    }

    pub(crate) fn number(&self) -> u32 {
        self.handle.number()
    }

    /// The addresses that can be mapped.
    pub fn addresses(&self) -> Range<u64> {
        self.addresses.clone()
    }

    /// The sizes of pages, bytes, from the smallest up: everything is a multiple of that one.
    pub fn page_sizes(&self) -> impl Iterator<Item = u64> + use<> {
        let mask = self.page_sizes;
        let sizes = (0..u64::BITS).map(|bit| 1 << bit);
        sizes.filter(move |size| mask & size != 0)
    }

    /// Map a part of a buffer, in bytes; returns where. It keeps the memory.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignBuffer`]; [`Error::Call`]: `Invalid` if it is not whole pages or out of bounds;
    /// `Unsupported` if the device cannot reach the buffer; `Access` if that is read-only;
    /// `NoDeviceMemory` no room for it or for page tables; `Resetting` while there is room, but it is
    /// being overwritten; `Failed` if the device does not answer; `NoMemory`; `Gone`.
    pub fn map(&self, buffer: &Buffer, part: Range<u64>, at: Where, may: Rights) -> Result<u64> {
        if !buffer.device().same_client(self.handle.device()) {
            return Err(Error::ForeignBuffer);
        }
        let raw = accel_address_space_map {
            buffer: buffer.number(),
            offset: part.start,
            size: part.end.saturating_sub(part.start),
            ..FromZeros::new_zeroed()
        };
        self.map_by(raw, at, may.flags())
    }

    /// Map `size` bytes of zeroes, which take no memory: what is written there is lost. Returns where.
    ///
    /// # Errors
    ///
    /// As [`AddressSpace::map`].
    pub fn map_zeroes(&self, size: u64, at: Where, may: Rights) -> Result<u64> {
        let raw = accel_address_space_map {
            size,
            ..FromZeros::new_zeroed()
        };
        self.map_by(raw, at, may.flags() | accel_uapi::ACCEL_MAP_SPARSE)
    }

    /// Map memory of this program, `size` bytes from `memory` on, without copying or pinning it, in a
    /// space of [`Device::preemptible_address_space`]; returns where.
    ///
    /// # Safety
    ///
    /// Until it is unmapped, or the space has ended, work there may write at any moment to whatever the
    /// program has at these addresses, if `may` says so: nothing that the compiler takes for its own.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is not whole pages, or the space is not preemptible; `BadPointer`
    /// if there is no memory, or none that may be written; `TooBig` if it is more than 1 GiB;
    /// `Unsupported` if the device or the kernel cannot do that; otherwise as [`AddressSpace::map`].
    #[allow(unsafe_code)]
    pub unsafe fn map_user(
        &self,
        memory: *mut u8,
        size: u64,
        at: Where,
        may: Rights,
    ) -> Result<u64> {
        let raw = accel_address_space_map {
            offset: memory.expose_provenance() as u64,
            size,
            ..FromZeros::new_zeroed()
        };
        self.map_by(raw, at, may.flags() | accel_uapi::ACCEL_MAP_USER)
    }

    fn map_by(&self, mut raw: accel_address_space_map, at: Where, flags: u32) -> Result<u64> {
        raw.space = self.handle.number();
        (raw.flags, raw.address) = match at {
            Where::Anywhere => (flags, 0),
            Where::Rather(address) => (flags, address),
            Where::Exactly(address) => (flags | accel_uapi::ACCEL_MAP_FIXED, address),
        };
        sys::address_space::map(self.handle.device(), &mut raw)
            .map_err(Error::in_call("map a buffer"))?;
        Ok(raw.address)
    }

    /// Unmap whatever is mapped in a range.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is empty, not whole pages or out of bounds; otherwise as
    /// [`AddressSpace::map`].
    pub fn unmap(&self, range: Range<u64>) -> Result<()> {
        let size = range.end.saturating_sub(range.start);
        sys::address_space::unmap(self.handle.device(), self.number(), range.start, size)
            .map_err(Error::in_call("unmap a range"))
    }

    /// Change what jobs may do with what is mapped in a range.
    ///
    /// # Errors
    ///
    /// As [`AddressSpace::unmap`], and `Access` if a buffer there is read-only.
    pub fn protect(&self, range: Range<u64>, may: Rights) -> Result<()> {
        let (number, size) = (self.number(), range.end.saturating_sub(range.start));
        sys::address_space::protect(self.handle.device(), number, may.flags(), range.start, size)
            .map_err(Error::in_call("protect a range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn fake(device: &Device) -> AddressSpace {
        AddressSpace {
            handle: handle(device, 3),
            addresses: 0x1000..0x10_0000,
            page_sizes: 0x21_1000,
        }
    }

    #[test]
    fn page_sizes_are_bits() {
        let device = Device::open("/dev/null").unwrap();
        let sizes: Vec<_> = fake(&device).page_sizes().collect();
        assert_eq!(sizes, [0x1000, 0x1_0000, 0x20_0000]);
    }

    #[test]
    fn buffers_of_others_are_refused() {
        let device = Device::open("/dev/null").unwrap();
        let buffer = Buffer::fake(&Device::open("/dev/null").unwrap(), 1);
        let mapped = fake(&device).map(&buffer, 0..4096, Where::Anywhere, Rights::ALL);
        assert_eq!(mapped, Err(Error::ForeignBuffer));
    }

    #[test]
    fn a_file_that_is_no_device_is_told() {
        let device = Device::open("/dev/null").unwrap();
        let causes = [
            device.address_space().err(),
            fake(&device)
                .map_zeroes(4096, Where::Rather(0x1000), Rights::READ)
                .err(),
            fake(&device).unmap(0x1000..0x2000).err(),
            fake(&device).protect(0x1000..0x2000, Rights::NONE).err(),
        ];
        for cause in causes {
            let cause = cause.as_ref().and_then(Error::cause);
            assert_eq!(cause, Some(Cause::NoSuchCommand));
        }
    }
}
