// SPDX-License-Identifier: GPL-2.0
//! Configuration space of an endpoint: type 0 header, power management, MSI or MSI-X, PCI Express
//! with FLR.
//!
//! A byte and a write mask per address (PCI Express Base Specification 5.0, chapter 7).

use std::io;

use crate::bar::{Bar, Width};
use crate::function::{Description, Interrupts, MsixLayout};

/// Bytes of PCI Express configuration space.
pub(crate) const SIZE: usize = 4096;

const COMMAND: usize = 0x04;
const COMMAND_MEMORY: u8 = 1 << 1;
const COMMAND_MASTER: u8 = 1 << 2;
/// Parity error response, in the low byte.
const COMMAND_PARITY: u8 = 1 << 6;
/// SERR# enable and interrupt disable, in the high byte.
const COMMAND_HIGH: u8 = 1 | 1 << 2;
const STATUS: usize = 0x06;
const STATUS_CAPABILITIES: u8 = 1 << 4;
const CACHE_LINE: usize = 0x0c;
const BAR0: usize = 0x10;
const BAR_64: u8 = 1 << 2;
const BAR_PREFETCHABLE: u8 = 1 << 3;
const SUBSYSTEM: usize = 0x2c;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;

const PM: usize = 0x40;
const PM_CONTROL: usize = PM + 4;
const PM_STATE: u8 = 3;
const PM_NO_SOFT_RESET: u8 = 1 << 3;

/// MSI or MSI-X.
const MESSAGES: usize = 0x50;
const MSI_CONTROL: usize = MESSAGES + 2;
const MSI_ENABLE: u8 = 1;
const MSI_MULTIPLE_ENABLE: u8 = 7 << 4;
const MSI_64: u8 = 1 << 7;
const MSIX_CONTROL_HIGH: usize = MESSAGES + 3;
const MSIX_ENABLE: u8 = 1 << 7;
const MSIX_FUNCTION_MASK: u8 = 1 << 6;

const EXPRESS: usize = 0x60;
/// Device control, high byte: max read request size, and FLR on top (reads as zero).
const EXPRESS_CONTROL_HIGH: usize = EXPRESS + 9;
const EXPRESS_FLR: u8 = 1 << 7;

/// Configuration space of one function.
pub(crate) struct Config {
    bytes: Vec<u8>,
    writable: Vec<u8>,
    /// `bytes` after reset.
    initial: Vec<u8>,
    interrupts: Interrupts,
}

impl Config {
    /// The state after reset; `EINVAL` if the description makes no sense.
    pub(crate) fn new(description: &Description, vectors: u16) -> io::Result<Self> {
        let mut config = Self {
            bytes: vec![0; SIZE],
            writable: vec![0; SIZE],
            initial: Vec::new(),
            interrupts: description.interrupts,
        };
        config.header(description);
        config.bars(&description.bars)?;
        config.power_management();
        config.express();
        match &description.interrupts {
            Interrupts::None => config.set(PM + 1, &[EXPRESS as u8]),
            Interrupts::Msi => config.msi(vectors)?,
            Interrupts::Msix(layout) => config.msix(layout, vectors, &description.bars)?,
        }
        config.initial = config.bytes.clone();
        Ok(config)
    }

    /// Back to the state after reset.
    pub(crate) fn reset(&mut self) {
        self.bytes.clone_from(&self.initial);
    }

    /// Reads; all-ones beyond the end.
    pub(crate) fn read(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            *byte = self.bytes.get(at as usize).copied().unwrap_or(0xff);
        }
    }

    /// Writes the bits that are writable. True if this was Initiate Function Level Reset.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) -> bool {
        let mut reset = false;
        for (at, &byte) in (offset..).zip(data) {
            let at = at as usize;
            let Some(mask) = self.writable.get(at) else {
                break;
            };
            self.bytes[at] = self.bytes[at] & !mask | byte & mask;
            reset |= at == EXPRESS_CONTROL_HIGH && byte & EXPRESS_FLR != 0;
        }
        reset
    }

    /// Whether BARs answer: memory space enabled, in D0.
    pub(crate) fn decodes_memory(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_MEMORY != 0 && self.in_d0()
    }

    /// Whether the function may access memory and send messages.
    pub(crate) fn bus_master(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_MASTER != 0 && self.in_d0()
    }

    /// Whether interrupt messages are enabled.
    pub(crate) fn messages_enabled(&self) -> bool {
        match self.interrupts {
            Interrupts::None => false,
            Interrupts::Msi => self.bytes[MSI_CONTROL] & MSI_ENABLE != 0,
            Interrupts::Msix(_) => self.bytes[MSIX_CONTROL_HIGH] & MSIX_ENABLE != 0,
        }
    }

    /// Where a BAR is, as the guest has written it.
    pub(crate) fn bar_address(&self, bar: &Bar) -> u64 {
        let at = BAR0 + 4 * bar.index;
        let low = u32::from_le_bytes(self.word(at));
        let high = match bar.width {
            Width::Bits32 => 0,
            Width::Bits64 => u32::from_le_bytes(self.word(at + 4)),
        };
        u64::from(high) << 32 | u64::from(low & !0xf)
    }

    fn word(&self, at: usize) -> [u8; 4] {
        std::array::from_fn(|byte| self.bytes[at + byte])
    }

    /// Whether the function is in D0.
    pub(crate) fn in_d0(&self) -> bool {
        self.bytes[PM_CONTROL] & PM_STATE == 0
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn set_writable(&mut self, at: usize, mask: &[u8]) {
        self.writable[at..at + mask.len()].copy_from_slice(mask);
    }

    fn header(&mut self, of: &Description) {
        self.set(0x00, &of.vendor.to_le_bytes());
        self.set(0x02, &of.device.to_le_bytes());
        self.set(
            0x08,
            &(of.class << 8 | u32::from(of.revision)).to_le_bytes(),
        );
        self.set(SUBSYSTEM, &of.subsystem_vendor.to_le_bytes());
        self.set(SUBSYSTEM + 2, &of.subsystem.to_le_bytes());
        self.set(STATUS, &[STATUS_CAPABILITIES]);
        self.set(CAPABILITIES, &[PM as u8]);
        let command = COMMAND_MEMORY | COMMAND_MASTER | COMMAND_PARITY;
        self.set_writable(COMMAND, &[command, COMMAND_HIGH]);
        self.set_writable(CACHE_LINE, &[0xff]);
        self.set_writable(INTERRUPT_LINE, &[0xff]);
    }

    fn bars(&mut self, bars: &[Bar]) -> io::Result<()> {
        let mut used = [false; 6];
        for bar in bars {
            let wide = bar.width == Width::Bits64;
            let registers = bar.index..bar.index + 1 + usize::from(wide);
            let taken = used.get_mut(registers).ok_or(invalid("BAR index"))?;
            if taken.contains(&true) {
                return Err(invalid("two BARs in one register"));
            }
            taken.fill(true);
            let fits = wide || bar.size <= 1 << 31;
            if !bar.size.is_power_of_two() || bar.size < 16 || !fits {
                return Err(invalid("BAR size"));
            }
            if !bar.is_backed() {
                return Err(invalid("size of the memory behind a BAR"));
            }
            let at = BAR0 + 4 * bar.index;
            let width = if wide { BAR_64 } else { 0 };
            let prefetchable = if bar.prefetchable {
                BAR_PREFETCHABLE
            } else {
                0
            };
            self.set(at, &[width | prefetchable]);
            let mask = (!(bar.size - 1)).to_le_bytes();
            self.set_writable(at, if wide { &mask } else { &mask[..4] });
        }
        Ok(())
    }

    fn power_management(&mut self) {
        // Version 3; D0 and D3hot, no PME.
        self.set(PM, &[0x01, MESSAGES as u8, 0x03, 0x00]);
        self.set(PM_CONTROL, &[PM_NO_SOFT_RESET]);
        self.set_writable(PM_CONTROL, &[PM_STATE]);
    }

    fn express(&mut self) {
        // Capability version 2, endpoint.
        self.set(EXPRESS, &[0x10, 0x00, 0x02, 0x00]);
        // Role-based error reporting, FLR, 128-byte payloads.
        self.set(EXPRESS + 4, &(1u32 << 15 | 1 << 28).to_le_bytes());
        // Device control: error reporting enables, relaxed ordering, max payload and read request
        // size.
        self.set(EXPRESS + 8, &[0x10, 0x28]);
        self.set_writable(EXPRESS + 8, &[0xff, 0x78]);
        // Link capabilities and status: 8 GT/s, 4 lanes.
        let link: u16 = 3 | 4 << 4;
        self.set(EXPRESS + 0x0c, &u32::from(link).to_le_bytes());
        self.set(EXPRESS + 0x12, &link.to_le_bytes());
        self.set(EXPRESS + 0x30, &[3]);
    }

    fn msi(&mut self, vectors: u16) -> io::Result<()> {
        if !vectors.is_power_of_two() || vectors > 32 {
            return Err(invalid("number of vectors"));
        }
        let capable = (vectors.trailing_zeros() as u8) << 1;
        self.set(MESSAGES, &[0x05, EXPRESS as u8, MSI_64 | capable]);
        self.set_writable(MSI_CONTROL, &[MSI_ENABLE | MSI_MULTIPLE_ENABLE]);
        // Address, 64 bits, and data.
        self.set_writable(
            MESSAGES + 4,
            &[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        );
        Ok(())
    }

    fn msix(&mut self, layout: &MsixLayout, vectors: u16, bars: &[Bar]) -> io::Result<()> {
        let last = vectors.checked_sub(1).filter(|last| *last < 2048);
        let last = last.ok_or(invalid("number of vectors"))?;
        let bar = bars.iter().find(|bar| bar.index == layout.bar);
        let size = bar.ok_or(invalid("BAR of MSI-X"))?.size;
        let table_end = u64::from(layout.table) + 16 * u64::from(vectors);
        let pba_end = u64::from(layout.pba) + 8 * u64::from(vectors).div_ceil(64);
        if (layout.table | layout.pba) % 8 != 0 || table_end.max(pba_end) > size {
            return Err(invalid("place of MSI-X"));
        }
        self.set(MESSAGES, &[0x11, EXPRESS as u8]);
        self.set(MESSAGES + 2, &last.to_le_bytes());
        self.set(
            MESSAGES + 4,
            &(layout.table | layout.bar as u32).to_le_bytes(),
        );
        self.set(
            MESSAGES + 8,
            &(layout.pba | layout.bar as u32).to_le_bytes(),
        );
        self.set_writable(MSIX_CONTROL_HIGH, &[MSIX_ENABLE | MSIX_FUNCTION_MASK]);
        Ok(())
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("description: {what}"))
}
