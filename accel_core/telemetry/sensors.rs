// SPDX-License-Identifier: GPL-2.0

//! Sensors: temperatures, voltages, currents, power, energy, clocks, fans.

use kernel::prelude::*;

use super::Panel;
use crate::{
    answer::Answer,
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    label::Label,
    uapi::{
        self,
        accel_info_sensor, //
    },
};

/// What a sensor measures, in which unit (`enum accel_sensor_kind`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum SensorKind {
    /// Millidegrees Celsius.
    Temperature = uapi::ACCEL_SENSOR_TEMPERATURE,
    /// Millivolts.
    Voltage = uapi::ACCEL_SENSOR_VOLTAGE,
    /// Milliamperes.
    Current = uapi::ACCEL_SENSOR_CURRENT,
    /// Microwatts.
    Power = uapi::ACCEL_SENSOR_POWER,
    /// Microjoules since some time; what users see goes on when the device begins anew.
    Energy = uapi::ACCEL_SENSOR_ENERGY,
    /// Hertz.
    Frequency = uapi::ACCEL_SENSOR_FREQUENCY,
    /// Revolutions per minute.
    Fan = uapi::ACCEL_SENSOR_FAN,
}

/// A sensor, a row of [`Telemetry`](super::Telemetry).
pub struct Sensor<T: Driver> {
    /// What it is at, unique for its kind.
    pub label: Label,
    /// What it measures.
    pub kind: SensorKind,
    /// From here on the device lowers its clocks; of a clock: the highest that there is.
    pub high: Option<i64>,
    /// From here on it stops.
    pub critical: Option<i64>,
    /// Reads it; `None` if that is not possible at the moment.
    pub read: fn(&T::Data<'_>, usize) -> Option<i64>,
}

impl<T: Driver> Panel<T> {
    /// Reads sensor number `index`; of a device that cannot be asked, what is known.
    pub(super) fn read_sensor(&self, data: Option<&T::Data<'_>>, index: usize) -> Option<i64> {
        let sensor = self.tables.sensors.get(index)?;
        let read = || (sensor.read)(data?, index);
        match sensor.kind {
            SensorKind::Energy => {
                let mut counters = self.counters.lock();
                let counter = counters.sensors.get_mut(index)?;
                if let Some(raw) = read() {
                    counter.update(raw.unsigned_abs());
                }
                i64::try_from(counter.get()).ok()
            }
            _ => read(),
        }
    }
}

/// Answers ACCEL_INFO_SENSORS.
pub(crate) fn sensors<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    let panel = &bound.panel;
    let awake = device.enter_if_awake().ok();
    let data = awake.as_ref().map(|_| &bound.data);
    for (index, sensor) in panel.tables.sensors.iter().enumerate() {
        let value = panel.read_sensor(data, index);
        let flag = |value: Option<i64>, flag| value.map_or(0, |_| flag);
        answer.push(&accel_info_sensor {
            label: sensor.label.as_bytes(),
            kind: sensor.kind as u32,
            flags: flag(value, uapi::ACCEL_SENSOR_VALUE)
                | flag(sensor.high, uapi::ACCEL_SENSOR_HIGH)
                | flag(sensor.critical, uapi::ACCEL_SENSOR_CRITICAL),
            value: value.unwrap_or(0),
            high: sensor.high.unwrap_or(0),
            critical: sensor.critical.unwrap_or(0),
        })?;
    }
    Ok(())
}
