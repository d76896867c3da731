// SPDX-License-Identifier: GPL-2.0

//! What a card measures and counts about itself (Documentation/devices/qda/ras.rst).

use accel_core::{
    self as accel,
    Driver, //
};
use kernel::{
    io::{
        register::Array,
        Io, //
    },
    prelude::*, //
};

use crate::{
    card::Card,
    mailbox::Request,
    pci::{
        counter,
        read64, //
    },
    regs,
    Qda,
    MEMORY, //
};

/// S_HIGH, S_CRITICAL: there is no such value.
const NONE: i32 = i32::MAX;

/// More rows than this a card cannot have, whatever it says.
const MAX_ROWS: u32 = 4096;

/// Reasons, by their bits in THROTTLE.
const THROTTLE: &[accel::Reason] = &[
    reason(c"die", accel::ReasonKind::Temperature),
    reason(c"memory", accel::ReasonKind::Temperature),
    reason(c"power", accel::ReasonKind::Power),
    reason(c"brake", accel::ReasonKind::External),
];

const fn reason(name: &'static CStr, kind: accel::ReasonKind) -> accel::Reason {
    accel::Reason { name, kind }
}

/// Returns what of a THROTTLE is in the table.
pub(crate) fn reasons(raw: u32) -> u64 {
    u64::from(raw) & ((1 << THROTTLE.len()) - 1)
}

/// The kinds of sensors, by S_KIND; each with what of the unit of hwmon one of theirs is.
fn sensor_kind(kind: u32) -> Option<(accel::SensorKind, i64)> {
    match kind {
        1 => Some((accel::SensorKind::Temperature, 1)),
        2 => Some((accel::SensorKind::Power, 1_000)),
        3 => Some((accel::SensorKind::Voltage, 1)),
        4 => Some((accel::SensorKind::Frequency, 1_000_000)),
        _ => None,
    }
}

/// The kinds of RAS blocks, by R_KIND, each with a name.
fn block_kind(kind: u32) -> (accel::BlockKind, &'static str) {
    match kind {
        1 => (accel::BlockKind::Memory, "memory"),
        2 => (accel::BlockKind::Mmu, "mmu"),
        3 => (accel::BlockKind::Engine, "engine"),
        4 => (accel::BlockKind::Firmware, "firmware"),
        5 => (accel::BlockKind::Queues, "queues"),
        6 => (accel::BlockKind::Bus, "pci"),
        7 => (accel::BlockKind::Link, "link"),
        _ => (accel::BlockKind::Other, "other"),
    }
}

fn row_state(state: u16) -> accel::RowState {
    match state {
        1 => accel::RowState::Pending,
        2 => accel::RowState::Retired,
        _ => accel::RowState::Stuck,
    }
}

fn row_cause(cause: u16) -> accel::RowCause {
    match cause {
        1 => accel::RowCause::Uncorrected,
        _ => accel::RowCause::Corrected,
    }
}

impl Card<'_> {
    /// Makes the tables, in the order of the card's numbers. ENOMEM.
    pub(crate) fn telemetry(&self) -> Result<accel::Telemetry<Qda>> {
        let mut tables = accel::Telemetry::none();
        let sensors = self.bar().read(regs::SENSORS).into_raw() as usize;
        // One of an unknown kind ends the table: indices are numbers of the card.
        for sensor in (0..sensors).map_while(|number| self.sensor(number)) {
            tables.sensors.push(sensor, GFP_KERNEL)?;
        }
        let energy = accel::Sensor {
            label: accel::Label::new(b"board"),
            kind: accel::SensorKind::Energy,
            high: None,
            critical: None,
            read: |card: &Card<'_>, _| card.energy(),
        };
        tables.sensors.push(energy, GFP_KERNEL)?;
        let blocks = 0..self.capabilities().blocks;
        for block in blocks.map_while(|number| self.block(number)) {
            tables.blocks.push(block, GFP_KERNEL)?;
        }
        let firmware = accel::Firmware {
            name: c"management",
            read: |card: &Card<'_>| card.firmware_state(),
        };
        tables.firmware.push(firmware, GFP_KERNEL)?;
        for _ in 0..self.capabilities().links {
            let link = accel::Link {
                read: |card: &Card<'_>, number| card.link(number),
            };
            tables.links.push(link, GFP_KERNEL)?;
        }
        tables.throttle = THROTTLE;
        let reasons = reasons(self.bar().read(regs::THROTTLE).into_raw());
        if reasons != 0 {
            self.device.tell(accel::Event::Throttle(reasons));
        }
        tables.rows = Some(|card: &Card<'_>| card.rows());
        Ok(tables)
    }

    fn sensor(&self, number: usize) -> Option<accel::Sensor<Qda>> {
        let bar = self.bar();
        let (kind, unit) = sensor_kind(bar.read(regs::S_KIND::try_at(number)?).into_raw())?;
        let limit = |raw: u32| {
            // CAST: An i32.
            let raw = raw as i32;
            (raw != NONE).then(|| i64::from(raw) * unit)
        };
        Some(accel::Sensor {
            label: accel::Label::new(&read64(bar, regs::S_LABEL::try_at(number)?).to_le_bytes()),
            kind,
            high: limit(bar.read(regs::S_HIGH::try_at(number)?).into_raw()),
            critical: limit(bar.read(regs::S_CRITICAL::try_at(number)?).into_raw()),
            read: |card, number| card.read_sensor(number),
        })
    }

    /// Reads a sensor, if it has a value.
    fn read_sensor(&self, number: usize) -> Option<i64> {
        let bar = self.bar();
        let (_, unit) = sensor_kind(bar.read(regs::S_KIND::try_at(number)?).into_raw())?;
        // The value first: it is 0 when it is not valid.
        // CAST: An i32.
        let value = bar.read(regs::S_VALUE::try_at(number)?).into_raw() as i32;
        let is_valid = bar.read(regs::S_STATE::try_at(number)?).valid();
        is_valid.then(|| i64::from(value) * unit)
    }

    /// Reads the microjoules that it has taken.
    fn energy(&self) -> Option<i64> {
        i64::try_from(counter(self.bar(), regs::ENERGY)?).ok()
    }

    fn block(&self, number: usize) -> Option<accel::Block<Qda>> {
        let which = self.bar().read(regs::R_KIND::try_at(number)?);
        let (kind, name) = block_kind(which.kind().into());
        let which = usize::from(u16::from(which.which()));
        let name = match (kind, Qda::ENGINES.get(which)) {
            (accel::BlockKind::Engine, Some(engine)) => accel::Label::new(engine.name.to_bytes()),
            (accel::BlockKind::Link, _) => accel::Label::from_fmt(fmt!("{name}{which}")),
            _ => accel::Label::new(name.as_bytes()),
        };
        Some(accel::Block {
            name,
            kind,
            read: |card, number| card.errors(number),
        })
    }

    /// Reads what a RAS block has counted, unless the card is gone.
    fn errors(&self, number: usize) -> Option<accel::Errors> {
        let bar = self.bar();
        Some(accel::Errors {
            corrected: counter(bar, regs::R_CORRECTED::try_at(number)?)?,
            uncorrected: counter(bar, regs::R_UNCORRECTED::try_at(number)?)?,
        })
    }

    /// Reads how many packets of an engine ended well since the card was reset, if the card is there.
    pub(crate) fn packets(&self, engine: usize) -> Option<u64> {
        counter(self.bar(), regs::E_PACKETS::try_at(engine)?)
    }

    fn firmware_state(&self) -> accel::FirmwareState {
        let version = self.bar().read(regs::FW_VERSION).into_raw();
        let state = self.bar().read(regs::FW_STATE).into_raw();
        accel::FirmwareState {
            version: match version {
                0 | regs::GONE => accel::Label::default(),
                _ => accel::Label::from_fmt(fmt!(
                    "{}.{}.{}",
                    version >> 24,
                    version >> 16 & 0xff,
                    version & 0xffff
                )),
            },
            is_running: state == regs::FW_RUNNING,
            restarts: self.firmware_losses(),
        }
    }

    /// Asks firmware for all bad rows; errors as [`Card::call`], ENOMEM.
    fn rows(&self) -> Result<accel::Rows> {
        let mut bad = KVec::new();
        loop {
            let first = u32::try_from(bad.len())?;
            let [_, counts, rows @ ..] = self.call(&Request::Rows { first })?;
            // CAST: The halves of a word.
            let (total, spares) = (counts as u32, (counts >> 32) as u32);
            let left = total.saturating_sub(first) as usize;
            if left == 0 || total > MAX_ROWS {
                return Ok(accel::Rows { bad, spares });
            }
            for [address, why] in rows.as_chunks().0.iter().take(left) {
                let row = accel::Row {
                    region: MEMORY,
                    address: *address,
                    // CAST: Parts of a word.
                    state: row_state((*why >> 16) as u16),
                    cause: row_cause(*why as u16),
                };
                bad.push(row, GFP_KERNEL)?;
            }
        }
    }
}
