// SPDX-License-Identifier: GPL-2.0
//! Errors, poison, rows, sensors.

use crate::machine::{Machine, Packet};

const DATA: u64 = 0x8000;

#[test]
fn poison() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.inject(2, 0, DATA + 70);
    assert_eq!(machine.bytes(DATA + 64, 64), [0xff; 64]);
    let copy = Packet::copy(DATA, 0x9000, 128);
    assert_eq!(machine.failure(ring, copy), (0x14, 10 | 1 << 8, DATA));
    machine.run(ring, &[Packet::copy(0x9000, DATA + 32, 64)]);
    assert_eq!(machine.failure(ring, copy).0, 0x14, "not all of it");
    machine.run(ring, &[Packet::copy(0x9000, DATA, 128), copy]);
    let events: Vec<_> = machine.events(1);
    assert_eq!(events, [(0x11, 0, 0, 0, DATA + 70), (0x12, 0, 1, 0, DATA),]);
    let (status, rows) = machine.request(6, &[]);
    assert_eq!((status, rows[0], rows[4]), (0, 1, 15));
    assert_eq!(rows[8..20], [0, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0]);
    machine.write32(0x108, 1);
    machine.until(0x100, 1);
    machine.make_ready();
    assert_eq!(machine.request(6, &[]).1[18], 2, "retired");
}

#[test]
fn corrected_errors() {
    let machine = Machine::ready();
    for _ in 0..8 {
        machine.inject(1, 0, DATA);
    }
    assert_eq!(machine.read64(0xa08), 8);
    let kinds: Vec<_> = machine.events(1).iter().map(|event| event.0).collect();
    assert_eq!(kinds, [0x10, 0x12], "once until cleared");
    machine.write32(0xa04, 1);
    machine.inject(1, 0, DATA);
    assert_eq!(machine.events(1).len(), 3);
}

#[test]
fn table_error_stops_the_device() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.inject(2, 8, 0);
    assert_eq!((machine.read32(0x100), machine.read32(0x104)), (4, 1));
    machine.submit(ring, &[Packet::new(1)]);
    assert_eq!(machine.request(1, &[]).0, 0);
    assert_eq!(machine.request(5, &[]).0, 6);
    assert_eq!(machine.report(ring), (0, 0));
    machine.write32(0x108, 1);
    machine.until(0x100, 1);
}

#[test]
fn heat() {
    let machine = Machine::ready();
    let hot = |value: u64| machine.inject(5, 0, 1000 << 32 | value);
    machine.wait(|| machine.read32(0x804) == 1, || "VALID".to_owned());
    hot(96_000);
    machine.until(0x600, 1);
    hot(91_000);
    machine.until(0x808, 91_000);
    assert_eq!(machine.read32(0x600), 1, "not yet 5 degrees below");
    hot(90_000);
    machine.until(0x600, 0);
    assert_eq!(machine.read32(0x604), 1);
    hot(105_000);
    machine.until(0x100, 4);
    assert_eq!(machine.read32(0x104), 2);
    machine.write32(0x108, 1);
    machine.until(0x100, 4);
    assert_eq!(machine.read32(0x10c), 1, "FAILED again");
}

#[test]
fn refused_injections() {
    let machine = Machine::new();
    machine.write32(0x708, 1);
    assert_eq!(machine.read32(0x708), 0, "locked");
    machine.write32(0x700, 0x4b43_4148);
    for (kind, target) in [(0, 0), (1, 12), (2, 9), (3, 5), (6, 1)] {
        machine.write32(0x708, kind);
        machine.write32(0x70c, target);
        machine.write32(0x718, 1);
        assert_eq!(machine.read32(0x704), 3, "{kind} {target}");
    }
}
