// SPDX-License-Identifier: GPL-2.0
//! One card: what its parts share, and its threads.
//!
//! All state that registers show is behind one lock, which is held for short times only. Engines
//! let go of it while they move or compute. Order of locks: [`State`], then those of [`Mmu`], then
//! those of the crate `pci_model`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use pci_model::{DeviceMemory, Messages, Port};

use crate::capabilities::{Capabilities, ENGINES, LINKS, QUEUES};
use crate::clock::Clock;
use crate::device::Device;
use crate::engine::{self, Engine};
use crate::events::EventRing;
use crate::faults::Faults;
use crate::firmware::Firmware;
use crate::injection::Injection;
use crate::links::Link;
use crate::mailbox::Mailbox;
use crate::memory::{Bus, Mmu};
use crate::mmu_registers::Invalidation;
use crate::queue::Queue;
use crate::ras::Ras;
use crate::registers::Latch;
use crate::sensors::{Power, Sensors};

/// Vector of the management.
pub const MANAGEMENT: u16 = 0;
/// Vector of engine 0; those of the others follow.
pub const FIRST_ENGINE: u16 = 3;

/// What registers show.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct State {
    pub device: Device,
    pub firmware: Firmware,
    pub mailbox: Mailbox,
    pub invalidation: Invalidation,
    pub events: [EventRing; 2],
    pub queues: Vec<Queue>,
    pub engines: Vec<Engine>,
    pub ras: Ras,
    pub sensors: Sensors,
    pub power: Power,
    pub injection: Injection,
    pub links: Vec<Link>,
    pub latch: Latch,
    /// What a test wants to go wrong.
    pub faults: Faults,
}

/// A card.
pub struct Card {
    /// What differs from card to card.
    pub capabilities: Capabilities,
    /// TIME.
    pub clock: Clock,
    /// The way to memory.
    pub mmu: Mmu,
    messages: Messages,
    state: Mutex<State>,
    engines: [Condvar; ENGINES],
    management: Condvar,
}

impl Card {
    /// A card in `port`, switched on. Its threads run for as long as the process.
    pub fn new(capabilities: Capabilities, memory: Arc<DeviceMemory>, port: &Port) -> Arc<Self> {
        let bus = Bus::new(memory, capabilities.mem_reserved(), port.dma());
        let state = State {
            device: Device::new(),
            firmware: Firmware::new(),
            mailbox: Mailbox::default(),
            invalidation: Invalidation::default(),
            events: Default::default(),
            queues: (0..QUEUES).map(|_| Queue::default()).collect(),
            engines: (0..ENGINES).map(Engine::new).collect(),
            ras: Ras::default(),
            sensors: Sensors::default(),
            power: Power::default(),
            injection: Injection::default(),
            links: (0..LINKS).map(|_| Link::default()).collect(),
            latch: Latch::default(),
            faults: Faults::default(),
        };
        let card = Arc::new(Self {
            capabilities,
            clock: Clock::new(),
            mmu: Mmu::new(bus),
            messages: port.messages(),
            state: Mutex::new(state),
            engines: Default::default(),
            management: Condvar::new(),
        });
        for number in 0..ENGINES {
            let card = card.clone();
            thread::spawn(move || engine::run(&card, number));
        }
        card.start_links();
        let manager = card.clone();
        thread::spawn(move || manager.manage());
        card
    }

    /// The state. A panic of another holder is no reason to stop a device.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message.
    pub(crate) fn message(&self, vector: u16) {
        self.messages.send(vector);
    }

    /// Makes an engine look for work.
    pub(crate) fn wake(&self, engine: usize) {
        self.engines[engine].notify_all();
    }

    /// Makes the management look for work.
    pub(crate) fn wake_management(&self) {
        self.management.notify_all();
    }

    /// Lets an engine sleep until it is woken, or for a time.
    pub(crate) fn rest<'a>(
        &self,
        engine: usize,
        state: MutexGuard<'a, State>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        pause(&self.engines[engine], state, time)
    }

    /// The thread of the management: reset, firmware, mailbox, sensors, links.
    fn manage(&self) {
        let mut state = self.lock();
        loop {
            let now = self.clock.now();
            if state.device.reset_until.is_some_and(|until| until <= now) {
                self.end_device_reset(&mut state);
            }
            self.serve_mailbox(&mut state);
            let (guard, firmware) = self.run_firmware(state);
            state = guard;
            let sensors = self.run_sensors(&mut state);
            let links = self.run_links(&mut state);
            let reset = state.device.reset_until.unwrap_or(u64::MAX);
            let next = firmware.min(sensors).min(links).min(reset);
            let time = Duration::from_nanos(next.saturating_sub(self.clock.now()));
            if !time.is_zero() {
                state = pause(&self.management, state, Some(time));
            }
        }
    }
}

fn pause<'a>(
    on: &Condvar,
    state: MutexGuard<'a, State>,
    time: Option<Duration>,
) -> MutexGuard<'a, State> {
    match time {
        None => on.wait(state).unwrap_or_else(PoisonError::into_inner),
        Some(time) => {
            let woken = on.wait_timeout(state, time);
            woken.unwrap_or_else(PoisonError::into_inner).0
        }
    }
}
