// SPDX-License-Identifier: GPL-2.0
//! Makes a firmware image for the model (Documentation/devices/qda/firmware.rst, image).

use std::path::PathBuf;
use std::{fs, io};

use clap::Parser;
use qda_model::capabilities::FIRMWARE_MEMORY;
use qda_model::firmware::image;

/// Makes an unsigned firmware image. The model's firmware is part of the model: the payload is text.
#[derive(Parser)]
struct Arguments {
    /// Where to write it.
    output: PathBuf,
    /// MEM_SIZE of the cards it is for, MiB.
    #[arg(long, default_value_t = 256)]
    memory: u64,
    /// Version: major, minor, patch as 8, 8 and 16 bits.
    #[arg(long, default_value_t = 0x0100_0000)]
    version: u32,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let load = (arguments.memory << 20).saturating_sub(FIRMWARE_MEMORY);
    let payload = b"firmware of the model of QDA";
    fs::write(
        arguments.output,
        image::make(arguments.version, load, payload),
    )
}
