// SPDX-License-Identifier: GPL-2.0

//! What a card can do: read once, and held against what the driver was written for.

use kernel::{
    io::{
        register::Array,
        Io, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    pci::{
        read64,
        Bar,
        ENGINE_VECTORS, //
    },
    queue,
    regs,
    ENGINE_KINDS, //
};

/// The revision of the specification that the driver was written from.
const MAJOR: u16 = 1;

/// The page sizes and addresses of `mmu`.
const PAGE_SIZES: u32 = 0x0021_1000;
const VA_BITS: u32 = 48;

/// Longer than this nobody waits for a packet: who frees memory may have to.
const PACKET_MS_MAX: u32 = 10_000;

/// Constants of a card; memory in bytes.
pub(crate) struct Capabilities {
    pub(crate) revision: u32,
    pub(crate) uuid: [u8; 16],
    pub(crate) memory: u64,
    pub(crate) visible: u64,
    /// From here on it is the firmware's.
    pub(crate) reserved: u64,
    pub(crate) queues: usize,
    pub(crate) asids: usize,
    pub(crate) links: u32,
    /// Those that count errors.
    pub(crate) blocks: usize,
    /// log2 of the packets of the largest ring.
    pub(crate) order_max: u32,
    pub(crate) limit_bytes: u32,
    pub(crate) limit_macs: u32,
    pub(crate) limit_elements: u32,
    pub(crate) limit_message: u32,
    pub(crate) packet_ms: u32,
    pub(crate) address_bits: u32,
}

impl Capabilities {
    /// ENODEV: it is no QDA, one of a revision that is not known, or one that is made otherwise.
    pub(crate) fn read(bar: &Bar<'_>) -> Result<Self> {
        let version = bar.read(regs::VERSION);
        if bar.read(regs::ID).into_raw() != regs::QDA1 || u16::from(version.major()) != MAJOR {
            return Err(ENODEV);
        }
        let [first, second] = [0, 1].map(|half| {
            let word = regs::UUID::try_at(half).map_or(0, |at| read64(bar, at));
            u128::from(word)
        });
        let this = Self {
            revision: version.into_raw(),
            uuid: (first | second << 64).to_le_bytes(),
            memory: read64(bar, regs::MEM_SIZE),
            visible: read64(bar, regs::MEM_VISIBLE),
            reserved: read64(bar, regs::MEM_RESERVED),
            queues: bar.read(regs::QUEUES).into_raw() as usize,
            asids: bar.read(regs::ASIDS).into_raw() as usize,
            links: bar.read(regs::LINKS).into_raw(),
            blocks: (bar.read(regs::RAS_BLOCKS).into_raw() as usize).min(regs::MAX_RAS_BLOCKS),
            order_max: bar.read(regs::RING_ORDER_MAX).into_raw(),
            limit_bytes: bar.read(regs::LIMIT_BYTES).into_raw(),
            limit_macs: bar.read(regs::LIMIT_MACS).into_raw(),
            limit_elements: bar.read(regs::LIMIT_ELEMENTS).into_raw(),
            limit_message: bar.read(regs::LIMIT_MESSAGE).into_raw(),
            packet_ms: bar.read(regs::PACKET_TIME).into_raw(),
            address_bits: bar.read(regs::ADDRESS_BITS).into_raw(),
        };
        let fits = this.has_sense()
            && bar.read(regs::PAGE_SIZES).into_raw() == PAGE_SIZES
            && bar.read(regs::VA_BITS).into_raw() == VA_BITS
            && Self::has_engines(bar);
        match fits {
            true => Ok(this),
            false => Err(ENODEV),
        }
    }

    fn has_sense(&self) -> bool {
        let pages = [self.visible, self.reserved];
        pages.iter().all(|size| size % PAGE_SIZE as u64 == 0)
            && 0 < self.visible
            && self.visible <= self.reserved
            && self.reserved <= self.memory
            && (2..=regs::MAX_QUEUES).contains(&self.queues)
            && (2..=1 << 16).contains(&self.asids)
            && self.limit_bytes as usize >= PAGE_SIZE
            && self.packet_ms <= PACKET_MS_MAX
            && (1..=52).contains(&self.address_bits)
            && self.links <= regs::MAX_LINKS
            && (u32::from(queue::ORDER)..32).contains(&self.order_max)
    }

    /// The core wants to know at compile time which engines there are.
    fn has_engines(bar: &Bar<'_>) -> bool {
        let mut kinds = ENGINE_KINDS.iter().enumerate();
        bar.read(regs::ENGINES).into_raw() as usize == ENGINE_KINDS.len()
            && bar.read(regs::VECTORS).into_raw() as usize == ENGINE_VECTORS + ENGINE_KINDS.len()
            && kinds.all(|(engine, kind)| {
                let at = regs::E_KIND::try_at(engine);
                at.is_some_and(|at| bar.read(at).into_raw() == *kind)
            })
    }
}
