// SPDX-License-Identifier: GPL-2.0
//! Translation with a cache, and its invalidation (memory.rst, invalidation).
//!
//! An access holds `accesses` for reading while it uses what it translated. Who takes it for
//! writing knows that everything translated earlier has reached memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::walk::{Page, walk};
use super::{Bus, Fault, Kind, Location};

/// Most bytes that are moved between two looks at whether the packet was given up.
const CHUNK: u64 = 1 << 16;
/// Most translations in the cache.
const CACHE: usize = 4096;

/// Whose addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Addresses are locations: ASID 0, and what kernel queues have in memory.
    Physical,
    /// Virtual addresses of an ASID.
    Virtual(u16),
}

/// Contexts, and what was read of their tables.
pub struct Mmu {
    /// The memory behind it.
    pub bus: Bus,
    roots: Mutex<BTreeMap<u16, Location>>,
    /// Pages by ASID and number of their first 4 KiB; 2 MiB pages are in it by 4 KiB, too.
    cache: Mutex<HashMap<(u16, u64), Page>>,
    accesses: RwLock<()>,
    /// Grows with each reset; accesses of packets that are older are not made.
    generation: AtomicU64,
}

/// The right of one packet to access memory, until somebody gives the packet up.
#[derive(Clone, Debug)]
pub struct Access {
    generation: u64,
    /// Set by who gives the packet up.
    pub cancelled: Arc<AtomicBool>,
}

impl Mmu {
    /// Without contexts.
    pub fn new(bus: Bus) -> Self {
        Self {
            bus,
            roots: Mutex::default(),
            cache: Mutex::default(),
            accesses: RwLock::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// For a packet that starts now.
    pub fn access(&self) -> Access {
        Access {
            generation: self.generation.load(Ordering::Relaxed),
            cancelled: Arc::default(),
        }
    }

    /// Whether no reset has come since the packet started.
    pub fn is_current(&self, access: &Access) -> bool {
        access.generation == self.generation.load(Ordering::Relaxed)
    }

    /// Ends all access to memory of packets that have started; contexts stay.
    pub fn halt(&self) {
        let _all_done = self
            .accesses
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// As after a reset: no contexts, nothing cached, no access under way.
    pub fn reset(&self) {
        self.halt();
        lock(&self.roots).clear();
        lock(&self.cache).clear();
    }

    /// Adds a context; `false` if it is there.
    pub fn create(&self, asid: u16, root: Location) -> bool {
        let mut roots = lock(&self.roots);
        let new = !roots.contains_key(&asid);
        if new {
            roots.insert(asid, root);
            drop(roots);
            self.invalidate(Some(asid), 0, 0);
        }
        new
    }

    /// Removes a context; its tables are not read any more.
    pub fn destroy(&self, asid: u16) {
        lock(&self.roots).remove(&asid);
        self.invalidate(Some(asid), 0, 0);
    }

    /// Whether a context exists.
    pub fn has(&self, asid: u16) -> bool {
        lock(&self.roots).contains_key(&asid)
    }

    /// Forgets what was read for `size` bytes at `address` of one ASID (0: all of it), or of all.
    pub fn invalidate(&self, asid: Option<u16>, address: u64, size: u64) {
        let _all_done = self
            .accesses
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let end = match size {
            0 => u64::MAX,
            _ => address.saturating_add(size),
        };
        let address = if size == 0 { 0 } else { address };
        lock(&self.cache).retain(|&(of, number), page| {
            // A page is covered if any address that it translates is.
            let start = number << 12 & !(page.size - 1);
            asid.is_some_and(|asid| asid != of) || start >= end || start + page.size <= address
        });
    }

    /// Reads `data.len()` bytes, `offset` behind `base`.
    pub fn read(
        &self,
        access: &Access,
        space: Space,
        base: u64,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), Fault> {
        self.pieces(
            access,
            (space, base, offset),
            data.len(),
            false,
            |at, part| self.bus.read(at, &mut data[part]),
        )
    }

    /// Writes `data`, `offset` behind `base`.
    pub fn write(
        &self,
        access: &Access,
        space: Space,
        base: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Fault> {
        self.pieces(
            access,
            (space, base, offset),
            data.len(),
            true,
            |at, part| self.bus.write(at, &data[part]),
        )
    }

    /// Whether all of an operand has addresses; the tables are not looked at.
    pub fn check(&self, space: Space, base: u64, bytes: u64) -> Result<(), Fault> {
        let Space::Virtual(_) = space else {
            return Ok(());
        };
        let end = base.checked_add(bytes);
        match end {
            Some(end) if end <= 1 << 48 => Ok(()),
            _ => Err(Fault::Access {
                kind: Kind::Address,
                level: 0,
                address: base,
            }),
        }
    }

    /// Calls `copy` for each piece that lies in one page.
    fn pieces(
        &self,
        access: &Access,
        (space, base, offset): (Space, u64, u64),
        len: usize,
        write: bool,
        mut copy: impl FnMut(Location, std::ops::Range<usize>) -> Result<(), Kind>,
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < len {
            let _access = self.accesses.read().unwrap_or_else(PoisonError::into_inner);
            if access.cancelled.load(Ordering::Relaxed)
                || access.generation != self.generation.load(Ordering::Relaxed)
            {
                return Err(Fault::Cancelled);
            }
            let (at, address, room) = self.translate(space, base, offset + done as u64, write)?;
            let part = done..len.min(done + room as usize);
            done = part.end;
            if copy(at, part.clone()).is_err() {
                // Again by page, to find the one that fails.
                by_page(at, address, part, &mut copy)?;
            }
        }
        Ok(())
    }

    /// Location of one address, the address itself, and how many bytes follow there.
    fn translate(
        &self,
        space: Space,
        base: u64,
        offset: u64,
        write: bool,
    ) -> Result<(Location, u64, u64), Fault> {
        let fault = |kind, level, address| Fault::Access {
            kind,
            level,
            address,
        };
        let Space::Virtual(asid) = space else {
            let address = base.wrapping_add(offset);
            let place = Location::parse(base).and_then(|base| base.offset(offset));
            let place = place.ok_or(fault(Kind::Range, 0, address & !0xfff))?;
            return Ok((place, address, CHUNK - address % CHUNK));
        };
        let address = base.checked_add(offset).filter(|a| a >> 48 == 0);
        let address = address.ok_or(fault(Kind::Address, 0, base))?;
        let page = self.page(asid, address)?;
        if write && !page.write {
            return Err(fault(Kind::NoWrite, page.level, address & !0xfff));
        }
        if !write && !page.read {
            return Err(fault(Kind::NoRead, page.level, address & !0xfff));
        }
        let inside = address % page.size;
        let mut place = page.location;
        if place.target != super::Target::Zero {
            place.address += inside;
        }
        Ok((place, address, (page.size - inside).min(CHUNK)))
    }

    fn page(&self, asid: u16, address: u64) -> Result<Page, Fault> {
        let key = (asid, address >> 12);
        if let Some(page) = lock(&self.cache).get(&key) {
            return Ok(*page);
        }
        let root = lock(&self.roots).get(&asid).copied();
        let root = root.ok_or(Fault::Access {
            kind: Kind::NotPresent,
            level: 3,
            address: address & !0xfff,
        })?;
        let page = walk(&self.bus, root, address)?;
        let mut cache = lock(&self.cache);
        if cache.len() >= CACHE {
            cache.clear();
        }
        cache.insert(key, page);
        Ok(page)
    }
}

/// Calls `copy` for what lies in each 4 KiB.
fn by_page(
    at: Location,
    address: u64,
    part: std::ops::Range<usize>,
    copy: &mut impl FnMut(Location, std::ops::Range<usize>) -> Result<(), Kind>,
) -> Result<(), Fault> {
    let mut done = 0;
    while done < part.len() as u64 {
        let room = 4096 - (address + done) % 4096;
        let size = room.min(part.len() as u64 - done);
        let start = part.start + done as usize;
        let place = at.offset(done).ok_or(Kind::Range);
        place
            .and_then(|place| copy(place, start..start + size as usize))
            .map_err(|kind| Fault::Access {
                kind,
                level: 0,
                address: (address + done) & !0xfff,
            })?;
        done += size;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "mmu_tests.rs"]
mod tests;
