// SPDX-License-Identifier: GPL-2.0

//! What a driver supplies whose device has an MMU: how its page tables look, and the flush.

use core::{
    convert::Infallible,
    ops::Range, //
};
use kernel::prelude::*;

use crate::{
    driver::Driver,
    logic::page_table::{
        Page,
        PageSizes, //
    },
    uapi::{
        ACCEL_MAP_READ,
        ACCEL_MAP_WRITE, //
    },
};

/// The most levels that page tables can have.
pub(crate) const MAX_LEVELS: usize = 6;

/// A bit of what a page is backed by, beyond all addresses: memory of the host.
pub(crate) const SYSTEM: u64 = 1 << 63;
/// With [`SYSTEM`]: no, of another device.
pub(crate) const PEER: u64 = 1 << 62;

/// One level of page tables: each has `1 << bits` entries of 8 bytes, which translate `1 << shift`
/// bytes each.
pub struct Level {
    /// log2 of the bytes that an entry translates.
    pub shift: u32,
    /// log2 of the entries of a table.
    pub bits: u32,
}

/// An MMU. Constant: checked when the driver is compiled.
pub struct MmuInfo {
    /// The sizes that pages can have, bytes: powers of two, as the bits of a mask. A page that is
    /// larger than what an entry translates takes several.
    pub page_sizes: u64,
    /// The addresses that programs may use: whole pages of the smallest size.
    pub addresses: Range<u64>,
    /// The levels of the page tables, from that of the smallest pages up to the root.
    pub levels: &'static [Level],
    /// In which region of [`Setup::regions`](crate::Setup) tables are. CPUs must reach some of it.
    pub tables: usize,
}

impl MmuInfo {
    pub(crate) const fn page_sizes(&self) -> PageSizes {
        match PageSizes::new(self.page_sizes) {
            Some(sizes) => sizes,
            None => panic!("an MMU without pages"),
        }
    }

    /// Checks what a driver says, at compile time.
    pub(crate) const fn check(&self) {
        let levels = self.levels;
        assert!(!levels.is_empty() && levels.len() <= MAX_LEVELS);
        let smallest = 1 << self.page_sizes.trailing_zeros();
        assert!(1u64 << levels[0].shift == smallest);
        let (mut i, mut sizes) = (0, self.page_sizes);
        while i < levels.len() {
            let end = levels[i].shift + levels[i].bits;
            assert!(levels[i].bits >= 1 && levels[i].bits <= 18 && end <= 62);
            assert!(i + 1 == levels.len() || levels[i + 1].shift == end);
            // A page is split into smaller ones of the same level or the next.
            let own = sizes & ((1 << end) - 1);
            assert!(own != 0 || sizes == 0);
            sizes ^= own;
            i += 1;
        }
        let top = &levels[levels.len() - 1];
        assert!(sizes == 0 && self.addresses.end <= 1 << (top.shift + top.bits));
        let Range { start, end } = &self.addresses;
        assert!(*start < *end && (*start | *end) % smallest == 0);
    }
}

/// Where a page leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageTarget {
    /// To memory of the device, at this address, as in [`RegionInfo::address`](crate::RegionInfo).
    Device(u64),
    /// To memory of the host, at this DMA address.
    System(u64),
    /// To memory of another device, at this DMA address.
    Peer(u64),
    /// Nowhere: reads as zeroes, what is written is lost.
    Zeros,
}

/// A page, for which a driver makes the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEntry {
    /// One of the page sizes, bytes.
    pub size: u64,
    /// Where it leads, at a multiple of its size.
    pub target: PageTarget,
    /// Which of its entries is meant, by the bytes of the page before it; 0 if there is one.
    pub part: u64,
    /// Whether jobs may read.
    pub can_read: bool,
    /// Whether jobs may write.
    pub can_write: bool,
}

impl From<&Page> for PageEntry {
    fn from(page: &Page) -> Self {
        Self {
            size: page.size,
            target: match page.backing {
                None => PageTarget::Zeros,
                Some(address) if address & SYSTEM == 0 => PageTarget::Device(address),
                Some(address) if address & PEER == 0 => PageTarget::System(address ^ SYSTEM),
                Some(address) => PageTarget::Peer(address & !(SYSTEM | PEER)),
            },
            part: 0,
            can_read: page.flags & ACCEL_MAP_READ != 0,
            can_write: page.flags & ACCEL_MAP_WRITE != 0,
        }
    }
}

/// The MMU of devices of driver `T`: [`Driver::Mmu`].
///
/// The core keeps page tables in memory of the device and writes them. An entry of 0 leads nowhere.
pub trait Mmu<T: Driver>: 'static {
    /// What it is like; `None` if there is none.
    const INFO: Option<MmuInfo>;
    /// What the driver keeps for each address space, e.g. an ASID. Dropped when the device does not
    /// know the space any more, perhaps after it was unbound: it must not hold DMA memory.
    type Space: Send + Sync + 'static;

    /// Makes an address space with an empty root table at `root`, an address of the device's own.
    fn create(data: &T::Data<'_>, root: u64) -> Result<Self::Space>;

    /// Ends an address space, of which nothing is mapped any more: after that the device does not
    /// read its tables. No job uses it. May sleep, must end by itself in bounded time, and not
    /// allocate. Not called for spaces that are there when the device is unbound:
    /// [`Driver::stop`] ends those.
    ///
    /// If it fails, the memory of the tables stays taken until the device is unbound.
    fn destroy(_data: &T::Data<'_>, _space: &Self::Space) -> Result {
        Ok(())
    }

    /// Returns the entry for a page, or for one part of it, never 0.
    fn page(page: &PageEntry) -> u64;

    /// Returns the entry for the table of the level below at `address`, never 0.
    fn table(address: u64) -> u64;

    /// Has the device forget what it has cached of these addresses of a space: pages, and where the
    /// tables are that translate any of them. After that, no access that went by it is under way or
    /// begins, also of jobs that run. May sleep, must end by itself in bounded time, and not
    /// allocate: jobs that have ended may wait for it.
    ///
    /// If it fails, no job is started with the space until a later call, for all of its addresses,
    /// has succeeded; a reset of the device may help. The memory stays taken meanwhile.
    fn flush(data: &T::Data<'_>, space: &Self::Space, range: Range<u64>) -> Result;
}

/// What the driver `T` keeps for an address space.
pub(crate) type SpaceOf<T> = <<T as Driver>::Mmu as Mmu<T>>::Space;

/// The MMU of devices that have none.
pub enum NoMmu {}

impl<T: Driver> Mmu<T> for NoMmu {
    const INFO: Option<MmuInfo> = None;
    type Space = Infallible;

    fn create(_data: &T::Data<'_>, _root: u64) -> Result<Infallible> {
        Err(EOPNOTSUPP)
    }

    fn page(_page: &PageEntry) -> u64 {
        0
    }

    fn table(_address: u64) -> u64 {
        0
    }

    fn flush(_data: &T::Data<'_>, space: &Infallible, _range: Range<u64>) -> Result {
        match *space {}
    }
}
