// SPDX-License-Identifier: GPL-2.0

//! The PCI front: BARs, interrupt vectors, and the driver for the bus
//! (Documentation/devices/qda/pci.rst).

use accel_core as accel;
use kernel::{
    device::Bound,
    io::{
        Io,
        IoLoc,
        Region, //
    },
    pci,
    prelude::*,
    sync::Arc, //
};

use crate::regs;

/// The device on its bus.
pub(crate) type Parent = pci::Device<Bound>;

/// The card's registers.
pub(crate) type Bar<'bound> = pci::Bar<'bound, { regs::SIZE }>;

const REGISTERS: u32 = 0;
const MEMORY: u32 = 2;
const DOORBELLS: u32 = 4;

/// Bytes of a queue's doorbell page.
pub(crate) const DOORBELL_SIZE: usize = 0x1000;

/// Interrupt vector of the management.
pub(crate) const MANAGEMENT_VECTOR: usize = 0;
/// Vectors of the event rings, from here on.
pub(crate) const RING_VECTORS: usize = 1;
/// Vectors of the engines, from here on.
pub(crate) const ENGINE_VECTORS: usize = 3;

/// Maps the registers.
pub(crate) fn registers(parent: &Parent) -> Result<Bar<'_>> {
    parent.iomap_region_sized(REGISTERS, c"accel_qda")
}

/// Maps what of the card's memory the CPU can reach.
pub(crate) fn memory(parent: &Parent) -> Result<Arc<accel::Aperture>> {
    accel::Aperture::new(parent, MEMORY, accel::Caching::WriteCombined, c"accel_qda")
}

/// Maps the doorbells.
pub(crate) fn doorbells(parent: &Parent) -> Result<Arc<accel::Aperture>> {
    accel::Aperture::new(parent, DOORBELLS, accel::Caching::Uncached, c"accel_qda")
}

/// Allocates interrupts, all `count` of them.
pub(crate) fn lines(parent: &Parent, count: usize) -> Result<accel::irq::Lines<'_>> {
    let lines = accel::irq::Lines::from_pci(parent, u32::try_from(count)?)?;
    match lines.len() == count {
        true => Ok(lines),
        false => Err(ENOSPC),
    }
}

/// Reads a register of 64 bits; that its address is aligned is only seen at run time.
pub(crate) fn read64<R: Into<u64>>(
    bar: &Bar<'_>,
    at: impl IoLoc<Region<{ regs::SIZE }>, R, IoType = u64>,
) -> u64 {
    bar.try_read(at).map_or(u64::MAX, Into::into)
}

/// Reads a counter of 64 bits, if the card is there to count.
pub(crate) fn counter<R: Into<u64>>(
    bar: &Bar<'_>,
    at: impl IoLoc<Region<{ regs::SIZE }>, R, IoType = u64>,
) -> Option<u64> {
    match read64(bar, at) {
        u64::MAX => None,
        count => Some(count),
    }
}

/// Writes a register of 64 bits.
pub(crate) fn write64<R>(
    bar: &Bar<'_>,
    at: impl IoLoc<Region<{ regs::SIZE }>, R, IoType = u64>,
    value: R,
) where
    u64: From<R>,
{
    let _ = bar.try_write(at, value);
}
