// SPDX-License-Identifier: GPL-2.0
//! Frames that arrive (Documentation/devices/qda/collective.rst, frames).

use super::frame::{Frame, kind};
use super::message::{Receiving, Sending, receive_link, send_link};
use super::{Grant, Loss};
use crate::capabilities::QUEUES;
use crate::card::{Card, State};
use crate::memory::Access;
use crate::numerics::{canonical, elementwise};
use crate::packet::{Field, Packet};
use crate::status::{Failure, Role, Status};

impl Card {
    /// A frame has arrived. Nothing in it is trusted.
    pub(super) fn arrived(&self, link: usize, bytes: &[u8]) {
        let state = &mut *self.lock();
        if state.faults.removed {
            return;
        }
        let Some(frame) = Frame::decode(bytes) else {
            state.links[link].crc += 1;
            return;
        };
        state.links[link].heard = self.clock.now();
        match frame.kind {
            kind::DARK => {
                let reason = if frame.status == 3 {
                    Loss::Errors
                } else {
                    Loss::Signal
                };
                return self.left(state, link, reason);
            }
            _ if !frame.is_sound() => return self.protocol(state, link),
            kind::BYE => return self.left(state, link, Loss::Bye),
            kind::HELLO => {
                if !self.greeted(state, link, &frame.payload) {
                    self.protocol(state, link);
                }
                return;
            }
            _ => {}
        }
        // What was sent before the link went down is forgotten.
        if state.links[link].is_up() {
            self.obey(state, link, &frame);
        }
    }

    fn obey(&self, state: &mut State, link: usize, frame: &Frame) {
        match frame.kind {
            kind::GRANT => self.granted(state, link, frame),
            kind::DATA => self.data(state, link, frame),
            kind::DONE => {
                let peer = Failure::new(Status::Peer, link as u32);
                let result = if frame.status == 0 { Ok(()) } else { Err(peer) };
                self.answered(state, link, frame, Some(result));
            }
            kind::CANCEL => {
                let (slot, serial) = (frame.slot, frame.serial);
                let void = |grant: &Grant| grant.slot == slot && grant.serial == serial;
                state.links[link].grants.retain(|grant| !void(grant));
                self.answered(state, link, frame, None);
            }
            kind::ABORT => self.aborted(state, link, frame),
            kind::RESET => self.peer_was_reset(state, link),
            _ => {}
        }
    }

    fn granted(&self, state: &mut State, link: usize, frame: &Frame) {
        let same = |grant: &Grant| grant.slot == frame.slot;
        let free = state.links[link].grants.iter().any(same);
        let taken = state.queues.iter().any(|queue| {
            let underway = queue.underway.as_ref();
            let sender = underway.filter(|u| send_link(&u.packet) == link);
            sender.is_some_and(|u| u.halves.grant().as_ref().is_some_and(same))
        });
        if free || taken || usize::from(frame.slot) >= QUEUES {
            return self.protocol(state, link);
        }
        let age = state.links[link].granted;
        state.links[link].granted += 1;
        state.links[link].grants.push_back(Grant {
            age,
            slot: frame.slot,
            serial: frame.serial,
            group: frame.group,
            tag: frame.tag,
            bytes: frame.bytes,
        });
        self.offer(state, link);
    }

    /// DONE (with its result) or CANCEL for a message that somebody here sends.
    fn answered(
        &self,
        state: &mut State,
        link: usize,
        frame: &Frame,
        result: Option<Result<(), Failure>>,
    ) {
        let uses = |g: Grant| g.slot == frame.slot && g.serial == frame.serial;
        let sender = (0..QUEUES).find(|&number| {
            let underway = state.queues[number].underway.as_ref();
            let sender = underway.filter(|u| send_link(&u.packet) == link);
            sender.is_some_and(|u| u.halves.grant().is_some_and(uses))
        });
        let Some(number) = sender else {
            return;
        };
        let Some(underway) = &mut state.queues[number].underway else {
            return;
        };
        match (&mut underway.halves.sending, result) {
            (Sending::Sent(_), Some(result)) => self.send_ended(state, number, result),
            (Sending::Sends(_), Some(Err(failure))) => {
                self.send_ended(state, number, Err(failure));
            }
            // Who has not got all of a message cannot be done with it.
            (_, Some(_)) => self.protocol(state, link),
            (sending, None) => {
                *sending = Sending::Waits;
                self.find_grant(state, number);
                self.take_back(state, number);
            }
        }
    }

    /// Serial of the GRANT of the queue that a frame is for, if it is for that.
    fn receiver(&self, state: &State, link: usize, frame: &Frame) -> Option<(usize, Packet)> {
        let number = usize::from(frame.slot);
        let underway = state.queues.get(number)?.underway.as_ref()?;
        let serial = match underway.halves.receiving {
            Receiving::Posted(serial, _) | Receiving::Moves(serial, ..) => serial,
            _ => return None,
        };
        let meant = serial == frame.serial && receive_link(&underway.packet) == link;
        meant.then(|| (number, underway.packet.clone()))
    }

    fn data(&self, state: &mut State, link: usize, frame: &Frame) {
        let Some((number, packet)) = self.receiver(state, link, frame) else {
            return;
        };
        let Some(underway) = &state.queues[number].underway else {
            return;
        };
        let (access, sender, arrived) = match &underway.halves.receiving {
            Receiving::Moves(_, access, sender, arrived) => (access.clone(), *sender, *arrived),
            Receiving::Posted(_, access) => (access.clone(), frame.sender, 0),
            _ => return,
        };
        let whole = packet.word(Field::Columns);
        let fits = frame.bytes > 0 && frame.bytes % 4 == 0 && frame.bytes <= whole - arrived;
        if frame.offset != arrived || frame.sender != sender || !fits {
            return self.protocol(state, link);
        }
        state.links[link].rx += u64::from(frame.bytes);
        let arrived = arrived + frame.bytes;
        let moves = Receiving::Moves(frame.serial, access.clone(), frame.sender, arrived);
        if let Some(underway) = &mut state.queues[number].underway {
            underway.halves.receiving = moves;
        }
        if let Err(failure) = self.reduce(state, number, &packet, &access, frame) {
            return self.fail_packet(state, number, failure);
        }
        if arrived == whole {
            self.received(state, link, number, frame);
        }
    }

    /// The last byte has been written.
    fn received(&self, state: &mut State, link: usize, number: usize, frame: &Frame) {
        let done = Frame {
            slot: frame.slot,
            sender: frame.sender,
            serial: frame.serial,
            ..Frame::new(kind::DONE)
        };
        self.transmit(state, link, &done);
        if let Some(underway) = &mut state.queues[number].underway {
            underway.halves.receiving = Receiving::Ended;
        }
        self.half_ended(state, number, 1, Ok(()));
    }

    /// Writes, or reduces, a part of a message.
    fn reduce(
        &self,
        state: &State,
        number: usize,
        packet: &Packet,
        access: &Access,
        frame: &Frame,
    ) -> Result<(), Failure> {
        let space = state.queues[number].operand_space();
        let offset = frame.offset.into();
        let failure = |role| {
            move |fault: crate::memory::Fault| fault.failure(role).unwrap_or(Status::Aborted.into())
        };
        let mut data = frame.payload.clone();
        let operation = packet.get(Field::Operation);
        if operation != 0 {
            let mut local = vec![0; data.len()];
            self.mmu
                .read(access, space, packet.get(Field::B), offset, &mut local)
                .map_err(failure(Role::Operand))?;
            for (r, b) in data.chunks_exact_mut(4).zip(local.chunks_exact(4)) {
                let value =
                    |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let d = match operation {
                    1 => value(b) + value(r),
                    _ => elementwise::max(value(b), value(r)),
                };
                r.copy_from_slice(&canonical(d).to_le_bytes());
            }
        }
        self.mmu
            .write(access, space, packet.get(Field::D), offset, &data)
            .map_err(failure(Role::Result))
    }

    fn aborted(&self, state: &mut State, link: usize, frame: &Frame) {
        let Some((number, _)) = self.receiver(state, link, frame) else {
            return;
        };
        let mut status = Status::Peer;
        if let Some(underway) = &mut state.queues[number].underway {
            let begun = matches!(underway.halves.receiving, Receiving::Moves(..));
            if frame.status == Status::Length as u32 && !begun {
                status = Status::Length;
            }
            underway.halves.receiving = Receiving::Ended;
        }
        self.fail_packet(state, number, Failure::new(status, link as u32));
    }

    /// RESET: GRANTs are void, messages that have begun end.
    fn peer_was_reset(&self, state: &mut State, link: usize) {
        state.links[link].grants.clear();
        let peer = Failure::new(Status::Peer, link as u32);
        for number in 0..QUEUES {
            let Some(underway) = &mut state.queues[number].underway else {
                continue;
            };
            let packet = underway.packet.clone();
            let (sends, receives) = (send_link(&packet) == link, receive_link(&packet) == link);
            match (&mut underway.halves.sending, &underway.halves.receiving) {
                (Sending::Sends(_) | Sending::Sent(_), _) if sends => {
                    underway.halves.sending = Sending::Ended;
                    self.fail_packet(state, number, peer);
                }
                (_, Receiving::Moves(..)) if receives => {
                    underway.halves.receiving = Receiving::Ended;
                    self.fail_packet(state, number, peer);
                }
                (sending, receiving) => {
                    if sends && matches!(sending, Sending::Ready(_)) {
                        *sending = Sending::Waits;
                    }
                    if let (true, Receiving::Posted(serial, _)) = (receives, receiving) {
                        // The GRANT may have crossed the RESET, and be good.
                        let cancel = Frame {
                            slot: number as u16,
                            serial: *serial,
                            ..Frame::new(kind::CANCEL)
                        };
                        self.transmit(state, link, &cancel);
                        self.grant(state, number, &packet);
                    }
                }
            }
        }
    }
}
