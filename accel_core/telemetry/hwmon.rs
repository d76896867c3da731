// SPDX-License-Identifier: GPL-2.0

//! The sensors of a device, for programs that know no accelerators.

use kernel::{
    device::{
        Bound as BoundContext,
        Device as ParentDevice, //
    },
    prelude::*,
    str::CString,
    sync::Arc, //
};
use kernel_ext::hwmon::{
    Channel,
    Chip,
    Quantity,
    Registration,
    Value, //
};

use super::{
    Panel,
    Sensor,
    SensorKind, //
};
use crate::{
    device::Device,
    driver::Driver, //
};

/// The device, as hwmon sees it.
pub(crate) struct Sensors<T: Driver>(Arc<Device<T>>);

/// The sensors in hwmon; gone when this is dropped.
pub(crate) type Hwmon<T> = Registration<Sensors<T>>;

impl<T: Driver> Chip for Sensors<T> {
    /// EAGAIN: the device sleeps; ENODATA: it does not know; ENODEV.
    fn read(&self, channel: usize, value: Value) -> Result<i64> {
        let device = &self.0;
        device.enter()?.with(|bound| {
            let sensors = &bound.panel.tables.sensors;
            let sensor = sensors.get(channel).ok_or(ENODATA)?;
            match value {
                Value::Input => {
                    let awake = device.enter_if_awake();
                    let data = awake.as_ref().ok().map(|_| &bound.data);
                    let value = bound.panel.read_sensor(data, channel);
                    value.ok_or(awake.err().unwrap_or(ENODATA))
                }
                Value::Max => sensor.high.ok_or(ENODATA),
                Value::Critical => sensor.critical.ok_or(ENODATA),
            }
        })
    }
}

impl SensorKind {
    fn quantity(self) -> Quantity {
        match self {
            Self::Temperature => Quantity::Temperature,
            Self::Voltage => Quantity::Voltage,
            Self::Current => Quantity::Current,
            Self::Power => Quantity::Power,
            Self::Energy => Quantity::Energy,
            Self::Frequency => Quantity::Frequency,
            Self::Fan => Quantity::Fan,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Voltage => "voltage",
            Self::Current => "current",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Frequency => "clock",
            Self::Fan => "fan",
        }
    }
}

/// Returns what sensor number `index` is called: programs tell those of a chip by their labels alone, so one
/// that an earlier sensor has does not do.
fn label<T: Driver>(sensors: &[Sensor<T>], index: usize) -> Result<CString> {
    let sensor = sensors.get(index).ok_or(EINVAL)?;
    let mut earlier = sensors.iter().take(index);
    match earlier.any(|other| other.label == sensor.label) {
        true => CString::try_from_fmt(fmt!("{} {}", sensor.label, sensor.kind.name())),
        false => CString::try_from_fmt(fmt!("{}", sensor.label)),
    }
}

impl<T: Driver> Panel<T> {
    /// Shows the sensors of `device` on `parent`, if it has any.
    pub(crate) fn hwmon(
        &self,
        parent: &ParentDevice<BoundContext>,
        device: &Arc<Device<T>>,
    ) -> Result<Option<Hwmon<T>>> {
        let sensors = &self.tables.sensors;
        let mut channels = KVec::with_capacity(sensors.len(), GFP_KERNEL)?;
        for (index, sensor) in sensors.iter().enumerate() {
            let channel = Channel {
                quantity: sensor.kind.quantity(),
                label: label(sensors, index)?,
                has_max: sensor.high.is_some(),
                has_critical: sensor.critical.is_some(),
            };
            channels.push(channel, GFP_KERNEL)?;
        }
        match channels.is_empty() {
            true => Ok(None),
            false => {
                Registration::new(parent, T::NAME, Sensors(device.clone()), channels).map(Some)
            }
        }
    }
}
