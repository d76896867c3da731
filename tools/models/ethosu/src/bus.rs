// SPDX-License-Identifier: GPL-2.0
//! Memory as the NPU sees it: a bus of 40-bit addresses.

use std::sync::Mutex;

use pci_model::Dma;

/// Bits of a bus address.
pub const ADDRESS_BITS: u32 = 40;

/// The bus answered with an error; nothing has been transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError;

/// Whatever the NPU's two AXI interfaces are connected to.
pub trait Bus: Send + Sync {
    /// Reads `data.len()` bytes at `address`.
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), BusError>;
    /// Writes `data` at `address`.
    fn write(&self, address: u64, data: &[u8]) -> Result<(), BusError>;
}

impl Bus for Dma {
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), BusError> {
        Dma::read(self, address, data).map_err(|_| BusError)
    }

    fn write(&self, address: u64, data: &[u8]) -> Result<(), BusError> {
        Dma::write(self, address, data).map_err(|_| BusError)
    }
}

/// Plain memory from address 0: the bus of a simulation without a machine.
pub struct Ram(Mutex<Vec<u8>>);

impl Ram {
    /// Memory with this content.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(bytes))
    }

    fn with<R>(
        &self,
        address: u64,
        len: usize,
        access: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, BusError> {
        let start = usize::try_from(address).map_err(|_| BusError)?;
        let end = start.checked_add(len).ok_or(BusError)?;
        let mut bytes = self.0.lock().map_err(|_| BusError)?;
        bytes.get_mut(start..end).map(access).ok_or(BusError)
    }
}

impl Bus for Ram {
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), BusError> {
        self.with(address, data.len(), |bytes| data.copy_from_slice(bytes))
    }

    fn write(&self, address: u64, data: &[u8]) -> Result<(), BusError> {
        self.with(address, data.len(), |bytes| bytes.copy_from_slice(data))
    }
}
