// SPDX-License-Identifier: GPL-2.0
//! Messages: both sides wait for each other (Documentation/devices/qda/collective.rst, messages).

use super::Grant;
use super::frame::{Frame, kind};
use crate::capabilities::{ENGINES, LINKS, QUEUES};
use crate::card::{Card, State};
use crate::engine::{EngineKind, Underway};
use crate::memory::Access;
use crate::packet::{Field, Packet, opcode};
use crate::queue::QueueState;
use crate::status::{Failure, Role, Status};

/// What a packet that sends waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sending {
    /// It does not send.
    #[default]
    Nothing,
    /// To be posted: not yet, or since it was taken back.
    Missing,
    /// For a GRANT.
    Waits,
    /// For its engine.
    Ready(Grant),
    /// For the rest of the message to be sent.
    Sends(Grant),
    /// For DONE.
    Sent(Grant),
    /// For the other half.
    Ended,
}

/// What a packet that receives waits for.
#[derive(Clone, Debug, Default)]
pub enum Receiving {
    /// It does not receive.
    #[default]
    Nothing,
    /// To be posted: not yet, or since it was taken back.
    Missing,
    /// For DATA; with the serial of its GRANT.
    Posted(u32, Access),
    /// For more DATA: serial, sender, bytes that have arrived.
    Moves(u32, Access, u16, u32),
    /// For the other half.
    Ended,
}

/// Both halves of a packet.
#[derive(Clone, Debug, Default)]
pub struct Halves {
    pub(super) sending: Sending,
    pub(super) receiving: Receiving,
    posted: bool,
}

impl Halves {
    /// Whether it needs the engine now.
    pub fn may_send(&self) -> bool {
        matches!(self.sending, Sending::Ready(_))
    }

    /// The GRANT that its sender has taken.
    pub(super) fn grant(&self) -> Option<Grant> {
        match self.sending {
            Sending::Ready(grant) | Sending::Sends(grant) | Sending::Sent(grant) => Some(grant),
            _ => None,
        }
    }

    fn is_sending(&self) -> bool {
        self.sending == Sending::Waits || self.grant().is_some()
    }

    fn is_receiving(&self) -> bool {
        matches!(self.receiving, Receiving::Posted(..) | Receiving::Moves(..))
    }

    fn are_over(&self) -> bool {
        matches!(self.sending, Sending::Nothing | Sending::Ended)
            && matches!(self.receiving, Receiving::Nothing | Receiving::Ended)
    }
}

/// Link that a packet sends on.
pub(super) fn send_link(packet: &Packet) -> usize {
    (packet.get(Field::Depth) & 0xff) as usize
}

/// Link that a packet receives on.
pub(super) fn receive_link(packet: &Packet) -> usize {
    (packet.get(Field::Depth) >> 8) as usize
}

fn halves(state: &mut State, number: usize) -> Option<&mut Halves> {
    Some(&mut state.queues[number].underway.as_mut()?.halves)
}

impl Card {
    /// Posts a packet of the collective engine that is taken for the first time. `true` if it waits
    /// or has ended; other packets are `false`.
    pub(crate) fn post(&self, state: &mut State, number: usize) -> bool {
        let Some(underway) = &state.queues[number].underway else {
            return true;
        };
        let packet = underway.packet.clone();
        let code = packet.opcode();
        let sends = matches!(code, opcode::SEND | opcode::EXCHANGE);
        let receives = matches!(code, opcode::RECEIVE | opcode::EXCHANGE);
        if !sends && !receives {
            return false;
        }
        if underway.halves.posted {
            return true;
        }
        let [sent, received] = state.queues[number].ended;
        if let Some(halves) = halves(state, number) {
            halves.posted = true;
            halves.sending = match (sends, sent) {
                (false, _) => Sending::Nothing,
                (true, false) => Sending::Missing,
                (true, true) => Sending::Ended,
            };
            halves.receiving = match (receives, received) {
                (false, _) => Receiving::Nothing,
                (true, false) => Receiving::Missing,
                (true, true) => Receiving::Ended,
            };
        }
        self.post_missing(state, number);
        self.end_if_over(state, number);
        true
    }

    /// Posts the halves that are missing.
    pub(crate) fn post_missing(&self, state: &mut State, number: usize) {
        let Some(underway) = &state.queues[number].underway else {
            return;
        };
        let packet = underway.packet.clone();
        let sends = underway.halves.sending == Sending::Missing;
        let receives = matches!(underway.halves.receiving, Receiving::Missing);
        let links = [
            (sends, send_link(&packet)),
            (receives, receive_link(&packet)),
        ];
        for (wanted, link) in links {
            if wanted && !state.links[link].is_up() {
                let failure = Failure::new(Status::LinkDown, link as u32);
                return self.fail_packet(state, number, failure);
            }
        }
        if receives {
            self.post_receive(state, number, &packet);
        }
        if let (true, Some(halves)) = (sends, halves(state, number)) {
            halves.sending = Sending::Waits;
            self.find_grant(state, number);
        }
    }

    fn post_receive(&self, state: &mut State, number: usize, packet: &Packet) {
        let space = state.queues[number].operand_space();
        let bytes = packet.get(Field::Columns);
        let mut operands = vec![(packet.get(Field::D), Role::Result)];
        if packet.get(Field::Operation) != 0 {
            operands.push((packet.get(Field::B), Role::Operand));
        }
        for (at, role) in operands {
            if let Err(fault) = self.mmu.check(space, at, bytes) {
                let failure = fault.failure(role).unwrap_or(Status::Aborted.into());
                return self.fail_packet(state, number, failure);
            }
        }
        self.grant(state, number, packet);
    }

    /// Sends a GRANT for the packet under way.
    pub(super) fn grant(&self, state: &mut State, number: usize, packet: &Packet) {
        let (link, slot) = (receive_link(packet), number as u16);
        let serial = state.links[link].serials.entry(slot).or_default();
        *serial = serial.wrapping_add(1);
        let frame = Frame {
            group: state.queues[number].group,
            tag: packet.word(Field::StrideA),
            slot,
            bytes: packet.word(Field::Columns),
            serial: *serial,
            ..Frame::new(kind::GRANT)
        };
        let posted = Receiving::Posted(frame.serial, self.mmu.access());
        if let Some(halves) = halves(state, number) {
            halves.receiving = posted;
        }
        self.transmit(state, link, &frame);
    }

    /// Looks for a GRANT for a sender that waits for one.
    pub(super) fn find_grant(&self, state: &mut State, number: usize) {
        let queue = &state.queues[number];
        let Some(underway) = &queue.underway else {
            return;
        };
        if underway.halves.sending != Sending::Waits || queue.state != QueueState::Active {
            return;
        }
        let packet = &underway.packet;
        let (link, tag, bytes) = (
            send_link(packet),
            packet.word(Field::StrideA),
            packet.word(Field::Columns),
        );
        let group = queue.group;
        let grants = &mut state.links[link].grants;
        let meets = |grant: &Grant| grant.group == group && grant.tag == tag;
        let Some(grant) = grants
            .iter()
            .position(meets)
            .and_then(|at| grants.remove(at))
        else {
            return;
        };
        if grant.bytes != bytes {
            self.tell(
                state,
                link,
                kind::ABORT,
                grant,
                number,
                Status::Length as u32,
            );
            return self.fail_packet(state, number, Failure::new(Status::Length, link as u32));
        }
        if let Some(halves) = halves(state, number) {
            halves.sending = Sending::Ready(grant);
        }
        self.wake(ENGINES - 1);
    }

    /// Sends a frame about a GRANT of the other side.
    fn tell(
        &self,
        state: &mut State,
        link: usize,
        kind: u8,
        grant: Grant,
        sender: usize,
        status: u32,
    ) {
        let frame = Frame {
            slot: grant.slot,
            serial: grant.serial,
            sender: sender as u16,
            status,
            ..Frame::new(kind)
        };
        self.transmit(state, link, &frame);
    }

    /// The engine has sent all of a message, or stopped because the GRANT is void.
    pub(crate) fn sent(&self, state: &mut State, number: usize) {
        self.end_if_over(state, number);
        self.take_back(state, number);
    }

    /// The sending half has ended.
    pub(super) fn send_ended(&self, state: &mut State, number: usize, result: Result<(), Failure>) {
        if let Some(halves) = halves(state, number) {
            halves.sending = Sending::Ended;
        }
        self.half_ended(state, number, 0, result);
    }

    /// A half has ended: the packet ends, or waits for the other one.
    pub(super) fn half_ended(
        &self,
        state: &mut State,
        number: usize,
        half: usize,
        result: Result<(), Failure>,
    ) {
        if let Err(failure) = result {
            return self.fail_packet(state, number, failure);
        }
        state.queues[number].ended[half] = true;
        self.end_if_over(state, number);
        if state.queues[number].underway.is_some() {
            self.take_back(state, number);
        }
    }

    fn end_if_over(&self, state: &mut State, number: usize) {
        let over = halves(state, number).is_some_and(|halves| halves.are_over());
        if over && !state.queues[number].is_running() {
            self.end_packet(state, number, Ok(()));
            self.wake(ENGINES - 1);
        }
    }

    /// Ends the packet under way, also if it occupies the engine.
    pub(super) fn fail_packet(&self, state: &mut State, number: usize, failure: Failure) {
        if state.queues[number].is_running() {
            self.give_up(state, ENGINES - 1, failure);
        } else {
            self.end_packet(state, number, Err(failure));
            self.wake(ENGINES - 1);
        }
    }

    /// For a suspend: takes back what has not begun. `false` if something moves that must end first.
    pub(crate) fn withdraw(&self, state: &mut State, number: usize) -> bool {
        let Some(underway) = &mut state.queues[number].underway else {
            return true;
        };
        let (halves, mut idle) = (&mut underway.halves, Halves::default());
        if matches!(halves.sending, Sending::Waits | Sending::Ready(_)) {
            idle.sending = std::mem::replace(&mut halves.sending, Sending::Missing);
        }
        if matches!(halves.receiving, Receiving::Posted(..)) {
            idle.receiving = std::mem::replace(&mut halves.receiving, Receiving::Missing);
        }
        let moves = matches!(halves.receiving, Receiving::Moves(..))
            || matches!(halves.sending, Sending::Sends(_) | Sending::Sent(_));
        let packet = underway.packet.clone();
        self.release(state, number, &packet, &idle, 0);
        !moves
    }

    /// A packet has failed: what is left of its halves is withdrawn.
    pub(crate) fn abandon_messages(
        &self,
        state: &mut State,
        number: usize,
        underway: &Underway,
        status: Status,
    ) {
        let (packet, halves) = (&underway.packet, &underway.halves);
        self.release(state, number, packet, halves, status as u32);
    }

    fn release(
        &self,
        state: &mut State,
        number: usize,
        packet: &Packet,
        halves: &Halves,
        status: u32,
    ) {
        let (out, back) = (send_link(packet), receive_link(packet));
        match halves.sending {
            // Somebody else may take it.
            Sending::Ready(grant) if state.links[out].is_up() => {
                state.links[out].give_back(grant);
                self.offer(state, out);
            }
            Sending::Sends(grant) | Sending::Sent(grant) if state.links[out].is_up() => {
                self.tell(state, out, kind::ABORT, grant, number, status);
            }
            _ => {}
        }
        let (kind, serial, sender, status) = match &halves.receiving {
            Receiving::Posted(serial, _) => (kind::CANCEL, *serial, 0, 0),
            Receiving::Moves(serial, _, sender, _) => (kind::DONE, *serial, *sender, status),
            _ => return,
        };
        if state.links[back].is_up() {
            let frame = Frame {
                slot: number as u16,
                serial,
                sender,
                status,
                ..Frame::new(kind)
            };
            self.transmit(state, back, &frame);
        }
    }

    /// GRANTs are offered to all who wait for one.
    pub(super) fn offer(&self, state: &mut State, link: usize) {
        for number in 0..QUEUES {
            let underway = state.queues[number].underway.as_ref();
            if underway.is_some_and(|u| send_link(&u.packet) == link) {
                self.find_grant(state, number);
            }
        }
    }

    /// The link is lost: all that it carried ends.
    pub(super) fn forget_messages(&self, state: &mut State, link: usize) {
        state.links[link].grants.clear();
        for number in 0..QUEUES {
            let Some(underway) = &mut state.queues[number].underway else {
                continue;
            };
            let (halves, packet) = (&mut underway.halves, &underway.packet);
            // What ends here has nobody to tell, also if the link is UP before the engine looks.
            let sends = halves.is_sending() && send_link(packet) == link;
            if sends {
                halves.sending = Sending::Ended;
            }
            let receives = halves.is_receiving() && receive_link(packet) == link;
            if receives {
                halves.receiving = Receiving::Ended;
            }
            if sends || receives {
                let failure = Failure::new(Status::LinkDown, link as u32);
                self.fail_packet(state, number, failure);
            }
        }
    }

    /// The collective engine is reset: all packets under way end.
    pub(crate) fn reset_messages(&self, state: &mut State) {
        for number in 0..QUEUES {
            let queue = &mut state.queues[number];
            let collective = state.engines[queue.engine].kind == EngineKind::Collective;
            let Some(underway) = queue.underway.as_mut().filter(|_| collective) else {
                continue;
            };
            // RESET tells it.
            underway.halves.sending = Sending::Ended;
            underway.halves.receiving = Receiving::Ended;
            if !queue.is_running() {
                self.end_packet(state, number, Err(Status::EngineReset.into()));
            }
        }
        for link in 0..LINKS {
            if state.links[link].is_up() {
                state.links[link].grants.clear();
                self.transmit(state, link, &Frame::new(kind::RESET));
            }
        }
    }
}
