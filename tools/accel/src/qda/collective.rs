// SPDX-License-Identifier: GPL-2.0
//! Packets of the collective engine (`collective.rst`): messages between the memory of cards.
//!
//! A packet that sends on one card meets one that receives on the other if link, tag and number of bytes
//! are the same, and their queues belong together. Both wait for each other, and meanwhile their engines
//! serve other queues. Addresses and sizes are multiples of 4; a message has
//! [`Card::limit_message`](super::Card::limit_message) bytes at most.

use std::time::Duration;

use accel_uapi as uapi;
use accel_uapi::accel_qda_packet;

use super::Element;
use super::Packet;
use super::packet::blank;
use super::packet::microseconds;

/// A link of a card, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(pub u8);

/// What both sides have to agree on, and how long to wait for the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells the messages of a program from each other.
    pub tag: u32,
    /// Bytes, a multiple of 4.
    pub bytes: u32,
    /// The packet fails after this time ([`Fault::Timeout`](crate::job::Fault)).
    pub timeout: Option<Duration>,
}

/// What becomes of what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is stored.
    Store,
    /// It is added to F32 at this address, which may be that of the result.
    Sum(u64),
    /// The greater of it and F32 at this address, which may be that of the result.
    Max(u64),
}

impl Arrival {
    /// Type, operation, local operand.
    fn fields(self) -> (u8, u8, u64) {
        match self {
            Arrival::Store => (0, 0, 0),
            Arrival::Sum(local) => (Element::F32 as u8, 1, local),
            Arrival::Max(local) => (Element::F32 as u8, 2, local),
        }
    }
}

/// SEND what is at `from`.
pub fn send(from: u64, link: Link, message: Message) -> Packet {
    accel_qda_packet {
        a: from,
        depth: link.0.into(),
        ..half(uapi::ACCEL_QDA_SEND, message)
    }
    .into()
}

/// RECEIVE, with the result at `to`.
pub fn receive(link: Link, arrival: Arrival, to: u64, message: Message) -> Packet {
    let (element, operation, b) = arrival.fields();
    accel_qda_packet {
        element,
        operation,
        b,
        d: to,
        depth: u32::from(link.0) << 8,
        ..half(uapi::ACCEL_QDA_RECEIVE, message)
    }
    .into()
}

/// Links of an EXCHANGE, which may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links {
    /// To send on.
    pub send: Link,
    /// To receive on.
    pub receive: Link,
}

/// EXCHANGE: send what is at `from` and, at the same time, receive as much, with the result at `to`.
pub fn exchange(from: u64, links: Links, arrival: Arrival, to: u64, message: Message) -> Packet {
    let (element, operation, b) = arrival.fields();
    accel_qda_packet {
        element,
        operation,
        a: from,
        b,
        d: to,
        depth: u32::from(links.send.0) | u32::from(links.receive.0) << 8,
        ..half(uapi::ACCEL_QDA_EXCHANGE, message)
    }
    .into()
}

fn half(opcode: uapi::accel_qda_opcode, message: Message) -> accel_qda_packet {
    accel_qda_packet {
        stride_a: message.tag,
        columns: message.bytes,
        scalar: microseconds(message.timeout),
        ..blank(opcode)
    }
}

/// A place in a ring of cards, each linked to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// How many cards, at least 2.
    pub cards: u32,
    /// Which of them, from 0 on.
    pub card: u32,
    /// To the next card, and from the one before.
    pub links: Links,
}

/// An all-reduce (`example.rst`): the sum of what all cards of the ring have at `buffer`, there on all of
/// them when each has executed its packets.
///
/// `chunk` has what is the same for all packets: the bytes of a part of the buffer, of which there are as
/// many as cards, and the first of 2 x (cards - 1) tags. Sums are made in another order on more than two
/// cards than on one, but all cards have the same bits.
pub fn all_reduce(ring: Ring, buffer: u64, chunk: Message) -> Vec<Packet> {
    let Ring { cards, card, links } = ring;
    let at = |step: u32| {
        let back = (card + cards - step % cards) % cards;
        buffer + u64::from(back) * u64::from(chunk.bytes)
    };
    let reductions = cards.saturating_sub(1);
    let packet = |step| {
        let (from, to) = (at(step), at(step + 1));
        let arrival = match step < reductions {
            true => Arrival::Sum(to),
            false => Arrival::Store,
        };
        let message = Message {
            tag: chunk.tag.wrapping_add(step),
            ..chunk
        };
        exchange(from, links, arrival, to, message)
    };
    (0..2 * reductions).map(packet).collect()
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::super::packet::tests::ADDRESS;
    use super::super::packet::tests::ADDRESS_BYTES;
    use super::super::packet::tests::layout;
    use super::*;

    const MESSAGE: Message = Message {
        tag: 0x0102_0304,
        bytes: 256,
        timeout: Some(Duration::from_millis(1)),
    };

    // Opcodes, fields and offsets are those of the tables in queues.rst and collective.rst.

    #[test]
    fn a_send_has_tag_bytes_and_link() {
        assert_eq!(
            send(ADDRESS, Link(3), MESSAGE).as_bytes(),
            layout(&[
                (0, &[0x30]),
                (0x08, &ADDRESS_BYTES),
                (0x20, &[4, 3, 2, 1]),
                (0x30, &[0, 1]),
                (0x34, &[3, 0]),
                (0x38, &[0xe8, 3])
            ])
        );
    }

    #[test]
    fn a_receive_stores_or_reduces() {
        let common: [(usize, &[u8]); 5] = [
            (0x18, &[0x40]),
            (0x20, &[4, 3, 2, 1]),
            (0x30, &[0, 1]),
            (0x34, &[0, 3]),
            (0x38, &[0xe8, 3]),
        ];
        let is = |arrival, more: &[(usize, &[u8])]| {
            let packet = receive(Link(3), arrival, 0x40, MESSAGE);
            assert_eq!(packet.as_bytes(), layout(&[&common, more].concat()));
        };
        is(Arrival::Store, &[(0, &[0x31])]);
        is(
            Arrival::Sum(ADDRESS),
            &[(0, &[0x31, 0, 1, 1]), (0x10, &ADDRESS_BYTES)],
        );
        is(
            Arrival::Max(ADDRESS),
            &[(0, &[0x31, 0, 1, 2]), (0x10, &ADDRESS_BYTES)],
        );
    }

    #[test]
    fn an_exchange_has_both_halves() {
        let links = Links {
            send: Link(1),
            receive: Link(2),
        };
        let message = Message {
            timeout: None,
            ..MESSAGE
        };
        assert_eq!(
            exchange(ADDRESS, links, Arrival::Sum(ADDRESS), 0x40, message).as_bytes(),
            layout(&[
                (0, &[0x32, 0, 1, 1]),
                (0x08, &ADDRESS_BYTES),
                (0x10, &ADDRESS_BYTES),
                (0x18, &[0x40]),
                (0x20, &[4, 3, 2, 1]),
                (0x30, &[0, 1]),
                (0x34, &[1, 2])
            ])
        );
    }

    /// Chunk that is sent, chunk that arrives, and whether it is added.
    fn chunks(packet: &Packet) -> (usize, usize, bool) {
        let bytes = packet.as_bytes();
        let chunk = |at| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])) / 256;
        (chunk(0x08), chunk(0x18), bytes[3] == 1)
    }

    /// Executes the packets of all cards of a ring, step by step; each card has a number per chunk.
    fn reduced(cards: u32) -> Vec<Vec<u64>> {
        let links = Links {
            send: Link(0),
            receive: Link(1),
        };
        let packets = |card| all_reduce(Ring { cards, card, links }, 0, MESSAGE);
        let start = |card| (1..=u64::from(cards)).map(move |i| i * 10u64.pow(card));
        let mut memories: Vec<Vec<_>> = (0..cards).map(|card| start(card).collect()).collect();
        for step in 0..2 * (cards as usize - 1) {
            let packet = |card: usize| packets(card as u32)[step];
            let sent = memories.clone();
            for (card, memory) in memories.iter_mut().enumerate() {
                let before = (card + cards as usize - 1) % cards as usize;
                let (from, ..) = chunks(&packet(before));
                let (_, to, is_sum) = chunks(&packet(card));
                assert_eq!(from, to, "both are the same chunk");
                memory[to] = sent[before][from] + if is_sum { memory[to] } else { 0 };
            }
        }
        memories
    }

    #[test]
    fn a_ring_leaves_the_sums_on_all_cards() {
        for cards in 2..6 {
            let ones = (0..cards).map(|card| 10u64.pow(card)).sum::<u64>();
            let sums: Vec<_> = (0..cards).map(|i| ones * u64::from(i + 1)).collect();
            assert_eq!(reduced(cards), vec![sums; cards as usize]);
        }
    }
}
