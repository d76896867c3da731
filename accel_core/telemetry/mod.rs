// SPDX-License-Identifier: GPL-2.0

//! What a device measures and counts about itself: the tables that a driver fills at probe, from which
//! INFO, hwmon and events are made.
//!
//! What a device does not have is in no table, and then nowhere.

mod errors;
mod firmware;
mod hwmon;
mod links;
mod rows;
mod sensors;
mod throttle;

use kernel::{
    prelude::*,
    sync::Mutex, //
};

pub(crate) use self::{
    errors::errors,
    firmware::firmware,
    hwmon::Hwmon,
    links::links,
    rows::{
        rows,
        spares, //
    },
    sensors::sensors,
    throttle::{
        throttle,
        Throttle, //
    },
};
pub use self::{
    errors::{
        Block,
        BlockKind,
        Errors, //
    },
    firmware::{
        Firmware,
        FirmwareState, //
    },
    links::{
        Link,
        LinkCounters,
        LinkState,
        LinkStatus,
        Peer, //
    },
    rows::{
        Row,
        RowCause,
        RowState,
        Rows, //
    },
    sensors::{
        Sensor,
        SensorKind, //
    },
    throttle::{
        Reason,
        ReasonKind, //
    },
};
use crate::{
    driver::Driver,
    lock_class,
    logic::counter::Counter, //
};

/// Asks a device for its bad rows.
pub type ReadRows<T> = fn(&<T as Driver>::Data<'_>) -> Result<Rows>;

/// The tables of a device. A driver's functions in them get the index of their row; they are called in
/// process context, while the device is awake, and may sleep, in bounded time.
pub struct Telemetry<T: Driver> {
    /// What it measures.
    pub sensors: KVec<Sensor<T>>,
    /// Why it may lower its clocks: reason N is bit N of [`Event::Throttle`](crate::Event), so
    /// [`Device::tell`](crate::Device::tell) is all that there is to do. At most 16.
    pub throttle: &'static [Reason],
    /// What finds errors in itself: block N is that of [`Event::Error`](crate::Event).
    pub blocks: KVec<Block<T>>,
    /// Which rows of its memory are bad, if it retires them.
    pub rows: Option<ReadRows<T>>,
    /// What runs on it.
    pub firmware: KVec<Firmware<T>>,
    /// Its links to other devices. The UUID of a peer is the `uuid` that its driver gave at probe: what
    /// the device says, not where it is.
    pub links: KVec<Link<T>>,
}

impl<T: Driver> Telemetry<T> {
    /// Tables of a device that knows nothing of itself.
    pub fn none() -> Self {
        Self {
            sensors: KVec::new(),
            throttle: &[],
            blocks: KVec::new(),
            rows: None,
            firmware: KVec::new(),
            links: KVec::new(),
        }
    }

    /// Returns whether the device finds errors in itself.
    pub(crate) fn counts_errors(&self) -> bool {
        !self.blocks.is_empty()
    }
}

/// What was read of the hardware, so that counters never go back.
struct Counters {
    /// Of each sensor, if it counts.
    sensors: KVec<Counter>,
    /// Of each block: corrected, uncorrected.
    blocks: KVec<[Counter; 2]>,
    /// Of each link.
    links: KVec<links::Counted>,
    /// How each firmware was, when that could be asked last.
    firmware: KVec<FirmwareState>,
}

/// The tables of a bound device, and what has to be remembered of them.
#[pin_data]
pub(crate) struct Panel<T: Driver> {
    pub(crate) tables: Telemetry<T>,
    /// Held while counters are read, so that they are updated in that order.
    #[pin]
    counters: Mutex<Counters>,
}

impl<T: Driver> Panel<T> {
    pub(crate) fn new(tables: Telemetry<T>) -> Result<Pin<KBox<Self>>> {
        let counters = Counters {
            sensors: KVec::from_elem(Counter::default(), tables.sensors.len(), GFP_KERNEL)?,
            blocks: KVec::from_elem(Default::default(), tables.blocks.len(), GFP_KERNEL)?,
            links: KVec::from_elem(Default::default(), tables.links.len(), GFP_KERNEL)?,
            firmware: KVec::from_elem(Default::default(), tables.firmware.len(), GFP_KERNEL)?,
        };
        let (name, key) = lock_class::telemetry();
        KBox::pin_init(
            pin_init!(Self {
                tables,
                counters <- Mutex::new(counters, name, key),
            }),
            GFP_KERNEL,
        )
    }

    /// Reads what stays known of a device that cannot be asked soon. Links are not asked then: what they
    /// count while they carry data is read now and then.
    pub(crate) fn keep_counters(&self, data: &T::Data<'_>) {
        for (index, sensor) in self.tables.sensors.iter().enumerate() {
            if sensor.kind == SensorKind::Energy {
                self.read_sensor(Some(data), index);
            }
        }
        for index in 0..self.tables.blocks.len() {
            self.read_block(Some(data), index);
        }
        for index in 0..self.tables.firmware.len() {
            self.read_firmware(Some(data), index);
        }
    }
}
