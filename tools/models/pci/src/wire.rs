// SPDX-License-Identifier: GPL-2.0
//! Messages of the vfio-user protocol, version 0.1, and the VFIO constants in them (QEMU:
//! docs/interop/vfio-user.rst; Linux: include/uapi/linux/vfio.h). All fields are little-endian on
//! the hosts this runs on.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Highest minor version of the protocol that is understood; the major version is 0.
pub(crate) const MINOR: u16 = 1;

/// Commands.
pub(crate) mod command {
    pub(crate) const VERSION: u16 = 1;
    pub(crate) const DMA_MAP: u16 = 2;
    pub(crate) const DMA_UNMAP: u16 = 3;
    pub(crate) const DEVICE_GET_INFO: u16 = 4;
    pub(crate) const DEVICE_GET_REGION_INFO: u16 = 5;
    pub(crate) const DEVICE_GET_IRQ_INFO: u16 = 7;
    pub(crate) const DEVICE_SET_IRQS: u16 = 8;
    pub(crate) const REGION_READ: u16 = 9;
    pub(crate) const REGION_WRITE: u16 = 10;
    pub(crate) const DEVICE_RESET: u16 = 13;
}

/// Flags of a header.
pub(crate) mod header {
    pub(crate) const REPLY: u32 = 1;
    pub(crate) const NO_REPLY: u32 = 1 << 4;
    pub(crate) const ERROR: u32 = 1 << 5;
}

pub(crate) const DMA_MAP_WRITE: u32 = 1 << 1;
pub(crate) const DMA_UNMAP_ALL: u32 = 1 << 1;

pub(crate) const DEVICE_RESET_SUPPORTED: u32 = 1;
pub(crate) const DEVICE_PCI: u32 = 1 << 1;

pub(crate) const REGION_READ_WRITE: u32 = 3;
pub(crate) const REGION_MMAP: u32 = 1 << 2;
pub(crate) const REGION_CAPS: u32 = 1 << 3;
pub(crate) const REGION_CAP_SPARSE_MMAP: u16 = 1;

/// Regions 0 to 5 are the BARs.
pub(crate) const REGION_CONFIG: u32 = 7;
pub(crate) const REGIONS: u32 = 9;

pub(crate) const IRQ_MSI: u32 = 1;
pub(crate) const IRQ_MSIX: u32 = 2;
/// Uncorrectable errors; QEMU complains about devices without it.
pub(crate) const IRQ_ERROR: u32 = 3;
pub(crate) const IRQS: u32 = 5;
pub(crate) const IRQ_EVENTFD: u32 = 1;
pub(crate) const IRQ_NORESIZE: u32 = 1 << 3;

pub(crate) const IRQ_SET_DATA_NONE: u32 = 1;
pub(crate) const IRQ_SET_DATA_EVENTFD: u32 = 1 << 2;
pub(crate) const IRQ_SET_ACTION_TRIGGER: u32 = 1 << 5;

/// Begins every message.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) command: u16,
    /// Bytes of the whole message.
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) error: u32,
}

/// VERSION; a NUL-terminated JSON text follows.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Version {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

/// DMA_MAP; at most one file comes with it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DmaMap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// DMA_UNMAP, and its reply.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DmaUnmap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// DEVICE_GET_INFO.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DeviceInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) regions: u32,
    pub(crate) irqs: u32,
}

/// DEVICE_GET_REGION_INFO.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct RegionInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) cap_offset: u32,
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

/// The sparse mmap capability of a region, without its areas.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct SparseMmap {
    pub(crate) id: u16,
    pub(crate) version: u16,
    pub(crate) next: u32,
    pub(crate) areas: u32,
    pub(crate) reserved: u32,
}

/// DEVICE_GET_IRQ_INFO.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct IrqInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) count: u32,
}

/// DEVICE_SET_IRQS; event fds come with it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct IrqSet {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// REGION_READ and REGION_WRITE; the data follows a write and the reply to a read.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct RegionAccess {
    pub(crate) offset: u64,
    pub(crate) region: u32,
    pub(crate) count: u32,
}
