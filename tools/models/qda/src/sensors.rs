// SPDX-License-Identifier: GPL-2.0
//! Sensors, throttling and power (Documentation/devices/qda/ras.rst, sensors, power).

use crate::capabilities::SENSORS;
use crate::card::{Card, State};
use crate::clock::MS;
use crate::device::Reason;
use crate::events::{Event, Kind};
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;
use crate::telemetry::join;

const PERIOD: u64 = 100 * MS;
/// Readings are not VALID any more when they are that old.
const STALE: u64 = 1000 * MS;
const NONE: i32 = i32::MAX;
const VALID: u32 = 1;
const HIGH: u32 = 1 << 1;
const CRITICAL: u32 = 1 << 2;
/// How far a temperature falls below HIGH before throttling ends.
const HYSTERESIS: i32 = 5000;

/// What one sensor is, and what it shows when all is well.
struct Product {
    kind: u32,
    label: &'static [u8; 8],
    high: i32,
    critical: i32,
    value: i32,
}

const PRODUCT: [Product; SENSORS] = [
    Product {
        kind: 1,
        label: b"die\0\0\0\0\0",
        high: 95_000,
        critical: 105_000,
        value: 45_000,
    },
    Product {
        kind: 1,
        label: b"memory\0\0",
        high: 90_000,
        critical: 100_000,
        value: 42_000,
    },
    Product {
        kind: 2,
        label: b"board\0\0\0",
        high: 150_000,
        critical: NONE,
        value: 60_000,
    },
    Product {
        kind: 3,
        label: b"core\0\0\0\0",
        high: NONE,
        critical: NONE,
        value: 850,
    },
    Product {
        kind: 4,
        label: b"engine\0\0",
        high: NONE,
        critical: NONE,
        value: 1_000,
    },
];

/// One sensor's reading, and what a test wants it to read.
#[derive(Clone, Copy, Debug, Default)]
struct Sensor {
    state: u32,
    value: i32,
    /// Value and how many readings of it are left.
    forced: Option<(i32, u32)>,
}

/// All sensors.
#[derive(Debug, Default)]
pub struct Sensors {
    sensors: [Sensor; SENSORS],
    /// TIME of the next reading.
    due: u64,
    /// TIME of the last one.
    last: u64,
}

impl Sensors {
    /// The register at `offset` from the first sensor.
    pub fn register(&self, offset: u64) -> Option<Value> {
        let number = (offset / 0x20) as usize;
        let (sensor, product) = (self.sensors.get(number)?, PRODUCT.get(number)?);
        Some(match offset % 0x20 {
            0x00 => Word(product.kind),
            0x04 => Word(sensor.state),
            0x08 => Word(sensor.value as u32),
            0x0c => Word(product.high as u32),
            0x10 => Word(product.critical as u32),
            0x18 => Long(u64::from_le_bytes(*product.label)),
            _ => return None,
        })
    }

    /// The next `count` readings are of this value. `false` if there is no such sensor.
    pub fn force(&mut self, number: usize, value: i32, count: u32) -> bool {
        let Some(sensor) = self.sensors.get_mut(number) else {
            return false;
        };
        sensor.forced = (count > 0).then_some((value, count));
        self.due = 0;
        true
    }

    /// Nothing is read any more; readings are not VALID.
    pub fn stop(&mut self) {
        for sensor in &mut self.sensors {
            (sensor.state, sensor.value) = (0, 0);
        }
        self.due = 0;
    }

    /// As after power-on; what a test forces stays, as heat would.
    pub fn reset(&mut self) {
        self.stop();
        self.last = 0;
    }

    /// The readings that are VALID.
    pub fn values(&self) -> impl Iterator<Item = Option<i32>> + '_ {
        let valid = |sensor: &Sensor| (sensor.state & VALID != 0).then_some(sensor.value);
        self.sensors.iter().map(valid)
    }

    /// For `telemetry limits`.
    pub(crate) fn limits() -> String {
        let limit = |value: i32| match value {
            NONE => "-".to_owned(),
            value => value.to_string(),
        };
        join(&PRODUCT, |product| {
            let label = String::from_utf8_lossy(product.label);
            let (kind, label) = (product.kind, label.trim_end_matches('\0'));
            let (high, critical) = (limit(product.high), limit(product.critical));
            format!("{kind}:{label}:{high}:{critical}")
        })
    }

    /// Whether a temperature is at CRITICAL, read or not.
    pub fn is_critical(&self) -> bool {
        let sensors = self.sensors.iter().zip(&PRODUCT);
        let hot = |(s, p): (&Sensor, &Product)| s.forced.is_some_and(|(v, _)| v >= p.critical);
        sensors.filter(|(_, p)| p.kind == 1).any(hot)
    }

    /// Reads one sensor; gives the new state if HIGH or CRITICAL changed.
    fn read(&mut self, number: usize) -> Option<Event> {
        let (sensor, product) = (&mut self.sensors[number], &PRODUCT[number]);
        let value = sensor.forced.map_or(product.value, |(value, _)| value);
        sensor.forced = sensor.forced.and_then(|(value, left)| {
            let left = left.checked_sub(1)?;
            (left > 0).then_some((value, left))
        });
        let at = |limit: i32, bit| {
            if limit != NONE && value >= limit {
                bit
            } else {
                0
            }
        };
        let new = VALID | at(product.high, HIGH) | at(product.critical, CRITICAL);
        let changed = (sensor.state ^ new) & (HIGH | CRITICAL) != 0;
        (sensor.state, sensor.value) = (new, value);
        let mut event = Event::new(Kind::Sensor, number, new);
        event.detail = value as u32;
        changed.then_some(event)
    }

    /// Reason of THROTTLE that a sensor gives, when `old` are those of before.
    fn reasons(&self, old: u32) -> u32 {
        (0..3).fold(0, |reasons, number| {
            let (sensor, product) = (&self.sensors[number], &PRODUCT[number]);
            if sensor.state & VALID == 0 {
                return reasons | old & 1 << number;
            }
            let still = product.kind == 1
                && old & 1 << number != 0
                && sensor.value > product.high - HYSTERESIS;
            let on = sensor.state & HIGH != 0 || still;
            reasons | u32::from(on) << number
        })
    }
}

/// Reason BRAKE.
pub const BRAKE: u32 = 1 << 3;

/// Throttling and energy.
#[derive(Debug, Default)]
pub struct Power {
    reasons: u32,
    seen: u32,
    /// TIME since when there is a reason, and what was before.
    since: u64,
    time: u64,
    /// Whether the function has left D0.
    pub d3: bool,
}

impl Power {
    /// THROTTLE_SEEN is the only register that can be written.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        if offset == 0x604 {
            self.seen &= !(merge(0, 0, data) as u32);
            self.seen |= self.reasons;
        }
    }

    /// Whether clocks are lowered.
    pub fn is_throttled(&self) -> bool {
        self.reasons != 0
    }
}

impl Card {
    pub(crate) fn power_register(&self, state: &State, offset: u64) -> Option<Value> {
        let (power, now) = (&state.power, self.clock.now());
        let running = if power.reasons != 0 {
            now.saturating_sub(power.since)
        } else {
            0
        };
        Some(match offset {
            0x600 => Word(power.reasons),
            0x604 => Word(power.seen),
            0x608 => Long(power.time + running),
            // 60 W all the time: 60 nanojoules per nanosecond.
            0x610 => Long(now / 1000 * 60),
            _ => return None,
        })
    }

    /// Changes THROTTLE, and reports it.
    pub(crate) fn throttle(&self, state: &mut State, reasons: u32) {
        let (power, now) = (&mut state.power, self.clock.now());
        if power.reasons == reasons {
            return;
        }
        if power.reasons != 0 {
            power.time += now.saturating_sub(power.since);
        }
        power.since = now;
        power.reasons = reasons;
        power.seen |= reasons;
        self.report_event(state, Event::new(Kind::Throttle, 0, reasons));
    }

    /// BRAKE comes or goes.
    pub(crate) fn brake(&self, state: &mut State, on: bool) {
        let others = state.power.reasons & !BRAKE;
        self.throttle(state, others | if on { BRAKE } else { 0 });
    }

    /// What is due; gives the TIME of the next reading.
    pub(crate) fn run_sensors(&self, state: &mut State) -> u64 {
        let now = self.clock.now();
        if !state.firmware.is_alive() || !state.device.works() {
            if state.firmware.silent && now.saturating_sub(state.sensors.last) >= STALE {
                state.sensors.stop();
            }
            return now + PERIOD;
        }
        if state.sensors.due <= now {
            (state.sensors.due, state.sensors.last) = (now + PERIOD, now);
            for number in 0..SENSORS {
                if let Some(event) = state.sensors.read(number) {
                    self.report_event(state, event);
                }
            }
            let reasons = state.power.reasons & BRAKE | state.sensors.reasons(state.power.reasons);
            self.throttle(state, reasons);
            if (0..2).any(|n| state.sensors.sensors[n].state & CRITICAL != 0) {
                self.fail(state, Reason::Thermal);
            }
        }
        state.sensors.due
    }
}
