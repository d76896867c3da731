// SPDX-License-Identifier: GPL-2.0
//! Memory as one job sees it: eight regions, and a lease on the bus that a reset takes back.

use std::sync::{Arc, PoisonError, RwLock};

use crate::bus::{ADDRESS_BITS, Bus, BusError};
use crate::stop::{Channel, Stop};

/// The right to use the bus. After [`revoke`](Lease::revoke) has returned, no transfer of its job
/// is on its way and none will follow.
pub(crate) struct Lease {
    bus: Arc<dyn Bus>,
    revoked: RwLock<bool>,
}

impl Lease {
    /// A lease on `bus`.
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        Self {
            bus,
            revoked: RwLock::new(false),
        }
    }

    /// Takes the lease back; waits for the transfer that is on its way.
    pub(crate) fn revoke(&self) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Calls `transfer` unless the lease has been taken back.
    fn with(&self, transfer: impl FnOnce(&dyn Bus) -> Result<(), BusError>) -> Transfer {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        if *revoked {
            return Err(None);
        }
        transfer(&*self.bus).map_err(Some)
    }
}

/// Outcome of a transfer; `Err(None)` without a lease.
type Transfer = Result<(), Option<BusError>>;

/// Regions of one job.
pub(crate) struct Memory {
    /// The bus.
    pub(crate) lease: Arc<Lease>,
    /// Bus address of each region.
    pub(crate) base: [u64; 8],
    /// REGIONCFG: two bits per region, the upper one says which AXI interface.
    pub(crate) region_config: u32,
    /// Bus address of the command stream.
    pub(crate) queue: u64,
    /// QCONFIG: two bits as in REGIONCFG.
    pub(crate) queue_config: u32,
}

impl Memory {
    /// Reads from `offset` of a region.
    pub(crate) fn read(
        &self,
        channel: Channel,
        region: u8,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), Stop> {
        let address = self.address(region, offset, data.len());
        let transfer = address.map_or(Err(Some(BusError)), |address| {
            self.lease.with(|bus| bus.read(address, data))
        });
        transfer.map_err(|error| stop(error, channel, self.interface(region)))
    }

    /// Writes to `offset` of a region.
    pub(crate) fn write(
        &self,
        channel: Channel,
        region: u8,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Stop> {
        let address = self.address(region, offset, data.len());
        let transfer = address.map_or(Err(Some(BusError)), |address| {
            self.lease.with(|bus| bus.write(address, data))
        });
        transfer.map_err(|error| stop(error, channel, self.interface(region)))
    }

    /// Reads the command stream.
    pub(crate) fn fetch(&self, offset: u64, data: &mut [u8]) -> Result<(), Stop> {
        let address = bounded(self.queue, offset, data.len());
        let transfer = address.map_or(Err(Some(BusError)), |address| {
            self.lease.with(|bus| bus.read(address, data))
        });
        let interface = (self.queue_config >> 1 & 1) as u8;
        transfer.map_err(|error| stop(error, Channel::CommandRead, interface))
    }

    /// Whether the lease still holds; for work between transfers.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        self.lease.with(|_| Ok(())).map_err(|_| Stop::Reset)
    }

    fn address(&self, region: u8, offset: u64, len: usize) -> Option<u64> {
        bounded(self.base[usize::from(region & 7)], offset, len)
    }

    fn interface(&self, region: u8) -> u8 {
        (self.region_config >> (2 * u32::from(region & 7) + 1) & 1) as u8
    }
}

/// `base + offset` modulo the address space, if `len` bytes there are before its end.
fn bounded(base: u64, offset: u64, len: usize) -> Option<u64> {
    let address = base.wrapping_add(offset) & ((1 << ADDRESS_BITS) - 1);
    let end = address.checked_add(len as u64)?;
    (end <= 1 << ADDRESS_BITS).then_some(address)
}

fn stop(error: Option<BusError>, channel: Channel, interface: u8) -> Stop {
    match error {
        Some(BusError) => Stop::Bus { channel, interface },
        None => Stop::Reset,
    }
}
