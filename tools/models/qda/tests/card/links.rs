// SPDX-License-Identifier: GPL-2.0
//! Two cards and a cable; a card connected with itself.

use std::os::unix::net::UnixStream;

use qda_model::links::Cable;

use crate::machine::{Machine, Packet, Ring};

const A: u64 = 0x1000;
const B: u64 = 0x2000;
const D: u64 = 0x3000;
const LINK1: u64 = 0x2100;

/// Two cards.
fn cards() -> [Machine; 2] {
    [1, 2].map(|uuid| {
        let port = pci_model::Port::new(qda_model::VECTORS);
        let machine = Machine::plugged(&port, uuid);
        machine.make_ready();
        machine
    })
}

/// Link 1 of the first and link 0 of the second connected, not enabled.
fn pair() -> [Machine; 2] {
    let machines = cards();
    let (one, two) = UnixStream::pair().unwrap();
    machines[0].front.card.plug(1, Cable::Inside(one));
    machines[1].front.card.plug(0, Cable::Inside(two));
    machines
}

/// UP, and a queue on each.
fn connected() -> ([Machine; 2], [Ring; 2]) {
    let machines = pair();
    machines[0].write32(LINK1 + 4, 1);
    machines[1].write32(0x2004, 1);
    machines[0].until(LINK1, 2);
    machines[1].until(0x2000, 2);
    let rings = [machines[0].queue(5, 4, 1), machines[1].queue(9, 4, 1)];
    (machines, rings)
}

fn send(link: u32, bytes: u32) -> Packet {
    Packet::new(0x30)
        .long(8, A)
        .word(0x20, 77)
        .word(0x30, bytes)
        .word(0x34, link)
}

fn receive(link: u32, bytes: u32) -> Packet {
    Packet::new(0x31)
        .long(0x18, D)
        .word(0x20, 77)
        .word(0x30, bytes)
        .word(0x34, link << 8)
}

fn put(machine: &Machine, at: u64, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    machine.fill(at, &bytes);
}

#[test]
fn training_and_farewell() {
    let [one, two] = pair();
    one.write32(LINK1 + 4, 1);
    one.until(LINK1, 1);
    two.write32(0x2004, 1);
    one.until(LINK1, 2);
    two.until(0x2000, 2);
    assert_eq!(one.read64(LINK1 + 0x10), 0x0202_0202_0202_0202);
    assert_eq!((one.read32(LINK1 + 0xc), two.read32(0x200c)), (0, 1));
    two.write32(0x2004, 0);
    one.wait(|| one.read32(LINK1 + 8) == 5, || "BYE".to_owned());
    assert_eq!((two.read32(0x2000), two.read32(0x2008)), (0, 1));
    one.until(LINK1, 1);
    let states: Vec<_> = one.events(1).iter().map(|e| (e.0, e.1, e.2, e.3)).collect();
    let states = &states[..4];
    assert_eq!(
        states,
        [
            (0x14, 1, 1, 0),
            (0x14, 1, 2, 0),
            (0x14, 1, 3, 5),
            (0x14, 1, 1, 5)
        ]
    );
    two.write32(0x2004, 1);
    one.until(LINK1, 2);
}

#[test]
fn message() {
    let ([one, two], [from, to]) = connected();
    let data: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
    one.fill(0x10_0000, &data);
    let long = |packet: Packet| packet.word(0x30, 40_000);
    one.submit(from, &[long(send(1, 0)).long(8, 0x10_0000).record()]);
    one.wait(|| one.state(from) & 1 << 9 != 0, || "WAITING".to_owned());
    two.run(to, &[long(receive(0, 0)).long(0x18, 0x10_0000).record()]);
    assert_eq!(two.bytes(0x10_0000, 40_000), data);
    one.completed(from, 1);
    assert_eq!(
        (one.read64(LINK1 + 0x28), two.read64(0x2030)),
        (40_000, 40_000)
    );
}

#[test]
fn exchange_with_sum() {
    let ([one, two], [left, right]) = connected();
    for (machine, a) in [(&one, 1.0), (&two, 10.0)] {
        put(machine, A, &[a, 2.0 * a]);
    }
    let exchange = |depth| {
        Packet::new(0x32)
            .byte(2, 1)
            .byte(3, 1)
            .long(8, A)
            .long(0x10, A)
            .long(0x18, D)
            .word(0x30, 8)
            .word(0x34, depth)
    };
    one.submit(left, &[exchange(1 | 1 << 8); 3]);
    two.submit(right, &[exchange(0); 3]);
    one.completed(left, 3);
    two.completed(right, 3);
    for machine in [&one, &two] {
        assert_eq!(
            machine.bytes(D, 8),
            [11.0f32, 22.0].map(f32::to_le_bytes).concat()
        );
    }
}

#[test]
fn refusals() {
    let ([one, _two], [ring, _]) = connected();
    assert_eq!(one.failure(ring, send(2, 8)), (2, 0x34, 0), "no such link");
    assert_eq!(one.failure(ring, send(0, 8)), (0x30, 0, 0), "LINK_DOWN");
    assert_eq!(one.failure(ring, send(1, 6)), (3, 0x30, 0));
    assert_eq!(one.failure(ring, send(1, 2 << 20)).0, 4);
    assert_eq!(one.failure(ring, receive(1, 8).long(0x10, B)), (2, 0x10, 0));
    assert_eq!(
        one.failure(ring, receive(1, 8).word(0x38, 500)),
        (0x20, 0, 0)
    );
}

#[test]
fn lengths_differ() {
    let ([one, two], [from, to]) = connected();
    one.submit(from, &[send(1, 8)]);
    assert_eq!(two.failure(to, receive(0, 12)), (0x32, 0, 0));
    one.until(0x8000 + 0x40 * 5, 4);
    assert_eq!(one.record(from, 0), (0x32, 1, 0));
}

#[test]
fn the_other_side_fails() {
    let ([one, two], [from, to]) = connected();
    one.submit(from, &[send(1, 8)]);
    let nowhere = receive(0, 8).long(0x18, crate::machine::RESERVED);
    assert_eq!(two.failure(to, nowhere).0, 0x11);
    one.until(0x8000 + 0x40 * 5, 4);
    assert_eq!(one.record(from, 0), (0x31, 1, 0));
}

#[test]
fn loss_ends_messages() {
    let ([one, two], [from, to]) = connected();
    one.submit(from, &[send(1, 8)]);
    let end = two.submit(to, &[receive(0, 8).word(0x20, 1)]);
    two.wait(|| two.state(to) & 1 << 9 != 0, || "WAITING".to_owned());
    one.wait(|| one.state(from) & 1 << 9 != 0, || "WAITING".to_owned());
    one.inject(4, 1, 0);
    assert_eq!(one.record(from, 0), (0x30, 1, 0));
    two.until(0x8000 + 0x40 * 9, 4);
    assert_eq!(two.record(to, end - 1), (0x30, 0, 0));
    assert_eq!(one.read64(LINK1 + 0x48), 1);
    one.until(LINK1, 2);
}

#[test]
fn cancelled_and_granted_anew() {
    let ([one, two], [from, to]) = connected();
    put(&one, A, &[1.0, 2.0]);
    two.submit(to, &[receive(0, 8)]);
    two.wait(|| two.state(to) & 1 << 9 != 0, || "WAITING".to_owned());
    two.control(to, 1);
    assert_eq!(two.state(to), 3);
    one.submit(from, &[send(1, 8)]);
    one.wait(|| one.state(from) & 1 << 9 != 0, || "WAITING".to_owned());
    two.control(to, 2);
    two.completed(to, 1);
    one.completed(from, 1);
    assert_eq!(two.bytes(D, 8), one.bytes(A, 8));
}

#[test]
fn damaged_frames() {
    let ([one, two], [from, to]) = connected();
    one.front.card.lock().links[1].damage = 3;
    two.submit(to, &[receive(0, 8)]);
    one.run(from, &[send(1, 8)]);
    two.completed(to, 1);
    assert_eq!((one.read64(LINK1 + 0x40), two.read64(0x2038)), (3, 3));
    one.front.card.lock().links[1].damage = 9;
    two.wait(|| two.read32(0x2008) == 3, || "ERRORS".to_owned());
    one.until(LINK1, 2);
}

#[test]
fn loopback_meets_itself() {
    let machine = Machine::ready();
    machine.write32(0x2004, 3);
    machine.until(0x2000, 2);
    let ring = machine.queue(0, 4, 1);
    put(&machine, A, &[1.0, 5.0]);
    put(&machine, B, &[3.0, 4.0]);
    let exchange = Packet::new(0x32)
        .byte(2, 1)
        .byte(3, 2)
        .long(8, A)
        .long(0x10, B)
        .long(0x18, D)
        .word(0x30, 8);
    machine.run(ring, &[exchange]);
    assert_eq!(
        machine.bytes(D, 8),
        [3.0f32, 5.0].map(f32::to_le_bytes).concat()
    );
}

#[test]
fn engine_reset_ends_all() {
    let ([one, two], [from, to]) = connected();
    one.submit(from, &[send(1, 8)]);
    one.wait(|| one.state(from) & 1 << 9 != 0, || "WAITING".to_owned());
    one.write32(0x1408, 1);
    one.until(0x8000 + 0x40 * 5, 4);
    assert_eq!(one.record(from, 0), (0x22, 0, 0));
    one.control(from, 2);
    two.submit(to, &[receive(0, 8)]);
    one.completed(from, 1);
    two.completed(to, 1);
}
