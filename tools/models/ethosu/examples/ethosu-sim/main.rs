// SPDX-License-Identifier: GPL-2.0
//! Runs compiled networks on the NPU model without a machine around it.
//!
//! Reads NAME-C.json and the files it names (see tools/networks/layout.py) and NAME.inputs.npy, and
//! writes NAME-C.outputs.npy for tools/networks/verify.py. Prints the time per inference.

mod layout;
mod machine;
mod npy;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use layout::Layout;
use machine::Machine;
use npy::Array;

/// Runs compiled networks on the model of the Ethos-U65.
#[derive(Parser)]
struct Arguments {
    /// Where the outputs go.
    #[arg(long)]
    outputs: PathBuf,
    /// Descriptions of networks, NAME-256.json or NAME-512.json.
    #[arg(required = true)]
    networks: Vec<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    for network in &arguments.networks {
        run(network, &arguments.outputs).map_err(|e| format!("{}: {e}", network.display()))?;
    }
    Ok(())
}

fn run(description: &Path, outputs: &Path) -> Result<(), Box<dyn Error>> {
    let layout = Layout::read(description)?;
    let inputs =
        Array::read(&description.with_file_name(format!("{}.inputs.npy", layout.network)))?;
    let machine = Machine::new(&layout, description)?;
    let [first, states @ ..] = &layout.inputs[..] else {
        return Err("no input".into());
    };
    let input_size = first.size;
    // An utterance is a run of inferences that share state.
    let steps = if states.is_empty() {
        1
    } else {
        inputs.shape[1]
    };
    let mut results = Vec::new();
    let begin = Instant::now();
    let inferences = inputs.bytes.chunks_exact(input_size);
    let count = inferences.len();
    for (index, input) in inferences.enumerate() {
        if index % steps == 0 {
            for state in states {
                machine.put(state, &vec![state.zero_point as u8; state.size])?;
            }
        }
        machine.put(first, input)?;
        machine.infer()?;
        results.extend(collect(&layout, &machine)?);
    }
    let each = begin.elapsed() / count.max(1) as u32;
    let name = description.with_extension("outputs.npy");
    let name = outputs.join(name.file_name().ok_or("no file name")?);
    npy::write(&name, count, &results)?;
    println!(
        "{}: {count} inferences, {each:?} each",
        description.display()
    );
    Ok(())
}

/// Reads all outputs, and hands states on to the next inference.
fn collect(layout: &Layout, machine: &Machine) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut all = Vec::new();
    for output in &layout.outputs {
        let bytes = machine.get(output)?;
        if let Some(state) = output.feeds.and_then(|feeds| layout.inputs.get(feeds)) {
            machine.put(state, &bytes)?;
        }
        all.extend(bytes);
    }
    Ok(all)
}
