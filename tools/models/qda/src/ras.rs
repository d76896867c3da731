// SPDX-License-Identifier: GPL-2.0
//! RAS blocks, their errors, retired rows (Documentation/devices/qda/ras.rst).

use std::collections::BTreeMap;

use crate::capabilities::{ENGINES, LINKS, RAS_BLOCKS, ROW_SIZE, SPARE_ROWS};
use crate::card::{Card, State};
use crate::device::Reason;
use crate::events::{Event, Kind};
use crate::firmware::FirmwareError;
use crate::registers::Value::{self, Long, Word};
use crate::registers::merge;
use crate::status::{Failure, Status};

/// Corrected errors that make a row pending.
const ROW_CORRECTED: u32 = 8;
/// Block of the first engine; those of the others follow.
const FIRST_ENGINE: usize = 2;
/// Block of the first link.
const FIRST_LINK: usize = 10;

/// What a block watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Device memory.
    Memory,
    /// The MMU.
    Mmu,
    /// An engine.
    Engine(usize),
    /// The management processor.
    Firmware,
    /// The queue table.
    Queues,
    /// The PCI link.
    Pci,
    /// A link.
    Link(usize),
}

/// What a block watches; `None` if there is no such block.
pub fn watched(block: usize) -> Option<Watched> {
    Some(match block {
        0 => Watched::Memory,
        1 => Watched::Mmu,
        2..7 => Watched::Engine(block - FIRST_ENGINE),
        7 => Watched::Firmware,
        8 => Watched::Queues,
        9 => Watched::Pci,
        10..12 => Watched::Link(block - FIRST_LINK),
        _ => return None,
    })
}
const _: () = assert!(ENGINES == 5 && LINKS == 2 && RAS_BLOCKS == 12);

/// The block of a link.
pub fn link_block(link: usize) -> usize {
    FIRST_LINK + link
}

/// Registers of one block.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    status: u32,
    corrected: u64,
    uncorrected: u64,
    address: u64,
}

/// A row that is pending, retired, or without spare.
#[derive(Clone, Copy, Debug)]
struct Row {
    address: u64,
    cause: u16,
    state: u16,
}

const PENDING: u16 = 1;
const RETIRED: u16 = 2;
const NO_SPARE: u16 = 3;

/// All blocks, and the list of rows.
#[derive(Debug, Default)]
pub struct Ras {
    blocks: [Block; RAS_BLOCKS],
    /// Corrected errors by row.
    corrected: BTreeMap<u64, u32>,
    rows: Vec<Row>,
}

impl Ras {
    /// The register at `offset` from the first block.
    pub fn register(&self, offset: u64) -> Option<Value> {
        let number = (offset / 0x20) as usize;
        let block = self.blocks.get(number)?;
        let (kind, which) = match watched(number)? {
            Watched::Memory => (1, 0),
            Watched::Mmu => (2, 0),
            Watched::Engine(engine) => (3, engine),
            Watched::Firmware => (4, 0),
            Watched::Queues => (5, 0),
            Watched::Pci => (6, 0),
            Watched::Link(link) => (7, link),
        };
        Some(match offset % 0x20 {
            0x00 => Word(kind | (which as u32) << 16),
            0x04 => Word(block.status),
            0x08 => Long(block.corrected),
            0x10 => Long(block.uncorrected),
            0x18 => Long(block.address),
            _ => return None,
        })
    }

    /// R_STATUS is the only one that can be written.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        if let (4, Some(block)) = (offset % 0x20, self.blocks.get_mut(offset as usize / 0x20)) {
            block.status &= !(merge(0, 0, data) as u32);
        }
    }

    /// Corrected and uncorrected errors of each block.
    pub fn errors(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let blocks = self.blocks.iter();
        blocks.map(|block| (block.corrected, block.uncorrected))
    }

    /// Address, cause and state of each bad row.
    pub fn bad_rows(&self) -> impl Iterator<Item = (u64, u16, u16)> + '_ {
        let rows = self.rows.iter();
        rows.map(|row| (row.address, row.cause, row.state))
    }

    /// As after power-on, but for the list of rows.
    pub fn reset(&mut self) {
        self.blocks = Default::default();
        self.corrected.clear();
    }

    /// In a device reset pending rows are replaced.
    pub fn retire_rows(&mut self) {
        let pending = self.rows.iter_mut().filter(|row| row.state == PENDING);
        pending.for_each(|row| row.state = RETIRED);
    }

    /// Payload of the reply to ROWS.
    pub fn rows(&self, first: u32) -> [u8; 56] {
        let mut reply = [0; 56];
        reply[..4].copy_from_slice(&(self.rows.len() as u32).to_le_bytes());
        reply[4..8].copy_from_slice(&(self.spares() as u32).to_le_bytes());
        let entries = self.rows.iter().skip(first as usize);
        for (entry, row) in reply[8..].chunks_exact_mut(16).zip(entries) {
            entry[..8].copy_from_slice(&row.address.to_le_bytes());
            entry[8..10].copy_from_slice(&row.cause.to_le_bytes());
            entry[10..12].copy_from_slice(&row.state.to_le_bytes());
        }
        reply
    }

    /// Spare rows that no row has been promised.
    pub fn spares(&self) -> usize {
        let used = self.rows.iter().filter(|row| row.state != NO_SPARE);
        SPARE_ROWS.saturating_sub(used.count())
    }

    /// The row of `address` becomes pending, if it is not known yet; gives what to report.
    fn suspect(&mut self, address: u64, cause: u16) -> Option<Event> {
        let address = address & !(ROW_SIZE - 1);
        // A retired row has become a spare, which can fail as well.
        let known = |row: &Row| row.address == address && row.state != RETIRED;
        if self.rows.iter().any(known) {
            return None;
        }
        let (state, kind) = match self.spares() {
            0 => (NO_SPARE, Kind::NoSpares),
            _ => (PENDING, Kind::RowPending),
        };
        self.rows.push(Row {
            address,
            cause,
            state,
        });
        let mut event = Event::new(kind, 0, cause.into());
        event.address = address;
        Some(event)
    }
}

impl Card {
    /// Counts a corrected error and reports it, once until R_STATUS is cleared.
    pub(crate) fn corrected(&self, state: &mut State, number: usize, address: u64) {
        let block = &mut state.ras.blocks[number];
        let new = block.status & 1 == 0;
        block.status |= 1;
        block.corrected += 1;
        block.address = address;
        if new {
            let mut event = Event::new(Kind::Corrected, number, 0);
            event.address = address;
            self.report_event(state, event);
        }
        if watched(number) == Some(Watched::Memory) {
            let count = state.ras.corrected.entry(address / ROW_SIZE).or_default();
            *count += 1;
            if *count == ROW_CORRECTED {
                self.suspect_row(state, address, 2);
            }
        }
    }

    /// Counts an uncorrected error, reports it, and does what it does.
    pub(crate) fn uncorrected(&self, state: &mut State, number: usize, address: u64) {
        let block = &mut state.ras.blocks[number];
        block.status |= 2;
        block.uncorrected += 1;
        block.address = address;
        let mut event = Event::new(Kind::Uncorrected, number, 0);
        event.address = address;
        self.report_event(state, event);
        let ecc = Failure::new(Status::Ecc, number as u32);
        match watched(number) {
            Some(Watched::Memory) => {
                let unit = address & !63;
                let _ = self.mmu.bus.device_memory().write(unit, &[0xff; 64]);
                self.mmu.bus.poison.mark(unit);
                self.suspect_row(state, address, 1);
            }
            Some(Watched::Mmu) => {
                self.mmu.invalidate(None, 0, 0);
                (0..ENGINES).for_each(|engine| self.give_up(state, engine, ecc));
            }
            Some(Watched::Engine(engine)) => self.give_up(state, engine, ecc),
            Some(Watched::Firmware) => self.crash(state, FirmwareError::Ecc),
            Some(Watched::Queues) => self.fail(state, Reason::TableEcc),
            Some(Watched::Link(link)) => self.lose_link(state, link, crate::links::Loss::Errors),
            Some(Watched::Pci) | None => {}
        }
    }

    fn suspect_row(&self, state: &mut State, address: u64, cause: u16) {
        if let Some(event) = state.ras.suspect(address, cause) {
            self.report_event(state, event);
        }
    }
}
