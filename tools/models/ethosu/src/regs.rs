// SPDX-License-Identifier: GPL-2.0
//! Registers of the NPU: offsets, bits, reset values (Vela: ethos_u65_interface.hpp, NPU_REG).

use crate::stop::{Channel, Stop};

/// Bytes of the register block.
pub const SIZE: u64 = 0x1000;

/// Product and architecture version 1.0.6.
pub const ID: u64 = 0x000;
/// State, interrupt, errors.
pub const STATUS: u64 = 0x004;
/// Run, clear interrupt.
pub const CMD: u64 = 0x008;
/// Soft reset.
pub const RESET: u64 = 0x00c;
/// Command stream address, low and high word.
pub const QBASE: u64 = 0x010;
/// High word of QBASE.
pub const QBASE_HI: u64 = 0x014;
/// Offset of the next command in the stream, bytes.
pub const QREAD: u64 = 0x018;
/// AXI interface of the command stream.
pub const QCONFIG: u64 = 0x01c;
/// Length of the command stream, bytes.
pub const QSIZE: u64 = 0x020;
/// Security and privilege after the last reset.
pub const PROT: u64 = 0x024;
/// MACs, SHRAM size, product.
pub const CONFIG: u64 = 0x028;
/// For software.
pub const LOCK: u64 = 0x02c;
/// AXI interface of each region.
pub const REGIONCFG: u64 = 0x03c;
/// First of four AXI limit registers.
pub const AXI_LIMIT0: u64 = 0x040;
/// First of eight region addresses, low and high word each.
pub const BASEP0: u64 = 0x080;
/// Component identification: sixteen words to the end of the block.
const REVISION: u64 = 0xfc0;

/// Bits of STATUS.
pub mod status {
    /// A command stream is running.
    pub const RUNNING: u32 = 1 << 0;
    /// The interrupt line is high.
    pub const IRQ: u32 = 1 << 1;
    /// A transfer failed.
    pub const BUS_ERROR: u32 = 1 << 2;
    /// A reset is going on: seen only after `late reset`, else it takes no time here.
    pub const RESET: u32 = 1 << 3;
    /// A command is malformed or not modelled.
    pub const PARSE_ERROR: u32 = 1 << 4;
    /// The stream has ended with STOP.
    pub const END: u32 = 1 << 5;
    /// The weight decoder failed.
    pub const WEIGHT_FAULT: u32 = 1 << 7;
    /// Shift of the faulting AXI interface.
    pub const INTERFACE_SHIFT: u32 = 11;
    /// Shift of the faulting channel.
    pub const CHANNEL_SHIFT: u32 = 12;
    /// Shift of the interrupt history.
    pub const HISTORY_SHIFT: u32 = 16;
    /// After one of these only a reset helps.
    pub const ERRORS: u32 = BUS_ERROR | PARSE_ERROR | WEIGHT_FAULT;
}

/// Bits of CMD.
pub mod cmd {
    /// Start the command stream.
    pub const RUN: u32 = 1 << 0;
    /// Lower the interrupt line.
    pub const CLEAR_IRQ: u32 = 1 << 1;
    /// Clock and power Q-channel enables: kept, without effect.
    pub const Q_ENABLES: u32 = 3 << 2;
    /// Shift of the interrupt history bits to clear.
    pub const HISTORY_SHIFT: u32 = 16;
}

/// The two configurations of the Ethos-U65.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// 256 MACs per cycle, one core.
    Macs256,
    /// 512 MACs per cycle, two cores.
    Macs512,
}

impl Configuration {
    /// Value of CONFIG.
    pub fn word(self) -> u32 {
        match self {
            Self::Macs256 => 0x1000_3008,
            Self::Macs512 => 0x1000_6009,
        }
    }

    /// Cores.
    pub fn cores(self) -> usize {
        match self {
            Self::Macs256 => 1,
            Self::Macs512 => 2,
        }
    }
}

/// Value of ID: version 1, product 6, architecture 1.0.6.
pub const ID_WORD: u32 = 0x1006_6001;

/// REVISION to CID3.
const IDENTIFICATION: [u32; 16] = [
    0, 0, 0, 0, 0x04, 0, 0, 0, 0x81, 0xb5, 0x0b, 0, 0x0d, 0xf0, 0x05, 0xb1,
];

/// Registers that hold what was written to them, and STATUS.
#[derive(Clone, Debug)]
pub struct Registers {
    /// STATUS.
    pub status: u32,
    /// CMD's enables.
    pub q_enables: u32,
    /// QBASE.
    pub queue: u64,
    /// QCONFIG.
    pub queue_config: u32,
    /// QSIZE.
    pub queue_size: u32,
    /// PROT.
    pub protection: u32,
    /// LOCK.
    pub lock: u32,
    /// REGIONCFG.
    pub region_config: u32,
    /// AXI_LIMIT0 to 3.
    pub axi_limit: [u32; 4],
    /// BASEP.
    pub base: [u64; 8],
}

impl Registers {
    /// The state after a reset that asked for `protection`.
    pub fn new(protection: u32) -> Self {
        Self {
            status: 0,
            q_enables: cmd::Q_ENABLES,
            queue: 0,
            queue_config: 0,
            queue_size: 0,
            protection,
            lock: 0,
            region_config: 0,
            axi_limit: [0; 4],
            base: [0; 8],
        }
    }

    /// Reads a register that depends on nothing else; undefined ones are zero.
    pub fn read(&self, offset: u64) -> u32 {
        match offset {
            ID => ID_WORD,
            STATUS => self.status,
            CMD => self.q_enables,
            QBASE => self.queue as u32,
            QBASE_HI => (self.queue >> 32) as u32,
            QCONFIG => self.queue_config,
            QSIZE => self.queue_size,
            PROT => self.protection,
            LOCK => self.lock,
            REGIONCFG => self.region_config,
            AXI_LIMIT0..0x050 => self.axi_limit[index(offset - AXI_LIMIT0)],
            BASEP0..0x0c0 => {
                let base = self.base[index(offset - BASEP0) / 2];
                (base >> (8 * (offset & 4))) as u32
            }
            REVISION..SIZE => IDENTIFICATION[index(offset - REVISION)],
            _ => 0,
        }
    }

    /// Writes a register without side effects; others ignore it.
    pub fn write(&mut self, offset: u64, value: u32) {
        match offset {
            QBASE | QBASE_HI => set_half(&mut self.queue, offset, value),
            QCONFIG => self.queue_config = value & 3,
            QSIZE => self.queue_size = value,
            LOCK => self.lock = value,
            REGIONCFG => self.region_config = value & 0xffff,
            AXI_LIMIT0..0x050 => self.axi_limit[index(offset - AXI_LIMIT0)] = value,
            BASEP0..0x0c0 => {
                set_half(&mut self.base[index(offset - BASEP0) / 2], offset, value);
            }
            _ => (),
        }
    }

    /// Enters what ended a job into STATUS: the mask of its STOP, or an error.
    pub fn finish(&mut self, end: Result<u16, Stop>) {
        self.status &= !status::RUNNING;
        self.status |= status::IRQ
            | match end {
                Ok(mask) => status::END | u32::from(mask) << status::HISTORY_SHIFT,
                Err(Stop::Bus { channel, interface }) => fault(channel, interface),
                Err(Stop::Weights(_)) => status::PARSE_ERROR | status::WEIGHT_FAULT,
                Err(Stop::Command(_) | Stop::Reset) => status::PARSE_ERROR,
            };
    }
}

fn fault(channel: Channel, interface: u8) -> u32 {
    status::BUS_ERROR
        | u32::from(interface) << status::INTERFACE_SHIFT
        | (channel as u32) << status::CHANNEL_SHIFT
}

/// Number of the word at `offset`.
fn index(offset: u64) -> usize {
    (offset / 4) as usize
}

/// Writes the low or high word of a 40-bit address.
fn set_half(address: &mut u64, offset: u64, value: u32) {
    *address = match offset & 4 {
        0 => *address & !0xffff_ffff | u64::from(value),
        _ => *address & 0xffff_ffff | u64::from(value & 0xff) << 32,
    };
}
