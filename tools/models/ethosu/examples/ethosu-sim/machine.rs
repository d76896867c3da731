// SPDX-License-Identifier: GPL-2.0
//! The machine around the NPU: memory with the network's regions, and a driver in miniature.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ethosu_model::regs::{self, cmd, status};
use ethosu_model::{Bus, BusError, Configuration, Npu, Ram};

use crate::layout::{Layout, Tensor};

/// Regions begin at multiples of this.
const ALIGNMENT: usize = 4096;

/// A machine that runs one network.
pub struct Machine {
    npu: Npu,
    memory: Arc<Ram>,
    /// Receives the edges of the interrupt line.
    interrupt: Receiver<()>,
    /// Address of each region.
    base: [u64; 8],
    stream: (u64, u32),
}

impl Machine {
    /// A machine with the network loaded.
    pub fn new(layout: &Layout, description: &Path) -> Result<Self, Box<dyn Error>> {
        let commands = fs::read(description.with_file_name(&layout.commands))?;
        let stream = &layout.stream;
        let mut bytes = commands
            .get(stream.offset..stream.offset + stream.length)
            .ok_or("command stream outside of its file")?
            .to_vec();
        let mut base = [0; 8];
        for region in &layout.regions {
            // Memory is never zero on a machine that has been up for a while.
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0xa5);
            base[usize::from(region.region)] = bytes.len() as u64;
            let end = bytes.len() + region.size;
            if region.role == "weights" {
                bytes.extend(fs::read(description.with_file_name(&layout.weights))?);
            }
            bytes.resize(end, 0xa5);
        }
        let configuration = match layout.accelerator.as_str() {
            "ethos-u65-256" => Configuration::Macs256,
            "ethos-u65-512" => Configuration::Macs512,
            other => return Err(format!("no such NPU: {other}").into()),
        };
        let memory = Arc::new(Ram::new(bytes));
        let (sender, interrupt) = channel();
        let edge = Box::new(move || sender.send(()).unwrap_or_default());
        let npu = Npu::new(configuration, memory.clone(), edge);
        let stream = (0, stream.length as u32);
        Ok(Self {
            npu,
            memory,
            interrupt,
            base,
            stream,
        })
    }

    /// Writes a tensor.
    pub fn put(&self, tensor: &Tensor, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        self.memory
            .write(self.address(tensor), bytes)
            .map_err(outside)
    }

    /// Reads a tensor.
    pub fn get(&self, tensor: &Tensor) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = vec![0; tensor.size];
        self.memory
            .read(self.address(tensor), &mut bytes)
            .map_err(outside)?;
        Ok(bytes)
    }

    /// Runs the network once, as a driver does.
    pub fn infer(&self) -> Result<(), Box<dyn Error>> {
        let npu = &self.npu;
        for (region, base) in (0..).zip(self.base) {
            npu.write(regs::BASEP0 + 8 * region, base as u32);
            npu.write(regs::BASEP0 + 8 * region + 4, (base >> 32) as u32);
        }
        npu.write(regs::QBASE, self.stream.0 as u32);
        npu.write(regs::QSIZE, self.stream.1);
        npu.write(regs::CMD, cmd::RUN);
        self.interrupt.recv_timeout(Duration::from_secs(60))?;
        npu.write(regs::CMD, cmd::CLEAR_IRQ);
        let state = npu.read(regs::STATUS);
        if state & (status::ERRORS | status::END) != status::END {
            return Err(format!("status {state:#x}").into());
        }
        Ok(())
    }

    fn address(&self, tensor: &Tensor) -> u64 {
        self.base[usize::from(tensor.region & 7)] + tensor.offset as u64
    }
}

fn outside(_: BusError) -> Box<dyn Error> {
    "tensor outside of its region".into()
}
