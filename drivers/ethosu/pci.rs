// SPDX-License-Identifier: GPL-2.0

//! The PCI front: a thin adapter between the bus and the NPU
//! (Documentation/devices/ethosu-pci.rst).

use accel_core as accel;
use kernel::{
    device::Bound,
    pci,
    prelude::*, //
};

use crate::regs;

/// The device on its bus.
pub(crate) type Parent = pci::Device<Bound>;

/// The NPU's registers.
pub(crate) type Bar<'bound> = pci::Bar<'bound, { regs::SIZE }>;

const REGISTERS: u32 = 0;

/// Maps the registers and allocates the interrupt.
pub(crate) fn resources(parent: &Parent) -> Result<(Bar<'_>, accel::irq::Lines<'_>)> {
    let bar = parent.iomap_region_sized(REGISTERS, c"accel_ethosu")?;
    Ok((bar, accel::irq::Lines::from_pci(parent, 1)?))
}
