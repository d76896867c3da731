// SPDX-License-Identifier: GPL-2.0
//! Run networks on an NPU: one buffer for each region, one job for each inference.
//!
//! Inputs come as a camera's frames do: in dma-bufs of somebody else. A job starts with the NPU fetching
//! its input from there to where the compiler wants it.

use std::time::Duration;

use accel::Buffer;
use accel::Device;
use accel::Mapping;
use accel::Prepared;
use accel::Udmabuf;
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

/// Frames that are in use in turn, as a camera has it.
pub const FRAMES: usize = 3;

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
    /// The network, on the first input that is in a frame.
    job: Prepared,
    /// Which of its buffers that frame is.
    input: u32,
    frames: Vec<Frame>,
    next: usize,
    regions: Vec<Option<Mapping>>,
}

/// Memory that inputs come in.
struct Frame {
    memory: Udmabuf,
    buffer: Buffer,
}

impl Frame {
    fn new(npu: &Npu, size: usize) -> Result<Self> {
        let memory = Udmabuf::new(size as u64)?;
        let buffer = npu.device.import(&memory)?;
        Ok(Frame { memory, buffer })
    }
}

/// A job like `builder`'s, which fetches the first input of `network` from `frame` first; and which of
/// its buffers that is.
fn on_frame(
    network: &Network,
    builder: ethosu::Builder,
    frame: &Buffer,
) -> Result<(Prepared, u32)> {
    let layout = &network.layout;
    let input = &layout.inputs[0];
    let used = |number| layout.regions.iter().any(|region| region.region == number);
    let free = (0..ethosu::REGIONS).find(|&number| !used(number));
    let region = free.context("no region is left for the input")?;
    let fetch = ethosu::copy(
        at(region, 0)?,
        at(input.region, input.offset)?,
        input.size as u64,
    );
    let stream = [&fetch, network.stream.as_slice()].concat();
    let builder = builder.region(region, frame, Access::Read)?;
    let index = builder.index(region)?;
    let job = builder.stream(&stream).prepare().map_err(explain)?;
    Ok((job, index))
}

fn at(region: usize, offset: usize) -> Result<ethosu::At> {
    Ok(ethosu::At {
        region: region.try_into()?,
        offset: offset as u64,
    })
}

impl<'a> Program<'a> {
    /// Make the buffers of `network`, fill in its weights, and import frames for its input.
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
        let size = network.layout.inputs[0].size;
        let frames = (0..FRAMES).map(|_| Frame::new(npu, size));
        let frames: Vec<_> = frames.collect::<Result<_>>()?;
        let (job, input) = on_frame(network, builder, &frames[0].buffer)?;
        Ok(Program {
            network,
            job,
            input,
            frames,
            next: 0,
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
        let frame = &mut self.frames[self.next];
        self.next = (self.next + 1) % FRAMES;
        frame.memory.write(0, input)?;
        self.job.replace(self.input, &frame.buffer)?;
        let job = self.job.submit()?;
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
        Some(refusal) => anyhow!("the driver refused the payload: {refusal}"),
        None => error.into(),
    }
}

fn access(region: &Region) -> Access {
    match region.role {
        RegionRole::Weights => Access::Read,
        RegionRole::Scratch | RegionRole::Fast => Access::ReadWrite,
    }
}
