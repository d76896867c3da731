// SPDX-License-Identifier: GPL-2.0
//! A compiled network and its test inputs, from the files that `tools/networks` writes.

use std::fs;
use std::path::Path;

use accel::ethosu::Compiled;
use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use npy::Array;
use serde::Deserialize;

/// A network that was compiled for one configuration of the NPU.
pub struct Network {
    /// Its name.
    pub name: String,
    /// Where everything is.
    pub layout: Layout,
    /// The command stream.
    pub stream: Vec<u32>,
    /// What the weights region holds.
    pub weights: Vec<u8>,
    inputs: Array,
}

/// NAME-C.json, as far as it is needed here; see `tools/networks/layout.py`.
#[derive(Deserialize)]
pub struct Layout {
    commands: String,
    weights: String,
    /// One for each base pointer that the stream uses.
    pub regions: Vec<Region>,
    /// The tensors that go in, the first one from outside and the others state.
    pub inputs: Vec<Tensor>,
    /// The tensors that come out.
    pub outputs: Vec<Tensor>,
}

/// Memory behind a base pointer.
#[derive(Deserialize)]
pub struct Region {
    /// Its number.
    pub region: usize,
    /// What it is for.
    pub role: RegionRole,
    /// Bytes.
    pub size: u64,
}

/// What a region is for.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RegionRole {
    /// The weights, read only.
    Weights,
    /// Inputs, outputs, state, and whatever is between them.
    Scratch,
    /// Scratch that may be memory on the chip.
    Fast,
}

/// Where a tensor is.
#[derive(Deserialize)]
pub struct Tensor {
    /// Number of its region.
    pub region: usize,
    /// First byte in its region.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// The value that stands for 0, which a state starts with.
    pub zero_point: i8,
    /// Of an output: the input that takes its value in the next step.
    pub feeds: Option<usize>,
    element_size: usize,
}

impl Network {
    /// Load network `name` for an NPU with `macs` MACs per cycle from `directory`.
    pub fn load(directory: &Path, name: &str, macs: u32) -> Result<Self> {
        let path = directory.join(format!("{name}-{macs}.json"));
        let layout = Layout::parse(&read(&path)?)
            .with_context(|| format!("{} is not valid", path.display()))?;
        let path = directory.join(&layout.commands);
        let compiled =
            Compiled::parse(&read(&path)?).with_context(|| path.display().to_string())?;
        ensure!(
            compiled.macs() == macs,
            "{} is compiled for {} MACs, the NPU has {macs}",
            path.display(),
            compiled.macs()
        );
        let weights = read(&directory.join(&layout.weights))?;
        let path = directory.join(format!("{name}.inputs.npy"));
        let network = Network {
            name: name.to_owned(),
            layout,
            stream: compiled.stream,
            weights,
            inputs: Array::read(&path)?,
        };
        network
            .check()
            .with_context(|| format!("{} does not fit network {name}", path.display()))?;
        Ok(network)
    }

    /// How many inferences the inputs are.
    pub fn inferences(&self) -> usize {
        self.inputs.bytes.len() / self.input_size()
    }

    /// Bytes of all outputs of one inference.
    pub fn output_size(&self) -> usize {
        self.layout.outputs.iter().map(|output| output.size).sum()
    }

    /// The inputs: sequences that start from the initial state, of inputs one inference each.
    pub fn sequences(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        let input = self.input_size();
        self.inputs
            .bytes
            .chunks_exact(input * self.steps())
            .map(move |sequence| sequence.chunks_exact(input))
    }

    fn input_size(&self) -> usize {
        self.layout.inputs[0].size
    }

    /// Inferences of a sequence: the second extent of the inputs of a network with state, else 1.
    fn steps(&self) -> usize {
        if self.layout.inputs.len() == 1 {
            1
        } else {
            self.inputs.shape.get(1).copied().unwrap_or(0)
        }
    }

    fn check(&self) -> Result<()> {
        let sequence = self.input_size().checked_mul(self.steps()).unwrap_or(0);
        ensure!(sequence > 0, "there is no input");
        let whole = self.inputs.bytes.len() % sequence == 0;
        ensure!(
            whole && !self.inputs.bytes.is_empty(),
            "shape {:?}",
            self.inputs.shape
        );
        Ok(())
    }
}

impl Layout {
    fn parse(json: &[u8]) -> Result<Self> {
        let layout: Layout = serde_json::from_slice(json)?;
        ensure!(!layout.inputs.is_empty(), "it has no input");
        for tensor in layout.inputs.iter().chain(&layout.outputs) {
            let known = layout
                .regions
                .iter()
                .any(|region| region.region == tensor.region);
            ensure!(known, "a tensor is in the unknown region {}", tensor.region);
            ensure!(
                tensor.element_size == 1,
                "a tensor has elements of {} bytes",
                tensor.element_size
            );
        }
        for output in &layout.outputs {
            let fed = output
                .feeds
                .map(|input| layout.inputs.get(input).map(|input| input.size));
            ensure!(
                fed.is_none_or(|size| size == Some(output.size)),
                "an output does not fit the input that it feeds"
            );
        }
        Ok(layout)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A directory of the files of a network for 256 MACs with an input of 2 bytes and a state of 3.
    struct Files(TempDir);

    impl Files {
        fn new(json: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let directory = folder.path();
            let container: [u32; 6] = [
                u32::from_le_bytes(*b"COP1"),
                1,
                0x1000_3008,
                0x1006_6001,
                0x1_0002,
                0xffff,
            ];
            let container: Vec<u8> = container
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect();
            fs::write(directory.join("commands"), container).unwrap();
            fs::write(directory.join("weights"), b"weights").unwrap();
            fs::write(directory.join("net-256.json"), json).unwrap();
            Files(folder)
        }

        fn load(&self, shape: &[usize]) -> Result<Network> {
            let inputs = Array::new(shape, (0..shape.iter().product::<usize>() as u8).collect())?;
            inputs.write(&self.0.path().join("net.inputs.npy"))?;
            Network::load(self.0.path(), "net", 256)
        }
    }

    const JSON: &str = r#"{
        "commands": "commands", "weights": "weights", "more": "is skipped",
        "regions": [{"region": 1, "role": "scratch", "size": 5}],
        "inputs": [{"region": 1, "offset": 3, "size": 2, "element_size": 1, "zero_point": 0},
                   {"region": 1, "offset": 0, "size": 3, "element_size": 1, "zero_point": -128}],
        "outputs": [{"region": 1, "offset": 3, "size": 1, "element_size": 1, "zero_point": 0},
                    {"region": 1, "offset": 0, "size": 3, "element_size": 1, "zero_point": -128, "feeds": 1}]
    }"#;

    #[test]
    fn inputs_are_sequences_of_steps() {
        let files = Files::new(JSON);
        let network = files.load(&[2, 3, 2]).unwrap();
        assert_eq!((network.inferences(), network.output_size()), (6, 4));
        assert_eq!(
            (network.stream.as_slice(), network.weights.as_slice()),
            (&[0xffff][..], &b"weights"[..])
        );
        let sequences: Vec<Vec<_>> = network.sequences().map(Iterator::collect).collect();
        assert_eq!(
            sequences,
            [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]
        );
    }

    #[test]
    fn inputs_of_another_shape_are_refused() {
        let files = Files::new(JSON);
        for shape in [&[0, 3, 2][..], &[2, 0, 2], &[5, 3], &[4]] {
            let error = format!("{:#}", files.load(shape).err().expect("an error"));
            assert!(error.contains("does not fit network net"), "{error}");
        }
    }

    #[test]
    fn bad_layouts_are_refused() {
        let bad = |from, to| {
            format!(
                "{:#}",
                Layout::parse(JSON.replacen(from, to, 1).as_bytes())
                    .err()
                    .expect("an error")
            )
        };
        assert!(
            bad(
                "\"region\": 1, \"offset\": 3",
                "\"region\": 2, \"offset\": 3"
            )
            .contains("unknown region 2")
        );
        assert!(bad("\"element_size\": 1", "\"element_size\": 2").contains("elements of 2 bytes"));
        assert!(bad("\"feeds\": 1", "\"feeds\": 0").contains("does not fit"));
        assert!(bad("\"feeds\": 1", "\"feeds\": 7").contains("does not fit"));
        assert!(bad("scratch", "nothing").contains("nothing"));
    }

    #[test]
    fn missing_files_are_named() {
        let error = Network::load(Path::new("/nonexistent"), "net", 512)
            .err()
            .expect("an error");
        assert!(
            error.to_string().contains("/nonexistent/net-512.json"),
            "{error}"
        );
    }
}
