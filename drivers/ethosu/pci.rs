// SPDX-License-Identifier: GPL-2.0

//! The PCI front: a thin adapter between the bus and the NPU
//! (Documentation/devices/ethosu-pci.rst).

use accel_core as accel;
use kernel::{
    device::{
        Bound,
        Core, //
    },
    pci,
    prelude::*, //
};

use crate::{
    regs,
    EthosU, //
};

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

/// The driver, for the bus.
pub(crate) struct Driver;

kernel::pci_device_table!(
    PCI_TABLE,
    <Driver as pci::Driver>::IdInfo,
    [(kernel_ext::pci::device_id(0x1234, 0xe065), ())]
);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = ();
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<(), Error> + 'bound {
        pdev.enable_device_mem()?;
        accel::register::<EthosU>(pdev)?;
        Ok(())
    }
}
