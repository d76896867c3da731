// SPDX-License-Identifier: GPL-2.0
//! What the library says, as the model has it.

use accel::info;

use crate::model::Clients;
use crate::model::Engine;
use crate::model::ErrorLimit;
use crate::model::ErrorLimits;
use crate::model::Errors;
use crate::model::Firmware;
use crate::model::Identity;
use crate::model::Link;
use crate::model::Memory;
use crate::model::Process;
use crate::model::Row;
use crate::model::Sensor;
use crate::model::Sleep;
use crate::model::Spares;
use crate::model::Throttle;
use crate::model::UserQueues;

impl From<info::Device> for Identity {
    fn from(device: info::Device) -> Self {
        Identity {
            name: device.name,
            uuid: device.uuid.to_string(),
            bus: device.bus,
            address: device.address,
            driver: device.driver,
            driver_version: device.driver_version.to_string(),
            core_version: device.core_version.to_string(),
            vendor_id: device.vendor,
            device_id: device.device,
            numa_node: device.numa_node,
            capabilities: capabilities(device.can),
        }
    }
}

fn capabilities(can: info::Capabilities) -> Vec<&'static str> {
    let all = [
        (can.exclusive, "exclusive"),
        (can.address_spaces, "address-spaces"),
        (can.user_queues, "user-queues"),
        (can.prepared_jobs, "prepared-jobs"),
        (can.sleeps, "sleeps"),
    ];
    let has = all.into_iter().filter(|(has, _)| *has);
    has.map(|(_, name)| name).collect()
}

impl From<info::Clients> for Clients {
    fn from(clients: info::Clients) -> Self {
        Clients {
            clients: clients.clients,
            monitors: clients.monitors,
            opens: clients.opens,
            refused: clients.refused,
            mode: clients.mode,
        }
    }
}

impl Engine {
    /// An engine that was so busy, of a device that can do that.
    pub fn new(utilization: Option<f64>, engine: info::Engine, can: info::Capabilities) -> Self {
        let user = engine.user(can).map(|user| UserQueues {
            time: user.time,
            failed: user.failed,
        });
        Engine {
            name: engine.name,
            kind: engine.kind,
            utilization,
            queued: engine.queued,
            completed: engine.completed,
            failed: engine.failed,
            busy: engine.busy,
            user,
        }
    }
}

impl From<info::Memory> for Memory {
    fn from(memory: info::Memory) -> Self {
        Memory {
            name: memory.name,
            kind: memory.kind,
            size: memory.size,
            used: memory.used,
            dirty: memory.region.map(|region| region.dirty),
            visible: memory.region.map(|region| region.visible),
        }
    }
}

impl From<info::Sensor> for Sensor {
    fn from(sensor: info::Sensor) -> Self {
        let unit = sensor.kind.unit();
        let per = unit.map_or(1, |unit| unit.per);
        let scaled = |number: Option<i64>| number.map(|number| number as f64 / f64::from(per));
        Sensor {
            label: sensor.label,
            kind: sensor.kind,
            unit: unit.map_or("unknown", |unit| unit.name),
            value: scaled(sensor.value),
            high: scaled(sensor.high),
            critical: scaled(sensor.critical),
        }
    }
}

impl From<info::Sleep> for Sleep {
    fn from(sleep: info::Sleep) -> Self {
        Sleep {
            count: sleep.count,
            time: sleep.time,
        }
    }
}

impl From<info::Throttle> for Throttle {
    fn from(throttle: info::Throttle) -> Self {
        Throttle {
            name: throttle.name,
            reason: throttle.reason,
            active: throttle.active,
            count: throttle.count,
            time: throttle.time,
        }
    }
}

impl From<info::Errors> for Errors {
    fn from(errors: info::Errors) -> Self {
        Errors {
            name: errors.name,
            kind: errors.kind,
            corrected: errors.corrected,
            uncorrected: errors.uncorrected,
        }
    }
}

impl From<info::ErrorLimits> for ErrorLimits {
    fn from(limits: info::ErrorLimits) -> Self {
        let limit = |limit: info::ErrorLimit| ErrorLimit {
            limit: limit.limit,
            recent: limit.recent,
        };
        ErrorLimits {
            period: limits.period,
            corrected: limits.corrected.map(limit),
            uncorrected: limits.uncorrected.map(limit),
        }
    }
}

impl From<info::Row> for Row {
    fn from(row: info::Row) -> Self {
        Row {
            region: row.region,
            address: row.address,
            state: row.state,
            cause: row.cause,
        }
    }
}

impl From<info::Spares> for Spares {
    fn from(spares: info::Spares) -> Self {
        Spares {
            pending: spares.pending,
            retired: spares.retired,
            stuck: spares.stuck,
            spares: spares.spares,
        }
    }
}

impl From<info::Firmware> for Firmware {
    fn from(firmware: info::Firmware) -> Self {
        Firmware {
            name: firmware.name,
            version: firmware.version,
            running: firmware.running,
            restarts: firmware.restarts,
        }
    }
}

impl From<info::Link> for Link {
    fn from(link: info::Link) -> Self {
        Link {
            state: link.state,
            peer_uuid: link.peer.map(|peer| peer.uuid.to_string()),
            peer_link: link.peer.map(|peer| peer.link),
            lanes: link.lanes,
            speed: link.speed,
            sent: link.sent,
            received: link.received,
            errors: link.errors,
            replays: link.replays,
            losses: link.losses,
        }
    }
}

impl Process {
    /// A process that had so much engine time, of a device that can do that and has memory of its own.
    pub fn new(utilization: Option<f64>, client: info::Client, can: info::Capabilities) -> Self {
        let user = client.user(can);
        Process {
            client: client.client,
            pid: client.pid,
            uid: client.uid,
            name: client.name,
            utilization,
            busy: client.busy,
            user,
            jobs: client.jobs,
            failed: client.failed,
            system: client.system,
            local: Some(client.local),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_are_in_units_without_prefix() {
        let sensor = Sensor::from(info::Sensor {
            label: "board".into(),
            kind: info::SensorKind::Power,
            value: None,
            high: Some(75_000_000),
            critical: None,
        });
        assert_eq!((sensor.unit, sensor.high), ("watts", Some(75.0)));
        assert_eq!((sensor.value, sensor.critical), (None, None));
    }
}
