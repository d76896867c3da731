// SPDX-License-Identifier: GPL-2.0
//! Asks devices, again and again: makes snapshots of what they say.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use accel::Monitor;
use accel::Result;
use accel::device::Node;
use accel::error::Cause;
use accel::info;
use accel::info::Array;
use accel::info::Health;
use accel::info::Info;

use crate::model::Answer;
use crate::model::Device;
use crate::model::Engine;
use crate::model::Identity;
use crate::model::Memory;
use crate::model::Process;
use crate::model::Resets;
use crate::model::SCHEMA;
use crate::model::Snapshot;
use crate::model::State;

/// Devices, and what they said last.
pub struct Collector {
    watches: BTreeMap<u32, Watch>,
    period: Duration,
}

impl Collector {
    /// One that measures utilisation over `period` at first.
    pub fn new(period: Duration) -> Self {
        Collector {
            watches: BTreeMap::new(),
            period,
        }
    }

    /// How the devices are now. Waits for a period if there is one whose utilisation is not known yet.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it cannot be told which devices there are.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let nodes = accel::device::nodes()?;
        let mut is_new = false;
        for node in nodes {
            self.watches.entry(node.index()).or_insert_with(|| {
                is_new = true;
                Watch::new(node)
            });
        }
        if is_new {
            thread::sleep(self.period);
        }
        let time = SystemTime::now();
        let devices: Vec<_> = self.watches.values_mut().map(Watch::ask).collect();
        // Those that are gone are told of once.
        self.watches.retain(|index, _| {
            devices
                .iter()
                .any(|d| d.index == *index && d.state != State::Gone)
        });
        Ok(Snapshot {
            schema: SCHEMA,
            time,
            devices,
        })
    }
}

/// One device, and who it said it is.
pub struct Watch {
    node: Node,
    monitor: Result<Monitor>,
    identity: Option<Identity>,
    before: Times,
}

impl Watch {
    /// One of the device of these nodes.
    pub fn new(node: Node) -> Self {
        let mut watch = Watch {
            node,
            monitor: node.open_monitor(),
            identity: None,
            before: Times::default(),
        };
        if let Ok(monitor) = &watch.monitor {
            // Whoever it is that cannot say so now will be asked again.
            if let Ok(who) = monitor.info::<info::Device>() {
                let engines = monitor.list().unwrap_or_default();
                let clients = monitor.list().unwrap_or_default();
                watch.before = Times::new(&engines, &clients, who.can);
                watch.identity = Some(who.into());
            }
        }
        watch
    }

    /// How the device is now. It is open from the first time that it could be opened.
    pub fn ask(&mut self) -> Device {
        if self.monitor.is_err() {
            self.monitor = self.node.open_monitor();
        }
        let mut device = Device::new(self.node.index(), State::Unreadable);
        let told = match &self.monitor {
            Ok(monitor) => tell(monitor, &mut self.before, &mut device),
            Err(error) => Err(error.clone()),
        };
        if let Err(error) = told {
            device = Device::new(self.node.index(), State::Unreadable);
            match error.cause() {
                Some(Cause::Gone | Cause::NotFound) => device.state = State::Gone,
                _ => device.error = Some(error.to_string()),
            }
        }
        if device.identity.is_some() {
            self.identity.clone_from(&device.identity);
        }
        device.identity.clone_from(&self.identity);
        device
    }
}

/// Ask a device for everything.
fn tell(monitor: &impl Info, before: &mut Times, device: &mut Device) -> Result<()> {
    let who = monitor.info::<info::Device>()?;
    let can = who.can;
    device.identity = Some(who.into());
    let status: info::Status = monitor.info()?;
    let sleep = answer(monitor.info::<info::Sleep>())?;
    let is_asleep = sleep.get().is_some_and(|sleep| sleep.since.is_some());
    device.state = match status.health {
        Health::Operational if is_asleep => State::Asleep,
        health => State::Health(health),
    };
    device.resets = Answer::Here(Resets {
        count: status.resets,
        epoch: status.epoch,
    });
    device.sleep = sleep.map(Into::into);
    device.clients = answer(monitor.info::<info::Clients>())?.map(Into::into);
    device.memory = array::<info::Memory, _>(monitor)?;
    device.sensors = array::<info::Sensor, _>(monitor)?;
    device.throttle = array::<info::Throttle, _>(monitor)?;
    device.errors = array::<info::Errors, _>(monitor)?;
    device.error_limits = answer(monitor.info::<info::ErrorLimits>())?.map(Into::into);
    device.rows = array::<info::Row, _>(monitor)?;
    device.spares = answer(monitor.info::<info::Spares>())?.map(Into::into);
    device.firmware = array::<info::Firmware, _>(monitor)?;
    device.links = array::<info::Link, _>(monitor)?;

    let engines = answer(monitor.list::<info::Engine>())?;
    let clients = answer(monitor.list::<info::Client>())?;
    let now = Times::new(engines.all(), clients.all(), can);
    device.engines = engines.map(|engines| {
        let busy = |engine: &info::Engine| now.utilization_of_engine(before, &engine.name);
        engines
            .into_iter()
            .map(|engine| Engine::new(busy(&engine), engine, can))
            .collect()
    });
    device.processes = clients.map(|clients| {
        let busy = |client: &info::Client| now.utilization_of_client(before, client.client);
        clients
            .into_iter()
            .map(|client| Process::new(busy(&client), client, can))
            .collect()
    });
    *before = now;
    leave_out(device);
    Ok(())
}

/// Has nothing be there of memory that a device does not have.
fn leave_out(device: &mut Device) {
    let has_memory = device.memory.all().iter().any(Memory::is_own);
    if let Answer::Here(processes) = &mut device.processes {
        for process in processes {
            process.local = process.local.filter(|_| has_memory);
        }
    }
}

fn array<K: Array, T: From<K>>(monitor: &impl Info) -> Result<Answer<Vec<T>>> {
    let array = answer(monitor.list::<K>())?;
    Ok(array.map(|elements| elements.into_iter().map(T::from).collect()))
}

/// What a failure to ask for one kind means.
///
/// # Errors
///
/// Those that are of the device as a whole.
pub fn answer<T>(result: Result<T>) -> Result<Answer<T>> {
    match result {
        Ok(answer) => Ok(Answer::Here(answer)),
        Err(error) => match error.cause() {
            Some(Cause::Unsupported | Cause::Privilege) => Ok(Answer::Never),
            Some(Cause::Resetting) => Ok(Answer::NotNow),
            _ => Err(error),
        },
    }
}

/// How long engines had worked at one time, and for whom.
#[derive(Default)]
struct Times {
    at: Option<Instant>,
    engines: HashMap<String, Duration>,
    clients: HashMap<u64, Duration>,
}

impl Times {
    fn new(engines: &[info::Engine], clients: &[info::Client], can: info::Capabilities) -> Self {
        let of_engine =
            |engine: &info::Engine| engine.user(can).map_or(Duration::ZERO, |user| user.time);
        let of_client = |client: &info::Client| client.user(can).unwrap_or_default();
        let engines = engines.iter();
        let clients = clients.iter();
        Times {
            at: Some(Instant::now()),
            engines: engines
                .map(|engine| (engine.name.clone(), engine.busy + of_engine(engine)))
                .collect(),
            clients: clients
                .map(|client| (client.client, client.busy + of_client(client)))
                .collect(),
        }
    }

    /// Percent of the time since `before`. An engine may do packets of user queues while a job is on it,
    /// and is not busier than busy then.
    fn utilization_of_engine(&self, before: &Times, name: &str) -> Option<f64> {
        let worked = self
            .engines
            .get(name)?
            .checked_sub(*before.engines.get(name)?)?;
        Some(self.share(before, worked)?.min(100.0))
    }

    /// Likewise, of one engine: a client that keeps two of them busy has 200 %.
    fn utilization_of_client(&self, before: &Times, client: u64) -> Option<f64> {
        let worked = self
            .clients
            .get(&client)?
            .checked_sub(*before.clients.get(&client)?)?;
        self.share(before, worked)
    }

    fn share(&self, before: &Times, worked: Duration) -> Option<f64> {
        let passed = self.at?.checked_duration_since(before.at?)?;
        (!passed.is_zero()).then(|| 100.0 * worked.as_secs_f64() / passed.as_secs_f64())
    }
}

/// Whether a device could not be asked, for a reason that is worth a word on the standard error.
pub fn complaints(snapshot: &Snapshot) -> impl Iterator<Item = String> + '_ {
    snapshot.devices.iter().filter_map(|device| {
        let error = device.error.as_ref()?;
        Some(format!("device {}: {error}", device.index))
    })
}

#[cfg(test)]
mod tests;
