// SPDX-License-Identifier: GPL-2.0

//! Registers of the Ethos-U65.
//!
//! Source: `ethos_u65_interface.hpp` of Vela 5.2.0 and mainline's
//! `drivers/accel/ethosu/ethosu_device.h`.

use kernel::io::register;

register! {
    /// Identity.
    pub(crate) ID(u32) @ 0x000 {
        31:28 arch_major;
        27:20 arch_minor;
        19:16 arch_patch;
    }

    /// What the NPU does, and how the last job ended.
    pub(crate) STATUS(u32) @ 0x004 {
        /// Runs a command stream.
        0:0 running => bool;
        /// The interrupt line is raised.
        1:1 irq_raised => bool;
        /// An access to memory failed; stays until reset.
        2:2 bus_error => bool;
        /// A reset is under way.
        3:3 resetting => bool;
        /// A command was not understood; stays until reset.
        4:4 parse_error => bool;
        /// The end of the command stream was reached.
        5:5 end_reached => bool;
    }

    /// Commands to the NPU.
    pub(crate) CMD(u32) @ 0x008 {
        0:0 run => bool;
        1:1 clear_irq => bool;
    }

    /// Reset, and the security and privilege levels after it.
    pub(crate) RESET(u32) @ 0x00c {
        /// 0: user, 1: privileged.
        0:0 pending_cpl;
        /// 0: secure, 1: non-secure.
        1:1 pending_csl;
    }

    /// Bus address of the command stream, low half.
    pub(crate) QBASE_LO(u32) @ 0x010 { 31:0 value; }
    /// High half.
    pub(crate) QBASE_HI(u32) @ 0x014 { 31:0 value; }
    /// Bytes of the command stream that have been read.
    pub(crate) QREAD(u32) @ 0x018 { 31:0 value; }
    /// Bytes of the command stream.
    pub(crate) QSIZE(u32) @ 0x020 { 31:0 value; }

    /// Configuration.
    pub(crate) CONFIG(u32) @ 0x028 {
        /// log2 of the multiply-accumulates per cycle.
        3:0 macs_per_cc;
    }

    /// AXI port of each region, two bits per region.
    pub(crate) REGIONCFG(u32) @ 0x03c { 31:0 value; }
    /// Limits of port 0.
    pub(crate) AXI_LIMIT0(u32) @ 0x040 { 31:0 value; }
    /// Limits of port 1.
    pub(crate) AXI_LIMIT2(u32) @ 0x048 { 31:0 value; }

    /// Bus address of a region, low half (even) and high half (odd).
    pub(crate) BASEP(u32)[16] @ 0x080 { 31:0 value; }

    /// Control of the performance monitor.
    pub(crate) PMCR(u32) @ 0x180 {
        15:11 counters;
    }
}

/// Bytes of the register block.
pub(crate) const SIZE: usize = 0x1000;
