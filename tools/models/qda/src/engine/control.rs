// SPDX-License-Identifier: GPL-2.0
//! Suspend, resume, abort, engine reset (Documentation/devices/qda/queues.rst, reset.rst).

use super::EngineKind;
use crate::card::{Card, State};
use crate::device::DeviceState;
use crate::links::Halves;
use crate::packet::Packet;
use crate::queue::QueueState;
use crate::status::{Failure, Status};

/// A packet between its start and its end.
#[derive(Debug)]
pub struct Underway {
    /// The packet.
    pub packet: Packet,
    /// TIME of the doorbell that announced it.
    pub arrival: u64,
    /// TIME when it started.
    pub start: u64,
    /// Nanoseconds for which it has occupied the engine.
    pub busy: u64,
    /// Whether it occupies the engine.
    pub running: bool,
    /// What a packet of the collective engine waits for.
    pub halves: Halves,
}

impl Card {
    /// Q_CONTROL.
    pub(crate) fn control_queue(&self, state: &mut State, number: usize, command: u64) {
        if !state.device.works() || state.device.state == DeviceState::Sleep {
            return;
        }
        let queue = &mut state.queues[number];
        match (command, queue.state) {
            (1, QueueState::Active) => self.suspend(state, number),
            (2, QueueState::Suspending) => {
                queue.state = QueueState::Active;
                self.post_missing(state, number);
            }
            (2, QueueState::Suspended | QueueState::Error) => self.resume(state, number),
            (3, QueueState::Active | QueueState::Suspending | QueueState::Suspended) => {
                self.abort(state, number);
            }
            _ => {}
        }
        self.wake(state.queues[number].engine);
    }

    fn suspend(&self, state: &mut State, number: usize) {
        state.queues[number].state = QueueState::Suspending;
        self.take_back(state, number);
    }

    /// What is under way of a SUSPENDING queue and only waits is taken back, if that may be.
    pub(crate) fn take_back(&self, state: &mut State, number: usize) {
        if state.queues[number].state != QueueState::Suspending {
            return;
        }
        if !self.withdraw(state, number) || state.queues[number].is_running() {
            return;
        }
        let queue = &mut state.queues[number];
        queue.underway = None;
        if let Some(value) = queue.wrong_doorbell.take() {
            return self.enter_error(state, number, crate::queue::wrong_doorbell(value));
        }
        queue.state = QueueState::Suspended;
        self.set_pending(state, number);
    }

    fn resume(&self, state: &mut State, number: usize) {
        let queue = &mut state.queues[number];
        queue.state = QueueState::Active;
        queue.failure = None;
        if let Err(Some(failure)) = self.write_report(state, number) {
            self.enter_error(state, number, failure);
        }
    }

    fn abort(&self, state: &mut State, number: usize) {
        let queue = &state.queues[number];
        let aborted = Failure::from(Status::Aborted);
        let engine = queue.engine;
        if queue.is_running() {
            self.give_up(state, engine, aborted);
        } else if queue.underway.is_some() {
            self.end_packet(state, number, Err(aborted));
        } else {
            self.enter_error(state, number, aborted);
        }
    }

    /// The packet that occupies an engine ends with this failure, as soon as the engine looks.
    pub(crate) fn give_up(&self, state: &mut State, engine: usize, failure: Failure) {
        if let Some(running) = &mut state.engines[engine].running {
            let stronger = failure.status != Status::Aborted;
            if running.verdict.is_none() || stronger {
                running.verdict = Some(failure);
            }
            let flag = &running.access.cancelled;
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
            self.wake(engine);
        }
    }

    /// E_CONTROL 1.
    pub(super) fn reset_engine(&self, state: &mut State, engine: usize) {
        if state.engines[engine].resetting || !state.device.works() {
            return;
        }
        state.engines[engine].resetting = true;
        let failure = Failure::from(Status::EngineReset);
        self.give_up(state, engine, failure);
        if state.engines[engine].kind == EngineKind::Collective {
            self.reset_messages(state);
        }
        self.wake(engine);
    }

    /// The engine's own part of its reset: its packet has ended.
    pub(super) fn end_engine_reset(&self, state: &mut State, number: usize) {
        let fails = state.faults.engine_reset_fails;
        let engine = &mut state.engines[number];
        if engine.resetting {
            engine.resetting = false;
            engine.failed = fails;
            engine.resets = engine.resets.wrapping_add(1);
        }
    }
}
