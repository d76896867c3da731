// SPDX-License-Identifier: GPL-2.0
//! The walk through the tables of one address space (memory.rst, virtual addresses).

use super::{Bus, Fault, Kind, Location, Target};

const VALID: u64 = 1;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 2;
const PAGE: u64 = 1 << 3;
const CONTIG: u64 = 1 << 4;
/// Bits 11:5 and 61:52.
const RESERVED: u64 = 0x7f << 5 | 0x3ff << 52;

/// A page as the tables have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its first byte.
    pub location: Location,
    /// Its bytes, and a multiple of them is its virtual address.
    pub size: u64,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// Level of its entry.
    pub level: u32,
}

/// Finds the page of `address`.
pub fn walk(bus: &Bus, root: Location, address: u64) -> Result<Page, Fault> {
    let mut table = root;
    for level in (0..4).rev() {
        let fault = |kind| Fault::Access {
            kind,
            level,
            address: address & !0xfff,
        };
        let index = address >> (12 + 9 * level) & 511;
        let entry = read_entry(bus, table, index).map_err(|_| fault(Kind::Table))?;
        if entry & VALID == 0 {
            return Err(fault(Kind::NotPresent));
        }
        let malformed = || fault(Kind::Malformed);
        if entry & PAGE != 0 {
            return page(entry, level, address).ok_or_else(malformed);
        }
        table = next_table(entry, level).ok_or_else(malformed)?;
    }
    unreachable!("level 0 has no tables below")
}

fn read_entry(bus: &Bus, table: Location, index: u64) -> Result<u64, Kind> {
    let at = table.offset(8 * index).ok_or(Kind::Range)?;
    let mut entry = [0; 8];
    bus.read(at, &mut entry)?;
    Ok(u64::from_le_bytes(entry))
}

fn next_table(entry: u64, level: u32) -> Option<Location> {
    let location = Location::of_entry(entry & !0xfff);
    let memory = matches!(location.target, Target::Device | Target::System);
    let sound = level > 0 && memory && entry & (RESERVED | READ | WRITE | CONTIG) == 0;
    sound.then_some(location)
}

fn page(entry: u64, level: u32, address: u64) -> Option<Page> {
    let contiguous = entry & CONTIG != 0;
    if entry & RESERVED != 0 || level > 1 || contiguous && level > 0 {
        return None;
    }
    let size = 1 << (12 + 9 * level);
    let mut location = Location::of_entry(entry & !0xfff);
    let zero = location.target == Target::Zero;
    if location.address % size != 0 || zero && location.address != 0 {
        return None;
    }
    let mut whole = size;
    if contiguous {
        // Any of the 16 entries stands for all of them.
        whole = 1 << 16;
        location.address &= !(whole - 1);
    }
    debug_assert!(address >> 48 == 0);
    Some(Page {
        location,
        size: whole,
        read: entry & READ != 0,
        write: entry & WRITE != 0,
        level,
    })
}
