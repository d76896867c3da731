// SPDX-License-Identifier: GPL-2.0
//! Registers, reset, firmware and mailbox.

use pci_model::{Function, Reset};
use qda_model::firmware::image;

use crate::machine::{Machine, RESERVED};

#[test]
fn capabilities() {
    let machine = Machine::new();
    assert_eq!(machine.read32(0), u32::from_le_bytes(*b"QDA1"));
    assert_eq!(machine.read64(8), 0x0101_0101_0101_0101);
    assert_eq!(machine.read32(0x1c), 0, "upper half of MEM_SIZE");
    assert_eq!(machine.read64(0x28), RESERVED);
    assert_eq!(machine.read64(0x30), u64::MAX, "two registers of 32 bits");
    assert_eq!(machine.read32(0xfc), 0, "reserved");
    assert_eq!(machine.read32(0x580), u32::MAX, "undefined");
    assert_eq!(machine.read32(0x2), u32::MAX, "not aligned");
}

#[test]
fn boot_and_reset() {
    let machine = Machine::new();
    let file = image::make(0x0102_0003, RESERVED, b"firmware");
    machine.boot(&file);
    machine.until(0x200, 5);
    machine.until(0x100, 2);
    assert_eq!(machine.read32(0x218), 0x0102_0003);
    assert_eq!(machine.read32(0x224), 1);
    let hash: Vec<u8> = (0x230..0x250)
        .step_by(8)
        .flat_map(|at| machine.read64(at).to_le_bytes())
        .collect();
    assert_eq!(hash, file[0x30..0x50]);
    let beat = machine.read32(0x220);
    machine.wait(|| machine.read32(0x220) != beat, || "heartbeat".to_owned());
    let head = machine.read32(0x228);
    assert_ne!(head, 0, "log");
    machine.write32(0x108, 2);
    machine.until(0x200, 1);
    assert_eq!(machine.read32(0x100), 1);
    assert!(machine.read32(0x228) >= head, "the log outlives a reset");
    machine.boot(&file);
    machine.until(0x200, 5);
    machine.write32(0x108, 1);
    machine.until(0x10c, 1);
    assert_eq!(machine.read32(0x100), 1);
}

#[test]
fn during_a_device_reset() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.front.card.lock().faults.reset_fails = true;
    machine.write32(0x108, 1);
    assert_eq!(machine.read32(0x100), 0);
    assert_eq!(machine.read32(0), u32::from_le_bytes(*b"QDA1"));
    assert_eq!(machine.read32(0x200), u32::MAX);
    machine.ring(ring, 1);
    machine.write32(0x108, 1);
    machine.front.card.lock().faults.reset_fails = false;
    machine.front.reset(Reset::Function);
    assert_eq!(machine.read32(0x10c), 0);
    machine.make_ready();
}

#[test]
fn refused_images() {
    let machine = Machine::new();
    let file = image::make(1, RESERVED, b"firmware");
    for (at, error) in [(0, 2), (0x24, 3), (0x19, 4), (0x30, 6), (0x100, 6)] {
        let mut bad = file.clone();
        bad[at] ^= 1;
        // Again after FAILED: START is allowed there.
        machine.fill(0x10_0000, &bad);
        machine.until(0x200, if machine.read32(0x200) == 6 { 6 } else { 1 });
        machine.write64(0x208, 0x10_0000);
        machine.write32(0x210, bad.len() as u32);
        machine.write32(0x214, 1);
        machine.wait(|| machine.read32(0x204) == error, || format!("{at:#x}"));
        machine.until(0x200, 6);
    }
    machine.write64(0x208, 2 << 62);
    machine.write32(0x214, 1);
    machine.wait(|| machine.read32(0x204) == 1, || "DMA".to_owned());
}

#[test]
fn mailbox() {
    let machine = Machine::ready();
    let (status, reply) = machine.request(1, &[(8, b"cookies!")]);
    assert_eq!((status, &reply[..8]), (0, &b"cookies!"[..]));
    assert_eq!(machine.request(99, &[(63, &[1])]).0, 1, "UNKNOWN first");
    assert_eq!(machine.request(1, &[(63, &[1])]).0, 2);
    let context = |kind, asid: u16, root: u64| {
        let root = root.to_le_bytes();
        let root: &[u8] = if kind == 2 { &root } else { &[] };
        machine
            .request(kind, &[(8, &asid.to_le_bytes()), (16, root)])
            .0
    };
    assert_eq!(context(2, 0, 0), 2);
    assert_eq!(context(2, 1024, 0), 2);
    assert_eq!(context(2, 1, 8), 2, "root is not aligned");
    assert_eq!(context(2, 1, 0x1000), 0);
    assert_eq!(context(2, 1, 0x1000), 3);
    assert_eq!(machine.create(7, 0, 1, 1).0, 0);
    assert_eq!(machine.create(7, 0, 1, 2).0, 3, "of the queue first");
    assert_eq!(machine.create(8, 0, 1, 2).0, 4);
    assert_eq!(machine.create(8, 5, 1, 1).0, 2, "no such engine");
    assert_eq!(context(3, 1, 0), 5);
    let destroy = || machine.request(5, &[(8, &[7, 0])]).0;
    assert_eq!((destroy(), destroy()), (0, 4));
    assert_eq!(context(3, 1, 0), 0);
    assert_eq!(context(3, 1, 0), 4);
}

#[test]
fn crash_and_silence() {
    let machine = Machine::ready();
    machine.inject(6, 0, 0);
    assert_eq!(machine.read32(0x200), 7);
    assert_eq!(machine.read32(0x204), 9);
    assert_eq!(machine.read32(0x100), 1);
    assert_eq!(machine.read32(0x5000), u32::from_le_bytes(*b"QDAC"));
    assert_eq!(machine.read32(0x5008), machine.read32(0x22c));
    machine.write32(0x108, 2);
    machine.make_ready();
    assert_eq!(machine.read32(0x22c), 0);
    machine.inject(7, 0, 0);
    let beat = machine.read32(0x220);
    machine.write32(0x300, 1);
    machine.write32(0x380, 1);
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert_eq!((machine.read32(0x220), machine.read32(0x380)), (beat, 1));
    assert_eq!(machine.read32(0x200), 5);
}

#[test]
fn sleep_and_wake() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    assert_eq!(machine.request(7, &[]).0, 5);
    machine.control(ring, 1);
    assert_eq!(machine.request(7, &[]).0, 0);
    machine.until(0x100, 3);
    machine.write32(0x214, 2);
    machine.until(0x100, 2);
    assert_eq!(machine.state(ring), 3);
}
