// SPDX-License-Identifier: GPL-2.0
//! Devices that are made up, for tests: one that has everything, one that has little, one that went away.

use std::time::Duration;
use std::time::SystemTime;

use accel::info;

use crate::model::Answer;
use crate::model::Clients;
use crate::model::Device;
use crate::model::Engine;
use crate::model::ErrorLimit;
use crate::model::ErrorLimits;
use crate::model::Errors;
use crate::model::Firmware;
use crate::model::Identity;
use crate::model::Link;
use crate::model::Memory;
use crate::model::Process;
use crate::model::Resets;
use crate::model::Row;
use crate::model::SCHEMA;
use crate::model::Sensor;
use crate::model::Sleep;
use crate::model::Snapshot;
use crate::model::Spares;
use crate::model::State;
use crate::model::Throttle;
use crate::model::UserQueues;

/// A card, an NPU that sleeps, and one that went away.
pub fn snapshot() -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_325_400_123),
        devices: vec![card(), npu(), Device::new(2, State::Gone)],
    }
}

/// A device that has everything.
pub fn card() -> Device {
    Device {
        identity: Some(identity(0, "QDA card", "accel_qda", 0x10)),
        resets: Answer::Here(Resets { count: 3, epoch: 2 }),
        sleep: slept(0),
        clients: clients(3),
        engines: Answer::Here(vec![
            engine("tensor0", info::EngineKind::Compute, Some(62.6)),
            engine("copy0", info::EngineKind::Copy, Some(0.0)),
        ]),
        memory: Answer::Here(vec![
            system_memory(2 << 20),
            Memory {
                name: "device".into(),
                kind: info::MemoryKind::Device,
                size: Some(64 << 20),
                used: (12 << 20) + 4096,
                dirty: Some(1 << 20),
                visible: Some(16 << 20),
            },
        ]),
        sensors: Answer::Here(sensors()),
        throttle: Answer::Here(vec![
            throttle("die", info::ThrottleReason::Temperature, false),
            throttle("board", info::ThrottleReason::Power, true),
        ]),
        errors: Answer::Here(vec![Errors {
            name: "memory".into(),
            kind: info::BlockKind::Memory,
            corrected: 5,
            uncorrected: 1,
        }]),
        error_limits: Answer::Here(ErrorLimits {
            period: Duration::from_secs(86_400),
            corrected: None,
            uncorrected: Some(ErrorLimit {
                limit: 10,
                recent: 1,
            }),
        }),
        rows: Answer::Here(vec![Row {
            region: 1,
            address: 0x2_0000,
            state: info::RowState::Pending,
            cause: info::RowCause::Uncorrected,
        }]),
        spares: Answer::Here(Spares {
            pending: 1,
            retired: 0,
            stuck: 0,
            spares: 7,
        }),
        firmware: Answer::Here(vec![Firmware {
            name: "card".into(),
            version: Some("1.2.3".into()),
            running: Some(true),
            restarts: 1,
        }]),
        links: Answer::Here(vec![
            link(Some("5eed0000-0000-4000-8000-000000000001")),
            link(None),
        ]),
        processes: Answer::Here(vec![
            process(17, Some(411), "accel-serve", 12 << 20, Some(62.6)),
            process(18, None, "accel-train", 4096, None),
        ]),
        ..Device::new(0, State::Health(info::Health::Operational))
    }
}

/// A device of an older kernel, or of a simpler kind, that sleeps.
pub fn npu() -> Device {
    Device {
        identity: Some(identity(1, "Arm Ethos-U65-256", "accel_ethosu", 0x11)),
        resets: Answer::Here(Resets { count: 0, epoch: 0 }),
        sleep: slept(4),
        clients: clients(0),
        engines: Answer::Here(vec![engine("npu", info::EngineKind::Inference, Some(0.0))]),
        memory: Answer::Here(vec![system_memory(0)]),
        links: Answer::NotNow,
        ..Device::new(1, State::Asleep)
    }
}

fn slept(count: u32) -> Answer<Sleep> {
    Answer::Here(Sleep {
        count: count.into(),
        time: count * Duration::from_millis(1500),
    })
}

fn identity(index: u32, name: &str, driver: &str, device_id: u32) -> Identity {
    Identity {
        name: name.into(),
        uuid: format!("5eed0000-0000-4000-8000-{index:012}"),
        bus: "pci".into(),
        address: format!("0000:{:02x}:00.0", 3 + index),
        driver: driver.into(),
        driver_version: "0.1".into(),
        core_version: "0.1".into(),
        vendor_id: Some(0x1b36),
        device_id: Some(device_id),
        numa_node: (index == 0).then_some(0),
        capabilities: vec!["address-spaces", "sleeps"],
    }
}

fn clients(clients: u32) -> Answer<Clients> {
    Answer::Here(Clients {
        clients,
        monitors: 1,
        opens: 9,
        refused: 0,
        mode: info::ComputeMode::Shared,
    })
}

fn engine(name: &str, kind: info::EngineKind, utilization: Option<f64>) -> Engine {
    Engine {
        name: name.into(),
        kind,
        utilization,
        queued: 2,
        completed: 1000,
        failed: 1,
        busy: Duration::from_millis(2500),
        user: (kind != info::EngineKind::Inference).then_some(UserQueues {
            time: Duration::from_micros(10),
            failed: 2,
        }),
    }
}

fn system_memory(used: u64) -> Memory {
    Memory {
        name: "memory".into(),
        kind: info::MemoryKind::System,
        size: None,
        used,
        dirty: None,
        visible: None,
    }
}

fn sensors() -> Vec<Sensor> {
    let sensor = |label: &str, kind: info::SensorKind, value, high, critical| Sensor {
        label: label.into(),
        kind,
        unit: kind.unit().expect("a kind that is known").name,
        value,
        high,
        critical,
    };
    vec![
        sensor(
            "die",
            info::SensorKind::Temperature,
            Some(47.5),
            Some(85.0),
            Some(100.0),
        ),
        sensor(
            "memory stack",
            info::SensorKind::Temperature,
            Some(51.0),
            None,
            None,
        ),
        sensor(
            "board",
            info::SensorKind::Power,
            Some(23.1),
            Some(75.0),
            None,
        ),
        sensor("board", info::SensorKind::Energy, Some(1234.5), None, None),
        sensor("core", info::SensorKind::Voltage, None, None, None),
        sensor(
            "core",
            info::SensorKind::Frequency,
            Some(1.2e9),
            Some(1.5e9),
            None,
        ),
    ]
}

fn throttle(name: &str, reason: info::ThrottleReason, active: bool) -> Throttle {
    Throttle {
        name: name.into(),
        reason,
        active,
        count: u64::from(active),
        time: Duration::from_millis(if active { 1500 } else { 0 }),
    }
}

fn link(peer: Option<&str>) -> Link {
    Link {
        state: match peer {
            Some(_) => info::LinkState::Up,
            None => info::LinkState::Down,
        },
        peer_uuid: peer.map(str::to_owned),
        peer_link: peer.map(|_| 1),
        lanes: if peer.is_some() { 4 } else { 0 },
        speed: if peer.is_some() { 200_000_000_000 } else { 0 },
        sent: 4096,
        received: 8192,
        errors: 1,
        replays: 2,
        losses: 0,
    }
}

fn process(
    client: u64,
    pid: Option<u32>,
    name: &str,
    local: u64,
    utilization: Option<f64>,
) -> Process {
    Process {
        client,
        pid,
        uid: 1000,
        name: name.into(),
        utilization,
        busy: Duration::from_millis(2000),
        user: Some(Duration::ZERO),
        jobs: 40,
        failed: 1,
        system: 1 << 20,
        local: Some(local),
    }
}
