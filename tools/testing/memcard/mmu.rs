// SPDX-License-Identifier: GPL-2.0

//! The MMU of a card: it walks tables in the card's memory, and caches what it finds until it is told
//! not to.

use accel_core as accel;
use core::ops::Range;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc,
        Mutex, //
    },
};

use crate::{
    uapi,
    Card,
    MemcardDriver, //
};

const VALID: u64 = uapi::ACCEL_MEMCARD_ENTRY_VALID as u64;
const TABLE: u64 = uapi::ACCEL_MEMCARD_ENTRY_TABLE as u64;
const READ: u64 = uapi::ACCEL_MEMCARD_ENTRY_READ as u64;
const WRITE: u64 = uapi::ACCEL_MEMCARD_ENTRY_WRITE as u64;
const ZEROS: u64 = uapi::ACCEL_MEMCARD_ENTRY_ZEROS as u64;
const SYSTEM: u64 = uapi::ACCEL_MEMCARD_ENTRY_SYSTEM as u64;
const PAGE_64K: u64 = uapi::ACCEL_MEMCARD_ENTRY_64K as u64;

/// The part of an entry that is an address.
const ADDRESS: u64 = !0xfff;

const LEVELS: &[accel::Level] = &[
    accel::Level { shift: 12, bits: 9 },
    accel::Level { shift: 21, bits: 9 },
    accel::Level { shift: 30, bits: 9 },
];

const LARGE: u64 = 0x10000;

/// How much the TLB caches, pages, and as many tables.
const TLB_SIZE: usize = 16;

/// The MMU, for the core.
pub(crate) enum Mmu {}

impl accel::Mmu<MemcardDriver> for Mmu {
    const INFO: Option<accel::MmuInfo> = Some(accel::MmuInfo {
        page_sizes: 0x1000 | LARGE | 0x20_0000,
        addresses: 0x20_0000..1 << 39,
        levels: LEVELS,
        tables: 0,
    });
    type Space = Arc<Tlb>;

    fn create(_card: &Card, _root: u64) -> Result<Arc<Tlb>> {
        Tlb::new()
    }

    fn page(page: &accel::PageEntry) -> u64 {
        let target = match page.target {
            accel::PageTarget::Device(address) => address,
            accel::PageTarget::System(address) | accel::PageTarget::Peer(address) => {
                address | SYSTEM
            }
            accel::PageTarget::Zeros => ZEROS,
        };
        let bit = |is: bool, bit: u64| if is { bit } else { 0 };
        target
            | VALID
            | bit(page.can_read, READ)
            | bit(page.can_write, WRITE)
            | bit(page.size == LARGE, PAGE_64K)
    }

    fn table(address: u64) -> u64 {
        address | VALID | TABLE
    }

    fn flush(card: &Card, tlb: &Arc<Tlb>, range: Range<u64>) -> Result {
        match card.fail_flushes.load(Relaxed) {
            0 => (),
            n => {
                card.fail_flushes.store(n - 1, Relaxed);
                return Err(EIO);
            }
        }
        tlb.flush(&range);
        Ok(())
    }
}

/// What the MMU found for an address.
#[derive(Clone, Copy, Default)]
pub(crate) struct Translation {
    /// The first address of the page.
    address: u64,
    /// Of the page, bytes; 0: nothing.
    pub(crate) size: u64,
    /// The entry of the page.
    pub(crate) entry: u64,
}

impl Translation {
    fn has(&self, address: u64) -> bool {
        address.wrapping_sub(self.address) < self.size
    }
}

/// Some of what the MMU found; the oldest is replaced.
#[derive(Default)]
struct Recent {
    found: [Translation; TLB_SIZE],
    next: usize,
}

impl Recent {
    fn find(&self, address: u64) -> Option<Translation> {
        let found = self.found.iter().find(|found| found.has(address));
        found.copied()
    }

    fn add(&mut self, found: Translation) {
        if let Some(oldest) = self.found.get_mut(self.next) {
            *oldest = found;
        }
        self.next = (self.next + 1) % TLB_SIZE;
    }

    fn forget(&mut self, range: &Range<u64>) {
        for found in &mut self.found {
            if found.address < range.end && found.address + found.size > range.start {
                *found = Translation::default();
            }
        }
    }
}

#[derive(Default)]
struct Cache {
    pages: Recent,
    /// Entries that lead to tables of the lowest level.
    tables: Recent,
}

/// What is cached of an address space.
#[pin_data]
pub(crate) struct Tlb {
    #[pin]
    cache: Mutex<Cache>,
}

impl Tlb {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                cache <- new_mutex!(Cache::default(), "memcard_tlb"),
            }),
            GFP_KERNEL,
        )
    }

    fn flush(&self, range: &Range<u64>) {
        // With the lock, so not while somebody uses what is cached.
        let mut cache = self.cache.lock();
        cache.pages.forget(range);
        cache.tables.forget(range);
    }
}

/// What a job wants to do.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An address space that a job works with.
pub(crate) struct View<'a> {
    pub(crate) memory: &'a accel::Aperture,
    pub(crate) step: accel::InStep<'a, MemcardDriver>,
}

impl View<'_> {
    /// Returns how an address is translated.
    pub(crate) fn translate(&self, address: u64) -> Result<Translation> {
        self.find(&mut self.step.space().cache.lock(), address)
    }

    fn find(&self, cache: &mut Cache, address: u64) -> Result<Translation> {
        if let Some(page) = cache.pages.find(address) {
            return Ok(page);
        }
        let found = self.walk(&mut cache.tables, address)?;
        if found.size != 0 {
            cache.pages.add(found);
        }
        Ok(found)
    }

    fn walk(&self, tables: &mut Recent, address: u64) -> Result<Translation> {
        let (mut table, mut levels) = (self.step.root(), LEVELS);
        if let (Some(cached), [lowest, ..]) = (tables.find(address), LEVELS) {
            (table, levels) = (cached.entry & ADDRESS, core::slice::from_ref(lowest));
        }
        for (number, level) in levels.iter().enumerate().rev() {
            let index = address >> level.shift & ((1 << level.bits) - 1);
            let mut bytes = [0; 8];
            self.memory.read((table + index * 8) as usize, &mut bytes)?;
            let entry = u64::from_le_bytes(bytes);
            if entry & VALID == 0 || address >> 39 != 0 {
                break;
            }
            let size = match entry & PAGE_64K {
                0 => 1 << level.shift,
                _ => LARGE,
            };
            let found = Translation {
                address: address & !(size - 1),
                size,
                entry,
            };
            if entry & TABLE == 0 {
                return Ok(found);
            }
            if number == 1 {
                tables.add(found);
            }
            table = entry & ADDRESS;
        }
        Ok(Translation::default())
    }

    /// Moves bytes at `address`, as many as are in one page, and returns how many: calls `f` with
    /// where they are in the card's memory, `None` if they are zeroes.
    pub(crate) fn access(
        &self,
        address: u64,
        len: usize,
        access: Access,
        f: impl FnOnce(Option<usize>, usize) -> Result,
    ) -> Result<usize, accel::Fault> {
        let fault = |kind| accel::Fault { kind, address };
        let bus = |_| fault(accel::FaultKind::Bus);
        // While it is used, it is not flushed.
        let mut cache = self.step.space().cache.lock();
        let page = self.find(&mut cache, address).map_err(bus)?;
        let needed = match access {
            Access::Read => READ,
            Access::Write => WRITE,
        };
        if page.size == 0 || page.entry & needed == 0 {
            return Err(fault(accel::FaultKind::Page));
        }
        if page.entry & SYSTEM != 0 {
            return Err(fault(accel::FaultKind::Bus));
        }
        let inside = address - page.address;
        let len = len.min((page.size - inside) as usize);
        let is_memory = page.entry & ZEROS == 0;
        let at = is_memory.then(|| ((page.entry & ADDRESS) + inside) as usize);
        f(at, len).map_err(bus)?;
        Ok(len)
    }
}
