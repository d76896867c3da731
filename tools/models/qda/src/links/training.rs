// SPDX-License-Identifier: GPL-2.0
//! L_STATE: training, loss, farewell (Documentation/devices/qda/collective.rst, link registers).

use super::frame::{Frame, GREETING, kind};
use super::{Bye, ENABLE, LOOPBACK, Link, LinkState, Loss};
use crate::capabilities::LINKS;
use crate::card::{Card, State};
use crate::clock::MS;
use crate::events::{Event, Kind};
use crate::ras::link_block;

/// ALIVE is sent after that long without another frame.
const ALIVE: u64 = 100 * MS;
/// A link that hears nothing for that long is lost.
const SILENT: u64 = 1000 * MS;
const RETRAIN: u64 = 100 * MS;
/// Replays of one frame before the link gives up.
const REPLAYS: u32 = 8;

impl Card {
    fn set_link_state(&self, state: &mut State, number: usize, new: LinkState, reason: Loss) {
        let link = &mut state.links[number];
        let old = link.state;
        (link.state, link.reason) = (new, reason);
        if old == new {
            return;
        }
        link.downs += u64::from(old == LinkState::Up);
        let mut event = Event::new(Kind::Link, number, new as u32);
        event.detail = reason as u32;
        self.report_event(state, event);
        self.wake_management();
    }

    /// L_CONTROL.
    pub(super) fn control_link(&self, state: &mut State, number: usize, control: u32) {
        let old = std::mem::replace(&mut state.links[number].control, control);
        if old & ENABLE != 0 && control & ENABLE == 0 {
            // LOOPBACK as it was: the farewell goes where the frames went.
            state.links[number].control = old & LOOPBACK;
            self.farewell(state, number, Bye::Reset);
            state.links[number].control = control;
            self.forget_messages(state, number);
            self.set_link_state(state, number, LinkState::Disabled, Loss::Disabled);
        }
        self.wake_management();
    }

    /// What is due; gives the TIME of what comes next.
    pub(crate) fn run_links(&self, state: &mut State) -> u64 {
        let now = self.clock.now();
        let mut next = u64::MAX;
        for number in 0..LINKS {
            let trains = state.firmware.is_alive() && state.device.works() && !state.power.d3;
            let link = &state.links[number];
            let enabled = link.control & ENABLE != 0 && trains;
            match link.state {
                LinkState::Disabled if enabled => self.train(state, number),
                LinkState::Down if enabled && link.retrain <= now => self.train(state, number),
                LinkState::Down if enabled => next = next.min(link.retrain),
                LinkState::Up if now.saturating_sub(link.heard) >= SILENT => {
                    self.lose_link(state, number, Loss::Silent);
                }
                LinkState::Up => {
                    if now.saturating_sub(link.sent) >= ALIVE {
                        self.transmit(state, number, &Frame::new(kind::ALIVE));
                    }
                    next = next.min(now + ALIVE);
                }
                _ => {}
            }
        }
        next
    }

    fn train(&self, state: &mut State, number: usize) {
        let reason = state.links[number].reason;
        self.set_link_state(state, number, LinkState::Training, reason);
        let link = &mut state.links[number];
        link.introduced = false;
        if link.wired || link.control & LOOPBACK != 0 {
            self.greet(state, number);
        }
    }

    fn greet(&self, state: &mut State, number: usize) {
        let mut hello = Frame::new(kind::HELLO);
        hello.bytes = GREETING as u32;
        hello.payload = vec![0; GREETING];
        hello.payload[0] = 1;
        hello.payload[4] = number as u8;
        hello.payload[8..24].copy_from_slice(&self.capabilities.uuid);
        self.transmit(state, number, &hello);
        state.links[number].introduced = true;
        self.come_up(state, number);
    }

    /// UP, if both have said HELLO.
    fn come_up(&self, state: &mut State, number: usize) {
        let now = self.clock.now();
        let link = &mut state.links[number];
        if link.state != LinkState::Training || !link.introduced {
            return;
        }
        let Some(peer) = link.hello.take() else {
            return;
        };
        link.peer = peer;
        link.heard = now;
        link.grants.clear();
        link.serials.clear();
        self.set_link_state(state, number, LinkState::Up, Loss::None);
    }

    /// HELLO has arrived. `false` if it is not one.
    pub(super) fn greeted(&self, state: &mut State, number: usize, payload: &[u8]) -> bool {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| payload[at + i]));
        let link = &mut state.links[number];
        if word(0) != 1 || payload[24..].iter().any(|byte| *byte != 0) || link.is_up() {
            return false;
        }
        link.hello = Some((word(4), std::array::from_fn(|i| payload[8 + i])));
        self.come_up(state, number);
        true
    }

    /// BYE, or the end of the signal.
    pub(super) fn left(&self, state: &mut State, number: usize, reason: Loss) {
        state.links[number].hello = None;
        if state.links[number].is_up() {
            self.go_down(state, number, reason);
        }
    }

    /// A cable was plugged in: a link that trains says HELLO.
    pub(super) fn plugged(&self, number: usize) {
        let state = &mut *self.lock();
        let link = &mut state.links[number];
        link.wired = true;
        if link.state == LinkState::Training && link.control & LOOPBACK == 0 {
            self.greet(state, number);
        }
    }

    pub(super) fn unplugged(&self, number: usize) {
        let state = &mut *self.lock();
        state.links[number].wired = false;
        if state.links[number].control & LOOPBACK == 0 {
            self.left(state, number, Loss::Signal);
        }
    }

    /// DOWN, and the other side finds out.
    pub(crate) fn lose_link(&self, state: &mut State, number: usize, reason: Loss) {
        if state.links[number].is_up() {
            self.darken(state, number, reason);
        }
    }

    /// The other side did what it may not, or speaks another version.
    pub(super) fn protocol(&self, state: &mut State, number: usize) {
        let states = [LinkState::Training, LinkState::Up];
        if states.contains(&state.links[number].state) {
            self.darken(state, number, Loss::Protocol);
        }
    }

    fn darken(&self, state: &mut State, number: usize, reason: Loss) {
        let mut dark = Frame::new(kind::DARK);
        dark.status = if reason == Loss::Errors { 3 } else { 2 };
        self.transmit(state, number, &dark);
        state.links[number].hello = None;
        self.go_down(state, number, reason);
    }

    fn go_down(&self, state: &mut State, number: usize, reason: Loss) {
        state.links[number].retrain = self.clock.now() + RETRAIN;
        self.set_link_state(state, number, LinkState::Down, reason);
        self.forget_messages(state, number);
    }

    fn farewell(&self, state: &mut State, number: usize, bye: Bye) {
        let link = &mut state.links[number];
        if !matches!(link.state, LinkState::Up | LinkState::Training) {
            return;
        }
        link.hello = None;
        let mut frame = Frame::new(match bye {
            Bye::Reset => kind::BYE,
            Bye::Silent => kind::DARK,
        });
        frame.status = match bye {
            Bye::Reset => Loss::Bye as u32,
            Bye::Silent => Loss::Signal as u32,
        };
        self.transmit(state, number, &frame);
    }

    /// All links are left; for sleep and D3hot they are DOWN then.
    pub(crate) fn say_bye(&self, state: &mut State, bye: Bye) {
        for number in 0..LINKS {
            self.farewell(state, number, bye);
            if matches!(
                state.links[number].state,
                LinkState::Up | LinkState::Training
            ) {
                let reason = match bye {
                    Bye::Reset => Loss::Bye,
                    Bye::Silent => Loss::Signal,
                };
                self.go_down(state, number, reason);
            }
        }
    }

    /// As a device reset leaves links.
    pub(crate) fn reset_links(&self, state: &mut State) {
        for link in &mut state.links {
            (link.state, link.control, link.reason) = Default::default();
            link.peer = Default::default();
            link.grants.clear();
        }
    }

    /// The card vanishes.
    pub(crate) fn cut_links(&self, state: &mut State) {
        (0..LINKS).for_each(|number| self.farewell(state, number, Bye::Silent));
    }

    /// Sends a frame.
    pub(super) fn transmit(&self, state: &mut State, number: usize, frame: &Frame) {
        let link = &mut state.links[number];
        link.sent = self.clock.now();
        let bytes = frame.encode();
        let damage = std::mem::take(&mut link.damage);
        if damage == 0 {
            return link.send(bytes);
        }
        let mut damaged = bytes.clone();
        damaged[0x1c] ^= 0xff;
        // The frame itself, and its replays.
        let copies = damage.min(REPLAYS + 1);
        (0..copies).for_each(|_| link.send(damaged.clone()));
        link.replays += u64::from(damage.min(REPLAYS));
        if damage > REPLAYS {
            return self.uncorrected(state, link_block(number), 0);
        }
        link.send(bytes);
        self.corrected(state, link_block(number), 0);
    }
}

impl Link {
    fn send(&self, bytes: Vec<u8>) {
        self.outbox.push(bytes, self.control & LOOPBACK != 0);
    }
}
