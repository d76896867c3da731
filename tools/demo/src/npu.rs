// SPDX-License-Identifier: GPL-2.0
//! Run networks on an NPU: one buffer for each region, one job for each inference.

use std::time::Duration;

use accel::Device;
use accel::Mapping;
use accel::Submit;
use accel::buffer::Placement;
use accel::device::Node;
use accel::ethosu;
use accel::info;
use accel::info::Info;
use accel::job::Access;
use accel::job::Deadline;
use anyhow::Context;
use anyhow::Result;
use anyhow::anyhow;
use anyhow::bail;

use crate::network::Network;
use crate::network::Region;
use crate::network::RegionRole;
use crate::network::Tensor;

/// How long one inference may take; the driver gives up long before.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An open Ethos-U.
pub struct Npu {
    /// Its nodes.
    pub node: Node,
    /// Its compute node.
    pub device: Device,
    /// Who it is.
    pub who: info::Device,
    /// What it can do.
    pub what: ethosu::Npu,
}

impl Npu {
    /// Open every Ethos-U of this system; there is at least one.
    pub fn all() -> Result<Vec<Self>> {
        let nodes = accel::device::nodes()?;
        let mut npus = Vec::new();
        for &node in &nodes {
            // The monitor node tells who it is without opening a device that somebody else uses.
            let who: info::Device = node.open_monitor()?.info()?;
            if who.driver == ethosu::DRIVER {
                let device = node.open()?;
                let what = device.info()?;
                npus.push(Npu {
                    node,
                    device,
                    who,
                    what,
                });
            }
        }
        if npus.is_empty() {
            bail!(
                "no Ethos-U found: {} accelerators, none with driver {}",
                nodes.len(),
                ethosu::DRIVER
            )
        }
        Ok(npus)
    }

    /// 8-bit multiply-accumulates per cycle.
    pub fn macs(&self) -> u32 {
        self.what.macs
    }
}

/// A network in the memory of an NPU.
pub struct Program<'a> {
    network: &'a Network,
    submit: Submit,
    regions: Vec<Option<Mapping>>,
}

impl<'a> Program<'a> {
    /// Make the buffers of `network` and fill in its weights.
    pub fn load(npu: &Npu, network: &'a Network) -> Result<Self> {
        let mut builder = ethosu::Builder::new(&npu.device);
        let mut regions: Vec<_> = (0..ethosu::REGIONS).map(|_| None).collect();
        for region in network
            .layout
            .regions
            .iter()
            .filter(|region| region.size > 0)
        {
            let buffer = npu.device.buffer(region.size, Placement::Default)?;
            builder = builder.region(region.region, &buffer, access(region))?;
            let mut mapping = buffer.map()?;
            if region.role == RegionRole::Weights {
                mapping.copy_from_slice(0, &network.weights)?;
            }
            regions[region.region] = Some(mapping);
        }
        Ok(Program {
            network,
            submit: builder.stream(&network.stream),
            regions,
        })
    }

    /// Start a sequence: set every state to zero.
    pub fn reset(&mut self) -> Result<()> {
        let network = self.network;
        for state in &network.layout.inputs[1..] {
            let bytes = state.offset..state.offset.saturating_add(state.size);
            self.region(state)?.fill(bytes, state.zero_point as u8)?;
        }
        Ok(())
    }

    /// Run one inference; the bytes of its outputs are appended to `outputs`. Returns the time that
    /// it was on the NPU.
    pub fn infer(&mut self, input: &[u8], outputs: &mut Vec<u8>) -> Result<Duration> {
        let network = self.network;
        let first = &network.layout.inputs[0];
        self.region(first)?.copy_from_slice(first.offset, input)?;
        let job = self.submit.submit().map_err(explain)?;
        let status = job.wait(Deadline::after(TIMEOUT))?;
        for output in &network.layout.outputs {
            let start = outputs.len();
            outputs.resize(start + output.size, 0);
            self.region(output)?
                .copy_to_slice(output.offset, &mut outputs[start..])?;
            self.carry(output, &outputs[start..])?;
        }
        status
            .run_time()
            .context("the kernel does not say how long the job ran")
    }

    /// Give a state to the next step. The compiler mostly has it in place already.
    fn carry(&mut self, output: &Tensor, bytes: &[u8]) -> Result<()> {
        let network = self.network;
        let Some(state) = output
            .feeds
            .and_then(|input| network.layout.inputs.get(input))
        else {
            return Ok(());
        };
        if (state.region, state.offset) != (output.region, output.offset) {
            self.region(state)?.copy_from_slice(state.offset, bytes)?;
        }
        Ok(())
    }

    fn region(&mut self, tensor: &Tensor) -> Result<&mut Mapping> {
        let mapping = self.regions.get_mut(tensor.region).and_then(Option::as_mut);
        mapping.with_context(|| format!("region {} has no memory", tensor.region))
    }
}

/// The driver's reason in words, if it has one.
fn explain(error: accel::Error) -> anyhow::Error {
    match ethosu::Refusal::of(&error) {
        Some(refusal) => anyhow!("the driver refused the job: {refusal}"),
        None => error.into(),
    }
}

fn access(region: &Region) -> Access {
    match region.role {
        RegionRole::Weights => Access::Read,
        RegionRole::Scratch | RegionRole::Fast => Access::ReadWrite,
    }
}
