// SPDX-License-Identifier: GPL-2.0
//! The management processor (Documentation/devices/qda/firmware.rst).
//!
//! What an image has as its payload is of no interest: firmware of the model is Rust.

mod boot;
pub mod image;
mod log;
mod registers;

pub use boot::BootFault;
use log::Log;

/// FW_STATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FirmwareState {
    Reset = 0,
    RomReady = 1,
    Loading = 2,
    Verifying = 3,
    Booting = 4,
    Running = 5,
    Failed = 6,
    Crashed = 7,
    Sleeping = 8,
}

/// FW_ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FirmwareError {
    None = 0,
    Dma = 1,
    Format = 2,
    Device = 3,
    Address = 4,
    Signature = 5,
    Hash = 6,
    Ecc = 7,
    Watchdog = 8,
    Exception = 9,
}

/// State of ROM and firmware.
#[derive(Debug)]
pub struct Firmware {
    /// FW_STATE.
    pub state: FirmwareState,
    error: FirmwareError,
    address: u64,
    size: u32,
    header: Option<image::Header>,
    verified: u32,
    heartbeat: u32,
    /// The log.
    pub log: Log,
    /// The crash window; as long as FW_CRASH says.
    pub crash: Vec<u8>,
    /// How often it fell asleep.
    pub sleeps: u64,
    /// Died without a word.
    pub silent: bool,
    /// TIME of the next step of a boot, wake or sleep.
    due: Option<u64>,
    /// TIME of the next heartbeat.
    beat: u64,
    /// Grows with each start, so that a load that was overtaken is forgotten.
    boots: u64,
}

impl Firmware {
    /// Version of the image that was loaded, 0 if none was.
    pub fn version(&self) -> u32 {
        self.header.as_ref().map_or(0, |header| header.version)
    }

    /// As after power-on: the ROM has started.
    pub fn new() -> Self {
        Self {
            state: FirmwareState::RomReady,
            error: FirmwareError::None,
            address: 0,
            size: 0,
            header: None,
            verified: 0,
            heartbeat: 0,
            log: Log::new(),
            crash: Vec::new(),
            sleeps: 0,
            silent: false,
            due: None,
            beat: 0,
            boots: 0,
        }
    }

    /// The processor starts anew; log, error and crash window stay.
    pub fn reset(&mut self, now: u64) {
        let old = std::mem::take(self);
        self.log = old.log;
        self.crash = old.crash;
        self.error = old.error;
        self.boots = old.boots + 1;
        self.sleeps = old.sleeps;
        self.state = FirmwareState::Reset;
        self.due = Some(now + boot::ROM_TIME);
    }

    /// At FLR log and crash go, too.
    pub fn forget(&mut self) {
        self.log = Log::new();
        self.crash.clear();
        self.error = FirmwareError::None;
    }

    /// Whether it can answer and act.
    pub fn is_alive(&self) -> bool {
        self.state == FirmwareState::Running && !self.silent
    }
}

impl Default for Firmware {
    fn default() -> Self {
        Self::new()
    }
}

impl Firmware {
    /// SLEEP was executed: SLEEPING follows the reply.
    pub fn fall_asleep(&mut self, now: u64) {
        self.due = Some(now);
    }
}
