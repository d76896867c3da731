// SPDX-License-Identifier: GPL-2.0
//! Base address registers, and memory on the device that the guest maps directly.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use crate::memory::Mapping;

/// Address width of a memory BAR. A 64-bit BAR takes the next register, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Below 4 GiB.
    Bits32,
    /// Anywhere.
    Bits64,
}

/// One memory BAR.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Number of the register, 0 to 5.
    pub index: usize,
    /// Bytes, a power of two, at least 16.
    pub size: u64,
    /// Address width.
    pub width: Width,
    /// Whether reads have no side effects.
    pub prefetchable: bool,
    /// Device memory behind it; without, each access is a message to the model.
    pub backing: Option<Backing>,
}

/// Device memory behind a BAR, and the part of it that the guest may map.
#[derive(Clone, Debug)]
pub struct Backing {
    /// From the beginning of the BAR on; larger than the BAR, or smaller, if need be.
    pub memory: Arc<DeviceMemory>,
    /// What the guest accesses directly, in whole pages that both BAR and memory have; the rest
    /// stays messages to the model.
    pub mapped: Vec<Range<u64>>,
}

impl Bar {
    /// A BAR of registers: each access is a message to the model.
    pub fn registers(index: usize, size: u64) -> Self {
        Self {
            index,
            size,
            width: Width::Bits32,
            prefetchable: false,
            backing: None,
        }
    }

    /// A 64-bit prefetchable BAR of device memory that the guest maps as a whole.
    pub fn memory(index: usize, memory: Arc<DeviceMemory>) -> Self {
        let size = memory.size();
        Self::window(index, size, memory)
    }

    /// A 64-bit prefetchable BAR that shows the first `visible` bytes of device memory.
    pub fn window(index: usize, visible: u64, memory: Arc<DeviceMemory>) -> Self {
        Self {
            index,
            size: visible.next_power_of_two(),
            width: Width::Bits64,
            prefetchable: true,
            backing: Some(Backing {
                memory,
                mapped: std::iter::once(0..visible).collect(),
            }),
        }
    }

    /// Whether what the guest maps is there.
    pub(crate) fn is_backed(&self) -> bool {
        let Some(backing) = &self.backing else {
            return true;
        };
        let end = self.size.min(backing.memory.size());
        let fits = |range: &Range<u64>| {
            range.start < range.end && range.end <= end && (range.start | range.end) % 4096 == 0
        };
        backing.mapped.iter().all(fits)
    }

    /// The device memory that answers at `offset`, if that part is not the model's to answer.
    pub(crate) fn direct(&self, offset: u64) -> Option<&DeviceMemory> {
        let backing = self.backing.as_ref()?;
        let direct = backing.mapped.iter().any(|range| range.contains(&offset));
        direct.then_some(&*backing.memory)
    }
}

/// Memory on the device, shared with the guest page by page.
#[derive(Debug)]
pub struct DeviceMemory {
    file: OwnedFd,
    mapping: Mapping,
    size: u64,
}

impl DeviceMemory {
    /// `size` bytes of zeros.
    pub fn new(size: u64) -> io::Result<Self> {
        let file = memfd_create("device-memory", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, size)?;
        let mapping = Mapping::new(&file, 0, size, true)?;
        Ok(Self {
            file,
            mapping,
            size,
        })
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Copies from `offset` into `data`; `false` if that is beyond the end.
    #[must_use]
    pub fn read(&self, offset: u64, data: &mut [u8]) -> bool {
        self.mapping.read(offset, data)
    }

    /// Copies `data` to `offset`; `false` if that is beyond the end.
    #[must_use]
    pub fn write(&self, offset: u64, data: &[u8]) -> bool {
        self.mapping.write(offset, data)
    }

    /// Sets every byte to `value`.
    pub fn fill(&self, value: u8) {
        let block = [value; 4096];
        let mut offset = 0;
        while offset < self.size {
            let len = (self.size - offset).min(4096) as usize;
            let _ = self.write(offset, &block[..len]);
            offset += len as u64;
        }
    }
}

impl AsFd for DeviceMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
