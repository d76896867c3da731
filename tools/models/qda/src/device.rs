// SPDX-License-Identifier: GPL-2.0
//! State of the device and its resets (Documentation/devices/qda/registers.rst, reset.rst).

use std::sync::atomic::Ordering;

use crate::capabilities::ENGINES;
use crate::card::{Card, MANAGEMENT, State};
use crate::clock::MS;
use crate::events::EventRing;
use crate::firmware::FirmwareState;
use crate::injection::Injection;
use crate::links::Bye;
use crate::mailbox::Mailbox;
use crate::mmu_registers::Invalidation;
use crate::queue::Queue;
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;

/// DEVICE_STATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// A device reset is under way.
    Reset = 0,
    /// No firmware is running that can answer.
    Idle = 1,
    /// Firmware is running.
    Ready = 2,
    /// Asleep.
    Sleep = 3,
    /// Engines have stopped.
    Failed = 4,
}

/// DEVICE_REASON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not FAILED.
    None = 0,
    /// Uncorrectable error in the queue table.
    TableEcc = 1,
    /// A temperature reached CRITICAL.
    Thermal = 2,
    /// An event ring could not be written.
    EventRing = 3,
}

/// The device's own registers.
#[derive(Debug)]
pub struct Device {
    /// DEVICE_STATE.
    pub state: DeviceState,
    reason: Reason,
    resets: u32,
    /// STRAY_DOORBELLS.
    pub stray: u32,
    /// TIME at which the device reset that is under way is over.
    pub reset_until: Option<u64>,
}

/// How long a device reset takes.
const RESET_TIME: u64 = 2 * MS;

impl Device {
    /// As after power-on.
    pub fn new() -> Self {
        Self {
            state: DeviceState::Idle,
            reason: Reason::None,
            resets: 0,
            stray: 0,
            reset_until: None,
        }
    }

    /// Whether engines run and memory is written.
    pub fn works(&self) -> bool {
        !matches!(self.state, DeviceState::Reset | DeviceState::Failed)
    }
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

impl Card {
    /// A register of the device.
    pub(crate) fn device_register(&self, state: &State, offset: u64) -> Option<Value> {
        let device = &state.device;
        Some(match offset {
            0x100 => Word(device.state as u32),
            0x104 => Word(device.reason as u32),
            0x10c => Word(device.resets),
            0x110 => Long(self.clock.now()),
            0x118 => Word(device.stray),
            _ => return None,
        })
    }

    pub(crate) fn write_device(&self, state: &mut State, offset: u64, data: &[u8]) {
        if offset != 0x108 {
            return;
        }
        match merge(0, 0, data) {
            1 => self.device_reset(state),
            2 => self.firmware_reset(state),
            _ => {}
        }
    }

    /// Changes DEVICE_STATE, and says so. FAILED stays until a reset.
    pub(crate) fn set_device_state(&self, state: &mut State, new: DeviceState) {
        let old = state.device.state;
        if old != new && old != DeviceState::Failed && old != DeviceState::Reset {
            state.device.state = new;
            self.message(MANAGEMENT);
        }
    }

    /// Stops everything: only a device reset or FLR helps.
    pub(crate) fn fail(&self, state: &mut State, reason: Reason) {
        if !state.device.works() {
            return;
        }
        state.device.state = DeviceState::Failed;
        state.device.reason = reason;
        self.stop_engines(state);
        self.message(MANAGEMENT);
    }

    /// Ends all access to memory. What engines still do is forgotten when they come back.
    fn stop_engines(&self, state: &mut State) {
        self.mmu.halt();
        for engine in 0..ENGINES {
            state.engines[engine].stop();
            self.wake(engine);
        }
    }

    fn device_reset(&self, state: &mut State) {
        self.say_bye(state, Bye::Reset);
        state.device.state = DeviceState::Reset;
        state.device.reset_until = Some(self.clock.now() + RESET_TIME);
        self.stop_engines(state);
        self.wake_management();
    }

    /// The end of a device reset: what the table of reset.rst has under "device".
    pub(crate) fn end_device_reset(&self, state: &mut State) {
        if state.faults.reset_fails {
            state.device.reset_until = None;
            return;
        }
        let resets = state.device.resets.wrapping_add(1);
        self.reset_common(state);
        state.device = Device {
            resets,
            ..Device::new()
        };
        self.message(MANAGEMENT);
        if state.sensors.is_critical() {
            self.fail(state, Reason::Thermal);
        }
    }

    /// What device reset and FLR have in common.
    fn reset_common(&self, state: &mut State) {
        self.mmu.reset();
        state.queues.iter_mut().for_each(|q| *q = Queue::default());
        state.engines.iter_mut().for_each(|e| e.reset());
        state.events.iter_mut().for_each(EventRing::reset);
        state.mailbox = Mailbox::default();
        state.invalidation = Invalidation::default();
        state.injection = Injection::default();
        state.latch = Default::default();
        state.firmware.reset(self.clock.now());
        state.sensors.stop();
        state.ras.retire_rows();
        self.reset_links(state);
        self.wake_management();
    }

    /// FLR, or the machine's reset: as after power-on, but for the list of rows.
    pub fn function_reset(&self) {
        let state = &mut *self.lock();
        self.mmu.halt();
        state.engines.iter_mut().for_each(|e| e.stop());
        self.say_bye(state, Bye::Silent);
        self.clock.reset();
        state.firmware.forget();
        self.reset_common(state);
        state.engines.iter_mut().for_each(|e| e.reset_counters());
        state.device = Device::new();
        state.events = Default::default();
        state.ras.reset();
        state.sensors.reset();
        state.power = Default::default();
        state.links.iter_mut().for_each(|l| l.reset_counters());
        self.mmu.bus.poison.clear();
        for engine in 0..ENGINES {
            self.wake(engine);
        }
    }

    /// D0 was left or entered again: translations are gone, and links.
    pub fn set_power(&self, on: bool) {
        let state = &mut *self.lock();
        state.power.d3 = !on;
        if !on {
            self.mmu.invalidate(None, 0, 0);
            self.say_bye(state, Bye::Silent);
        }
        self.wake_management();
    }

    /// The function is gone: nothing more happens.
    pub fn removed(&self) {
        let state = &mut *self.lock();
        state.faults.removed = true;
        self.stop_engines(state);
        self.mmu.bus.faults.system.store(true, Ordering::Relaxed);
        self.cut_links(state);
    }

    /// Firmware runs, or does not: DEVICE_STATE follows.
    pub(crate) fn follow_firmware(&self, state: &mut State) {
        let new = match state.firmware.state {
            FirmwareState::Running => DeviceState::Ready,
            FirmwareState::Sleeping => DeviceState::Sleep,
            _ => DeviceState::Idle,
        };
        self.set_device_state(state, new);
    }
}
