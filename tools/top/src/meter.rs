// SPDX-License-Identifier: GPL-2.0
//! What goes up and down on a device: how busy its engines are, what buffers take of its memory, power, temperatures.

use accel::info::SensorKind;
use accel_snapshot::Device;
use accel_snapshot::Engine;
use accel_snapshot::Memory;
use accel_snapshot::Sensor;
use accel_snapshot::units;

use crate::history::History;
use crate::look::Role;

/// Which one of a device: its place in the table that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Engine(usize),
    Memory(usize),
    Sensor(usize),
}

/// One of them, as it is now.
#[derive(Debug)]
pub struct Meter {
    pub place: Place,
    /// Its name, for people.
    pub name: String,
    /// How it looks.
    pub role: Role,
    /// Percent, bytes, or the unit of the sensor; nothing while it cannot be told.
    pub value: Option<f64>,
    /// The value that fills it; nothing if the device does not tell one.
    pub full: Option<f64>,
    /// The value and its limit, for people, with blanks before it so that it keeps its length.
    pub number: String,
    /// The limit is reached.
    pub is_high: bool,
    /// What else there is to say, where there is room.
    pub note: String,
}

impl Meter {
    /// All of a device: engines, memory, power, temperatures.
    pub fn all(device: &Device) -> impl Iterator<Item = Meter> {
        let engines = device.engines.all().iter().enumerate();
        let memory = device.memory.all().iter().enumerate();
        let sensors = [SensorKind::Power, SensorKind::Temperature]
            .into_iter()
            .flat_map(|kind| Meter::sensors(device, kind));
        engines
            .map(|(place, engine)| Meter::engine(place, engine))
            .chain(memory.map(|(place, memory)| Meter::memory(place, memory)))
            .chain(sensors)
    }

    /// Sensors of a kind.
    pub fn sensors(device: &Device, kind: SensorKind) -> impl Iterator<Item = Meter> {
        let sensors = device.sensors.all().iter().enumerate();
        let of_kind = sensors.filter(move |(_, sensor)| sensor.kind == kind);
        of_kind.map(|(place, sensor)| Meter::sensor(place, sensor))
    }

    fn engine(place: usize, engine: &Engine) -> Self {
        let percent = engine.utilization.map(units::percent);
        Meter {
            place: Place::Engine(place),
            name: engine.name.clone(),
            role: Role::Load,
            value: engine.utilization,
            full: Some(100.0),
            number: percent.map_or(String::new(), |percent| format!("{percent:>5}")),
            is_high: false,
            note: jobs(engine),
        }
    }

    fn memory(place: usize, memory: &Memory) -> Self {
        let size = memory.size.filter(|size| *size > 0);
        let used = units::bytes(memory.used);
        let limit = size.map_or(String::new(), |size| format!(" / {}", units::bytes(size)));
        Meter {
            place: Place::Memory(place),
            name: match size {
                Some(_) => memory.name.clone(),
                None => format!("{} {}", memory.kind, memory.name),
            },
            role: Role::Memory,
            value: Some(memory.used as f64),
            full: size.map(|size| size as f64),
            number: format!("{used:>10}{limit}"),
            is_high: false,
            note: String::new(),
        }
    }

    fn sensor(place: usize, sensor: &Sensor) -> Self {
        let (kind, full) = match sensor.kind {
            SensorKind::Power => ("power", sensor.high.or(sensor.critical)),
            SensorKind::Temperature => ("temp", sensor.critical.or(sensor.high)),
            SensorKind::Frequency => ("clock", sensor.high),
            SensorKind::Fan => ("fan", sensor.high),
            _ => ("", sensor.high),
        };
        let is_limited = sensor.kind != SensorKind::Frequency;
        let has_reached = |high| sensor.value.is_some_and(|value| value >= high);
        Meter {
            place: Place::Sensor(place),
            name: format!("{kind} {}", sensor.label).trim().to_owned(),
            role: Role::Sensor,
            value: sensor.value,
            full,
            number: sensor
                .value
                .map_or(String::new(), |value| reading(sensor, value)),
            is_high: is_limited && sensor.high.is_some_and(has_reached),
            note: String::new(),
        }
    }

    /// How full it is, from 0 to 1; nothing if that cannot be told.
    pub fn share(&self) -> Option<f64> {
        Some(share(self.value?, self.full?))
    }

    /// How full it was in the last `count` samples, the newest last. What has nothing that fills it is held against
    /// the power of two above the highest sample that is remembered.
    pub fn shares(&self, history: &History, count: usize) -> Vec<Option<f64>> {
        let full = self
            .full
            .or_else(|| history.highest().map(above))
            .unwrap_or(0.0);
        let samples = history.last(count);
        samples
            .map(|sample| sample.map(|value| share(value, full)))
            .collect()
    }
}

/// The power of two above a number, so that what is always the same does not look full.
fn above(number: f64) -> f64 {
    match number > 0.0 {
        true => (number.log2().floor() + 1.0).exp2(),
        false => 0.0,
    }
}

fn share(value: f64, full: f64) -> f64 {
    if full > 0.0 { value / full } else { 0.0 }
}

fn jobs(engine: &Engine) -> String {
    let counts = [
        (u64::from(engine.queued), "queued"),
        (engine.completed, "done"),
        (engine.failed, "failed"),
    ];
    match counts.iter().any(|(count, _)| *count > 0) {
        true => counts
            .map(|(count, what)| format!("{count} {what}"))
            .join(", "),
        false => String::new(),
    }
}

/// What a sensor says, and its limit.
fn reading(sensor: &Sensor, value: f64) -> String {
    let (divisor, _, unit) = units::scale(sensor.kind);
    let decimals = usize::from(sensor.kind == SensorKind::Power);
    let number = |value: f64| format!("{:.decimals$}", value / divisor);
    let limit = sensor.high.map_or(String::new(), number);
    let value = format!("{:>width$}", number(value), width = limit.len());
    match limit.as_str() {
        "" => format!("{value} {unit}"),
        limit => format!("{value} / {limit} {unit}"),
    }
}

#[cfg(test)]
mod tests;
