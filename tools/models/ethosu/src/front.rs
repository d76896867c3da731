// SPDX-License-Identifier: GPL-2.0
//! The PCI front: Documentation/devices/ethosu-pci.rst says what it looks like from outside.

use std::sync::Arc;
use std::time::Duration;

use pci_model::control::{Commands, Outcome, number, switch};
use pci_model::{Bar, Description, Function, Interrupts, Messages, MsixLayout, Port, Reset};

use crate::npu::{Late, Npu};
use crate::regs::{self, Configuration, status};

/// Interrupt vectors.
pub const VECTORS: u16 = 1;

/// BAR of the register block.
const REGISTERS: usize = 0;
/// BAR of MSI-X.
const MSIX: usize = 2;

/// The NPU as a PCI function.
pub struct Front {
    npu: Npu,
    messages: Messages,
}

impl Front {
    /// An NPU in `port`.
    pub fn new(configuration: Configuration, port: &Port) -> Arc<Self> {
        let messages = port.messages();
        let line = messages.clone();
        let edge = Box::new(move || line.send(0));
        let npu = Npu::new(configuration, Arc::new(port.dma()), edge);
        Arc::new(Self { npu, messages })
    }

    fn state(&self) -> String {
        let counts = self.npu.counts();
        let running = self.npu.read(regs::STATUS) & status::RUNNING;
        format!(
            "jobs={} irqs={} resets={} running={} qread={} status={:#x}",
            counts.jobs,
            self.messages.sent(),
            counts.resets,
            running,
            self.npu.read(regs::QREAD),
            self.npu.read(regs::STATUS),
        )
    }

    fn identity(&self) -> String {
        let function = self.description();
        let macs = 1 << (self.npu.read(regs::CONFIG) & 0xf);
        format!(
            "vendor={} device={} macs={macs}",
            function.vendor, function.device
        )
    }

    fn inject(&self, words: &[&str]) -> Result<bool, String> {
        match words {
            ["hang", value] => {
                let on = switch(value)?;
                self.npu.inject(|faults| faults.hang = on);
            }
            ["bus-error", value] => {
                let on = switch(value)?;
                self.npu.inject(|faults| faults.bus_error = on);
            }
            ["slow", value] => {
                let slow = milliseconds(value)?;
                self.npu.inject(|faults| faults.slow = slow);
            }
            ["late", when, value] => {
                let late = match *when {
                    "reset" => Late::Reset(milliseconds(value)?),
                    "next-job" => Late::NextJob(milliseconds(value)?),
                    _ => return Err(format!("{when:?} is neither reset nor next-job")),
                };
                self.npu.inject(|faults| faults.late = Some(late));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Function for Front {
    fn description(&self) -> Description {
        Description {
            vendor: 0x1234,
            device: 0xe065,
            subsystem_vendor: 0x1234,
            subsystem: 0xe065,
            revision: 1,
            class: 0x12_0000,
            bars: vec![
                Bar::registers(REGISTERS, regs::SIZE),
                Bar::registers(MSIX, 0x1000),
            ],
            interrupts: Interrupts::Msix(MsixLayout {
                bar: MSIX,
                table: 0,
                pba: 0x800,
            }),
        }
    }

    fn read(&self, bar: usize, offset: u64, data: &mut [u8]) {
        if bar == REGISTERS && data.len() == 4 && offset % 4 == 0 {
            data.copy_from_slice(&self.npu.read(offset).to_le_bytes());
        }
    }

    fn write(&self, bar: usize, offset: u64, data: &[u8]) {
        if let (REGISTERS, 0, Ok(word)) = (bar, offset % 4, data.try_into()) {
            self.npu.write(offset, u32::from_le_bytes(word));
        }
    }

    fn reset(&self, _kind: Reset) {
        self.npu.reset(0);
    }
}

impl Commands for Front {
    fn command(&self, words: &[&str]) -> Option<Outcome> {
        if words == ["state"] {
            return Some(Ok(self.state()));
        }
        if words == ["identity"] {
            return Some(Ok(self.identity()));
        }
        match self.inject(words) {
            Ok(true) => Some(Ok(String::new())),
            Ok(false) => None,
            Err(why) => Some(Err(why)),
        }
    }
}

/// Parses a time.
fn milliseconds(word: &str) -> Result<Duration, String> {
    Ok(Duration::from_millis(number(word)?.into()))
}
