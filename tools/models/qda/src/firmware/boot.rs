// SPDX-License-Identifier: GPL-2.0
//! From START to RUNNING, heartbeat, and death (Documentation/devices/qda/firmware.rst, boot).

use std::sync::MutexGuard;

use super::image::{HEADER, Header};
use super::{FirmwareError, FirmwareState};
use crate::card::{Card, MANAGEMENT, State};
use crate::clock::MS;
use crate::memory::{Location, Space};

/// How long the ROM needs to start.
pub const ROM_TIME: u64 = MS;
/// How long firmware needs to initialise, and to wake up.
const BOOT_TIME: u64 = 2 * MS;
pub const WAKE_TIME: u64 = MS;
const BEAT: u64 = 50 * MS;

/// What a test wants the next boot to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootFault {
    /// End with this FW_ERROR.
    Fail(FirmwareError),
    /// Stay in this state.
    Hang(FirmwareState),
}

impl Card {
    pub(crate) fn set_firmware_state(&self, state: &mut State, new: FirmwareState) {
        state.firmware.state = new;
        self.follow_firmware(state);
        self.message(MANAGEMENT);
    }

    /// START.
    pub(super) fn start_boot(&self, state: &mut State) {
        let firmware = &mut state.firmware;
        firmware.error = FirmwareError::None;
        firmware.verified = 0;
        firmware.boots += 1;
        firmware.due = Some(self.clock.now());
        self.set_firmware_state(state, FirmwareState::Loading);
        self.wake_management();
    }

    /// DEVICE_RESET 2.
    pub(crate) fn firmware_reset(&self, state: &mut State) {
        state.mailbox.abandon();
        state.firmware.reset(self.clock.now());
        state.firmware.log.line(self.clock.now(), "rom: reset");
        self.set_firmware_state(state, FirmwareState::Reset);
        self.wake_management();
    }

    /// CRASHED, with a dump.
    pub(crate) fn crash(&self, state: &mut State, why: FirmwareError) {
        if !matches!(
            state.firmware.state,
            FirmwareState::Running | FirmwareState::Booting | FirmwareState::Sleeping
        ) {
            return;
        }
        let now = self.clock.now();
        let firmware = &mut state.firmware;
        firmware.log.line(now, &format!("firmware: crash: {why:?}"));
        let version = firmware.header.as_ref().map_or(0, |h| h.version);
        firmware.error = why;
        firmware.crash = dump(why, now, version, state.mailbox.serving());
        firmware.due = None;
        state.mailbox.abandon();
        self.set_firmware_state(state, FirmwareState::Crashed);
    }

    /// What is due; gives the TIME of what comes next. May let go of the state for a while.
    pub(crate) fn run_firmware<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
    ) -> (MutexGuard<'a, State>, u64) {
        let now = self.clock.now();
        if state.firmware.due.is_some_and(|due| due <= now) {
            state.firmware.due = None;
            state = self.step(state);
        }
        let firmware = &mut state.firmware;
        if firmware.is_alive() && firmware.beat <= now {
            firmware.heartbeat = firmware.heartbeat.wrapping_add(1);
            firmware.beat = now + BEAT;
        }
        let beat = if firmware.is_alive() {
            firmware.beat
        } else {
            u64::MAX
        };
        let next = beat.min(firmware.due.unwrap_or(u64::MAX));
        (state, next)
    }

    fn step<'a>(&'a self, mut guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let now = self.clock.now();
        let state = &mut *guard;
        if state.faults.boot == Some(BootFault::Hang(state.firmware.state)) {
            state.faults.boot = None;
            return guard;
        }
        match state.firmware.state {
            FirmwareState::Reset => self.set_firmware_state(state, FirmwareState::RomReady),
            FirmwareState::Loading => return self.load(guard),
            FirmwareState::Verifying => {
                state.firmware.due = Some(now + BOOT_TIME);
                self.set_firmware_state(state, FirmwareState::Booting);
            }
            FirmwareState::Booting => self.finish_boot(state),
            FirmwareState::Running => {
                // SLEEP was answered before.
                state.sensors.stop();
                state.firmware.sleeps += 1;
                self.set_firmware_state(state, FirmwareState::Sleeping);
            }
            FirmwareState::Sleeping => self.set_firmware_state(state, FirmwareState::Running),
            FirmwareState::RomReady | FirmwareState::Failed | FirmwareState::Crashed => {}
        }
        guard
    }

    fn finish_boot(&self, state: &mut State) {
        if let Some(BootFault::Fail(why)) = state.faults.boot.take() {
            return self.crash(state, why);
        }
        let now = self.clock.now();
        let firmware = &mut state.firmware;
        firmware.crash.clear();
        firmware.error = FirmwareError::None;
        firmware.beat = now;
        let version = firmware.header.as_ref().map_or(0, |h| h.version);
        let text = format!("firmware: version {version:#010x} running");
        firmware.log.line(now, &text);
        self.set_firmware_state(state, FirmwareState::Running);
    }

    /// LOADING to VERIFYING, without the lock.
    fn load<'a>(&'a self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let (address, size) = (guard.firmware.address, guard.firmware.size);
        let boots = guard.firmware.boots;
        drop(guard);
        let loaded = self.load_image(address, size.into());
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.firmware.boots != boots || !state.device.works() {
            return guard;
        }
        let wanted = state.faults.boot.filter(|fault| fault.applies_to_rom());
        let loaded = match wanted {
            Some(BootFault::Fail(why)) => {
                state.faults.boot = None;
                Err(why)
            }
            _ => loaded,
        };
        match loaded {
            Ok(header) => {
                state.firmware.header = Some(header);
                state.firmware.verified = 1;
                state.firmware.due = Some(self.clock.now());
                self.set_firmware_state(state, FirmwareState::Verifying);
            }
            Err(why) => {
                state.firmware.error = why;
                let text = format!("rom: image refused: {why:?}");
                state.firmware.log.line(self.clock.now(), &text);
                self.set_firmware_state(state, FirmwareState::Failed);
            }
        }
        guard
    }

    fn load_image(&self, address: u64, size: u64) -> Result<Header, FirmwareError> {
        if Location::parse_memory(address).is_none() || address % 64 != 0 {
            return Err(FirmwareError::Dma);
        }
        if size < HEADER as u64 {
            return Err(FirmwareError::Format);
        }
        let mut header = vec![0; HEADER];
        self.fetch_image(address, 0, &mut header)?;
        let header = Header::check(&header, size, &self.capabilities)?;
        let mut payload = vec![0; header.payload as usize];
        self.fetch_image(address, HEADER as u64, &mut payload)?;
        if !header.verify(&payload) {
            return Err(FirmwareError::Hash);
        }
        let memory = self.mmu.bus.device_memory();
        let loaded = memory.write(header.load, &payload);
        loaded.then_some(header).ok_or(FirmwareError::Address)
    }

    fn fetch_image(&self, base: u64, offset: u64, data: &mut [u8]) -> Result<(), FirmwareError> {
        let access = self.mmu.access();
        let read = self.mmu.read(&access, Space::Physical, base, offset, data);
        read.map_err(|_| FirmwareError::Dma)
    }
}

impl BootFault {
    /// Errors of the ROM end a boot before the firmware starts.
    fn applies_to_rom(self) -> bool {
        use FirmwareError::{Address, Device, Dma, Format, Hash, Signature};
        matches!(
            self,
            Self::Fail(Dma | Format | Device | Address | Signature | Hash)
        )
    }
}

/// The crash window.
fn dump(why: FirmwareError, time: u64, version: u32, message: u16) -> Vec<u8> {
    let mut window = vec![0; 0x130 + 64];
    let size = window.len() as u32;
    let mut put = |at: usize, field: &[u8]| window[at..at + field.len()].copy_from_slice(field);
    put(0x00, b"QDAC");
    put(0x04, &1u32.to_le_bytes());
    put(0x08, &size.to_le_bytes());
    put(0x0c, &(why as u32).to_le_bytes());
    put(0x10, &time.to_le_bytes());
    put(0x18, &version.to_le_bytes());
    put(0x1c, &message.to_le_bytes());
    put(0x20, &0x1000u64.to_le_bytes());
    put(0x28, &0x8000u64.to_le_bytes());
    for (register, value) in (0u64..32).enumerate() {
        put(0x30 + 8 * register, &(value * 0x0101).to_le_bytes());
    }
    put(0x130, b"stack of the model's firmware");
    window
}
