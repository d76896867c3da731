// SPDX-License-Identifier: GPL-2.0
//! What a test may ask to go wrong, and the log of packets (Documentation/devices/qda/testing.rst).

use std::fs::File;
use std::io::Write;

use crate::engine::Underway;
use crate::firmware::BootFault;
use crate::packet::Field;
use crate::queue::Queue;

/// How a report is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// It counts packets that were never announced.
    Count,
    /// It has a status that does not exist.
    Status,
    /// It is not written.
    Lost,
}

/// What a register is read as, whatever it is.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// Of the register, in BAR 0.
    pub offset: u64,
    /// What it is read as.
    pub value: u64,
    /// How often.
    pub left: u32,
}

/// Faults that are asked for from outside.
#[derive(Debug, Default)]
pub struct Faults {
    /// Packets that start never end.
    pub hang: bool,
    /// Nanoseconds that packets take at least.
    pub slow: u64,
    /// How many times as long as otherwise they take; 0 is once.
    pub stretch: u32,
    /// Nanoseconds that the next packet takes, standing still and deaf to ABORT.
    pub late: u64,
    /// An engine reset does not help.
    pub engine_reset_fails: bool,
    /// A device reset does not end.
    pub reset_fails: bool,
    /// INV_COMMAND.BUSY stays.
    pub invalidation_hang: bool,
    /// Completion records that will be wrong.
    pub bad_records: u32,
    /// Reports that will be wrong, and how.
    pub bad_reports: Option<(Spoilt, u32)>,
    /// Event records that will be garbage.
    pub bad_events: u32,
    /// Event records of which all but sequence and kind will be ones.
    pub wild_events: u32,
    /// The registers that lie.
    pub lies: Vec<Lie>,
    /// How the next boot fails.
    pub boot: Option<BootFault>,
    /// The card is gone.
    pub removed: bool,
    /// Where packets are logged.
    pub log: Option<File>,
}

impl Faults {
    /// Whether the next completion record is one to spoil.
    pub fn take_bad_record(&mut self) -> bool {
        let spoil = self.bad_records > 0;
        self.bad_records = self.bad_records.saturating_sub(1);
        spoil
    }

    /// How the next report is to be spoilt.
    pub fn take_bad_report(&mut self) -> Option<Spoilt> {
        let (how, left) = self.bad_reports.as_mut()?;
        *left = left.checked_sub(1)?;
        Some(*how)
    }

    /// What a read of BAR 0 gives instead of what is there.
    pub fn take_lie(&mut self, offset: u64) -> Option<u64> {
        let lie = self.lies.iter_mut().find(|lie| lie.offset == offset)?;
        lie.left = lie.left.checked_sub(1)?;
        Some(lie.value)
    }

    /// Has a register lie; what it was to say before is forgotten.
    pub fn add_lie(&mut self, lie: Lie) {
        self.lies.retain(|old| old.offset != lie.offset);
        self.lies.push(lie);
    }

    /// Logs the end of the packet at Q_READ of a queue.
    pub(crate) fn log_packet(&mut self, number: usize, queue: &Queue, it: &Underway, end: u64) {
        let Some(log) = &mut self.log else {
            return;
        };
        let (index, engine, asid) = (queue.read, queue.engine, queue.asid);
        let (opcode, rows) = (it.packet.opcode(), it.packet.get(Field::Rows));
        let (priority, arrival, start, busy) = (queue.priority, it.arrival, it.start, it.busy);
        let line = format!(
            "queue={number} index={index} engine={engine} asid={asid} priority={priority} \
             opcode={opcode:#04x} rows={rows} arrival={arrival} start={start} end={end} \
             busy={busy}\n",
        );
        // A log that cannot be written is no reason to stop a device.
        let _ = log.write_all(line.as_bytes());
    }
}
