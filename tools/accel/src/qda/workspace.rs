// SPDX-License-Identifier: GPL-2.0
//! Where the packets of a program work: an address space of a card, memory in it, queues.

use crate::address_space::AddressSpace;
use crate::address_space::Rights;
use crate::address_space::Where;
use crate::buffer::Buffer;
use crate::buffer::Place;
use crate::buffer::Placement;
use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::info;
use crate::info::EngineKind;
use crate::info::Info;
use crate::queue::Context;
use crate::queue::Options;
use crate::queue::Priority;
use crate::queue::Queue;

/// An address space of a card and the context of its queues. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Workspace {
    device: Device,
    space: AddressSpace,
    context: Context,
}

impl Workspace {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// As [`Device::address_space`] and [`Device::context`]; [`Error::Call`]: `Resetting` while the
    /// card's firmware is brought back.
    pub fn new(device: &Device) -> Result<Self> {
        let space = device.address_space()?;
        Ok(Workspace {
            context: device.context(Some(&space))?,
            device: device.clone(),
            space,
        })
    }

    /// Zeroed memory of the card, for its engines only.
    ///
    /// # Errors
    ///
    /// As [`Device::buffer_in`] and [`AddressSpace::map`].
    pub fn card_memory(&self, size: u64) -> Result<Memory> {
        let place = Place {
            region: super::MEMORY,
            contiguous: false,
            visible: false,
        };
        self.share(&self.device.buffer_in(size, place)?, Rights::ALL)
    }

    /// Zeroed memory of the host, which the program can map.
    ///
    /// # Errors
    ///
    /// As [`Device::buffer`] and [`AddressSpace::map`].
    pub fn host_memory(&self, size: u64) -> Result<Memory> {
        self.share(&self.device.buffer(size, Placement::System)?, Rights::ALL)
    }

    /// All of a buffer of the same open device, where packets reach it.
    ///
    /// # Errors
    ///
    /// As [`AddressSpace::map`].
    pub fn share(&self, buffer: &Buffer, may: Rights) -> Result<Memory> {
        let address = self
            .space
            .map(buffer, 0..buffer.size(), Where::Anywhere, may)?;
        Ok(Memory {
            buffer: buffer.clone(),
            space: self.space.clone(),
            address,
        })
    }

    /// A queue for the engines of a kind: [`EngineKind::Copy`], [`EngineKind::Compute`] (the tensor
    /// engines) or [`EngineKind::Collective`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchEngine`]; as [`Context::queue`]; [`Error::Call`]: `Resetting` while the card's
    /// firmware is brought back.
    pub fn queue(&self, kind: EngineKind, priority: Priority) -> Result<Queue> {
        self.context.queue(&Options {
            engine: self.engine(kind)?,
            priority,
            ..Options::default()
        })
    }

    /// Indices of the engines of a kind.
    ///
    /// # Errors
    ///
    /// As [`Info::list`].
    pub fn engines(&self, kind: EngineKind) -> Result<Vec<u32>> {
        let engines: Vec<info::Engine> = self.device.list()?;
        let engines = (0..).zip(engines);
        let engines = engines.filter(|(_, engine)| engine.kind == kind);
        Ok(engines.map(|(index, _)| index).collect())
    }

    /// The first of them.
    pub(crate) fn engine(&self, kind: EngineKind) -> Result<u32> {
        let first = self.engines(kind)?.first().copied();
        first.ok_or(Error::NoSuchEngine(kind))
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// Memory at addresses of a [`Workspace`], until it is dropped: packets that come too late end with
/// [`Fault::Page`](crate::job::Fault).
#[derive(Debug)]
pub struct Memory {
    buffer: Buffer,
    space: AddressSpace,
    address: u64,
}

impl Memory {
    /// Address of the first byte, for packets.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.buffer.size()
    }

    /// The buffer that it is.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // It fails if the device is gone, and then nothing is mapped any more.
        let _ = self
            .space
            .unmap(self.address..self.address + self.buffer.size());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    #[test]
    fn a_file_that_is_no_device_is_told() {
        let device = Device::open("/dev/null").unwrap();
        let error = Workspace::new(&device).unwrap_err();
        assert_eq!(error.cause(), Some(Cause::NoSuchCommand));
    }
}
