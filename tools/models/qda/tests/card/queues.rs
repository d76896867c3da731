// SPDX-License-Identifier: GPL-2.0
//! Queues: records, doorbells, states, scheduling, resets.

use pci_model::Function;

use crate::machine::{Machine, Packet};

const DATA: u64 = 0x1000;
const FENCE: u64 = 0x2000;

#[test]
fn copy_and_fill() {
    let machine = Machine::ready();
    let ring = machine.queue(3, 0, 1);
    let text = b"0123456789abcdef";
    machine.fill(DATA, text);
    let fill = Packet::new(0x11)
        .long(0x18, DATA + 0x100)
        .word(0x28, 16)
        .word(0x2c, 3)
        .word(0x30, 8)
        .word(0x38, 0x2a2a_2a2a);
    machine.run(
        ring,
        &[Packet::copy(DATA + 1, DATA + 0x80, 9).record(), fill],
    );
    assert_eq!(machine.bytes(DATA + 0x80, 10), b"123456789\0");
    assert_eq!(machine.bytes(DATA + 0x108, 16), b"\0\0\0\0\0\0\0\0********");
    assert_eq!(machine.record(ring, 0), (0, 0, 0));
    assert_eq!(machine.queue64(ring, 8), 2);
    machine.wait(|| machine.read64(0x1030) == 2, || "E_PACKETS".to_owned());
    assert_eq!(machine.read64(0x1040), 0, "nobody asked for an interrupt");
    machine.run(ring, &[Packet::new(1).byte(1, 2)]);
    machine.wait(|| machine.read64(0x1040) == 8, || "QPENDING".to_owned());
    machine.write32(0x1040, 8);
    assert_eq!(machine.read64(0x1040), 0);
}

#[test]
fn refused_packets() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    let copy = Packet::copy(DATA, DATA + 64, 8);
    for (packet, status, detail) in [
        (Packet::new(0), 1, 0),
        (Packet::new(0x20), 1, 0x20),
        (copy.byte(1, 4), 2, 1),
        (copy.byte(2, 1).byte(6, 1), 2, 2),
        (copy.word(0x2c, 0), 2, 0x20),
        (copy.word(0x2c, 0).word(0x20, 8).word(0x28, 8), 2, 0x2c),
        (copy.word(0x2c, 2).word(0x20, 7), 2, 0x20),
        (copy.word(0x30, 5 << 20), 2, 0x30),
        (
            copy.word(0x2c, 65536)
                .word(0x20, 99)
                .word(0x28, 99)
                .word(0x30, 65),
            4,
            0,
        ),
        (copy.word(0x3c, 1), 2, 0x3c),
        (Packet::signal(4, 0), 3, 0x18),
    ] {
        assert_eq!(machine.failure(ring, packet), (status, detail, 0));
    }
    let events = machine.events(0);
    assert_eq!(events.len(), 11);
    assert_eq!(events[1], (1, 0, 1, 0x20, 0));
    machine.run(ring, &[copy]);
}

#[test]
fn faults_of_accesses() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    let end = crate::machine::RESERVED;
    let read = 7 | 1 << 8;
    assert_eq!(
        machine.failure(ring, Packet::copy(end - 4, DATA, 8)),
        (0x11, read, end)
    );
    assert_eq!(
        machine.failure(ring, Packet::copy(DATA, 1 << 60, 8)),
        (0x11, 7 | 2 << 8, 1 << 60)
    );
    let system = 1 << 62 | 0x5123;
    assert_eq!(
        machine.failure(ring, Packet::copy(system, DATA, 8)),
        (0x12, 8 | 1 << 8, 1 << 62 | 0x5000),
        "not a bus master"
    );
    assert_eq!(
        machine.failure(ring, Packet::copy(DATA, 2 << 62, 8)),
        (0x13, 9 | 2 << 8, 2 << 62)
    );
    machine.fill(0x4000, &[0; 4096]);
    let root = 0x4000u64.to_le_bytes();
    assert_eq!(machine.request(2, &[(8, &[1, 0]), (16, &root)]).0, 0);
    let (status, virtual_ring) = machine.create(1, 1, 1, 1);
    assert_eq!(status, 0);
    assert_eq!(
        machine.failure(virtual_ring, Packet::copy(0x12_3456, DATA, 8)),
        (0x10, 1 | 3 << 4 | 1 << 8, 0x12_3000)
    );
    let beyond = (1 << 48) - 4;
    assert_eq!(
        machine.failure(virtual_ring, Packet::copy(beyond, DATA, 8)),
        (0x10, 5 | 1 << 8, beyond)
    );
}

#[test]
fn doorbells() {
    let machine = Machine::ready();
    let ring = machine.queue(9, 1, 1);
    machine.front.write(4, 4096 * 10, &1u64.to_le_bytes());
    assert_eq!(machine.read32(0x118), 1, "stray");
    machine.front.write(4, 4096 * 9 + 8, &1u64.to_le_bytes());
    machine.front.write(4, 4096 * 9, &1u32.to_le_bytes());
    assert_eq!(machine.queue64(ring, 0x10), 0, "undefined");
    machine.ring(ring, 17);
    assert_eq!(machine.state(ring), 4);
    assert_eq!(machine.queue64(ring, 0x28), 17);
    assert_eq!(machine.report(ring), (0, 6));
    machine.ring(ring, 99);
    machine.control(ring, 2);
    assert_eq!(machine.report(ring), (0, 0));
    machine.run(ring, &[Packet::new(1); 16]);
    machine.ring(ring, 3);
    assert_eq!(machine.queue64(ring, 0x10), 16, "an old one");
}

#[test]
fn fences_between_queues() {
    let machine = Machine::ready();
    let (one, two) = (machine.queue(0, 0, 1), machine.queue(1, 2, 1));
    machine.fill(FENCE, &[0; 8]);
    let end = machine.submit(two, &[Packet::wait(FENCE, 5, 0), Packet::new(1)]);
    machine.wait(|| machine.state(two) == 1 | 1 << 9, || "WAITING".to_owned());
    machine.run(one, &[Packet::signal(FENCE, 5)]);
    machine.completed(two, end);
    let timeout = Packet::wait(FENCE, 6, 1000);
    assert_eq!(machine.failure(two, timeout), (0x20, 0, 0));
    machine.submit(two, &[Packet::wait(FENCE, 6, 0)]);
    machine.fill(FENCE, &6u64.to_le_bytes());
    machine.completed(two, 4);
}

#[test]
fn suspend_takes_a_wait_back() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.fill(FENCE, &[0; 8]);
    machine.submit(ring, &[Packet::wait(FENCE, 1, 0).record()]);
    machine.wait(
        || machine.state(ring) == 1 | 1 << 9,
        || "WAITING".to_owned(),
    );
    machine.control(ring, 1);
    assert_eq!(machine.state(ring), 3);
    assert_eq!(machine.read64(0x1040), 1);
    machine.fill(FENCE, &[1]);
    machine.submit(ring, &[Packet::new(1)]);
    assert_eq!(machine.queue64(ring, 8), 0);
    machine.control(ring, 2);
    machine.completed(ring, 2);
}

#[test]
fn abort() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.control(ring, 3);
    assert_eq!((machine.state(ring), machine.report(ring)), (4, (0, 0x21)));
    machine.control(ring, 2);
    machine.fill(FENCE, &[0; 8]);
    machine.submit(ring, &[Packet::wait(FENCE, 1, 0)]);
    machine.wait(
        || machine.state(ring) == 1 | 1 << 9,
        || "WAITING".to_owned(),
    );
    machine.control(ring, 3);
    assert_eq!(machine.record(ring, 0), (0x21, 0, 0));
    machine.front.card.lock().faults.slow = 60_000_000_000;
    machine.queue_write64(ring, 8, 1);
    machine.control(ring, 2);
    machine.submit(ring, &[Packet::new(1)]);
    machine.wait(
        || machine.state(ring) == 1 | 1 << 8,
        || "RUNNING".to_owned(),
    );
    machine.control(ring, 3);
    machine.until(0x8000, 4);
    assert_eq!(machine.record(ring, 1), (0x21, 0, 0));
}

#[test]
fn hang_and_engine_reset() {
    let machine = Machine::ready();
    let (guilty, innocent) = (machine.queue(0, 0, 1), machine.queue(1, 0, 1));
    machine.inject(3, 0, 0);
    machine.submit(guilty, &[Packet::new(1)]);
    machine.wait(|| machine.read32(0x1004) == 1, || "BUSY".to_owned());
    machine.submit(innocent, &[Packet::new(1)]);
    machine.control(guilty, 3);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(machine.state(guilty), 1 | 1 << 8, "ABORT does not help");
    machine.write32(0x1008, 1);
    machine.completed(innocent, 1);
    assert_eq!(machine.record(guilty, 0).0, 0x22);
    assert_eq!((machine.read32(0x1004), machine.read32(0x100c)), (0, 1));
}

#[test]
fn device_reset_ends_a_hang() {
    let machine = Machine::ready();
    let ring = machine.queue(0, 0, 1);
    machine.inject(3, 0, 0);
    machine.submit(ring, &[Packet::new(1)]);
    machine.wait(|| machine.read32(0x1004) == 1, || "BUSY".to_owned());
    machine.write32(0x108, 1);
    machine.until(0x100, 1);
    assert_eq!((machine.state(ring), machine.report(ring)), (0, (0, 0)));
    machine.make_ready();
    let ring = machine.queue(0, 0, 1);
    machine.run(ring, &[Packet::new(1)]);
}

#[test]
fn the_log_tells_when_packets_came() {
    let machine = Machine::ready();
    let ring = machine.queue(2, 0, 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    machine.front.card.lock().faults.log = Some(file.reopen().unwrap());
    machine.control(ring, 1);
    machine.submit(ring, &[Packet::new(1); 2]);
    let fill = Packet::new(0x11).word(0x28, 8).word(0x2c, 3);
    machine.submit(ring, &[fill.word(0x30, 8).long(0x18, DATA)]);
    machine.control(ring, 2);
    machine.completed(ring, 3);
    let log = std::fs::read_to_string(file.path()).unwrap();
    let lines: Vec<_> = log.lines().collect();
    let what = |line: &str| line.split(" arrival=").next().unwrap().to_owned();
    assert_eq!(
        lines[..2].iter().map(|line| what(line)).collect::<Vec<_>>(),
        [
            "queue=2 index=0 engine=0 asid=0 priority=1 opcode=0x01 rows=0",
            "queue=2 index=1 engine=0 asid=0 priority=1 opcode=0x01 rows=0",
        ]
    );
    assert!(lines[2].starts_with("queue=2 index=2 engine=0 asid=0 priority=1 opcode=0x11 rows=3 "));
    let times = lines.iter().map(|line| {
        let number = |key: &str| {
            let value = line.split(key).nth(1).unwrap().split(' ').next();
            value.unwrap().parse::<u64>().unwrap()
        };
        (number(" arrival="), number(" start="), number(" end="))
    });
    let times: Vec<_> = times.collect();
    assert_eq!(times[0].0, times[1].0, "one doorbell");
    assert!(
        times[1].0 < times[2].0 && times[2].0 < times[0].1,
        "{times:?}"
    );
    assert!(
        times[0].1 <= times[0].2 && times[0].2 <= times[1].1,
        "{times:?}"
    );
}

#[test]
fn priorities_and_turns() {
    let machine = Machine::ready();
    let low = machine.queue(0, 0, 0);
    let (two, three) = (machine.queue(2, 0, 1), machine.queue(3, 0, 1));
    machine.fill(FENCE, &[0; 0x100]);
    // What each packet finds at FENCE is its place in the order.
    machine.front.card.lock().faults.slow = 20_000_000;
    machine.submit(low, &[Packet::new(1).record()]);
    machine.wait(|| machine.read32(0x1004) == 1, || "BUSY".to_owned());
    machine.submit(low, &[Packet::new(1).record()]);
    machine.submit(three, &[Packet::new(1).record(); 2]);
    machine.submit(two, &[Packet::new(1).record(); 2]);
    machine.completed(low, 2);
    let start = |base: u64, index: u64| machine.long(base + 0x400 + 64 * index + 0x18);
    let (low, two, three) = (0x30_0000, 0x30_2000, 0x30_3000);
    let mut order = [
        (start(low, 0), "low 0"),
        (start(two, 0), "two 0"),
        (start(three, 0), "three 0"),
        (start(two, 1), "two 1"),
        (start(three, 1), "three 1"),
        (start(low, 1), "low 1"),
    ];
    let expected = order.map(|(_, name)| name);
    order.sort();
    assert_eq!(order.map(|(_, name)| name), expected);
}
