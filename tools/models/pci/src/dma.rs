// SPDX-License-Identifier: GPL-2.0
//! Guest memory as a function sees it: bus addresses, resolved through the ranges the peer has
//! mapped.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::bar::DeviceMemory;
use crate::memory::Mapping;
use crate::port::Shared;

/// Most ranges that may be mapped at a time: the default `max_map_count` of Linux, less a margin.
const MAX_RANGES: usize = 60_000;

/// Why a transfer did not happen. Nothing has been copied then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The function may not master the bus: BME clear, D3hot, or removed.
    NotMaster,
    /// No memory, or memory that may not be accessed so, at this bus address.
    Unmapped(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMaster => write!(f, "bus mastering is off"),
            Self::Unmapped(address) => write!(f, "no memory at {address:#x}"),
        }
    }
}

impl std::error::Error for Fault {}

/// The way to guest memory. Clones share one port; usable from any thread.
#[derive(Clone)]
pub struct Dma(pub(crate) Arc<Shared>);

impl Dma {
    /// Copies guest memory at bus address `address` into `data`.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Fault> {
        let bus = self.0.bus();
        if !bus.master {
            return Err(Fault::NotMaster);
        }
        let len = data.len();
        bus.memory.each(address, len, false, |_, _, _| true)?;
        bus.memory.each(address, len, false, |range, offset, part| {
            range.read(offset, &mut data[part])
        })
    }

    /// Copies `data` to guest memory at bus address `address`.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), Fault> {
        let bus = self.0.bus();
        if !bus.master {
            return Err(Fault::NotMaster);
        }
        let len = data.len();
        bus.memory.each(address, len, true, |_, _, _| true)?;
        bus.memory.each(address, len, true, |range, offset, part| {
            range.write(offset, &data[part])
        })
    }

    /// Copies memory of a peer behind the same switch, at bus address `address`, into `data`.
    pub fn peer_read(&self, address: u64, data: &mut [u8]) -> Result<(), Fault> {
        let (memory, offset) = self.route(address, data.len())?;
        self.as_master(address, || memory.read(offset, data))
    }

    /// Copies `data` to memory of a peer.
    pub fn peer_write(&self, address: u64, data: &[u8]) -> Result<(), Fault> {
        let (memory, offset) = self.route(address, data.len())?;
        self.as_master(address, || memory.write(offset, data))
    }

    /// Looked up before our own bus is locked: two ports that hold theirs and want the other's
    /// would wait for ever.
    fn route(&self, address: u64, len: usize) -> Result<(Arc<DeviceMemory>, u64), Fault> {
        let found = self.0.switch.route(address, len);
        found.ok_or(Fault::Unmapped(address))
    }

    fn as_master(&self, address: u64, copy: impl FnOnce() -> bool) -> Result<(), Fault> {
        let bus = self.0.bus();
        if !bus.master {
            return Err(Fault::NotMaster);
        }
        copy().then_some(()).ok_or(Fault::Unmapped(address))
    }
}

/// A range of bus addresses that the peer has announced.
#[derive(Debug)]
struct Range {
    len: u64,
    writable: bool,
    /// `None` for a range without a file: ROM, or another device's BAR.
    mapping: Option<Mapping>,
}

/// All ranges by their first bus address; they do not overlap.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<u64, Range>);

impl Memory {
    /// Adds a range; `EEXIST` if it overlaps another one.
    pub(crate) fn map(
        &mut self,
        address: u64,
        len: u64,
        writable: bool,
        file: Option<(OwnedFd, u64)>,
    ) -> io::Result<()> {
        let end = address.checked_add(len).filter(|_| len > 0);
        let end = end.ok_or(io::ErrorKind::InvalidInput)?;
        if self.0.len() >= MAX_RANGES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let below = self.0.range(..end).next_back();
        if below.is_some_and(|(start, range)| start + range.len > address) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mapping = file
            .map(|(file, offset)| Mapping::new(file, offset, len, writable))
            .transpose()?;
        let range = Range {
            len,
            writable,
            mapping,
        };
        self.0.insert(address, range);
        Ok(())
    }

    /// Removes the ranges inside the given one; `ENOENT` if there is none or one is only partly
    /// inside.
    pub(crate) fn unmap(&mut self, address: u64, len: u64) -> io::Result<()> {
        let end = address
            .checked_add(len)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let cut = |(start, range): (&u64, &Range)| *start < address && start + range.len > address;
        let overhang = |(start, range): (&u64, &Range)| start + range.len > end;
        let inside: Vec<u64> = self
            .0
            .range(address..end)
            .map(|(start, _)| *start)
            .collect();
        if inside.is_empty()
            || self.0.range(..address).next_back().is_some_and(cut)
            || self.0.range(..end).next_back().is_some_and(overhang)
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        for start in inside {
            self.0.remove(&start);
        }
        Ok(())
    }

    /// Removes all ranges.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Calls `access` for each piece of `len` bytes at `address` that lies in one range, with the
    /// offset in its mapping and the piece's place in the whole.
    fn each(
        &self,
        address: u64,
        len: usize,
        write: bool,
        mut access: impl FnMut(&Mapping, u64, std::ops::Range<usize>) -> bool,
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < len {
            let at = address
                .checked_add(done as u64)
                .ok_or(Fault::Unmapped(address))?;
            let (start, range) = self
                .0
                .range(..=at)
                .next_back()
                .filter(|(start, range)| at - **start < range.len && (range.writable || !write))
                .ok_or(Fault::Unmapped(at))?;
            let mapping = range.mapping.as_ref().ok_or(Fault::Unmapped(at))?;
            let offset = at - start;
            let left = usize::try_from(range.len - offset).unwrap_or(usize::MAX);
            let part = done..done + left.min(len - done);
            done = part.end;
            if !access(mapping, offset, part) {
                return Err(Fault::Unmapped(at));
            }
        }
        Ok(())
    }
}
