// SPDX-License-Identifier: GPL-2.0
//! SEND, RECEIVE and EXCHANGE: their checks, and the work of sending
//! (Documentation/devices/qda/collective.rst, packets).

use super::Grant;
use super::frame::{Frame, PAYLOAD, kind};
use super::message::{Sending, receive_link, send_link};
use crate::capabilities::{LIMIT_MESSAGE, LINKS};
use crate::card::{Card, State};
use crate::engine::{Shape, Stop, Work};
use crate::packet::{ANY, Field, Packet, Rule, Rules, opcode};
use crate::status::{Failure, Role, Status};

/// Checks a packet of a queue that may use `links`; `None` if the opcode is another engine's.
pub fn check(packet: &Packet, links: u8) -> Option<Result<(), Failure>> {
    let (sends, receives) = match packet.opcode() {
        opcode::SEND => (true, false),
        opcode::RECEIVE => (false, true),
        opcode::EXCHANGE => (true, true),
        _ => return None,
    };
    let four = Rule::Range(0, u64::MAX, 4);
    let reduces = receives && packet.get(Field::Operation) != 0;
    let when = |wanted, rule| if wanted { rule } else { Rule::Reserved };
    let link = |wanted, link: usize| if wanted { link < LINKS } else { link == 0 };
    let (out, back) = (send_link(packet), receive_link(packet));
    let known = link(sends, out) && link(receives, back);
    let rules = Rules::new()
        .with(Field::Type, when(reduces, Rule::Range(1, 1, 1)))
        .with(Field::Operation, when(receives, Rule::Range(0, 2, 1)))
        .with(Field::A, when(sends, four))
        .with(Field::B, when(reduces, four))
        .with(Field::D, when(receives, four))
        .with(Field::StrideA, ANY)
        .with(Field::Columns, Rule::Range(1, u64::MAX, 4))
        .with(Field::Depth, if known { ANY } else { Rule::Never })
        .with(Field::Scalar, ANY);
    Some(rules.check(packet).and_then(|()| {
        if packet.get(Field::Columns) > LIMIT_MESSAGE {
            return Err(Status::Limit.into());
        }
        let used = [(sends, out), (receives, back)];
        let forbidden = |&&(used, link): &&(bool, usize)| used && links >> link & 1 == 0;
        match used.iter().find(forbidden) {
            Some((_, link)) => Err(Failure::new(Status::Rights, *link as u32)),
            None => Ok(()),
        }
    }))
}

impl Work {
    /// Sends a message for which there is a GRANT.
    pub(crate) fn send(&self, card: &Card) -> Result<(), Stop> {
        let (at, bytes) = (self.packet.get(Field::A), self.packet.get(Field::Columns));
        let link = send_link(&self.packet);
        self.reach(card, at, Shape::linear(bytes), Role::Operand)?;
        let outbox = card.lock().links[link].outbox.clone();
        let mut offset = 0;
        while offset < bytes {
            // Who fails before its first DATA has told nobody.
            let mut payload = vec![0; PAYLOAD.min((bytes - offset) as usize)];
            self.read(card, at, offset, &mut payload)?;
            outbox.wait_for_room();
            let state = &mut *card.lock();
            self.go_on()?;
            if !card.mmu.is_current(&self.access) {
                return Err(Stop::Cancelled);
            }
            let end = offset + payload.len() as u64;
            let Some(grant) = state.begin_part(self.queue, offset == 0, end == bytes) else {
                return Err(Stop::Waits);
            };
            let frame = Frame {
                slot: grant.slot,
                sender: self.queue as u16,
                serial: grant.serial,
                bytes: payload.len() as u32,
                offset: offset as u32,
                payload,
                ..Frame::new(kind::DATA)
            };
            offset = end;
            state.links[link].tx += u64::from(frame.bytes);
            card.transmit(state, link, &frame);
        }
        Err(Stop::Waits)
    }
}

impl State {
    /// A part of a message is about to be sent: the GRANT for it, unless that is void by now.
    fn begin_part(&mut self, queue: usize, first: bool, last: bool) -> Option<Grant> {
        let sending = &mut self.queues[queue].underway.as_mut()?.halves.sending;
        let grant = match (*sending, first) {
            (Sending::Ready(grant), true) | (Sending::Sends(grant), false) => grant,
            _ => return None,
        };
        *sending = match last {
            true => Sending::Sent(grant),
            false => Sending::Sends(grant),
        };
        Some(grant)
    }
}
