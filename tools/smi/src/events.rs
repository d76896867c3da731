// SPDX-License-Identifier: GPL-2.0
//! What happened to devices: `events`.
//!
//! As JSON it is described by `schema/event.json`.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use accel::Monitor;
use accel::event::Event;
use accel::event::Filter;
use accel::event::What;
use accel::info;
use accel::info::Info;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::cli;
use crate::find;
use crate::find::Found;
use accel_snapshot::Identity;
use accel_snapshot::SCHEMA;
use accel_snapshot::units;

/// Print the events of these devices.
///
/// # Errors
///
/// If a device cannot be read, or the output cannot be written.
pub fn print(asked: &cli::Events, devices: Vec<Found>, to: &mut dyn Write) -> anyhow::Result<()> {
    let sources = devices
        .into_iter()
        .map(|found| Source::new(found, filter(asked)));
    let sources = find::of_those_left(sources)?;
    let mut print = |line: Line| {
        match asked.json {
            true => writeln!(to, "{}", serde_json::to_string(&line)?)?,
            false => writeln!(to, "{line}")?,
        }
        Ok::<_, anyhow::Error>(to.flush()?)
    };

    let mut lines = Vec::new();
    for source in &sources {
        while let Some(event) = source.monitor.pending_event()? {
            lines.push(source.line(&event));
        }
    }
    lines.sort_by_key(|line| line.time);
    lines.into_iter().try_for_each(&mut print)?;
    if asked.follow {
        follow(sources)
            .into_iter()
            .try_for_each(|line| print(line?))?;
    }
    Ok(())
}

fn filter(asked: &cli::Events) -> Filter {
    let mut filter = Filter::ALL;
    if !asked.kind.is_empty() {
        filter = filter.only(&asked.kind);
    }
    if let Some(severity) = asked.severity {
        filter = filter.at_least(severity);
    }
    filter
}

/// The events of all devices as they come, until all devices are gone.
fn follow(sources: Vec<Source>) -> mpsc::Receiver<accel::Result<Line>> {
    let (sender, receiver) = mpsc::channel();
    for source in sources {
        let sender = sender.clone();
        thread::spawn(move || {
            for event in source.monitor.events() {
                // Nobody listens any more: the program ends.
                if sender.send(event.map(|event| source.line(&event))).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// A device whose events are read.
struct Source {
    index: u32,
    uuid: Option<String>,
    monitor: Monitor,
    names: Names,
}

impl Source {
    fn new(found: Found, filter: Filter) -> accel::Result<Self> {
        let monitor = found.monitor?;
        monitor.filter(filter)?;
        Ok(Source {
            index: found.node.index(),
            uuid: found.identity.map(|Identity { uuid, .. }| uuid),
            names: Names::of(&monitor),
            monitor,
        })
    }

    fn line(&self, event: &Event) -> Line {
        Line {
            schema: SCHEMA,
            index: self.index,
            uuid: self.uuid.clone(),
            sequence: event.sequence,
            time: time_of_day(event.time),
            time_ns: u64::try_from(event.time.as_nanos()).unwrap_or(u64::MAX),
            severity: event.severity.to_string(),
            kind: event.kind.to_string(),
            engine: event
                .engine
                .map(|engine| name(&self.names.engines, engine.into())),
            client: event.client,
            context: event.context,
            queue: event.queue,
            data: data(&event.what, &self.names),
            text: text(&event.what, &self.names),
        }
    }
}

/// The time of the day that a time of CLOCK_MONOTONIC was.
fn time_of_day(monotonic: Duration) -> SystemTime {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::try_from(now).unwrap_or_default();
    SystemTime::now() - now.saturating_sub(monotonic)
}

/// The names of what events tell numbers of.
#[derive(Default)]
struct Names {
    engines: Vec<String>,
    regions: Vec<String>,
    blocks: Vec<String>,
    reasons: Vec<String>,
}

impl Names {
    /// Those of a device, as far as it tells.
    fn of(device: &impl Info) -> Self {
        let engines: Vec<info::Engine> = device.list().unwrap_or_default();
        let regions: Vec<info::Memory> = device.list().unwrap_or_default();
        let blocks: Vec<info::Errors> = device.list().unwrap_or_default();
        let reasons: Vec<info::Throttle> = device.list().unwrap_or_default();
        Names {
            engines: engines.into_iter().map(|engine| engine.name).collect(),
            regions: regions.into_iter().map(|region| region.name).collect(),
            blocks: blocks.into_iter().map(|block| block.name).collect(),
            reasons: reasons.into_iter().map(|reason| reason.name).collect(),
        }
    }

    /// Those of a mask of reasons.
    fn reasons(&self, mask: u64) -> Vec<String> {
        let bits = (0..u64::BITS).filter(|bit| mask >> bit & 1 != 0);
        bits.map(|bit| name(&self.reasons, bit.into())).collect()
    }
}

fn name(names: &[String], number: u64) -> String {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    names
        .get(index)
        .cloned()
        .unwrap_or_else(|| number.to_string())
}

/// An event, as it is printed.
#[derive(Debug, Serialize)]
struct Line {
    schema: u32,
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    sequence: u64,
    #[serde(serialize_with = "accel_snapshot::rfc3339")]
    time: SystemTime,
    time_ns: u64,
    severity: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<u32>,
    /// What depends on the kind.
    data: Value,
    #[serde(skip)]
    text: String,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = accel_snapshot::timestamp(self.time);
        write!(f, "{time} accel{} #{} ", self.index, self.sequence)?;
        write!(f, "{} {}: {}", self.severity, self.kind, self.text)?;
        if let Some(engine) = &self.engine {
            write!(f, ", engine {engine}")?;
        }
        if let Some(client) = self.client {
            write!(f, ", client {client}")?;
        }
        match self.queue {
            Some(queue) => write!(f, ", queue {queue}"),
            None => Ok(()),
        }
    }
}

fn data(what: &What, names: &Names) -> Value {
    match what {
        What::Dropped(count) => json!({ "count": count }),
        What::Health { now, before } => {
            json!({ "health": now.to_string(), "before": before.to_string() })
        }
        What::Reset {
            error,
            epoch,
            reason,
        } => {
            let mut data = json!({ "epoch": epoch, "reason": reason.to_string() });
            if let Some(error) = error {
                data["error"] = error.to_string().into();
            }
            data
        }
        What::Timeout { job } => json!({ "job": job }),
        What::Fault {
            fault,
            address,
            job,
        } => {
            json!({ "fault": fault.to_string(), "address": address, "job": job })
        }
        What::Error {
            block,
            address,
            count,
        } => {
            json!({ "block": name(&names.blocks, *block), "address": address, "count": count })
        }
        What::Throttle(mask) => json!({ "reasons": names.reasons(*mask) }),
        What::Link { index, state } => json!({ "link": index, "state": state.to_string() }),
        What::Firmware(code) => json!({ "code": code }),
        What::Client { came } => json!({ "came": came }),
        What::Memory {
            region,
            wanted,
            free,
        } => {
            let mut data = json!({ "region": name(&names.regions, *region), "free_bytes": free });
            if let Some(wanted) = wanted {
                data["wanted_bytes"] = (*wanted).into();
            }
            data
        }
        What::Limit {
            uncorrected,
            count,
            limit,
        } => json!({ "uncorrected": uncorrected, "count": count, "limit": limit }),
        What::Unknown(data) => json!({ "data": data }),
        // What the library may know one day, and this program does not.
        _ => json!({}),
    }
}

fn text(what: &What, names: &Names) -> String {
    match what {
        What::Dropped(count) => format!("{count} events were not read in time"),
        What::Health { now, before } => format!("{now}, it was {before}"),
        What::Reset {
            error: None,
            epoch,
            reason,
        } => format!("the device works, epoch {epoch}, because of {reason}"),
        What::Reset {
            error: Some(error),
            reason,
            ..
        } => format!("it did not help: {error}, because of {reason}"),
        What::Timeout { job } => format!("job {job} took too long"),
        What::Fault {
            fault,
            address,
            job,
        } => match job {
            Some(job) => format!("job {job}: {fault} at {address:#x}"),
            None => format!("user queue: {fault} at {address:#x}"),
        },
        What::Error {
            block,
            address,
            count,
        } => {
            format!("{count} in {} at {address:#x}", name(&names.blocks, *block))
        }
        What::Throttle(0) => "clocks are not lowered any more".to_owned(),
        What::Throttle(mask) => format!("clocks are lowered: {}", names.reasons(*mask).join(", ")),
        What::Link { index, state } => format!("link {index} is {state}"),
        What::Firmware(0) => "it works again".to_owned(),
        What::Firmware(code) => format!("code {code}"),
        What::Client { came: true } => "came".to_owned(),
        What::Client { came: false } => "went".to_owned(),
        What::Memory {
            region,
            wanted,
            free,
        } => format!(
            "no room for {} in {}, where {} are free",
            wanted.map_or_else(|| "a buffer".to_owned(), units::bytes),
            name(&names.regions, *region),
            units::bytes(*free)
        ),
        What::Limit {
            uncorrected: false,
            count,
            limit,
        } => format!("{count} errors corrected of late, more than {limit}"),
        What::Limit {
            uncorrected: true,
            count,
            limit,
        } => format!("{count} uncorrected errors of late, more than {limit}: it is isolated"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
pub mod tests {
    use accel::event::Kind;
    use accel::event::ResetReason;
    use accel::event::Severity;

    use super::*;

    fn line(kind: Kind, what: What) -> Line {
        let names = Names {
            blocks: vec!["memory".into()],
            reasons: vec!["die".into(), "board".into()],
            ..Names::default()
        };
        Line {
            schema: SCHEMA,
            index: 0,
            uuid: Some("5eed0000-0000-4000-8000-000000000000".into()),
            sequence: 12,
            time: SystemTime::UNIX_EPOCH,
            time_ns: 5_000_000_000,
            severity: Severity::Warning.to_string(),
            kind: kind.to_string(),
            engine: None,
            client: Some(7),
            context: Some(9),
            queue: Some(1),
            data: data(&what, &names),
            text: text(&what, &names),
        }
    }

    /// One event of each shape, as JSON.
    pub fn samples() -> Vec<Value> {
        let whats = [
            (Kind::Dropped, What::Dropped(3)),
            (
                Kind::Health,
                What::Health {
                    now: info::Health::Wedged,
                    before: info::Health::Resetting,
                },
            ),
            (
                Kind::Reset,
                What::Reset {
                    error: None,
                    epoch: 2,
                    reason: ResetReason::Administrator,
                },
            ),
            (
                Kind::Reset,
                What::Reset {
                    error: Some(accel::error::Cause::Failed),
                    epoch: 2,
                    reason: ResetReason::Job,
                },
            ),
            (Kind::Timeout, What::Timeout { job: 5 }),
            (
                Kind::Fault,
                What::Fault {
                    fault: 3.into(),
                    address: 0x1000,
                    job: None,
                },
            ),
            (
                Kind::Error,
                What::Error {
                    block: 0,
                    address: 64,
                    count: 2,
                },
            ),
            (Kind::Throttle, What::Throttle(2)),
            (
                Kind::Link,
                What::Link {
                    index: 1,
                    state: info::LinkState::Down,
                },
            ),
            (Kind::Firmware, What::Firmware(1)),
            (Kind::Client, What::Client { came: true }),
            (
                Kind::Memory,
                What::Memory {
                    region: 0,
                    wanted: Some(4096),
                    free: 0,
                },
            ),
            (Kind::Unknown(40), What::Unknown([1, 2, 3])),
        ];
        let lines = whats.into_iter().map(|(kind, what)| line(kind, what));
        lines
            .map(|line| serde_json::to_value(&line).unwrap())
            .collect()
    }

    #[test]
    fn numbers_have_names_if_they_are_known() {
        let error = What::Error {
            block: 0,
            address: 64,
            count: 2,
        };
        assert_eq!(
            line(Kind::Error, error).to_string(),
            "1970-01-01T00:00:00.000Z accel0 #12 warning error: 2 in memory at 0x40, client 7, queue 1"
        );
        let throttle = line(Kind::Throttle, What::Throttle(0b110));
        assert_eq!(throttle.text, "clocks are lowered: board, 2");
        assert_eq!(throttle.data, json!({ "reasons": ["board", "2"] }));
    }

    #[test]
    fn times_are_those_of_the_day() {
        let now = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap();
        let earlier = time_of_day(now - Duration::from_secs(2));
        let passed = SystemTime::now().duration_since(earlier).unwrap();
        assert!((1900..5000).contains(&passed.as_millis()), "{passed:?}");
    }
}
