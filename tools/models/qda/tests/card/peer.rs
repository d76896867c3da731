// SPDX-License-Identifier: GPL-2.0
//! The other end of a link, frame by frame.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use qda_model::links::Cable;
use qda_model::links::frame::{Frame, HEADER, kind};

use crate::machine::{Machine, Packet, Ring};

pub const L_STATE: u64 = 0x2000;
pub const L_REASON: u64 = 0x2008;
const L_CRC: u64 = 0x2038;
pub const UP: u32 = 2;
pub const PROTOCOL: u32 = 6;
const A: u64 = 0x10_0000;
const D: u64 = 0x24_0000;

const ACTIVE: u32 = 1;
const SUSPENDING: u32 = 2;
const SUSPENDED: u32 = 3;
pub const ERROR: u32 = 4;

const LENGTH: u32 = 0x32;
const PEER: u32 = 0x31;
const TIMEOUT: u32 = 0x20;
const LONG: u32 = 1 << 20;

pub struct Peer(pub UnixStream);

impl Peer {
    /// The other end of what a card's link is connected with.
    pub fn new(stream: UnixStream) -> Self {
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, frame: &Frame) {
        self.0.write_all(&frame.encode()).unwrap();
    }

    pub fn hello(&mut self, version: u8) {
        let mut hello = Frame::new(kind::HELLO);
        hello.bytes = 32;
        hello.payload = vec![0; 32];
        hello.payload[0] = version;
        self.send(&hello);
    }

    fn grant(&mut self, slot: u16, serial: u32, bytes: u32) {
        self.send(&Frame {
            slot,
            serial,
            bytes,
            ..Frame::new(kind::GRANT)
        });
    }

    /// DATA for a GRANT of queue 5.
    pub fn data(&mut self, serial: u32, offset: u32) {
        self.data_of(5, serial, offset);
    }

    fn data_of(&mut self, sender: u16, serial: u32, offset: u32) {
        self.send(&Frame {
            slot: 5,
            sender,
            serial,
            offset,
            bytes: 4,
            payload: vec![serial as u8; 4],
            ..Frame::new(kind::DATA)
        });
    }

    /// Waits until the card has all that was sent: a damaged frame behind it counts.
    #[track_caller]
    fn has_arrived(&mut self, machine: &Machine) {
        let count = machine.read64(L_CRC) + 1;
        let mut damaged = Frame::new(kind::ALIVE).encode();
        damaged[0x1c] ^= 1;
        self.0.write_all(&damaged).unwrap();
        machine.wait(|| machine.read64(L_CRC) == count, || "L_CRC".to_owned());
    }

    /// An answer to the sender, or to the receiver, of queue 5.
    fn answer(&mut self, kind: u8, slot: u16, serial: u32, status: u32) {
        let sender = if kind == kind::CANCEL { 0 } else { 5 };
        self.send(&Frame {
            slot,
            sender,
            serial,
            status,
            ..Frame::new(kind)
        });
    }

    /// The next frame that is not ALIVE.
    #[track_caller]
    fn next(&mut self) -> Frame {
        loop {
            let mut header = [0; HEADER];
            self.0.read_exact(&mut header).unwrap();
            let mut bytes = header.to_vec();
            bytes.resize(HEADER + Frame::payload_of(&header).unwrap(), 0);
            self.0.read_exact(&mut bytes[HEADER..]).unwrap();
            let frame = Frame::decode(&bytes).unwrap();
            if frame.kind != kind::ALIVE {
                return frame;
            }
        }
    }

    #[track_caller]
    pub fn expect(&mut self, kind: u8) -> Frame {
        let frame = self.next();
        assert_eq!(frame.kind, kind, "{frame:x?}");
        frame
    }
}

/// A card whose link 0 trains, and the other end.
fn training() -> (Machine, Peer) {
    let machine = Machine::ready();
    let (one, two) = UnixStream::pair().unwrap();
    machine.front.card.plug(0, Cable::Inside(one));
    machine.write32(L_STATE + 4, 1);
    let mut peer = Peer::new(two);
    peer.expect(kind::HELLO);
    (machine, peer)
}

/// UP, with queue 5.
fn connected() -> (Machine, Ring, Peer) {
    let (machine, mut peer) = training();
    peer.hello(1);
    machine.until(L_STATE, UP);
    let ring = machine.queue(5, 4, 1);
    (machine, ring, peer)
}

pub fn send(bytes: u32) -> Packet {
    Packet::new(0x30).long(8, A).word(0x30, bytes)
}

pub fn receive(bytes: u32) -> Packet {
    Packet::new(0x31).long(0x18, D).word(0x30, bytes)
}

fn exchange(bytes: u32) -> Packet {
    send(bytes).byte(0, 0x32).long(0x18, D)
}

#[track_caller]
fn waits(machine: &Machine, ring: Ring) {
    machine.wait(
        || machine.state(ring) == 1 << 9 | ACTIVE,
        || format!("{:#x}", machine.state(ring)),
    );
}

#[track_caller]
pub fn reaches(machine: &Machine, ring: Ring, state: u32) {
    machine.wait(
        || machine.state(ring) & 7 == state,
        || format!("{:#x}", machine.state(ring)),
    );
}

#[test]
fn another_version() {
    let (machine, mut peer) = training();
    peer.hello(2);
    machine.until(L_REASON, PROTOCOL);
    assert_eq!(machine.read64(L_STATE + 0x48), 0, "it was never UP");
}

#[test]
fn payload_too_long() {
    let (machine, _, mut peer) = connected();
    let mut frame = Frame::new(kind::DATA);
    frame.bytes = 4097;
    peer.send(&frame);
    machine.until(L_REASON, PROTOCOL);
}

#[test]
fn who_cannot_read_tells_nobody() {
    let (machine, ring, mut peer) = connected();
    peer.grant(3, 1, 8);
    let nowhere = send(8).long(8, crate::machine::RESERVED);
    assert_eq!(machine.failure(ring, nowhere).0, 0x11);
    machine.submit(ring, &[send(8)]);
    assert_eq!(peer.expect(kind::DATA).serial, 1);
}

#[test]
fn second_grant_while_the_first_is_used() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[send(8)]);
    peer.grant(3, 1, 8);
    peer.expect(kind::DATA);
    peer.grant(3, 2, 8);
    machine.until(L_REASON, PROTOCOL);
}

#[test]
fn done_before_the_end() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[send(LONG)]);
    peer.grant(3, 1, LONG);
    // More is on its way than fits: the peer does not read it.
    peer.expect(kind::DATA);
    peer.answer(kind::DONE, 3, 1, 0);
    machine.until(L_REASON, PROTOCOL);
}

#[test]
fn cancelled_while_it_sends() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[send(LONG)]);
    peer.grant(3, 1, LONG);
    peer.expect(kind::DATA);
    peer.answer(kind::CANCEL, 3, 1, 0);
    peer.grant(3, 2, LONG);
    let first = loop {
        let frame = peer.expect(kind::DATA);
        if frame.serial == 2 {
            break frame;
        }
    };
    assert_eq!(first.offset, 0);
    let mut end = first.bytes;
    while end < LONG {
        let frame = peer.expect(kind::DATA);
        assert_eq!((frame.serial, frame.offset), (2, end));
        end += frame.bytes;
    }
    peer.answer(kind::DONE, 3, 2, 0);
    machine.completed(ring, 1);
}

#[test]
fn length_after_data_is_peer() {
    let (machine, ring, mut peer) = connected();
    for (data, status) in [(false, LENGTH), (true, PEER)] {
        let index = machine.submit(ring, &[receive(8)]) - 1;
        let serial = peer.expect(kind::GRANT).serial;
        if data {
            peer.data(serial, 0);
        }
        peer.answer(kind::ABORT, 5, serial, LENGTH);
        reaches(&machine, ring, ERROR);
        assert_eq!(machine.record(ring, index), (status, 0, 0));
        machine.queue_write64(ring, 8, index + 1);
        machine.control(ring, 2);
    }
}

#[test]
fn data_of_two_senders() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[receive(8)]);
    peer.expect(kind::GRANT);
    peer.data_of(5, 1, 0);
    peer.data_of(6, 1, 4);
    machine.until(L_REASON, PROTOCOL);
}

#[test]
fn resumed_while_the_other_half_moves() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[exchange(8)]);
    peer.expect(kind::GRANT);
    peer.data(1, 0);
    machine.wait(|| machine.long(D) != 0, || "DATA".to_owned());
    machine.control(ring, 1);
    assert_eq!(machine.state(ring) & 7, SUSPENDING);
    peer.grant(3, 1, 8);
    // When this has arrived the GRANT has, too.
    peer.data(1, 4);
    peer.expect(kind::DONE);
    reaches(&machine, ring, SUSPENDED);
    machine.control(ring, 2);
    peer.expect(kind::DATA);
    peer.answer(kind::DONE, 3, 1, 0);
    machine.completed(ring, 1);

    machine.submit(ring, &[exchange(8)]);
    assert_eq!(peer.expect(kind::GRANT).serial, 2);
    peer.data(2, 0);
    machine.wait(|| machine.word(D) == 0x0202_0202, || "DATA".to_owned());
    machine.control(ring, 1);
    peer.grant(3, 2, 8);
    peer.has_arrived(&machine);
    machine.control(ring, 2);
    assert_eq!(machine.state(ring) & 7, ACTIVE);
    peer.expect(kind::DATA);
    peer.answer(kind::DONE, 3, 2, 0);
    peer.data(2, 4);
    machine.completed(ring, 2);
}

#[test]
fn suspended_while_it_waits_for_done() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[exchange(8)]);
    peer.expect(kind::GRANT);
    peer.grant(3, 1, 8);
    peer.expect(kind::DATA);
    waits(&machine, ring);
    machine.control(ring, 1);
    assert_eq!(machine.state(ring) & 7, SUSPENDING);
    peer.expect(kind::CANCEL);
    peer.answer(kind::DONE, 3, 1, 0);
    reaches(&machine, ring, SUSPENDED);
    machine.control(ring, 2);
    assert_eq!(peer.expect(kind::GRANT).serial, 2);
    peer.data(2, 0);
    peer.data(2, 4);
    machine.completed(ring, 1);
}

#[test]
fn error_forgets_what_ended() {
    let (machine, ring, mut peer) = connected();
    machine.submit(ring, &[exchange(4)]);
    peer.expect(kind::GRANT);
    peer.data(1, 0);
    peer.expect(kind::DONE);
    for (command, state) in [(1, SUSPENDED), (3, ERROR), (2, ACTIVE)] {
        machine.control(ring, command);
        assert_eq!(machine.state(ring) & 7, state);
    }
    assert_eq!(peer.expect(kind::GRANT).serial, 2);
}

#[test]
fn time_out_of_a_sender_that_waits_for_its_engine() {
    let (machine, ring, mut peer) = connected();
    let other = machine.queue(6, 4, 1);
    machine.submit(ring, &[send(8).word(0x38, 50_000)]);
    waits(&machine, ring);
    machine.front.card.lock().faults.slow = 10_000_000_000;
    machine.submit(other, &[Packet::new(1)]);
    machine.wait(|| machine.read32(0x1404) & 1 != 0, || "BUSY".to_owned());
    peer.grant(3, 1, 8);
    reaches(&machine, ring, ERROR);
    assert_eq!(machine.record(ring, 0), (TIMEOUT, 0, 0));
    assert_eq!(machine.state(other) & 1 << 8, 1 << 8, "still RUNNING");
}

#[test]
fn time_out_stands_still_while_it_sends() {
    let (machine, ring, mut peer) = connected();
    machine.front.card.lock().faults.slow = 400_000_000;
    machine.submit(ring, &[send(8).word(0x38, 350_000)]);
    waits(&machine, ring);
    peer.grant(3, 1, 8);
    peer.expect(kind::DATA);
    machine.wait(|| machine.queue64(ring, 0x18) != 0, || "Q_BUSY".to_owned());
    waits(&machine, ring);
    peer.answer(kind::DONE, 3, 1, 0);
    machine.completed(ring, 1);
}

#[test]
fn grants_keep_their_age() {
    let (machine, ring, mut peer) = connected();
    let (other, third) = (machine.queue(6, 4, 1), machine.queue(7, 4, 1));
    for queue in [ring, other] {
        machine.submit(queue, &[send(8)]);
        waits(&machine, queue);
    }
    machine.front.card.lock().faults.slow = 10_000_000_000;
    machine.submit(third, &[Packet::new(1)]);
    machine.wait(|| machine.read32(0x1404) & 1 != 0, || "BUSY".to_owned());
    peer.grant(3, 1, 8);
    peer.grant(4, 1, 8);
    peer.has_arrived(&machine);
    // Both are taken; then given back, the younger one last.
    machine.front.card.lock().faults.slow = 0;
    machine.control(ring, 1);
    machine.control(other, 1);
    machine.control(third, 3);
    machine.control(other, 2);
    assert_eq!(peer.expect(kind::DATA).slot, 3);
}
