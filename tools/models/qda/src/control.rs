// SPDX-License-Identifier: GPL-2.0
//! Commands of the control socket (Documentation/devices/qda/testing.rst has the faults).
//!
//! Besides those of every model (`pci_model::control`):
//!
//! - `hang on|off`, `slow MS`, `stretch N` (times), `late MS` (the next packet), `reset-fails on|off`
//! - `bad-record N`, `bad-report count|status|lost N`, `bad-event N`, `wild-event N`, `bad-reply`
//! - `bad-register OFFSET VALUE N` (the next reads of it), `bad-register off`
//! - `bus-error on|off`, `peer-error on|off`, `corrected BLOCK [ADDRESS]`, `uncorrected BLOCK [ADDRESS]`
//! - `boot-failure FW_ERROR`, `boot-hang FW_STATE`, `firmware-crash`, `firmware-silence`
//! - `link-loss LINK`, `link-errors LINK N`, `peer-death`
//! - `thermal SENSOR VALUE|off`, `brake on|off`
//! - `invalidation-hang on|off`, `device-reset-fails on|off`
//! - `state`, `identity`, `telemetry CHAPTER` (`telemetry`)

use std::sync::atomic::Ordering;

use pci_model::Function;
use pci_model::control::{Commands, Outcome, number, switch};

use crate::Front;
use crate::capabilities::{LINKS, SENSORS};
use crate::card::{Card, State};
use crate::clock::MS;
use crate::faults::{Lie, Spoilt};
use crate::firmware::{BootFault, FirmwareError, FirmwareState};
use crate::queue::QueueState;
use crate::ras::watched;

const ERRORS: [FirmwareError; 9] = [
    FirmwareError::Dma,
    FirmwareError::Format,
    FirmwareError::Device,
    FirmwareError::Address,
    FirmwareError::Signature,
    FirmwareError::Hash,
    FirmwareError::Ecc,
    FirmwareError::Watchdog,
    FirmwareError::Exception,
];
const STATES: [FirmwareState; 5] = [
    FirmwareState::Reset,
    FirmwareState::Loading,
    FirmwareState::Verifying,
    FirmwareState::Booting,
    FirmwareState::Sleeping,
];
/// Injection kinds that commands use.
const CORRECTED: u32 = 1;
const UNCORRECTED: u32 = 2;
const LINK_LOSS: u32 = 4;
const CRASH: u32 = 6;
const SILENCE: u32 = 7;

impl Commands for Front {
    fn command(&self, words: &[&str]) -> Option<Outcome> {
        let card = &self.card;
        let state = &mut *card.lock();
        if words == ["state"] {
            return Some(Ok(card.describe(state)));
        }
        if words == ["identity"] {
            return Some(Ok(self.identity()));
        }
        if let ["telemetry", chapter] = words {
            let known = card.telemetry(state, chapter);
            return Some(known.ok_or_else(|| "no such chapter".to_owned()));
        }
        let outcome = card
            .packet_fault(state, words)
            .or_else(|| card.memory_fault(state, words))
            .or_else(|| card.firmware_fault(state, words))
            .or_else(|| card.link_fault(state, words))
            .or_else(|| card.other_fault(state, words))?;
        card.wake_management();
        Some(outcome.map(|()| String::new()))
    }

    fn removed(&self) {
        self.card.removed();
    }
}

impl Front {
    /// For `identity`; memory is that of users, in bytes.
    fn identity(&self) -> String {
        let (who, function) = (&self.card.capabilities, self.description());
        format!(
            "vendor={} device={} uuid={:032x} memory={} visible={}",
            function.vendor,
            function.device,
            u128::from_be_bytes(who.uuid),
            who.mem_reserved(),
            who.mem_visible,
        )
    }
}

type Done = Option<Result<(), String>>;

/// Sets something to what an argument says.
fn set<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn milliseconds(word: &str) -> Result<u64, String> {
    Ok(u64::from(number(word)?) * MS)
}

/// An address or another number of 64 bits.
fn long(word: &str) -> Result<u64, String> {
    let parsed = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    parsed.map_err(|_| format!("{word:?} is not a number of 64 bits"))
}

fn spoilt(word: &str) -> Result<Spoilt, String> {
    match word {
        "count" => Ok(Spoilt::Count),
        "status" => Ok(Spoilt::Status),
        "lost" => Ok(Spoilt::Lost),
        _ => Err(format!("{word:?} is neither count nor status nor lost")),
    }
}

fn lie(at: &str, value: &str, count: &str) -> Result<Lie, String> {
    Ok(Lie {
        offset: long(at)?,
        value: long(value)?,
        left: number(count)?,
    })
}

impl Card {
    fn packet_fault(&self, state: &mut State, words: &[&str]) -> Done {
        let faults = &mut state.faults;
        Some(match words {
            ["hang", on] => set(&mut faults.hang, switch(on)),
            ["slow", time] => set(&mut faults.slow, milliseconds(time)),
            ["stretch", times] => set(&mut faults.stretch, number(times)),
            ["late", time] => set(&mut faults.late, milliseconds(time)),
            ["reset-fails", on] => set(&mut faults.engine_reset_fails, switch(on)),
            ["bad-record", count] => set(&mut faults.bad_records, number(count)),
            ["bad-report", how, count] => {
                let wanted = spoilt(how).and_then(|how| Ok((how, number(count)?)));
                set(&mut faults.bad_reports, wanted.map(Some))
            }
            ["wild-event", count] => set(&mut faults.wild_events, number(count)),
            ["bad-register", "off"] => set(&mut faults.lies, Ok(Vec::new())),
            ["bad-register", at, value, count] => {
                lie(at, value, count).map(|lie| faults.add_lie(lie))
            }
            ["bad-event", count] => set(&mut faults.bad_events, number(count)),
            ["bad-reply"] => set(&mut state.mailbox.spoil, Ok(true)),
            ["invalidation-hang", on] => set(&mut faults.invalidation_hang, switch(on)),
            ["device-reset-fails", on] => set(&mut faults.reset_fails, switch(on)),
            _ => return None,
        })
    }

    fn memory_fault(&self, state: &mut State, words: &[&str]) -> Done {
        let faults = &self.mmu.bus.faults;
        let store = |flag: &std::sync::atomic::AtomicBool, on: &str| {
            switch(on).map(|on| flag.store(on, Ordering::Relaxed))
        };
        Some(match words {
            ["bus-error", on] => store(&faults.system, on),
            ["peer-error", on] => store(&faults.peer, on),
            ["corrected", block] => self.ecc(state, CORRECTED, block, "0"),
            ["corrected", block, at] => self.ecc(state, CORRECTED, block, at),
            ["uncorrected", block] => self.ecc(state, UNCORRECTED, block, "0"),
            ["uncorrected", block, at] => self.ecc(state, UNCORRECTED, block, at),
            _ => return None,
        })
    }

    fn ecc(&self, state: &mut State, kind: u32, block: &str, at: &str) -> Result<(), String> {
        let block = number(block)? as usize;
        watched(block).ok_or("no such block")?;
        let done = self.inject(state, kind, block, long(at)?);
        done.ok_or_else(|| "refused".to_owned())
    }

    fn firmware_fault(&self, state: &mut State, words: &[&str]) -> Done {
        let boot = &mut state.faults.boot;
        Some(match words {
            ["boot-failure", error] => number(error).and_then(|code| {
                let mut errors = ERRORS.into_iter();
                let error = errors
                    .find(|error| *error as u32 == code)
                    .ok_or("no such error")?;
                *boot = Some(BootFault::Fail(error));
                Ok(())
            }),
            ["boot-hang", name] => number(name).and_then(|code| {
                let mut states = STATES.into_iter();
                let stuck = states
                    .find(|state| *state as u32 == code)
                    .ok_or("no such state")?;
                *boot = Some(BootFault::Hang(stuck));
                Ok(())
            }),
            ["firmware-crash"] => self.inject(state, CRASH, 0, 0).ok_or(String::new()),
            ["firmware-silence"] => self.inject(state, SILENCE, 0, 0).ok_or(String::new()),
            _ => return None,
        })
    }

    fn link_fault(&self, state: &mut State, words: &[&str]) -> Done {
        let link = |word: &str| {
            let link = number(word)? as usize;
            let known = (link < LINKS).then_some(link);
            known.ok_or_else(|| "no such link".to_owned())
        };
        Some(match words {
            ["link-loss", which] => link(which).map(|link| {
                let _ = self.inject(state, LINK_LOSS, link, 0);
            }),
            ["link-errors", which, count] => {
                link(which).and_then(|link| set(&mut state.links[link].damage, number(count)))
            }
            ["peer-death"] => {
                self.cut_links(state);
                Ok(())
            }
            _ => return None,
        })
    }

    fn other_fault(&self, state: &mut State, words: &[&str]) -> Done {
        Some(match words {
            ["thermal", sensor, value] => number(sensor).and_then(|sensor| {
                let value = match *value {
                    "off" => None,
                    value => Some(value.parse().map_err(|_| "no such value")?),
                };
                let count = if value.is_some() { u32::MAX } else { 0 };
                let sensor = sensor as usize;
                let known =
                    sensor < SENSORS && state.sensors.force(sensor, value.unwrap_or(0), count);
                known
                    .then_some(())
                    .ok_or_else(|| "no such sensor".to_owned())
            }),
            ["brake", on] => switch(on).map(|on| self.brake(state, on)),
            _ => return None,
        })
    }

    /// For `state`.
    fn describe(&self, state: &State) -> String {
        let exists = |q: &&crate::queue::Queue| q.state != QueueState::Absent;
        let count = |wanted| state.queues.iter().filter(|q| q.state == wanted).count();
        format!(
            "device={} firmware={} sleeps={} queues={} errors={} packets={} stray={}",
            state.device.state as u32,
            state.firmware.state as u32,
            state.firmware.sleeps,
            state.queues.iter().filter(exists).count(),
            count(QueueState::Error),
            state.engines.iter().map(|e| e.packets()).sum::<u64>(),
            state.device.stray,
        )
    }
}
