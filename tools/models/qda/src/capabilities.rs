// SPDX-License-Identifier: GPL-2.0
//! Constants of the product and of one card (Documentation/devices/qda/registers.rst).

use crate::registers::Value::{self, Long, Word};

/// Engines.
pub const ENGINES: usize = 5;
/// Queues.
pub const QUEUES: usize = 256;
/// ASIDs, 0 included.
pub const ASIDS: u16 = 1024;
/// Links.
pub const LINKS: usize = 2;
/// Sensors.
pub const SENSORS: usize = 5;
/// RAS blocks.
pub const RAS_BLOCKS: usize = 12;
/// MSI-X vectors.
pub const VECTORS: u16 = 3 + ENGINES as u16;
/// Largest ring, log2 of packets.
pub const RING_ORDER_MAX: u8 = 12;
/// Most work of a copy packet.
pub const LIMIT_BYTES: u64 = 4 << 20;
/// Most multiplications of a GEMM.
pub const LIMIT_MACS: u64 = 16 << 20;
/// Most elements of a matrix.
pub const LIMIT_ELEMENTS: u64 = 1 << 20;
/// Most bytes of a message.
pub const LIMIT_MESSAGE: u64 = 1 << 20;
/// Bytes of a row of device memory.
pub const ROW_SIZE: u64 = 8192;
/// Spare rows that the card was made with.
pub const SPARE_ROWS: usize = 16;
/// Bytes of device memory that belong to the firmware.
pub const FIRMWARE_MEMORY: u64 = 2 << 20;
/// Bytes of which MEM_SIZE and MEM_VISIBLE are multiples.
pub const MEMORY_UNIT: u64 = 2 << 20;
const VERSION: u32 = 0x0001_0000;
const PACKET_TIME_MS: u32 = 500;

/// What differs from card to card.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// UUID, in the order of RFC 9562.
    pub uuid: [u8; 16],
    /// Bytes of device memory.
    pub mem_size: u64,
    /// Bytes of it in BAR 2.
    pub mem_visible: u64,
    /// STRAPS bit 0: errors can be injected.
    pub injection: bool,
    /// STRAPS bit 1: firmware must be signed.
    pub signed: bool,
}

impl Capabilities {
    /// Whether sizes are as the specification wants them.
    pub fn are_sound(&self) -> bool {
        self.mem_size >= 16 << 20
            && self.mem_size <= 1 << 44
            && self.mem_size % MEMORY_UNIT == 0
            && self.mem_visible % MEMORY_UNIT == 0
            && self.mem_visible > 0
            && self.mem_visible <= self.mem_reserved()
    }

    /// Where the memory of the firmware begins.
    pub fn mem_reserved(&self) -> u64 {
        self.mem_size - FIRMWARE_MEMORY
    }

    /// The register at `offset`.
    pub fn register(&self, offset: u64) -> Option<Value> {
        let uuid = |from: usize| {
            let bytes = std::array::from_fn(|byte| self.uuid[from + byte]);
            Long(u64::from_le_bytes(bytes))
        };
        Some(match offset {
            0x00 => Word(u32::from_le_bytes(*b"QDA1")),
            0x04 => Word(VERSION),
            0x08 => uuid(0),
            0x10 => uuid(8),
            0x18 => Long(self.mem_size),
            0x20 => Long(self.mem_visible),
            0x28 => Long(self.mem_reserved()),
            0x30 => Word(ENGINES as u32),
            0x34 => Word(QUEUES as u32),
            0x38 => Word(ASIDS.into()),
            0x3c => Word(LINKS as u32),
            0x40 => Word(SENSORS as u32),
            0x44 => Word(RAS_BLOCKS as u32),
            0x48 => Word(VECTORS.into()),
            0x4c => Word(RING_ORDER_MAX.into()),
            0x50 => Word(LIMIT_BYTES as u32),
            0x54 => Word(LIMIT_MACS as u32),
            0x58 => Word(LIMIT_ELEMENTS as u32),
            0x5c => Word(LIMIT_MESSAGE as u32),
            0x60 => Word(PACKET_TIME_MS),
            0x64 => Word(u32::from(self.injection) | u32::from(self.signed) << 1),
            0x68 => Word(ROW_SIZE as u32),
            0x6c => Word(SPARE_ROWS as u32),
            0x70 => Word(0x0021_1000),
            0x74 => Word(48),
            0x78 => Word(52),
            _ => return None,
        })
    }
}
