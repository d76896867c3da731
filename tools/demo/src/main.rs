// SPDX-License-Identifier: GPL-2.0
//! Run compiled networks on every Ethos-U of this system.
//!
//!     accel-demo DIR OUT
//!
//! DIR has the networks as `tools/networks` writes them; every inference goes through `/dev/accel`, and
//! the bytes of all its outputs to `OUT/NAME-C.outputs.npy`, C being the NPU's MACs per cycle.

mod network;
mod npu;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use npy::Array;

use crate::network::Network;
use crate::npu::Npu;
use crate::npu::Program;
use crate::report::Progress;
use crate::report::Timing;

const NETWORKS: [&str; 3] = ["digits", "hey_jarvis", "alexa"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accel-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [networks, outputs] = arguments.as_slice() else {
        bail!("usage: accel-demo DIR OUT");
    };
    for npu in Npu::all()? {
        report::device(&npu)?;
        infer(&npu, Path::new(networks), Path::new(outputs))?;
    }
    Ok(())
}

/// All networks on one NPU.
fn infer(npu: &Npu, networks: &Path, outputs: &Path) -> Result<()> {
    for name in NETWORKS {
        let network = Network::load(networks, name, npu.macs())?;
        let outcome = infer_all(npu, &network).with_context(|| format!("network {name}"))?;
        let file = outputs.join(format!("{name}-{}.outputs.npy", npu.macs()));
        outcome.write(&file)?;
    }
    Ok(())
}

/// All inferences of a network; one row of the result for each.
fn infer_all(npu: &Npu, network: &Network) -> Result<Array> {
    let mut program = Program::load(npu, network)?;
    let mut progress = Progress::new(&network.name, network.inferences());
    let mut timing = Timing::default();
    let mut outputs = Vec::new();
    let start = Instant::now();
    for sequence in network.sequences() {
        program.reset()?;
        for input in sequence {
            timing.add(program.infer(input, &mut outputs)?);
            progress.step();
        }
    }
    progress.finish(&timing, start.elapsed());
    Array::new([network.inferences(), network.output_size()], outputs)
}
