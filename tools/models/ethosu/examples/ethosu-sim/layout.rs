// SPDX-License-Identifier: GPL-2.0
//! Description of a compiled network, as tools/networks/layout.py writes it.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// A compiled network.
#[derive(Deserialize)]
pub struct Layout {
    pub network: String,
    pub accelerator: String,
    /// Files beside the description.
    pub commands: String,
    pub weights: String,
    pub stream: Stream,
    pub regions: Vec<Region>,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
}

/// The command stream inside the file of commands, bytes.
#[derive(Deserialize)]
pub struct Stream {
    pub offset: usize,
    pub length: usize,
}

/// What a base register points to.
#[derive(Deserialize)]
pub struct Region {
    pub region: u8,
    pub role: String,
    pub size: usize,
}

/// An input or output.
#[derive(Deserialize)]
pub struct Tensor {
    pub region: u8,
    pub offset: usize,
    pub size: usize,
    pub zero_point: i32,
    pub feeds: Option<usize>,
}

impl Layout {
    /// Reads a description.
    pub fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }
}
