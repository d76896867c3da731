// SPDX-License-Identifier: GPL-2.0
//! The fields of `--query-accel` and `--query-compute-apps`. Names once published keep their meaning.

use std::time::Duration;

use accel::info::LinkState;
use accel::info::SensorKind;

use accel_snapshot::Device;
use accel_snapshot::Identity;
use accel_snapshot::Process;
use accel_snapshot::Sensor;
use accel_snapshot::Snapshot;
use accel_snapshot::Spares;
use accel_snapshot::units;
use accel_snapshot::units::mebibytes;
use accel_snapshot::units::mebibytes_used;

/// What the fields of one line are of.
pub struct Source<'a> {
    snapshot: &'a Snapshot,
    device: &'a Device,
    process: Option<&'a Process>,
}

impl<'a> Source<'a> {
    /// A line for a device.
    pub fn of_device(snapshot: &'a Snapshot, device: &'a Device) -> Self {
        Source {
            snapshot,
            device,
            process: None,
        }
    }

    /// The lines of all processes.
    pub fn of_processes(snapshot: &'a Snapshot) -> impl Iterator<Item = Self> {
        snapshot.devices.iter().flat_map(move |device| {
            device.processes.all().iter().map(move |process| Source {
                snapshot,
                device,
                process: Some(process),
            })
        })
    }
}

/// A field: its value without its unit, or `None` if it is absent.
#[derive(Debug)]
pub struct Field {
    /// Its name; `<...>` stands for a label that the device gives.
    pub name: &'static str,
    /// Its unit, "" if it has none.
    pub unit: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Its value; the text is the label.
    pub get: fn(&Source<'_>, &str) -> Option<String>,
}

macro_rules! fields {
    ($($name:literal $(in $unit:literal)?: $about:literal, $get:expr;)*) => {
        &[$(Field {
            name: $name,
            unit: concat!($($unit)?),
            about: $about,
            get: $get,
        }),*]
    };
}

/// Fields of devices. Where a name fits two, the first one is meant.
pub const ACCEL: &[Field] = fields! {
    "timestamp": "when the device was asked, RFC 3339 in UTC", |s, _| Some(accel_snapshot::timestamp(s.snapshot.time));
    "count": "how many devices there are", |s, _| Some(s.snapshot.devices.len().to_string());
    "index": "N of /dev/accel/accelN", |s, _| Some(s.device.index.to_string());
    "name": "product", |s, _| who(s, |who| who.name.clone());
    "uuid": "the same at every boot", |s, _| who(s, |who| who.uuid.clone());
    "bus": "name of the bus", |s, _| who(s, |who| who.bus.clone());
    "address": "name on that bus", |s, _| who(s, |who| who.address.clone());
    "pci.bus_id": "address on the PCI bus", |s, _| pci(s, |who| Some(who.address.clone()));
    "pci.vendor_id": "vendor id on the PCI bus", |s, _| pci(s, |who| Some(format!("{:#06x}", who.vendor_id?)));
    "pci.device_id": "device id on the PCI bus", |s, _| pci(s, |who| Some(format!("{:#06x}", who.device_id?)));
    "numa_node": "NUMA node", |s, _| s.device.identity.as_ref()?.numa_node.map(|node| node.to_string());
    "driver_name": "name of the driver", |s, _| who(s, |who| who.driver.clone());
    "driver_version": "version of the driver", |s, _| who(s, |who| who.driver_version.clone());
    "core_version": "version of the subsystem", |s, _| who(s, |who| who.core_version.clone());
    "state": "operational, resetting, wedged, isolated, asleep, gone, unreadable", |s, _| Some(s.device.state.to_string());
    "compute_mode": "how many clients there may be: shared, exclusive",
        |s, _| Some(s.device.clients.get()?.mode.to_string());
    "clients": "how many there are, all users'", |s, _| Some(s.device.clients.get()?.clients.to_string());
    "resets.count": "how many resets ended, of whatever part", |s, _| Some(s.device.resets.get()?.count.to_string());
    "resets.epoch": "how often all of the device was reset, and worked afterwards",
        |s, _| Some(s.device.resets.get()?.epoch.to_string());
    "sleep.count": "how often it fell asleep; absent if it never sleeps",
        |s, _| Some(s.device.sleep.get()?.count.to_string());
    "sleep.time" in "s": "how long it has slept, while the system did not", |s, _| Some(seconds(s.device.sleep.get()?.time));
    "utilization.accel" in "%": "how busy the busiest engine was in the period of measurement",
        |s, _| s.device.utilization().map(whole);
    "utilization.<engine>" in "%": "how busy one engine was",
        |s, label| by_name(s.device.engines.all(), label, |e| &e.name)?.utilization.map(whole);
    "memory.total" in "MiB": "the device's own memory; absent if it has none",
        |s, _| Some(mebibytes(s.device.memory_used()?.1?).to_string());
    "memory.used" in "MiB": "what buffers take of it; of system memory if it has none of its own",
        |s, _| Some(mebibytes_used(s.device.memory_used()?.0).to_string());
    "memory.free" in "MiB": "what they do not take", |s, _| {
        let (used, total) = s.device.memory_used()?;
        Some(mebibytes(total?.saturating_sub(used)).to_string())
    };
    "memory.system.used" in "MiB": "what buffers take of system memory",
        |s, _| Some(mebibytes_used(s.device.memory.all().first()?.used).to_string());
    "temperature.<label>.high": "from here on clocks are lowered, degrees Celsius",
        |s, label| of_sensor(s, SensorKind::Temperature, label, |sensor| sensor.high);
    "temperature.<label>.critical": "from here on the device stops, degrees Celsius",
        |s, label| of_sensor(s, SensorKind::Temperature, label, |sensor| sensor.critical);
    "temperature.<label>": "a temperature, degrees Celsius",
        |s, label| of_sensor(s, SensorKind::Temperature, label, |sensor| sensor.value);
    "power.draw" in "W": "power that the device takes: of its first sensor of power",
        |s, _| number(s.device.sensor(SensorKind::Power)?, |sensor| sensor.value);
    "power.limit" in "W": "from here on clocks are lowered",
        |s, _| number(s.device.sensor(SensorKind::Power)?, |sensor| sensor.high);
    "energy.total" in "J": "energy that the device has taken: of its first sensor of energy",
        |s, _| number(s.device.sensor(SensorKind::Energy)?, |sensor| sensor.value);
    "voltage.<label>" in "V": "a voltage",
        |s, label| of_sensor(s, SensorKind::Voltage, label, |sensor| sensor.value);
    "current.<label>" in "A": "a current",
        |s, label| of_sensor(s, SensorKind::Current, label, |sensor| sensor.value);
    "fan.<label>" in "RPM": "a fan", |s, label| of_sensor(s, SensorKind::Fan, label, |sensor| sensor.value);
    "clocks.<label>.max" in "MHz": "the highest that a clock can be",
        |s, label| of_sensor(s, SensorKind::Frequency, label, |sensor| sensor.high);
    "clocks.<label>" in "MHz": "a clock", |s, label| of_sensor(s, SensorKind::Frequency, label, |sensor| sensor.value);
    "clocks_event_reasons.active": "reasons why clocks are lowered now: a mask, bit N for the Nth of the device",
        |s, _| Some(format!("{:#018x}", active(s.device)?));
    "clocks_event_reasons.<reason>": "whether one of them is there: Active, Not Active", |s, label| {
        let reason = by_name(s.device.throttle.all(), label, |reason| &reason.name)?;
        Some(if reason.active { "Active" } else { "Not Active" }.to_owned())
    };
    "ecc.errors.corrected.total": "errors that blocks of the device found in themselves, and that did no harm",
        |s, _| Some(s.device.errors.get()?.iter().map(|e| e.corrected).sum::<u64>().to_string());
    "ecc.errors.uncorrected.total": "others",
        |s, _| Some(s.device.errors.get()?.iter().map(|e| e.uncorrected).sum::<u64>().to_string());
    "ecc.errors.corrected.<block>": "those of one block",
        |s, label| Some(by_name(s.device.errors.all(), label, |e| &e.name)?.corrected.to_string());
    "ecc.errors.uncorrected.<block>": "likewise",
        |s, label| Some(by_name(s.device.errors.all(), label, |e| &e.name)?.uncorrected.to_string());
    "ecc.limits.corrected": "how many errors may be corrected in a day until that is told of; absent if any number",
        |s, _| Some(s.device.error_limits.get()?.corrected?.limit.to_string());
    "ecc.limits.uncorrected": "how many others there may be until the device is isolated, likewise",
        |s, _| Some(s.device.error_limits.get()?.uncorrected?.limit.to_string());
    "ecc.recent.corrected": "how many errors were corrected of late, if there is a limit",
        |s, _| Some(s.device.error_limits.get()?.corrected?.recent.to_string());
    "ecc.recent.uncorrected": "others",
        |s, _| Some(s.device.error_limits.get()?.uncorrected?.recent.to_string());
    "rows.pending": "bad rows of memory that the next reset replaces", |s, _| rows(s, |rows| rows.pending);
    "rows.retired": "rows that were replaced", |s, _| rows(s, |rows| rows.retired);
    "rows.stuck": "bad rows for which no spare is left", |s, _| rows(s, |rows| rows.stuck);
    "rows.spares": "rows that are left to replace others", |s, _| rows(s, |rows| rows.spares);
    "firmware.<firmware>.version": "version of something that runs on the device",
        |s, label| by_name(s.device.firmware.all(), label, |f| &f.name)?.version.clone();
    "firmware.<firmware>.restarts": "how often it died and was brought back",
        |s, label| Some(by_name(s.device.firmware.all(), label, |f| &f.name)?.restarts.to_string());
    "links.count": "links to other devices", |s, _| Some(s.device.links.get()?.len().to_string());
    "links.up": "of these, how many carry data", |s, _| {
        let links = s.device.links.get()?.iter();
        Some(links.filter(|link| link.state == LinkState::Up).count().to_string())
    };
};

/// Fields of processes.
pub const PROCESS: &[Field] = fields! {
    "timestamp": "when the device was asked, RFC 3339 in UTC", |s, _| Some(accel_snapshot::timestamp(s.snapshot.time));
    "accel_index": "index of the device", |s, _| Some(s.device.index.to_string());
    "accel_name": "its product", |s, _| who(s, |who| who.name.clone());
    "accel_uuid": "its UUID", |s, _| who(s, |who| who.uuid.clone());
    "accel_bus_id": "its address", |s, _| who(s, |who| who.address.clone());
    "client": "number of the client, as in events", |s, _| Some(s.process?.client.to_string());
    "pid": "number of the process", |s, _| s.process?.pid.map(|pid| pid.to_string());
    "process_name": "its name", |s, _| Some(s.process?.name.clone());
    "uid": "number of its user", |s, _| Some(s.process?.uid.to_string());
    "used_memory" in "MiB": "its buffers in memory of the device; in system memory if that has none of its own",
        |s, _| Some(mebibytes_used(s.device.used_memory(s.process?)).to_string());
    "used_system_memory" in "MiB": "its buffers in system memory",
        |s, _| Some(mebibytes_used(s.process?.system).to_string());
    "utilization" in "%": "engine time in the period of measurement, of one engine",
        |s, _| s.process?.utilization.map(whole);
    "engine_time" in "s": "engine time altogether, with that of user queues",
        |s, _| Some(seconds(s.process?.time()));
    "jobs": "jobs that ended, well or not", |s, _| Some(s.process?.jobs.to_string());
    "failures": "how often a job or a user queue of it failed", |s, _| Some(s.process?.failed.to_string());
};

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn who(source: &Source<'_>, get: impl Fn(&Identity) -> String) -> Option<String> {
    source.device.identity.as_ref().map(get)
}

fn pci(source: &Source<'_>, get: impl Fn(&Identity) -> Option<String>) -> Option<String> {
    let identity = source.device.identity.as_ref();
    identity
        .filter(|identity| identity.bus == "pci")
        .and_then(get)
}

fn rows(source: &Source<'_>, get: impl Fn(&Spares) -> u32) -> Option<String> {
    source
        .device
        .spares
        .get()
        .map(|spares| get(spares).to_string())
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// The reasons that are there, as a mask.
fn active(device: &Device) -> Option<u64> {
    let reasons = device.throttle.get()?.iter().zip(0..u64::BITS);
    Some(reasons.fold(0, |mask, (reason, bit)| {
        mask | u64::from(reason.active) << bit
    }))
}

/// The one of `all` that has this name, or would have it if blanks were underscores.
fn by_name<'a, T>(all: &'a [T], label: &str, name: fn(&T) -> &String) -> Option<&'a T> {
    all.iter().find(|one| {
        let name = name(one);
        name == label || name.replace(' ', "_") == label
    })
}

/// A number of the sensor of this kind that has this label.
fn of_sensor(
    source: &Source<'_>,
    kind: SensorKind,
    label: &str,
    get: fn(&Sensor) -> Option<f64>,
) -> Option<String> {
    let of_kind = source
        .device
        .sensors
        .all()
        .iter()
        .filter(|sensor| sensor.kind == kind);
    let all: Vec<_> = of_kind.cloned().collect();
    number(by_name(&all, label, |sensor| &sensor.label)?, get)
}

fn number(sensor: &Sensor, get: fn(&Sensor) -> Option<f64>) -> Option<String> {
    let (divisor, decimals, _) = units::scale(sensor.kind);
    let value = get(sensor)? / divisor;
    Some(format!("{value:.decimals$}"))
}
