// SPDX-License-Identifier: GPL-2.0

//! What the test device says that it measures and counts: what a test has told it before.

use accel_core as accel;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

use crate::{
    uapi::{
        self,
        accel_fake_set, //
    },
    Fake,
    FakeDriver, //
};

const SENSORS: usize = 7;
const BLOCKS: usize = 2;

const THROTTLE: &[accel::Reason] = &[
    accel::Reason {
        name: c"die",
        kind: accel::ReasonKind::Temperature,
    },
    accel::Reason {
        name: c"power",
        kind: accel::ReasonKind::Power,
    },
];

/// A value, unless it cannot be read.
struct Reading {
    value: Atomic<i64>,
    is_lost: Atomic<bool>,
}

impl Reading {
    fn new() -> Self {
        Self {
            value: Atomic::new(0),
            is_lost: Atomic::new(false),
        }
    }

    fn get(&self) -> Option<i64> {
        (!self.is_lost.load(Relaxed)).then(|| self.value.load(Relaxed))
    }
}

/// What tests say.
pub(crate) struct Readings {
    device: Arc<accel::Device<FakeDriver>>,
    sensors: [Reading; SENSORS],
    corrected: [Reading; BLOCKS],
    uncorrected: [Reading; BLOCKS],
    /// How many bad rows there are.
    rows: Reading,
    /// How often firmware died.
    restarts: Reading,
}

impl Readings {
    pub(crate) fn new(device: &Arc<accel::Device<FakeDriver>>) -> Self {
        Self {
            device: device.clone(),
            sensors: core::array::from_fn(|_| Reading::new()),
            corrected: core::array::from_fn(|_| Reading::new()),
            uncorrected: core::array::from_fn(|_| Reading::new()),
            rows: Reading::new(),
            restarts: Reading::new(),
        }
    }

    fn place(&self, what: u32, index: usize) -> Option<&Reading> {
        match what {
            uapi::ACCEL_FAKE_SENSOR => self.sensors.get(index),
            uapi::ACCEL_FAKE_CORRECTED => self.corrected.get(index),
            uapi::ACCEL_FAKE_UNCORRECTED => self.uncorrected.get(index),
            uapi::ACCEL_FAKE_ROWS => Some(&self.rows),
            uapi::ACCEL_FAKE_RESTARTS => Some(&self.restarts),
            _ => None,
        }
    }

    fn errors(&self, block: usize) -> Option<accel::Errors> {
        Some(accel::Errors {
            corrected: self.corrected.get(block)?.get()?.unsigned_abs(),
            uncorrected: self.uncorrected.get(block)?.get()?.unsigned_abs(),
        })
    }

    /// Of three rows, one is in each state.
    fn rows(&self) -> Result<accel::Rows> {
        let count = self.rows.get().ok_or(EIO)?;
        let mut bad = KVec::new();
        for number in 0..count.unsigned_abs() {
            let (state, cause) = match number % 3 {
                0 => (accel::RowState::Pending, accel::RowCause::Uncorrected),
                1 => (accel::RowState::Retired, accel::RowCause::Corrected),
                _ => (accel::RowState::Stuck, accel::RowCause::Uncorrected),
            };
            let row = accel::Row {
                region: 0,
                address: number << 13,
                state,
                cause,
            };
            bad.push(row, GFP_KERNEL)?;
        }
        Ok(accel::Rows { bad, spares: 16 })
    }
}

fn sensor(
    label: &[u8],
    kind: accel::SensorKind,
    high: Option<i64>,
    critical: Option<i64>,
) -> accel::Sensor<FakeDriver> {
    accel::Sensor {
        label: accel::Label::new(label),
        kind,
        high,
        critical,
        read: |fake: &Fake, index| fake.readings.sensors.get(index)?.get(),
    }
}

fn block(name: &[u8], kind: accel::BlockKind) -> accel::Block<FakeDriver> {
    accel::Block {
        name: accel::Label::new(name),
        kind,
        read: |fake: &Fake, index| fake.readings.errors(index),
    }
}

/// Makes the tables.
pub(crate) fn tables() -> Result<accel::Telemetry<FakeDriver>> {
    use accel::SensorKind::{Current, Energy, Fan, Frequency, Power, Temperature, Voltage};
    let mut tables = accel::Telemetry::none();
    for sensor in [
        sensor(b"die", Temperature, Some(95_000), Some(105_000)),
        sensor(b"core", Voltage, None, None),
        sensor(b"rail", Current, Some(20_000), None),
        sensor(b"board", Power, Some(75_000_000), None),
        sensor(b"board", Energy, None, None),
        sensor(b"engine", Frequency, Some(1_000_000_000), None),
        sensor(b"fan", Fan, None, None),
    ] {
        tables.sensors.push(sensor, GFP_KERNEL)?;
    }
    for block in [
        block(b"memory", accel::BlockKind::Memory),
        block(b"engine0", accel::BlockKind::Engine),
    ] {
        tables.blocks.push(block, GFP_KERNEL)?;
    }
    let firmware = accel::Firmware {
        name: c"fake",
        read: |fake: &Fake| accel::FirmwareState {
            version: accel::Label::new(b"1.2.3"),
            is_running: true,
            restarts: fake.readings.restarts.get().unwrap_or(0).unsigned_abs(),
        },
    };
    tables.firmware.push(firmware, GFP_KERNEL)?;
    let link = accel::Link {
        read: |_: &Fake, _| accel::LinkStatus {
            state: accel::LinkState::Down,
            peer: None,
            speed: 0,
            lanes: 0,
            counters: None,
        },
    };
    tables.links.push(link, GFP_KERNEL)?;
    tables.throttle = THROTTLE;
    tables.rows = Some(|fake: &Fake| fake.readings.rows());
    Ok(tables)
}

/// ACCEL_FAKE_IOCTL_SET
pub(crate) fn set(fake: &Fake, _file: &(), args: &mut accel_fake_set) -> Result {
    if args.flags & !uapi::ACCEL_FAKE_LOST != 0 {
        return Err(EOPNOTSUPP);
    }
    let readings = &fake.readings;
    if args.what == uapi::ACCEL_FAKE_THROTTLE {
        let reasons = accel::Event::Throttle(args.value.unsigned_abs());
        readings.device.tell(reasons);
        return Ok(());
    }
    let place = readings.place(args.what, args.index as usize);
    let place = place.ok_or(EINVAL)?;
    let before = place.value.xchg(args.value, Relaxed);
    let is_lost = args.flags & uapi::ACCEL_FAKE_LOST != 0;
    place.is_lost.store(is_lost, Relaxed);
    let is_error = matches!(
        args.what,
        uapi::ACCEL_FAKE_CORRECTED | uapi::ACCEL_FAKE_UNCORRECTED
    );
    if is_error && args.value > before {
        readings.device.tell(accel::Event::Error {
            block: args.index.into(),
            address: 0,
            count: args.value.abs_diff(before),
            corrected: args.what == uapi::ACCEL_FAKE_CORRECTED,
        });
    }
    Ok(())
}
