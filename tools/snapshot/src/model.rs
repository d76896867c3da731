// SPDX-License-Identifier: GPL-2.0
//! What is known of the devices at one time: everything that is printed is made of this.
//!
//! As JSON it is described by `schema/snapshot.json`.

use std::time::Duration;
use std::time::SystemTime;

use accel::info;
use accel::info::SensorKind;
use serde::Serialize;
use serde::Serializer;

mod errors;
mod process;
mod sleep;

pub use errors::*;
pub use process::*;
pub use sleep::*;

/// Version of everything that is printed as JSON: raised when something changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// All devices at one time.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// In the order of their indices.
    pub devices: Vec<Device>,
}

/// What a device said when it was asked. JSON has null for [`NotNow`](Answer::NotNow), and nothing at
/// all for [`Never`](Answer::Never).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer<T> {
    /// This.
    Here(T),
    /// Nothing at the moment: it sleeps or is being reset.
    NotNow,
    /// It has no such thing, or does not tell us.
    #[default]
    Never,
}

impl<T> Answer<T> {
    /// The answer, if there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Answer::Here(answer) => Some(answer),
            _ => None,
        }
    }

    /// An answer made of this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Here(answer) => Answer::Here(change(answer)),
            Answer::NotNow => Answer::NotNow,
            Answer::Never => Answer::Never,
        }
    }

    /// Whether there never is an answer.
    pub fn is_never(&self) -> bool {
        matches!(self, Answer::Never)
    }
}

impl<T> Answer<Vec<T>> {
    /// What there is of an array.
    pub fn all(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As its health says.
    Health(info::Health),
    /// It sleeps, as nobody uses it.
    Asleep,
    /// It went away while it was asked.
    Gone,
    /// It could not be asked.
    Unreadable,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Health(health) => health.fmt(f),
            State::Asleep => f.pad("asleep"),
            State::Gone => f.pad("gone"),
            State::Unreadable => f.pad("unreadable"),
        }
    }
}

/// A device. Arrays have the order of the kernel.
#[derive(Debug, Serialize)]
pub struct Device {
    /// N of its nodes.
    pub index: u32,
    /// How it is.
    #[serde(serialize_with = "text")]
    pub state: State,
    /// Why it is unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who it is; absent if it was gone before it said so.
    #[serde(flatten)]
    pub identity: Option<Identity>,
    /// Resets.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub resets: Answer<Resets>,
    /// How it has slept.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub sleep: Answer<Sleep>,
    /// Clients, counted.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub clients: Answer<Clients>,
    /// Engines.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub engines: Answer<Vec<Engine>>,
    /// Memory regions.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub memory: Answer<Vec<Memory>>,
    /// Sensors.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub sensors: Answer<Vec<Sensor>>,
    /// Reasons why clocks may be lowered.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub throttle: Answer<Vec<Throttle>>,
    /// Errors, by block.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub errors: Answer<Vec<Errors>>,
    /// How many of them there may be.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub error_limits: Answer<ErrorLimits>,
    /// Bad rows.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub rows: Answer<Vec<Row>>,
    /// What is left to replace them.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub spares: Answer<Spares>,
    /// What runs on it.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub firmware: Answer<Vec<Firmware>>,
    /// Links.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub links: Answer<Vec<Link>>,
    /// Processes that use it, as far as we may see them.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub processes: Answer<Vec<Process>>,
}

impl Device {
    /// A device of which nothing is known but this.
    pub fn new(index: u32, state: State) -> Self {
        Device {
            index,
            state,
            error: None,
            identity: None,
            resets: Answer::Never,
            sleep: Answer::Never,
            clients: Answer::Never,
            engines: Answer::Never,
            memory: Answer::Never,
            sensors: Answer::Never,
            throttle: Answer::Never,
            errors: Answer::Never,
            error_limits: Answer::Never,
            rows: Answer::Never,
            spares: Answer::Never,
            firmware: Answer::Never,
            links: Answer::Never,
            processes: Answer::Never,
        }
    }

    /// How busy the busiest engine is, percent.
    pub fn utilization(&self) -> Option<f64> {
        let engines = self.engines.all().iter();
        engines
            .filter_map(|engine| engine.utilization)
            .reduce(f64::max)
    }

    /// The first sensor of a kind.
    pub fn sensor(&self, kind: SensorKind) -> Option<&Sensor> {
        self.sensors.all().iter().find(|sensor| sensor.kind == kind)
    }

    /// Bytes that are used of the device's own memory, and all bytes of it. A device that has none works in
    /// system memory, which is not its own: the second one is absent then.
    pub fn memory_used(&self) -> Option<(u64, Option<u64>)> {
        let own = || self.memory.all().iter().filter(|memory| memory.is_own());
        if own().next().is_none() {
            return Some((self.memory.all().first()?.used, None));
        }
        let used = own().map(|memory| memory.used).sum();
        Some((used, Some(own().filter_map(|memory| memory.size).sum())))
    }

    /// Bytes that a process has where the device works: in memory of its own, if it has any.
    pub fn used_memory(&self, process: &Process) -> u64 {
        match self.memory_used() {
            Some((_, Some(_))) => process.local.unwrap_or(0),
            _ => process.system,
        }
    }

    /// How many clients are not in [`processes`](Self::processes), as they are other users'.
    pub fn hidden_clients(&self) -> usize {
        let all = self.clients.get().map_or(0, |clients| clients.clients);
        let seen = self.processes.get().map_or(usize::MAX, Vec::len);
        (all as usize).saturating_sub(seen)
    }
}

/// Who a device is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identity {
    /// Product.
    pub name: String,
    /// The same at every boot.
    pub uuid: String,
    /// Name of its bus.
    pub bus: String,
    /// Its name there.
    pub address: String,
    /// Name of the driver.
    pub driver: String,
    /// Its version.
    pub driver_version: String,
    /// Version of the subsystem.
    pub core_version: String,
    /// Vendor id on the bus, if that has ids; 0 in JSON if not, as the following.
    #[serde(serialize_with = "id")]
    pub vendor_id: Option<u32>,
    /// Device id.
    #[serde(serialize_with = "id")]
    pub device_id: Option<u32>,
    /// NUMA node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_node: Option<u32>,
    /// What it can do, by name.
    pub capabilities: Vec<&'static str>,
}

/// How often a device was reset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resets {
    /// Resets of whatever part that ended, well or not.
    pub count: u64,
    /// How often all of it was reset, and worked afterwards.
    pub epoch: u32,
}

/// Who uses a device, counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Clients {
    /// Files open on the compute node.
    pub clients: u32,
    /// Files open on the monitor node.
    pub monitors: u32,
    /// Times that the compute node was opened.
    pub opens: u64,
    /// Of these, how often it was refused because it was taken.
    pub refused: u64,
    /// How many clients there may be.
    #[serde(serialize_with = "text")]
    pub mode: info::ComputeMode,
}

/// An engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Engine {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(serialize_with = "text")]
    pub kind: info::EngineKind,
    /// How busy it was in the period of measurement, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Jobs that wait for or run on it.
    pub queued: u32,
    /// Jobs that ended well.
    pub completed: u64,
    /// Jobs that ended otherwise.
    pub failed: u64,
    /// How long it worked for jobs.
    #[serde(rename = "busy_ns", serialize_with = "nanoseconds")]
    pub busy: Duration,
    /// What it did for user queues, if the device has any.
    #[serde(flatten)]
    pub user: Option<UserQueues>,
}

/// What an engine did for user queues.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserQueues {
    /// How long it worked for them.
    #[serde(rename = "user_ns", serialize_with = "nanoseconds")]
    pub time: Duration,
    /// How many failed.
    #[serde(rename = "user_failed")]
    pub failed: u64,
}

/// A memory region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Its name.
    pub name: String,
    /// Where it is.
    #[serde(serialize_with = "text")]
    pub kind: info::MemoryKind,
    /// Bytes.
    #[serde(rename = "size_bytes", skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Bytes that buffers take.
    #[serde(rename = "used_bytes")]
    pub used: u64,
    /// Bytes that nobody uses, but that are not overwritten yet.
    #[serde(rename = "dirty_bytes", skip_serializing_if = "Option::is_none")]
    pub dirty: Option<u64>,
    /// Bytes that CPUs can reach.
    #[serde(rename = "visible_bytes", skip_serializing_if = "Option::is_none")]
    pub visible: Option<u64>,
}

impl Memory {
    /// Whether it is the device's own.
    pub fn is_own(&self) -> bool {
        self.kind == info::MemoryKind::Device
    }
}

/// A sensor; numbers have the unit of its kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensor {
    /// What it is at.
    pub label: String,
    /// What it measures.
    #[serde(serialize_with = "text")]
    pub kind: SensorKind,
    /// Name of the unit.
    pub unit: &'static str,
    /// What it says; null while it cannot be read.
    pub value: Option<f64>,
    /// From here on clocks are lowered; the highest clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// From here on it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
}

/// A reason why clocks may be lowered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throttle {
    /// Which one.
    pub name: String,
    /// Of which kind.
    #[serde(serialize_with = "text")]
    pub reason: info::ThrottleReason,
    /// Whether it is there.
    pub active: bool,
    /// How often it came.
    pub count: u64,
    /// How long it was there.
    #[serde(rename = "time_ns", serialize_with = "nanoseconds")]
    pub time: Duration,
}

/// Something that runs on a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Firmware {
    /// Which one.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// How often it died and was brought back.
    pub restarts: u64,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// How it is.
    #[serde(serialize_with = "text")]
    pub state: info::LinkState,
    /// UUID of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_uuid: Option<String>,
    /// Number of the link there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_link: Option<u32>,
    /// Lanes in use.
    pub lanes: u32,
    /// Each way.
    #[serde(rename = "bits_per_second")]
    pub speed: u64,
    /// Bytes sent.
    #[serde(rename = "sent_bytes")]
    pub sent: u64,
    /// Bytes received.
    #[serde(rename = "received_bytes")]
    pub received: u64,
    /// Damaged frames.
    pub errors: u64,
    /// Frames sent again.
    pub replays: u64,
    /// How often it was lost.
    pub losses: u64,
}

fn text<S: Serializer>(value: impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&value)
}

fn id<S: Serializer>(value: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u32(value.unwrap_or(0))
}

fn nanoseconds<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
}

fn nanoseconds_if_any<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => nanoseconds(value, to),
        None => to.serialize_none(),
    }
}

/// A time of the day: RFC 3339, UTC.
pub fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// A time of the day, as JSON.
///
/// # Errors
///
/// Those of the serializer.
pub fn rfc3339<S: Serializer>(value: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&timestamp(*value))
}
