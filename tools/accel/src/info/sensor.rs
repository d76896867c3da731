// SPDX-License-Identifier: GPL-2.0
//! What a device measures of itself, as types.

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::raw::kinds;
use super::raw::numbers;
use super::raw::text;

numbers! {
    /// What a sensor measures; its numbers have the unit that is said here.
    SensorKind {
        /// Temperature, millidegrees Celsius.
        Temperature = ACCEL_SENSOR_TEMPERATURE, "temperature";
        /// Voltage, millivolts.
        Voltage = ACCEL_SENSOR_VOLTAGE, "voltage";
        /// Current, milliamperes.
        Current = ACCEL_SENSOR_CURRENT, "current";
        /// Power that the device takes, microwatts.
        Power = ACCEL_SENSOR_POWER, "power";
        /// Energy that it has taken, microjoules; never goes back.
        Energy = ACCEL_SENSOR_ENERGY, "energy";
        /// A clock, hertz.
        Frequency = ACCEL_SENSOR_FREQUENCY, "frequency";
        /// A fan, revolutions per minute.
        Fan = ACCEL_SENSOR_FAN, "fan";
    }
}

/// A unit without a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name: "celsius".
    pub name: &'static str,
    /// Its symbol, in ASCII: "C".
    pub symbol: &'static str,
    /// How many of the unit of [`Sensor`] it is.
    pub per: u32,
}

impl SensorKind {
    /// The unit without a prefix; `None` if the kind is not known.
    pub const fn unit(self) -> Option<Unit> {
        let (name, symbol, per) = match self {
            SensorKind::Temperature => ("celsius", "C", 1_000),
            SensorKind::Voltage => ("volts", "V", 1_000),
            SensorKind::Current => ("amperes", "A", 1_000),
            SensorKind::Power => ("watts", "W", 1_000_000),
            SensorKind::Energy => ("joules", "J", 1_000_000),
            SensorKind::Frequency => ("hertz", "Hz", 1),
            SensorKind::Fan => ("rpm", "RPM", 1),
            SensorKind::Unknown(_) => return None,
        };
        Some(Unit { name, symbol, per })
    }
}

/// A sensor. All numbers have the unit of its [`SensorKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// What it is at: "die".
    pub label: String,
    /// What it measures.
    pub kind: SensorKind,
    /// What it says; `None` if it cannot be read now, as most cannot while the device sleeps or is
    /// reset.
    pub value: Option<i64>,
    /// From here on the device lowers its clocks; of a clock: the highest that there is.
    pub high: Option<i64>,
    /// From here on it stops.
    pub critical: Option<i64>,
}

impl From<uapi::accel_info_sensor> for Sensor {
    fn from(raw: uapi::accel_info_sensor) -> Self {
        let valid = |flag, value| (raw.flags & flag != 0).then_some(value);
        Sensor {
            label: text(&raw.label),
            kind: raw.kind.into(),
            value: valid(uapi::ACCEL_SENSOR_VALUE, raw.value),
            high: valid(uapi::ACCEL_SENSOR_HIGH, raw.high),
            critical: valid(uapi::ACCEL_SENSOR_CRITICAL, raw.critical),
        }
    }
}

kinds! {
    Sensor: Array, ACCEL_INFO_SENSORS, accel_info_sensor;
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn numbers_without_their_flag_are_absent() {
        let mut raw = uapi::accel_info_sensor::new_zeroed();
        raw.kind = uapi::ACCEL_SENSOR_POWER;
        let sensor = Sensor::from(raw);
        assert_eq!(
            (sensor.value, sensor.high, sensor.critical),
            (None, None, None)
        );
        (raw.flags, raw.high) = (uapi::ACCEL_SENSOR_VALUE | uapi::ACCEL_SENSOR_HIGH, 75);
        let sensor = Sensor::from(raw);
        assert_eq!(
            (sensor.value, sensor.high, sensor.critical),
            (Some(0), Some(75), None)
        );
    }

    #[test]
    fn every_known_kind_has_a_unit() {
        assert!(SensorKind::ALL.iter().all(|kind| kind.unit().is_some()));
        assert_eq!(SensorKind::Unknown(99).unit(), None);
        assert_eq!(SensorKind::Power.unit().unwrap().per, 1_000_000);
    }
}
