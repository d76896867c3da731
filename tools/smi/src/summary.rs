// SPDX-License-Identifier: GPL-2.0
//! What people see first: a table of the devices, one of the processes, or a line for each device.

use accel::info::SensorKind;

use crate::table::Align::Left;
use crate::table::Align::Right;
use crate::table::Table;
use accel_snapshot::Device;
use accel_snapshot::Snapshot;
use accel_snapshot::State;
use accel_snapshot::units;
use accel_snapshot::units::ABSENT;
use accel_snapshot::units::mebibytes;
use accel_snapshot::units::mebibytes_used;

/// Both tables.
pub fn summary(snapshot: &Snapshot) -> String {
    let head = format!(
        "accel-smi {}    {}",
        env!("CARGO_PKG_VERSION"),
        accel_snapshot::timestamp(snapshot.time)
    );
    if snapshot.devices.is_empty() {
        return format!("{head}\n\nNo devices.\n");
    }
    let mut text = format!("{head}\n\n{}\n", devices(snapshot));
    text += &processes(snapshot);
    for device in &snapshot.devices {
        match device.hidden_clients() {
            0 => {}
            1 => text += &format!("Accel {}: 1 client of another user.\n", device.index),
            n => text += &format!("Accel {}: {n} clients of other users.\n", device.index),
        }
    }
    text
}

/// One line for each device.
pub fn list(snapshot: &Snapshot) -> String {
    let line = |device: &Device| match &device.identity {
        Some(who) => format!(
            "Accel {}: {} (UUID: {}) ({} {})\n",
            device.index, who.name, who.uuid, who.bus, who.address
        ),
        None => format!("Accel {}: {}\n", device.index, device.state),
    };
    snapshot.devices.iter().map(line).collect()
}

fn devices(snapshot: &Snapshot) -> Table {
    let mut table = Table::new([
        ("ACCEL", Right),
        ("NAME", Left),
        ("ADDRESS", Left),
        ("STATE", Left),
        ("TEMP", Right),
        ("POWER", Right),
        ("UTIL", Right),
        ("MEMORY", Right),
        ("ERRORS C+U", Right),
        ("THROTTLED BY", Left),
    ]);
    for device in &snapshot.devices {
        let who = device.identity.as_ref();
        table.row(vec![
            device.index.to_string(),
            who.map_or(ABSENT, |who| &who.name).to_owned(),
            who.map_or(ABSENT, |who| &who.address).to_owned(),
            device.state.to_string(),
            or_absent(temperature(device)),
            or_absent(power(device)),
            or_absent(device.utilization().map(units::percent)),
            or_absent(memory(device)),
            or_absent(errors(device)),
            or_absent(throttled(device)),
        ]);
    }
    table
}

fn or_absent(text: Option<String>) -> String {
    text.unwrap_or_else(|| ABSENT.to_owned())
}

/// The hottest one.
fn temperature(device: &Device) -> Option<String> {
    let sensors = device.sensors.all().iter();
    let temperatures = sensors.filter(|sensor| sensor.kind == SensorKind::Temperature);
    let hottest = temperatures
        .filter_map(|sensor| sensor.value)
        .reduce(f64::max)?;
    Some(units::sensor(SensorKind::Temperature, hottest))
}

fn power(device: &Device) -> Option<String> {
    let sensor = device.sensor(SensorKind::Power)?;
    let value = sensor.value.map(|value| format!("{value:.1}"));
    let limit = sensor
        .high
        .map_or(String::new(), |high| format!(" / {high:.1}"));
    Some(format!("{}{limit} W", or_absent(value)))
}

fn memory(device: &Device) -> Option<String> {
    let (used, total) = device.memory_used()?;
    let used = mebibytes_used(used);
    Some(match total {
        Some(total) => format!("{used} / {} MiB", mebibytes(total)),
        None => format!("{used} MiB"),
    })
}

/// Corrected ones, and others if there are any.
fn errors(device: &Device) -> Option<String> {
    let errors = device.errors.get()?.iter();
    let (corrected, uncorrected) = errors.fold((0, 0), |(corrected, uncorrected), block| {
        (corrected + block.corrected, uncorrected + block.uncorrected)
    });
    Some(format!("{corrected} + {uncorrected}"))
}

fn throttled(device: &Device) -> Option<String> {
    let active = device.throttle.get()?.iter().filter(|reason| reason.active);
    let names: Vec<_> = active.map(|reason| reason.name.as_str()).collect();
    Some(match names.is_empty() {
        true => "-".to_owned(),
        false => names.join(", "),
    })
}

/// A table of all processes, or a line that says why there is none.
fn processes(snapshot: &Snapshot) -> String {
    let mut table = Table::new([
        ("ACCEL", Right),
        ("CLIENT", Right),
        ("PID", Right),
        ("UID", Right),
        ("PROCESS", Left),
        ("UTIL", Right),
        ("MEMORY", Right),
        ("JOBS", Right),
        ("FAILED", Right),
    ]);
    let mut lines = 0;
    for device in snapshot.devices.iter().filter(|d| d.state != State::Gone) {
        for process in device.processes.all() {
            lines += 1;
            table.row(vec![
                device.index.to_string(),
                process.client.to_string(),
                or_absent(process.pid.map(|pid| pid.to_string())),
                process.uid.to_string(),
                process.name.clone(),
                or_absent(process.utilization.map(units::percent)),
                format!("{} MiB", mebibytes_used(device.used_memory(process))),
                process.jobs.to_string(),
                process.failed.to_string(),
            ]);
        }
    }
    let told = snapshot.devices.iter().any(|d| d.processes.get().is_some());
    match lines {
        0 if told => "No processes.\n".to_owned(),
        0 => format!("Processes: {ABSENT}\n"),
        _ => table.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use accel_snapshot::Answer;
    use accel_snapshot::samples;

    #[test]
    fn summary_is_two_tables() {
        let expected = include_str!("../tests/golden/summary.txt");
        let text = summary(&samples::snapshot());
        assert_eq!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"), expected);
    }

    #[test]
    fn a_list_has_a_line_for_each_device() {
        let expected = include_str!("../tests/golden/list.txt");
        assert_eq!(list(&samples::snapshot()), expected);
    }

    #[test]
    fn no_device_is_said_so() {
        let mut snapshot = samples::snapshot();
        snapshot.devices.clear();
        assert!(summary(&snapshot).ends_with("\n\nNo devices.\n"));
        assert_eq!(list(&snapshot), "");
    }

    #[test]
    fn nobody_is_not_who_cannot_be_told() {
        let mut snapshot = samples::snapshot();
        snapshot.devices.remove(0);
        assert!(summary(&snapshot).ends_with("\n\nProcesses: N/A\n"));
        snapshot.devices[0].processes = Answer::Here(Vec::new());
        assert!(summary(&snapshot).ends_with("\n\nNo processes.\n"));
    }
}
