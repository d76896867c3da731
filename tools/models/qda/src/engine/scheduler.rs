// SPDX-License-Identifier: GPL-2.0
//! Which packet is next (Documentation/devices/qda/queues.rst, scheduling).

use std::time::Duration;

use super::{EngineKind, Running, Stop, Underway, Work};
use crate::capabilities::{ENGINES, QUEUES};
use crate::card::{Card, State};
use crate::links::Halves;
use crate::packet::{Field, Packet, opcode};
use crate::queue::QueueState;
use crate::status::{Failure, Role, Status};

/// How often a WAIT looks again.
const LOOK: Duration = Duration::from_micros(100);

impl Card {
    /// The next packet of an engine, or how long to wait for one (`None`: until woken).
    pub(super) fn choose(
        &self,
        state: &mut State,
        engine: usize,
    ) -> (Option<Work>, Option<Duration>) {
        loop {
            if !state.device.works() || state.engines[engine].failed || state.faults.removed {
                return (None, None);
            }
            let (ready, pause) = self.look(state, engine);
            let Some(number) = next(state, engine, &ready) else {
                return (None, pause);
            };
            let priority = usize::from(state.queues[number].priority);
            state.engines[engine].last[priority] = Some(number);
            if let Some(work) = self.start(state, engine, number) {
                return (Some(work), None);
            }
        }
    }

    /// The ready queues of an engine. What waits is looked at, and ends if its time is over.
    fn look(&self, state: &mut State, engine: usize) -> (Vec<usize>, Option<Duration>) {
        let (mut ready, mut waits) = (Vec::new(), None);
        for number in 0..QUEUES {
            let queue = &state.queues[number];
            if queue.engine != engine || queue.state == QueueState::Absent {
                continue;
            }
            if queue.underway.is_none() {
                if queue.state == QueueState::Active && queue.read < queue.write {
                    ready.push(number);
                }
                continue;
            }
            waits = Some(LOOK);
            if self.look_at(state, number) {
                ready.push(number);
            }
        }
        if state.engines[engine].kind == EngineKind::Collective && waits.is_some() {
            waits = Some(10 * LOOK);
        }
        (ready, waits)
    }

    /// Whether a packet that waits may go on. It ends if its time is over.
    fn look_at(&self, state: &mut State, number: usize) -> bool {
        let queue = &state.queues[number];
        let Some(underway) = &queue.underway else {
            return false;
        };
        let end = underway.packet.deadline(underway.start + underway.busy);
        let late = end.is_some_and(|end| end <= self.clock.now());
        let goes_on = match underway.packet.opcode() {
            // A condition that cannot be read ends the packet when it is taken.
            opcode::WAIT => self.condition(state, number) != Ok(false),
            _ => underway.halves.may_send() && queue.state == QueueState::Active && !late,
        };
        if late && !goes_on {
            self.end_packet(state, number, Err(Status::Timeout.into()));
        }
        goes_on
    }

    /// Ends what waits for an engine that is occupied, and whose time is over.
    pub(super) fn end_late(&self, state: &mut State, engine: usize) {
        for number in 0..QUEUES {
            let queue = &state.queues[number];
            if queue.engine == engine && queue.underway.is_some() && !queue.is_running() {
                self.look_at(state, number);
            }
        }
    }

    /// Whether what a WAIT waits for has come.
    fn condition(&self, state: &State, number: usize) -> Result<bool, Option<Failure>> {
        let queue = &state.queues[number];
        let Some(underway) = &queue.underway else {
            return Ok(false);
        };
        let packet = &underway.packet;
        let (space, at) = (queue.operand_space(), packet.get(Field::A));
        let mut value = [0; 8];
        self.mmu
            .check(space, at, 8)
            .and_then(|()| self.mmu.read(&self.mmu.access(), space, at, 0, &mut value))
            .map_err(|fault| fault.failure(Role::Operand))?;
        Ok(u64::from_le_bytes(value) >= packet.get(Field::B))
    }

    /// Takes a packet of a queue. `None` if it has ended, or waits.
    fn start(&self, state: &mut State, engine: usize, number: usize) -> Option<Work> {
        let now = self.clock.now();
        if state.queues[number].underway.is_none() {
            self.fetch(state, number, now)?;
        }
        let underway = state.queues[number].underway.as_ref()?;
        let packet = underway.packet.clone();
        if packet.opcode() == opcode::WAIT {
            match self.condition(state, number) {
                Ok(false) => {}
                Ok(true) => self.end_packet(state, number, Ok(())),
                Err(failure) => {
                    let failure = failure.unwrap_or(Status::Aborted.into());
                    self.end_packet(state, number, Err(failure));
                }
            }
            return None;
        }
        if !underway.halves.may_send() && self.post(state, number) {
            return None;
        }
        let queue = &mut state.queues[number];
        queue.underway.as_mut()?.running = true;
        let engine = &mut state.engines[engine];
        let access = self.mmu.access();
        engine.running = Some(Running {
            queue: number,
            index: queue.read,
            start: now,
            access: access.clone(),
            verdict: None,
        });
        Some(Work {
            queue: number,
            kind: engine.kind,
            packet,
            space: queue.operand_space(),
            access,
            progress: engine.progress.clone(),
        })
    }

    /// Reads and checks the packet at Q_READ. `None` if it has ended.
    fn fetch(&self, state: &mut State, number: usize, now: u64) -> Option<()> {
        let queue = &mut state.queues[number];
        let (space, offset) = (queue.own_space(), queue.slot(queue.read));
        let mut bytes = [0; 64];
        let read = self
            .mmu
            .check(space, queue.ring, offset + 64)
            .and_then(|()| {
                let access = self.mmu.access();
                self.mmu
                    .read(&access, space, queue.ring, offset, &mut bytes)
            })
            .map_err(|fault| fault.failure(Role::Packet));
        let packet = Packet(bytes);
        let kind = state.engines[queue.engine].kind;
        let checked = match read {
            Ok(()) => Work::check(kind, &packet, queue.links),
            Err(failure) => Err(failure.unwrap_or(Status::Aborted.into())),
        };
        queue.underway = Some(Underway {
            packet,
            arrival: queue.arrival(),
            start: now,
            busy: 0,
            running: false,
            halves: Halves::default(),
        });
        if let Err(failure) = checked {
            self.end_packet(state, number, Err(failure));
            return None;
        }
        Some(())
    }

    /// Something that a packet may wait for has changed.
    pub(crate) fn wake_waiting(&self, state: &State) {
        let waits = |engine: usize| {
            let mut queues = state.queues.iter();
            queues.any(|q| q.engine == engine && q.underway.is_some())
        };
        let engines = (0..ENGINES).filter(|&engine| waits(engine));
        engines.for_each(|engine| self.wake(engine));
    }
}

/// The ready queue that is next: highest priority, and there the one behind the last served.
fn next(state: &State, engine: usize, ready: &[usize]) -> Option<usize> {
    let priority = |number: &usize| state.queues[*number].priority;
    let highest = ready.iter().map(priority).max()?;
    let last = state.engines[engine].last[usize::from(highest)];
    let distance = |number: &usize| {
        let first = last.map_or(0, |last| last + 1);
        (number + QUEUES - first) % QUEUES
    };
    let candidates = ready.iter().filter(|number| priority(number) == highest);
    candidates.min_by_key(|number| distance(number)).copied()
}

impl Work {
    /// Checks a packet for its engine.
    pub(super) fn check(kind: EngineKind, packet: &Packet, links: u8) -> Result<(), Failure> {
        let unknown = || Failure::new(Status::Opcode, packet.opcode().into());
        if let Some(result) = packet.check_common() {
            return result;
        }
        let checked = match kind {
            EngineKind::Copy => super::copy::check(packet),
            EngineKind::Tensor => super::tensor::check(packet),
            EngineKind::Collective => crate::links::check(packet, links),
        };
        checked.ok_or_else(unknown)?
    }

    /// Does the work of a packet that was found good.
    pub(super) fn execute(&self, card: &Card) -> Result<(), Stop> {
        match self.packet.opcode() {
            opcode::NOP => Ok(()),
            opcode::SIGNAL => {
                let (at, value) = (self.packet.get(Field::D), self.packet.get(Field::B));
                self.store(card, at, Shape::linear(8), &value.to_le_bytes())
            }
            opcode::COPY | opcode::FILL => self.copy(card),
            opcode::SEND | opcode::EXCHANGE => self.send(card),
            _ => self.compute(card),
        }
    }
}

use super::Shape;
