// SPDX-License-Identifier: GPL-2.0
//! Cables between processes: the other side may die, come back, or be anybody.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use proptest::prelude::*;
use qda_model::links::Cable;
use qda_model::links::frame::{Frame, kind};
use tempfile::TempDir;

use crate::machine::{Machine, Packet};
use crate::peer::{ERROR, L_REASON, L_STATE, PROTOCOL, Peer, UP, reaches, receive, send};

const SIGNAL: u32 = 2;
const LINK_DOWN: u32 = 0x30;

/// A folder for a socket.
struct Socket(TempDir);

impl Socket {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("link")
    }

    fn listen(&self) -> Cable {
        Cable::Listen(UnixListener::bind(self.path()).unwrap())
    }

    /// Another process connects, and greets.
    fn call(&self) -> Peer {
        let mut peer = Peer::new(UnixStream::connect(self.path()).unwrap());
        peer.expect(kind::HELLO);
        peer.hello(1);
        peer
    }
}

/// A card whose link 0 is UP with whoever has called.
fn called() -> (Machine, Socket, Peer) {
    let (machine, socket) = (Machine::ready(), Socket::new());
    machine.front.card.plug(0, socket.listen());
    machine.write32(L_STATE + 4, 1);
    let peer = socket.call();
    machine.until(L_STATE, UP);
    (machine, socket, peer)
}

#[test]
fn who_connects_tries_until_somebody_listens() {
    let [one, two] = [1, 2].map(|uuid| {
        let machine = Machine::plugged(&pci_model::Port::new(qda_model::VECTORS), uuid);
        machine.make_ready();
        machine.write32(L_STATE + 4, 1);
        machine
    });
    let socket = Socket::new();
    one.front.card.plug(0, Cable::Connect(socket.path()));
    two.front.card.plug(0, socket.listen());
    one.until(L_STATE, UP);
    two.until(L_STATE, UP);
    let (from, to) = (one.queue(5, 4, 1), two.queue(9, 4, 1));
    one.fill(0x10_0000, b"as sent.");
    one.submit(from, &[send(8)]);
    two.run(to, &[receive(8)]);
    one.completed(from, 1);
    assert_eq!(two.bytes(0x24_0000, 8), b"as sent.");
}

#[test]
fn death_is_the_loss_of_the_signal_and_another_one_may_call() {
    let (machine, socket, mut peer) = called();
    let ring = machine.queue(5, 4, 1);
    machine.submit(ring, &[receive(8)]);
    peer.expect(kind::GRANT);
    peer.data(1, 0);
    drop(peer);
    reaches(&machine, ring, ERROR);
    assert_eq!(machine.record(ring, 0), (LINK_DOWN, 0, 0));
    machine.until(L_REASON, SIGNAL);

    let mut peer = socket.call();
    machine.until(L_STATE, UP);
    machine.control(ring, 2);
    peer.expect(kind::GRANT);
    peer.data(1, 0);
    peer.data(1, 4);
    assert_eq!(peer.expect(kind::DONE).status, 0);
    machine.completed(ring, 1);
}

#[test]
fn who_does_not_read_loses_the_signal() {
    let (machine, socket, mut peer) = called();
    let ring = machine.queue(5, 4, 1);
    machine.submit(ring, &[receive(8)]);
    // Two frames answer each.
    let reset = Frame::new(kind::RESET).encode();
    let is_cut = (0..100_000).any(|_| peer.0.write_all(&reset).is_err());
    assert!(is_cut);
    reaches(&machine, ring, ERROR);
    machine.until(L_REASON, SIGNAL);
    let _peer = socket.call();
    machine.until(L_STATE, UP);
}

#[test]
fn who_is_out_of_step_is_cut_off() {
    let (machine, socket, mut peer) = called();
    let mut frame = Frame::new(kind::DATA);
    frame.bytes = 4097;
    peer.send(&frame);
    machine.until(L_REASON, PROTOCOL);
    peer.0.read_to_end(&mut Vec::new()).unwrap();
    let _peer = socket.call();
    machine.until(L_STATE, UP);
}

/// A frame with fields that are often right, or no frame.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = || prop_oneof![0u32..3, (0u32..5).prop_map(|x| x * 4), any::<u32>()];
    let short = || prop_oneof![5u16..7, any::<u16>()];
    let kind = prop_oneof![4 => 4u8..10, 1 => 1u8..4, 1 => any::<u8>()];
    let fields = (kind, short(), short(), prop::array::uniform5(small()));
    let frame = fields.prop_map(|(kind, slot, sender, words)| {
        let [tag, bytes, offset, status, serial] = words;
        let payload = vec![1; (bytes as usize).min(8)];
        let frame = Frame {
            kind,
            group: 0,
            tag,
            slot,
            sender,
            bytes,
            offset,
            status,
            serial,
            payload,
        };
        frame.encode()
    });
    prop_oneof![8 => frame, 1 => prop::collection::vec(any::<u8>(), 1..100)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_arrives_the_card_goes_on(stream in prop::collection::vec(bytes(), 1..100)) {
        let (machine, socket, mut peer) = called();
        let (receiver, sender) = (machine.queue(5, 4, 1), machine.queue(6, 4, 1));
        machine.submit(receiver, &[receive(8)]);
        machine.submit(sender, &[send(8)]);
        for bytes in stream {
            // It may have been cut off.
            let _ = peer.0.write_all(&bytes);
        }
        drop(peer);
        let _peer = socket.call();
        machine.until(L_STATE, UP);
        let ring = machine.queue(7, 4, 1);
        machine.run(ring, &[Packet::new(1)]);
    }
}
