// SPDX-License-Identifier: GPL-2.0
//! A guest that does what it likes: the card goes on, and a reset makes it as new.

use pci_model::Function;
use proptest::prelude::*;

use crate::machine::{MEMORY, Machine, Packet};

/// Registers worth writing to: all but those that reset the device.
fn register() -> impl Strategy<Value = (u64, u64, bool)> {
    let offset = prop_oneof![
        0x200u64..0x780,
        0x1000u64..0x1600,
        0x2000u64..0x2200,
        0x8000u64..0x8200,
        0u64..0x1_0000,
    ];
    let value = prop_oneof![0u64..8, any::<u64>(), Just(1 << 31 | 1), 0u64..MEMORY];
    (offset, value, any::<bool>())
}

/// A packet with fields that are often right.
fn packet() -> impl Strategy<Value = Packet> {
    let opcode = prop::sample::select(vec![1u8, 2, 3, 16, 17, 32, 33, 34, 35, 48, 49, 50, 0]);
    let small = || prop_oneof![0u32..4, 0u32..64, any::<u32>()];
    let address = || {
        prop_oneof![
            0u64..0x400,
            (0u64..MEMORY).prop_map(|a| a & !7),
            any::<u64>()
        ]
    };
    let head = (opcode, 0u8..4, 0u8..6, 0u8..15, 0u8..8);
    let addresses = (address(), address(), address());
    let words = prop::array::uniform8(small());
    (head, addresses, words).prop_map(|(head, (a, b, d), words)| {
        let (opcode, flags, kind, operation, options) = head;
        let mut packet = Packet::new(opcode)
            .put(1, &[flags, kind, operation, options])
            .long(8, a)
            .long(0x10, b)
            .long(0x18, d);
        for (at, word) in (0x20..).step_by(4).zip(words) {
            packet = packet.word(at, word);
        }
        packet
    })
}

/// All threads of the card live.
fn goes_on(machine: &Machine) {
    machine.make_ready();
    for engine in 0..5 {
        let ring = machine.queue(engine.into(), engine, 1);
        machine.run(ring, &[Packet::new(1)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn registers(writes in prop::collection::vec(register(), 1..200)) {
        let machine = Machine::ready();
        machine.queue(0, 4, 1);
        machine.queue(1, 0, 1);
        for (offset, value, long) in writes {
            let (bytes, align) = if long { (8, 7) } else { (4, 3) };
            let offset = offset & !align;
            machine.front.write(0, offset, &value.to_le_bytes()[..bytes]);
            let mut data = vec![0xff; bytes];
            machine.front.read(0, offset, &mut data);
        }
        machine.front.reset(pci_model::Reset::Function);
        goes_on(&machine);
    }

    #[test]
    fn packets(packets in prop::collection::vec((0u16..5, packet()), 1..100)) {
        let machine = Machine::ready();
        machine.write32(0x2004, 3);
        let rings: Vec<_> = (0..5).map(|e| machine.queue(e, e as u8, 1)).collect();
        for (engine, packet) in packets {
            // What is under way goes on with the ring as it was, or not at all.
            let ring = rings[usize::from(engine)];
            if machine.queue64(ring, 0x10) - machine.queue64(ring, 8) < 16 {
                machine.submit(ring, &[packet]);
            }
            if machine.state(ring) & 7 == 4 {
                machine.queue_write64(ring, 8, machine.queue64(ring, 8) + 1);
                machine.control(ring, 2);
            }
        }
        machine.write32(0x108, 1);
        machine.until(0x100, 1);
        goes_on(&machine);
    }
}
