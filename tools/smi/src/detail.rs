// SPDX-License-Identifier: GPL-2.0
//! Everything that is known of devices, as keys and values: `-q`.

use crate::cli::Section;
use crate::sections;
use accel_snapshot::Answer;
use accel_snapshot::Device;
use accel_snapshot::ErrorLimit;
use accel_snapshot::Link;
use accel_snapshot::Process;
use accel_snapshot::Sensor;
use accel_snapshot::Snapshot;
use accel_snapshot::State;
use accel_snapshot::units;
use accel_snapshot::units::ABSENT;

/// What stands for an answer that is not there at the moment.
const NOT_NOW: &str = "not available now";

/// Column of the values.
const COLUMN: usize = 36;

/// These sections of all devices.
pub fn detail(snapshot: &Snapshot, sections: &[Section]) -> String {
    let mut page = Page::default();
    page.line("Timestamp", accel_snapshot::timestamp(snapshot.time));
    page.line("Devices", snapshot.devices.len());
    for device in &snapshot.devices {
        page.text += "\n";
        page.below(format!("Accel {}", device.index), |page| {
            identity(page, device);
            if matches!(device.state, State::Gone | State::Unreadable) {
                return;
            }
            for section in sections::in_order(sections) {
                let (title, write) = writer(section);
                page.below(title, |page| write(page, device));
            }
        });
    }
    page.text
}

/// Indented lines.
#[derive(Default)]
struct Page {
    text: String,
    depth: usize,
}

impl Page {
    fn line(&mut self, key: impl AsRef<str>, value: impl ToString) {
        let indent = 4 * self.depth;
        let width = COLUMN.saturating_sub(indent);
        let (key, value) = (key.as_ref(), value.to_string());
        self.text += &format!("{:indent$}{key:<width$}: {value}\n", "");
    }

    fn below(&mut self, title: impl AsRef<str>, write: impl FnOnce(&mut Page)) {
        let indent = 4 * self.depth;
        self.text += &format!("{:indent$}{}\n", "", title.as_ref());
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    /// What `write` makes of an answer, or why there is none.
    fn answer<T>(&mut self, answer: &Answer<T>, write: impl FnOnce(&mut Page, &T)) {
        match answer {
            Answer::Here(answer) => write(self, answer),
            Answer::NotNow => self.line("State", NOT_NOW),
            Answer::Never => self.line("State", ABSENT),
        }
    }

    /// Likewise of each element of an array.
    fn each<T>(&mut self, answer: &Answer<Vec<T>>, write: impl Fn(&mut Page, usize, &T)) {
        self.answer(answer, |page, elements| {
            if elements.is_empty() {
                page.line("State", "none");
            }
            for (i, element) in elements.iter().enumerate() {
                write(page, i, element);
            }
        });
    }
}

fn names(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

fn or_absent(value: Option<impl ToString>) -> String {
    value.map_or(ABSENT.to_owned(), |value| value.to_string())
}

/// An id on a bus.
fn id(id: u32) -> String {
    format!("{id:#06x}")
}

fn identity(page: &mut Page, device: &Device) {
    page.line("State", device.state);
    if let Some(error) = &device.error {
        page.line("Error", error);
    }
    if let Some(who) = &device.identity {
        page.line("Product Name", &who.name);
        page.line("UUID", &who.uuid);
        page.line("Bus", &who.bus);
        page.line("Address", &who.address);
        page.line("Vendor Id", or_absent(who.vendor_id.map(id)));
        page.line("Device Id", or_absent(who.device_id.map(id)));
        page.line("NUMA Node", or_absent(who.numa_node));
        page.line("Driver", &who.driver);
        page.line("Driver Version", &who.driver_version);
        page.line("Subsystem Version", &who.core_version);
        page.line("Capabilities", names(&who.capabilities));
    }
    if let Answer::Here(resets) = device.resets {
        page.line("Resets", resets.count);
        page.line("Reset Epoch", resets.epoch);
    }
    if let Answer::Here(sleep) = device.sleep {
        page.line("Times Asleep", sleep.count);
        page.line("Asleep For", units::seconds(sleep.time));
    }
}

type Write = fn(&mut Page, &Device);

/// Title of a section, and what writes it.
fn writer(section: Section) -> (&'static str, Write) {
    match section {
        Section::Compute => ("Compute", compute),
        Section::Memory => ("Memory", memory),
        Section::Utilization => ("Utilization", utilization),
        Section::Ecc => ("ECC Errors", ecc),
        Section::RowRemapper => ("Row Remapper", row_remapper),
        Section::Temperature => ("Temperature", |page, device| {
            sensors(page, device, Section::Temperature)
        }),
        Section::Power => ("Power", |page, device| {
            sensors(page, device, Section::Power)
        }),
        Section::Clock => ("Clocks", |page, device| {
            sensors(page, device, Section::Clock)
        }),
        Section::Fan => ("Fans", |page, device| sensors(page, device, Section::Fan)),
        Section::Performance => ("Clocks Event Reasons", performance),
        Section::Firmware => ("Firmware", firmware),
        Section::Links => ("Links", |page, device| page.each(&device.links, link)),
        Section::Pids => ("Processes", |page, device| {
            page.each(&device.processes, process)
        }),
    }
}

fn compute(page: &mut Page, device: &Device) {
    page.answer(&device.clients, |page, clients| {
        page.line("Mode", clients.mode);
        page.line("Clients", clients.clients);
        page.line("Monitors", clients.monitors);
        page.line("Opened", clients.opens);
        page.line("Refused", clients.refused);
    });
}

fn memory(page: &mut Page, device: &Device) {
    page.each(&device.memory, |page, _, memory| {
        page.below(&memory.name, |page| {
            page.line("Kind", memory.kind);
            page.line("Total", or_absent(memory.size.map(units::bytes)));
            page.line("Used", units::bytes(memory.used));
            let free = memory.size.map(|size| size.saturating_sub(memory.used));
            page.line("Free", or_absent(free.map(units::bytes)));
            page.line(
                "Of That Being Cleared",
                or_absent(memory.dirty.map(units::bytes)),
            );
            page.line(
                "Visible To CPUs",
                or_absent(memory.visible.map(units::bytes)),
            );
        });
    });
}

fn utilization(page: &mut Page, device: &Device) {
    page.each(&device.engines, |page, _, engine| {
        page.below(&engine.name, |page| {
            page.line("Kind", engine.kind);
            page.line(
                "Utilization",
                or_absent(engine.utilization.map(units::percent)),
            );
            page.line("Jobs Queued", engine.queued);
            page.line("Jobs Completed", engine.completed);
            page.line("Jobs Failed", engine.failed);
            page.line("Busy With Jobs", units::seconds(engine.busy));
            if let Some(user) = &engine.user {
                page.line("Busy With User Queues", units::seconds(user.time));
                page.line("User Queues Failed", user.failed);
            }
        });
    });
}

fn ecc(page: &mut Page, device: &Device) {
    page.each(&device.errors, |page, _, block| {
        page.below(&block.name, |page| {
            page.line("Kind", block.kind);
            page.line("Corrected", block.corrected);
            page.line("Uncorrected", block.uncorrected);
        });
    });
    if let Some(limits) = device.error_limits.get() {
        let hours = limits.period.as_secs() / 3600;
        page.below(format!("Limits In {hours} Hours"), |page| {
            page.line("Corrected", limit(limits.corrected));
            page.line("Uncorrected", limit(limits.uncorrected));
        });
    }
}

fn limit(limit: Option<ErrorLimit>) -> String {
    match limit {
        Some(ErrorLimit { limit, recent }) => format!("{limit}, of late {recent}"),
        None => "none".to_owned(),
    }
}

fn row_remapper(page: &mut Page, device: &Device) {
    page.answer(&device.spares, |page, rows| {
        page.line("Pending", rows.pending);
        page.line("Retired", rows.retired);
        page.line("Stuck", rows.stuck);
        page.line("Spares Left", rows.spares);
    });
    if let Some(rows) = device.rows.get() {
        for row in rows {
            let region = device.memory.all().get(row.region as usize);
            let region = region.map_or("unknown region", |region| &region.name);
            page.line(
                format!("Row at {:#x} of {region}", row.address),
                format!("{}, {}", row.state, row.cause),
            );
        }
    }
}

fn sensors(page: &mut Page, device: &Device, section: Section) {
    page.answer(&device.sensors, |page, sensors| {
        let mut sensors = sensors
            .iter()
            .filter(|s| sections::of_sensor(s.kind) == section)
            .peekable();
        if sensors.peek().is_none() {
            page.line("State", ABSENT);
        }
        for sensor in sensors {
            one_sensor(page, sensor, section == Section::Power);
        }
    });
}

fn one_sensor(page: &mut Page, sensor: &Sensor, say_kind: bool) {
    let Sensor { label, kind, .. } = sensor;
    let name = match say_kind {
        true => format!("{label} {kind}"),
        false => label.clone(),
    };
    let shown = |value| units::sensor(*kind, value);
    page.line(&name, sensor.value.map_or(NOT_NOW.to_owned(), shown));
    if let Some(high) = sensor.high {
        page.line(format!("{name}, high"), shown(high));
    }
    if let Some(critical) = sensor.critical {
        page.line(format!("{name}, critical"), shown(critical));
    }
}

fn performance(page: &mut Page, device: &Device) {
    page.each(&device.throttle, |page, _, reason| {
        page.below(&reason.name, |page| {
            page.line("Kind", reason.reason);
            page.line(
                "State",
                if reason.active {
                    "Active"
                } else {
                    "Not Active"
                },
            );
            page.line("Count", reason.count);
            page.line("Time", units::seconds(reason.time));
        });
    });
}

fn firmware(page: &mut Page, device: &Device) {
    page.each(&device.firmware, |page, _, firmware| {
        page.below(&firmware.name, |page| {
            page.line("Version", or_absent(firmware.version.as_ref()));
            page.line(
                "State",
                or_absent(firmware.running.map(|running| match running {
                    true => "running",
                    false => "not running",
                })),
            );
            page.line("Restarts", firmware.restarts);
        });
    });
}

fn link(page: &mut Page, number: usize, link: &Link) {
    page.below(format!("Link {number}"), |page| {
        page.line("State", link.state);
        page.line("Peer UUID", or_absent(link.peer_uuid.as_ref()));
        page.line("Peer Link", or_absent(link.peer_link));
        page.line("Lanes", link.lanes);
        page.line("Speed", units::speed(link.speed));
        page.line("Sent", units::bytes(link.sent));
        page.line("Received", units::bytes(link.received));
        page.line("Damaged Frames", link.errors);
        page.line("Repeated Frames", link.replays);
        page.line("Losses", link.losses);
    });
}

fn process(page: &mut Page, _: usize, process: &Process) {
    page.below(format!("Client {}", process.client), |page| {
        page.line("PID", or_absent(process.pid));
        page.line("UID", process.uid);
        page.line("Name", &process.name);
        page.line(
            "Utilization",
            or_absent(process.utilization.map(units::percent)),
        );
        page.line("Engine Time", units::seconds(process.time()));
        page.line("Jobs", process.jobs);
        page.line("Failures", process.failed);
        page.line("System Memory", units::bytes(process.system));
        page.line("Device Memory", or_absent(process.local.map(units::bytes)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use accel_snapshot::samples;

    #[test]
    fn everything_is_said() {
        let expected = include_str!("../tests/golden/detail.txt");
        assert_eq!(detail(&samples::snapshot(), &[]), expected);
    }

    #[test]
    fn parts_are_chosen() {
        let text = detail(&samples::snapshot(), &[Section::Clock, Section::Clock]);
        assert_eq!(text.matches("Clocks\n").count(), 2);
        assert!(text.contains("core                        : 1200 MHz"));
        assert!(!text.contains("Temperature"));
    }
}
