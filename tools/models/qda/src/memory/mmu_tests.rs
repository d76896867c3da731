// SPDX-License-Identifier: GPL-2.0
//! Translation, against tables in device memory.

use std::sync::Arc;

use pci_model::{DeviceMemory, Port};
use proptest::prelude::*;

use super::super::{Bus, Fault, Kind, Location};
use super::{Mmu, Space};

const SPACE: Space = Space::Virtual(1);
const MIB: u64 = 1 << 20;

/// 4 MiB, of which the last is the firmware's. Tables of ASID 1: root at 0x1000, level 2 at 0x2000,
/// level 1 at 0x3000, level 0 of the first 2 MiB at 0x4000.
fn mmu() -> Mmu {
    let memory = Arc::new(DeviceMemory::new(4 * MIB).unwrap());
    let mmu = Mmu::new(Bus::new(memory, 3 * MIB, Port::new(1).dma()));
    for (table, next) in [(0x1000, 0x2000), (0x2000, 0x3000), (0x3000, 0x4000)] {
        put(&mmu, table, next | 1);
    }
    assert!(mmu.create(1, Location::parse(0x1000).unwrap()));
    mmu
}

fn put(mmu: &Mmu, at: u64, entry: u64) {
    assert!(mmu.bus.device_memory().write(at, &entry.to_le_bytes()));
}

fn read(mmu: &Mmu, address: u64) -> Result<u8, Fault> {
    let mut byte = [0];
    mmu.read(&mmu.access(), SPACE, address, 0, &mut byte)?;
    Ok(byte[0])
}

fn fault(kind: Kind, level: u32, address: u64) -> Fault {
    Fault::Access {
        kind,
        level,
        address,
    }
}

#[test]
fn small_page() {
    let mmu = mmu();
    put(&mmu, 0x4008, 0x10_0000 | 0xb);
    assert!(mmu.bus.device_memory().write(0x10_0123, &[7]));
    assert_eq!(read(&mmu, 0x1123), Ok(7));
    assert_eq!(read(&mmu, 0x2123), Err(fault(Kind::NotPresent, 0, 0x2000)));
    let write = mmu.write(&mmu.access(), SPACE, 0x1123, 0, &[1]);
    assert_eq!(write, Err(fault(Kind::NoWrite, 0, 0x1000)));
}

#[test]
fn kinds() {
    let mmu = mmu();
    for (entry, kind) in [
        (0x10_0000 | 0x9, Kind::NoRead),
        (0x10_0000 | 0x2b, Kind::Malformed),
        (0x10_0000 | 0x1, Kind::Malformed),
        (3 << 62 | 0x1000 | 0xb, Kind::Malformed),
    ] {
        put(&mmu, 0x4000, entry);
        assert_eq!(read(&mmu, 5), Err(fault(kind, 0, 0)), "{entry:#x}");
        mmu.invalidate(None, 0, 0);
    }
    put(&mmu, 0x4000, (3 * MIB) | 0xb);
    assert_eq!(read(&mmu, 5), Err(fault(Kind::Range, 0, 0)));
    assert_eq!(
        read(&mmu, 1 << 48 | 5),
        Err(fault(Kind::Address, 0, 1 << 48 | 5))
    );
    put(&mmu, 0x3008, 0x10_0000 | 0xb);
    assert_eq!(read(&mmu, 2 * MIB), Err(fault(Kind::Malformed, 1, 2 * MIB)));
    put(&mmu, 0x3008, 2 << 62 | 0x5001);
    assert_eq!(read(&mmu, 2 * MIB), Err(fault(Kind::Malformed, 1, 2 * MIB)));
    put(&mmu, 0x3008, (3 * MIB) | 1);
    assert_eq!(read(&mmu, 2 * MIB), Err(fault(Kind::Table, 0, 2 * MIB)));
}

#[test]
fn stale_until_invalidated() {
    let mmu = mmu();
    put(&mmu, 0x4000, 0x10_0000 | 0xb);
    assert_eq!(read(&mmu, 0), Ok(0));
    put(&mmu, 0x4000, 0);
    assert_eq!(read(&mmu, 0), Ok(0), "cached");
    mmu.invalidate(Some(2), 0, 0);
    mmu.invalidate(Some(1), 0x1000, 0x1000);
    assert_eq!(read(&mmu, 0), Ok(0), "not covered");
    mmu.invalidate(Some(1), 0, 0x1000);
    assert_eq!(read(&mmu, 0), Err(fault(Kind::NotPresent, 0, 0)));
}

#[test]
fn part_of_a_large_page_covers_it() {
    let mmu = mmu();
    put(&mmu, 0x3008, (2 * MIB) | 0xb);
    assert_eq!(read(&mmu, 2 * MIB), Ok(0));
    put(&mmu, 0x3008, 0);
    mmu.invalidate(Some(1), 3 * MIB, 0x1000);
    assert_eq!(
        read(&mmu, 2 * MIB),
        Err(fault(Kind::NotPresent, 1, 2 * MIB))
    );
}

#[test]
fn no_access_after_halt() {
    let mmu = mmu();
    let access = mmu.access();
    mmu.halt();
    let write = mmu.write(&access, Space::Physical, 0x100, 0, &[1]);
    assert_eq!(write, Err(Fault::Cancelled));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Any mix of pages reads what a loop over single bytes reads.
    #[test]
    fn pieces(
        kinds in prop::collection::vec(0u8..3, 32),
        start in 0u64..0x1_d000,
        len in 1usize..0x3000,
    ) {
        let mmu = mmu();
        let memory = mmu.bus.device_memory();
        for (page, kind) in (0u64..).zip(&kinds) {
            let entry = match kind {
                0 => 3 << 62 | 0xb,
                1 => (MIB + (page * 7 % 32) * 0x1000) | 0xb,
                _ => (2 * MIB + page * 0x1000) | 0x1b,
            };
            // One page of 64 KiB is contiguous as a whole or not at all.
            let entry = if *kind == 2 { entry & !0x10 } else { entry };
            put(&mmu, 0x4000 + 8 * page, entry);
        }
        let pattern: Vec<u8> = (0..MIB).map(|at| (at % 251) as u8).collect();
        prop_assert!(memory.write(MIB, &pattern) && memory.write(2 * MIB, &pattern));
        let mut data = vec![0; len];
        mmu.read(&mmu.access(), SPACE, start, 0, &mut data).unwrap();
        for (at, byte) in (start..).zip(data) {
            prop_assert_eq!(Ok(byte), read(&mmu, at));
        }
    }
}

#[test]
fn contiguous() {
    let mmu = mmu();
    // Only the entry that is asked for first needs to be there.
    put(&mmu, 0x4000 + 8 * 0x15, 0x11_5000 | 0x1b);
    assert!(mmu.bus.device_memory().write(0x11_5000, &[9]));
    assert_eq!(read(&mmu, 0x1_5000), Ok(9));
}
