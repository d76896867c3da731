// SPDX-License-Identifier: GPL-2.0
//! The card as a PCI function (Documentation/devices/qda/pci.rst).

use std::io;
use std::sync::Arc;

use pci_model::{
    Bar, Description, DeviceMemory, Function, Interrupts, MsixLayout, Port, Reset, Width,
};

use crate::capabilities::{Capabilities, QUEUES};
use crate::card::Card;
use crate::registers;

const REGISTERS: usize = 0;
const MSIX: usize = 1;
const MEMORY: usize = 2;
const DOORBELLS: usize = 4;

/// A card in its slot.
pub struct Front {
    /// The card.
    pub card: Arc<Card>,
    memory: Arc<DeviceMemory>,
}

impl Front {
    /// A card, switched on; `EINVAL` if its capabilities make no sense.
    pub fn new(capabilities: Capabilities, port: &Port) -> io::Result<Arc<Self>> {
        if !capabilities.are_sound() {
            let why = "sizes of memory";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let memory = Arc::new(DeviceMemory::new(capabilities.mem_size)?);
        let card = Card::new(capabilities, memory.clone(), port);
        Ok(Arc::new(Self { card, memory }))
    }
}

impl Function for Front {
    fn description(&self) -> Description {
        let doorbells = Bar {
            width: Width::Bits64,
            prefetchable: true,
            ..Bar::registers(DOORBELLS, QUEUES as u64 * 4096)
        };
        let visible = self.card.capabilities.mem_visible;
        Description {
            vendor: 0x1234,
            device: 0x0da1,
            subsystem_vendor: 0x1234,
            subsystem: 0x0da1,
            revision: 1,
            class: 0x12_0000,
            bars: vec![
                Bar::registers(REGISTERS, registers::SIZE),
                Bar::registers(MSIX, 0x2000),
                Bar::window(MEMORY, visible, self.memory.clone()),
                doorbells,
            ],
            interrupts: Interrupts::Msix(MsixLayout {
                bar: MSIX,
                table: 0,
                pba: 0x1000,
            }),
        }
    }

    fn read(&self, bar: usize, offset: u64, data: &mut [u8]) {
        match bar {
            REGISTERS => self.card.read_register(offset, data),
            DOORBELLS => data.fill(0),
            _ => {}
        }
    }

    fn write(&self, bar: usize, offset: u64, data: &[u8]) {
        match bar {
            REGISTERS => self.card.write_register(offset, data),
            DOORBELLS => self.card.doorbell(offset, data),
            _ => {}
        }
    }

    fn reset(&self, _kind: Reset) {
        self.card.function_reset();
    }

    fn power(&self, on: bool) {
        self.card.set_power(on);
    }
}
