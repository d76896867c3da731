// SPDX-License-Identifier: GPL-2.0
//! Makes man pages and shell completions of the command line.

#[path = "src/cli.rs"]
#[allow(dead_code, reason = "only the definition is needed here")]
mod cli;

use std::io;

use clap::CommandFactory;
use pages::Manual;

fn main() -> io::Result<()> {
    let manual = Manual {
        section: 1,
        name: "User Commands",
        date: "2026-11-22",
    };
    pages::write(cli::Cli::command(), manual)
}
