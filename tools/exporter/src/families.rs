// SPDX-License-Identifier: GPL-2.0
//! What is exported of each device: one row for each metric, in base units.
//!
//! Names and labels are kept: whoever has a board or a rule relies on them.

use accel::info::Health;
use accel::info::LinkState;
use accel::info::SensorKind;
use accel_snapshot::Device;
use accel_snapshot::ErrorLimit;
use accel_snapshot::Sensor;
use accel_snapshot::State;
use accel_snapshot::UserQueues;

use crate::text::Samples;
use crate::text::Type;
use crate::text::Value;

/// A metric of devices.
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Whether it may go down.
    pub kind: Type,
    /// What it is, for people.
    pub help: &'static str,
    /// Add what a device has of it.
    pub samples: fn(&Device, &mut Of),
}

/// The samples of one device.
pub struct Of<'a> {
    /// Where they go.
    pub samples: &'a mut Samples,
    /// Name of the device.
    pub device: String,
}

impl Of<'_> {
    fn add(&mut self, labels: &[(&str, &str)], value: impl Into<Value>) {
        let mut all = vec![("device", self.device.as_str())];
        all.extend_from_slice(labels);
        self.samples.add(&all, value);
    }

    /// Each sensor of a kind that has such a number.
    fn sensors(&mut self, device: &Device, kind: SensorKind, number: fn(&Sensor) -> Option<f64>) {
        let sensors = device.sensors.all().iter();
        for sensor in sensors.filter(|sensor| sensor.kind == kind) {
            if let Some(number) = number(sensor) {
                self.add(&[("sensor", &sensor.label)], number);
            }
        }
    }
}

macro_rules! families {
    ($($kind:ident $name:literal, $help:literal: $samples:expr;)*) => {
        &[$(Family { name: $name, kind: Type::$kind, help: $help, samples: $samples }),*]
    };
}

/// Whether a device told how it is.
pub fn is_up(device: &Device) -> bool {
    !matches!(device.state, State::Gone | State::Unreadable)
}

/// All of them.
pub const FAMILIES: &[Family] = families! {
    Gauge "accel_up", "Whether the device told how it is.": |d, to| to.add(&[], is_up(d));
    Gauge "accel_device_info", "Who the device is.": |d, to| {
        if let Some(who) = &d.identity {
            to.add(&[
                ("uuid", &who.uuid), ("bus", &who.bus), ("address", &who.address), ("model", &who.name),
                ("driver", &who.driver), ("driver_version", &who.driver_version),
                ("core_version", &who.core_version),
            ], true);
        }
    };
    Gauge "accel_device_state", "Whether the device is in this state.": |d, to| {
        for state in STATES.iter().filter(|_| is_up(d)) {
            to.add(&[("state", &state.to_string())], *state == d.state);
        }
    };
    Counter "accel_resets_total", "Resets of the device or of a part of it that ended, well or not.": |d, to| {
        d.resets.get().into_iter().for_each(|resets| to.add(&[], resets.count));
    };
    Counter "accel_full_resets_total", "Resets of all of the device after which it worked.": |d, to| {
        d.resets.get().into_iter().for_each(|resets| to.add(&[], resets.epoch));
    };
    Counter "accel_sleeps_total", "Times that the device fell asleep.": |d, to| {
        d.sleep.get().into_iter().for_each(|sleep| to.add(&[], sleep.count));
    };
    Counter "accel_asleep_seconds_total", "Time that the device has slept while the system did not.": |d, to| {
        d.sleep.get().into_iter().for_each(|sleep| to.add(&[], sleep.time));
    };

    Gauge "accel_clients", "Files open on the compute node.": |d, to| {
        d.clients.get().into_iter().for_each(|clients| to.add(&[], clients.clients));
    };
    Counter "accel_client_opens_total", "Times that the compute node was opened.": |d, to| {
        d.clients.get().into_iter().for_each(|clients| to.add(&[], clients.opens));
    };
    Counter "accel_client_refusals_total", "Times that opening it was refused, as it was taken.": |d, to| {
        d.clients.get().into_iter().for_each(|clients| to.add(&[], clients.refused));
    };

    Gauge "accel_engine_info", "What the engine is for.": |d, to| for engine in d.engines.all() {
        to.add(&[("engine", &engine.name), ("kind", &engine.kind.to_string())], true);
    };
    Counter "accel_engine_busy_seconds_total", "Time that the engine worked, for jobs and for user queues.": |d, to| {
        for engine in d.engines.all() {
            to.add(&[("engine", &engine.name), ("work", "jobs")], engine.busy);
        }
        user_queues(d, |user, engine| to.add(&[("engine", engine), ("work", "user_queues")], user.time));
    };
    Counter "accel_user_queue_failures_total", "User queues that failed.": |d, to| {
        user_queues(d, |user, engine| to.add(&[("engine", engine)], user.failed));
    };
    Gauge "accel_queue_depth", "Jobs that wait for the engine or run on it.": |d, to| {
        d.engines.all().iter().for_each(|engine| to.add(&[("engine", &engine.name)], engine.queued));
    };
    Counter "accel_jobs_total", "Jobs that ended, by how.": |d, to| for engine in d.engines.all() {
        to.add(&[("engine", &engine.name), ("result", "completed")], engine.completed);
        to.add(&[("engine", &engine.name), ("result", "failed")], engine.failed);
    };

    Gauge "accel_memory_size_bytes", "Memory that there is; absent if the system's memory is the limit.": |d, to| {
        for memory in d.memory.all() {
            memory.size.into_iter().for_each(|size| to.add(&[("region", &memory.name)], size));
        }
    };
    Gauge "accel_memory_used_bytes", "Memory that buffers take.": |d, to| {
        d.memory.all().iter().for_each(|memory| to.add(&[("region", &memory.name)], memory.used));
    };
    Gauge "accel_memory_dirty_bytes", "Memory that nobody uses but that is not overwritten yet.": |d, to| {
        for memory in d.memory.all() {
            memory.dirty.into_iter().for_each(|dirty| to.add(&[("region", &memory.name)], dirty));
        }
    };

    Gauge "accel_temperature_celsius", "Temperature.": |d, to| {
        to.sensors(d, SensorKind::Temperature, |sensor| sensor.value);
    };
    Gauge "accel_temperature_limit_celsius", "From here on clocks are lowered.": |d, to| {
        to.sensors(d, SensorKind::Temperature, |sensor| sensor.high);
    };
    Gauge "accel_temperature_critical_celsius", "From here on the device stops.": |d, to| {
        to.sensors(d, SensorKind::Temperature, |sensor| sensor.critical);
    };
    Gauge "accel_power_watts", "Power that the device takes.": |d, to| {
        to.sensors(d, SensorKind::Power, |sensor| sensor.value);
    };
    Gauge "accel_power_limit_watts", "From here on clocks are lowered.": |d, to| {
        to.sensors(d, SensorKind::Power, |sensor| sensor.high);
    };
    Counter "accel_energy_joules_total", "Energy that the device has taken.": |d, to| {
        to.sensors(d, SensorKind::Energy, |sensor| sensor.value);
    };
    Gauge "accel_voltage_volts", "Voltage.": |d, to| to.sensors(d, SensorKind::Voltage, |sensor| sensor.value);
    Gauge "accel_current_amperes", "Current.": |d, to| to.sensors(d, SensorKind::Current, |sensor| sensor.value);
    Gauge "accel_clock_hertz", "Clock.": |d, to| to.sensors(d, SensorKind::Frequency, |sensor| sensor.value);
    Gauge "accel_clock_limit_hertz", "The highest clock.": |d, to| {
        to.sensors(d, SensorKind::Frequency, |sensor| sensor.high);
    };
    Gauge "accel_fan_rpm", "Revolutions per minute.": |d, to| to.sensors(d, SensorKind::Fan, |sensor| sensor.value);

    Gauge "accel_throttle_active", "Whether clocks are lowered for this reason.": |d, to| {
        for throttle in d.throttle.all() {
            to.add(&[("reason", &throttle.name), ("kind", &throttle.reason.to_string())], throttle.active);
        }
    };
    Counter "accel_throttle_events_total", "Times that the reason came.": |d, to| {
        for throttle in d.throttle.all() {
            to.add(&[("reason", &throttle.name), ("kind", &throttle.reason.to_string())], throttle.count);
        }
    };
    Counter "accel_throttle_seconds_total", "Time that the reason was there.": |d, to| {
        for throttle in d.throttle.all() {
            to.add(&[("reason", &throttle.name), ("kind", &throttle.reason.to_string())], throttle.time);
        }
    };

    Counter "accel_errors_total", "Errors that blocks of the device found in themselves.": |d, to| {
        for errors in d.errors.all() {
            let kind = errors.kind.to_string();
            let block = [("block", errors.name.as_str()), ("kind", &kind)];
            to.add(&[block[0], block[1], ("severity", "corrected")], errors.corrected);
            to.add(&[block[0], block[1], ("severity", "uncorrected")], errors.uncorrected);
        }
    };
    Gauge "accel_error_limit", "Errors that there may be of late; absent if any number.": |d, to| {
        limits(d, |limit, severity| to.add(&[("severity", severity)], limit.limit));
    };
    Gauge "accel_recent_errors", "Errors that there were of late, where there is a limit.": |d, to| {
        limits(d, |limit, severity| to.add(&[("severity", severity)], limit.recent));
    };
    Gauge "accel_memory_rows", "Bad rows: pending ones are replaced at the next reset, stuck ones cannot be.": |d, to| {
        if let Some(rows) = d.spares.get() {
            to.add(&[("state", "pending")], rows.pending);
            to.add(&[("state", "retired")], rows.retired);
            to.add(&[("state", "stuck")], rows.stuck);
        }
    };
    Gauge "accel_memory_spare_rows", "Rows that are left to replace bad ones.": |d, to| {
        d.spares.get().into_iter().for_each(|rows| to.add(&[], rows.spares));
    };

    Gauge "accel_firmware_info", "What runs on the device.": |d, to| for firmware in d.firmware.all() {
        if let Some(version) = &firmware.version {
            to.add(&[("firmware", &firmware.name), ("version", version)], true);
        }
    };
    Gauge "accel_firmware_running", "Whether it runs.": |d, to| {
        for one in d.firmware.all() {
            if let Some(running) = one.running {
                to.add(&[("firmware", &one.name)], running);
            }
        }
    };
    Counter "accel_firmware_restarts_total", "Times that it died and was brought back.": |d, to| {
        d.firmware.all().iter().for_each(|one| to.add(&[("firmware", &one.name)], one.restarts));
    };

    Gauge "accel_link_up", "Whether the link carries data.": |d, to| {
        links(d, |link, labels| to.add(labels, link.state == LinkState::Up));
    };
    Gauge "accel_link_lanes", "Lanes in use.": |d, to| links(d, |link, labels| to.add(labels, link.lanes));
    Gauge "accel_link_speed_bytes_per_second", "Speed each way.": |d, to| {
        links(d, |link, labels| to.add(labels, link.speed / 8));
    };
    Counter "accel_link_transmit_bytes_total", "Bytes sent.": |d, to| {
        links(d, |link, labels| to.add(labels, link.sent));
    };
    Counter "accel_link_receive_bytes_total", "Bytes received.": |d, to| {
        links(d, |link, labels| to.add(labels, link.received));
    };
    Counter "accel_link_damaged_frames_total", "Frames that came damaged.": |d, to| {
        links(d, |link, labels| to.add(labels, link.errors));
    };
    Counter "accel_link_replays_total", "Frames sent again.": |d, to| {
        links(d, |link, labels| to.add(labels, link.replays));
    };
    Counter "accel_link_losses_total", "Times that the link was lost.": |d, to| {
        links(d, |link, labels| to.add(labels, link.losses));
    };
};

const STATES: [State; 5] = [
    State::Health(Health::Operational),
    State::Health(Health::Resetting),
    State::Health(Health::Wedged),
    State::Health(Health::Isolated),
    State::Asleep,
];

/// What each engine did for user queues, with its name.
fn user_queues(device: &Device, mut with: impl FnMut(&UserQueues, &str)) {
    for engine in device.engines.all() {
        engine.user.iter().for_each(|user| with(user, &engine.name));
    }
}

/// Each limit of errors with its severity.
fn limits(device: &Device, mut with: impl FnMut(ErrorLimit, &str)) {
    let limits = device.error_limits.get();
    let all = limits.map(|limits| [limits.corrected, limits.uncorrected]);
    for (limit, severity) in all.into_iter().flatten().zip(["corrected", "uncorrected"]) {
        limit.into_iter().for_each(|limit| with(limit, severity));
    }
}

/// Each link with its labels.
fn links(device: &Device, mut with: impl FnMut(&accel_snapshot::Link, &[(&str, &str)])) {
    for (number, link) in device.links.all().iter().enumerate() {
        with(link, &[("link", &number.to_string())]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Words of `text` that may be names of our metrics.
    fn names(text: &str) -> HashSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("accel_")).collect()
    }

    /// Everything that we install and that asks for metrics.
    const QUESTIONS: [&str; 3] = [
        include_str!("../prometheus/accel.rules.yml"),
        include_str!("../prometheus/accel.test.yml"),
        include_str!("../grafana/accel.json"),
    ];

    #[test]
    fn nobody_asks_for_what_there_is_not() {
        let known: HashSet<_> = FAMILIES.iter().map(|family| family.name).collect();
        for text in QUESTIONS {
            let asked = names(text);
            assert!(asked.contains("accel_up"));
            let unknown: Vec<_> = asked.difference(&known).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
        }
    }

    #[test]
    fn names_are_unique_and_say_what_they_count() {
        let names: HashSet<_> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            let is_counter = family.kind == Type::Counter;
            assert_eq!(
                family.name.ends_with("_total"),
                is_counter,
                "{}",
                family.name
            );
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }
}
