// SPDX-License-Identifier: GPL-2.0
//! Show live how the accelerators of a system are, and who uses them. `cli` is what it can be told.
//!
//! - `sampler` asks devices; `state` is what is known of them, and how somebody wants to see it;
//! - `view` is that as lines: `device` those of a device, of `gauge`s of its `history`, `processes` the table below;
//!   `look` is what they look like, `users` has names;
//! - `live` draws them on the `terminal` and does what `keys` say; `batch` prints them.

mod batch;
mod cli;
mod device;
mod gauge;
mod history;
mod keys;
mod live;
mod look;
mod meter;
mod processes;
mod row;
mod sampler;
mod state;
mod terminal;
mod users;
mod view;

use std::io;
use std::process::ExitCode;

use accel_snapshot::select::NoDevice;
use anyhow::Result;
use clap::Parser;

use crate::cli::Cli;
use crate::look::Look;
use crate::sampler::Sampler;
use crate::state::State;
use crate::terminal::NoTerminal;
use crate::users::Users;
use crate::view::View;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => status(&error),
    }
}

/// Say what went wrong.
fn status(error: &anyhow::Error) -> ExitCode {
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // Whoever reads has enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("accel-top: {error:#}");
    if error.is::<NoDevice>() {
        ExitCode::from(NoDevice::STATUS)
    } else if error.is::<NoTerminal>() {
        ExitCode::from(NoTerminal::STATUS)
    } else {
        ExitCode::FAILURE
    }
}

fn run(cli: Cli) -> Result<()> {
    if !cli.batch {
        terminal::check()?;
    }
    let sampler = Sampler::new(cli.selection.id)?;
    let state = State::new(cli.delay, cli.sort);
    let view = View {
        look: Look::new(cli.no_color, cli.ascii),
        users: Users::of_system(),
    };
    match cli.batch {
        true => batch::print(sampler, state, &view, cli.width, cli.iterations),
        false => live::show(sampler, state, view, cli.iterations),
    }
}
