// SPDX-License-Identifier: GPL-2.0
//! What a test may ask to go wrong, and the log of packets (Documentation/devices/qda/testing.rst).

use std::fs::File;
use std::io::Write;

use crate::engine::Underway;
use crate::firmware::BootFault;

/// Faults that are asked for from outside.
#[derive(Debug, Default)]
pub struct Faults {
    /// Packets that start never end.
    pub hang: bool,
    /// Nanoseconds that packets take at least.
    pub slow: u64,
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
    /// Event records that will be garbage.
    pub bad_events: u32,
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

    /// Logs the end of a packet.
    pub(crate) fn log_packet(
        &mut self,
        queue: usize,
        index: u64,
        engine: usize,
        packet: &Underway,
        end: u64,
    ) {
        let Some(log) = &mut self.log else {
            return;
        };
        let (opcode, start) = (packet.packet.opcode(), packet.start);
        let line = format!(
            "queue={queue} index={index} engine={engine} opcode={opcode:#04x} start={start} \
             end={end} busy={}\n",
            packet.busy
        );
        // A log that cannot be written is no reason to stop a device.
        let _ = log.write_all(line.as_bytes());
    }
}
