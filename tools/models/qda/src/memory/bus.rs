// SPDX-License-Identifier: GPL-2.0
//! Accesses to locations: device memory, host memory, peers, zeros.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pci_model::{DeviceMemory, Dma};

use super::{Kind, Location, Poison, Target};

/// Faults that a test can ask for.
#[derive(Debug, Default)]
pub struct BusFaults {
    /// Accesses to host memory fail.
    pub system: AtomicBool,
    /// Accesses to peers fail.
    pub peer: AtomicBool,
}

/// All memory that a card can reach.
pub struct Bus {
    memory: Arc<DeviceMemory>,
    /// MEM_RESERVED.
    limit: u64,
    dma: Dma,
    /// What is poison in device memory.
    pub poison: Poison,
    /// What is to fail.
    pub faults: BusFaults,
}

impl Bus {
    /// `limit` is where the memory of the firmware begins.
    pub fn new(memory: Arc<DeviceMemory>, limit: u64, dma: Dma) -> Self {
        Self {
            memory,
            limit,
            dma,
            poison: Poison::default(),
            faults: BusFaults::default(),
        }
    }

    /// Reads as a packet does.
    pub fn read(&self, from: Location, data: &mut [u8]) -> Result<(), Kind> {
        if from.target == Target::Zero {
            data.fill(0);
            return Ok(());
        }
        self.check(from, data.len())?;
        let address = from.address;
        match from.target {
            Target::Device if self.poison.hits(address, data.len()) => Err(Kind::Poison),
            Target::Device => self
                .memory
                .read(address, data)
                .then_some(())
                .ok_or(Kind::Range),
            Target::System => self.dma.read(address, data).map_err(|_| Kind::Bus),
            _ => self.dma.peer_read(address, data).map_err(|_| Kind::PeerBus),
        }
    }

    /// Writes as a packet does.
    pub fn write(&self, to: Location, data: &[u8]) -> Result<(), Kind> {
        if to.target == Target::Zero {
            return Ok(());
        }
        self.check(to, data.len())?;
        let address = to.address;
        match to.target {
            Target::Device => {
                self.poison.overwrite(address, data.len());
                self.memory
                    .write(address, data)
                    .then_some(())
                    .ok_or(Kind::Range)
            }
            Target::System => self.dma.write(address, data).map_err(|_| Kind::Bus),
            _ => self
                .dma
                .peer_write(address, data)
                .map_err(|_| Kind::PeerBus),
        }
    }

    /// Writes a record whose first 64 bits tell that the rest is there: they come last.
    pub fn write_record(&self, to: Location, record: &[u8; 64]) -> Result<(), Kind> {
        let rest = to.offset(8).ok_or(Kind::Range)?;
        self.write(rest, &record[8..])?;
        std::sync::atomic::fence(Ordering::SeqCst);
        self.write(to, &record[..8])
    }

    /// Device memory itself, for the firmware and for errors in it.
    pub fn device_memory(&self) -> &DeviceMemory {
        &self.memory
    }

    fn check(&self, place: Location, len: usize) -> Result<(), Kind> {
        let end = place.address.checked_add(len as u64).ok_or(Kind::Range)?;
        let (limit, broken) = match place.target {
            Target::Device => (self.limit, None),
            Target::System => (1 << 52, Some((&self.faults.system, Kind::Bus))),
            _ => (1 << 52, Some((&self.faults.peer, Kind::PeerBus))),
        };
        if end > limit {
            return Err(Kind::Range);
        }
        match broken {
            Some((broken, kind)) if broken.load(Ordering::Relaxed) => Err(kind),
            _ => Ok(()),
        }
    }
}
