// SPDX-License-Identifier: GPL-2.0
//! The end of a packet, in the order that Documentation/devices/qda/pci.rst gives: Q_READ, record,
//! report, Q_STATE, QPENDING, message.

use super::{Stop, Underway};
use crate::card::{Card, FIRST_ENGINE, State};
use crate::events::{Event, Kind};
use crate::faults::Spoilt;
use crate::memory::Access;
use crate::queue::{QueueState, wrong_doorbell};
use crate::status::{Failure, Role};

impl Card {
    /// The packet that occupied an engine has been worked off, or was given up.
    pub(super) fn finish(
        &self,
        state: &mut State,
        engine: usize,
        access: &Access,
        result: Result<(), Stop>,
    ) {
        if !self.mmu.is_current(access) {
            return;
        }
        let Some(running) = state.engines[engine].running.take() else {
            return;
        };
        let took = self.clock.now() - running.start;
        state.engines[engine].busy += took;
        let number = running.queue;
        let queue = &mut state.queues[number];
        queue.busy += took;
        if queue.user {
            state.engines[engine].user_busy += took;
        }
        if let Some(underway) = &mut queue.underway {
            underway.running = false;
            underway.busy += took;
        }
        let result = match (running.verdict, result) {
            (Some(verdict), _) => Err(verdict),
            (None, Err(Stop::Failed(failure))) => Err(failure),
            (None, Err(Stop::Waits)) => {
                return self.sent(state, number);
            }
            (None, Err(Stop::Cancelled)) => Err(crate::status::Status::Aborted.into()),
            (None, Ok(())) => Ok(()),
        };
        self.end_packet(state, number, result);
        self.wake_waiting(state);
    }

    /// Ends the packet under way of a queue; it does not occupy its engine any more.
    pub(crate) fn end_packet(&self, state: &mut State, number: usize, result: Result<(), Failure>) {
        let Some(underway) = state.queues[number].underway.take() else {
            return;
        };
        if let Err(failure) = result {
            self.abandon_messages(state, number, &underway, failure.status);
        }
        let queue = &mut state.queues[number];
        queue.ended = [false; 2];
        let (index, engine) = (queue.read, &mut state.engines[queue.engine]);
        let end = self.clock.now();
        state.faults.log_packet(number, queue, &underway, end);
        match result {
            Ok(()) => {
                engine.packets += 1;
                queue.read += 1;
            }
            Err(_) => engine.errors += 1,
        }
        let mut failure = result.err();
        if failure.is_some() || underway.packet.records() {
            let written = self.write_record(state, number, index, &underway, failure);
            failure = failure.or(written.err().flatten());
        }
        if failure.is_none() {
            failure = self.write_report(state, number).err().flatten();
        }
        let queue = &mut state.queues[number];
        let wrong = queue.wrong_doorbell.take().map(wrong_doorbell);
        if let Some(failure) = failure.or(wrong) {
            return self.enter_error(state, number, failure);
        }
        let suspended = queue.state == QueueState::Suspending;
        if suspended {
            queue.state = QueueState::Suspended;
        }
        if suspended || underway.packet.interrupts() {
            self.set_pending(state, number);
        }
    }

    /// To ERROR: report, Q_STATE, QPENDING, a record in the fault ring.
    pub(crate) fn enter_error(&self, state: &mut State, number: usize, failure: Failure) {
        let queue = &mut state.queues[number];
        queue.failure = Some(failure);
        queue.wrong_doorbell = None;
        queue.ended = [false; 2];
        // What fails in reporting a failure is not reported.
        let _ = self.write_report(state, number);
        let queue = &mut state.queues[number];
        queue.state = QueueState::Error;
        let event = Event {
            kind: Kind::QueueError,
            source: queue.engine,
            status: failure.status as u32,
            detail: failure.detail,
            address: failure.address,
            queue: (number as u16, queue.asid, queue.read),
        };
        self.set_pending(state, number);
        self.report_event(state, event);
    }

    /// Sets the bit of a queue in QPENDING, and sends the message if it was clear.
    pub(crate) fn set_pending(&self, state: &mut State, number: usize) {
        let engine = state.queues[number].engine;
        let word = &mut state.engines[engine].pending[number / 64];
        let bit = 1 << (number % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.message(FIRST_ENGINE + engine as u16);
        }
    }

    fn write_record(
        &self,
        state: &mut State,
        number: usize,
        index: u64,
        underway: &Underway,
        failure: Option<Failure>,
    ) -> Result<(), Option<Failure>> {
        let queue = &state.queues[number];
        let mut record = [0; 64];
        let mut put = |at: usize, value: u64| {
            record[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        let (status, address) = words(failure);
        put(0x00, index + 1);
        put(0x08, status);
        put(0x10, address);
        put(0x18, underway.start);
        put(0x20, self.clock.now());
        put(0x28, underway.busy);
        let at = queue.slot(index);
        let (base, queue) = (queue.records, number);
        if state.faults.take_bad_record() {
            record[0] ^= 0x55;
            record[8] ^= 0x80;
            record[0x30] = 1;
        }
        self.write_ordered(state, queue, base, at, &record, Role::Record)
    }

    /// Writes the report.
    pub(crate) fn write_report(
        &self,
        state: &mut State,
        number: usize,
    ) -> Result<(), Option<Failure>> {
        let queue = &state.queues[number];
        let (status, address) = words(queue.failure);
        let mut report = [0; 64];
        report[..8].copy_from_slice(&queue.read.to_le_bytes());
        report[8..16].copy_from_slice(&status.to_le_bytes());
        report[16..24].copy_from_slice(&address.to_le_bytes());
        let base = queue.report;
        match state.faults.take_bad_report() {
            Some(Spoilt::Lost) => return Ok(()),
            Some(Spoilt::Count) => report[4] ^= 1,
            Some(Spoilt::Status) => report[9] ^= 0x55,
            None => (),
        }
        self.write_ordered(state, number, base, 0, &report, Role::Report)
    }

    /// The first 64 bits come last.
    fn write_ordered(
        &self,
        state: &State,
        number: usize,
        base: u64,
        offset: u64,
        bytes: &[u8; 64],
        role: Role,
    ) -> Result<(), Option<Failure>> {
        if !state.device.works() {
            return Err(None);
        }
        let (space, access) = (state.queues[number].own_space(), self.mmu.access());
        let end = self.mmu.check(space, base, offset + 64);
        let write = |from: usize, bytes: &[u8]| {
            let at = offset + from as u64;
            self.mmu.write(&access, space, base, at, bytes)
        };
        end.and_then(|()| write(8, &bytes[8..]))
            .and_then(|()| {
                std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
                write(0, &bytes[..8])
            })
            .map_err(|fault| fault.failure(role))
    }
}

/// Status and detail, and address.
fn words(failure: Option<Failure>) -> (u64, u64) {
    failure.map_or((0, 0), |f| {
        (f.status as u64 | u64::from(f.detail) << 32, f.address)
    })
}
