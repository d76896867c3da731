// SPDX-License-Identifier: GPL-2.0
//! Show how the accelerators of a system are, and reset them. `cli` is what it can do.
//!
//! - crate `accel_snapshot` asks devices, and says which ones are meant; `summary`, `detail`, `csv` with its `fields`, and serde render that;
//! - `show` is all this, once or again and again; `topo`, `events` and `reset` are the subcommands;
//! - `find` opens devices, `sections` says what of them is shown.

mod cli;
mod csv;
mod detail;
mod events;
mod fields;
mod find;
mod reset;
#[cfg(test)]
mod schema;
mod sections;
mod show;
mod summary;
mod table;
mod topo;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use accel_snapshot::select;
use accel_snapshot::select::NoDevice;
use anyhow::Context;
use anyhow::Result;
use clap::Parser;

use crate::cli::Cli;
use crate::cli::Command;
use crate::topo::Topology;

fn main() -> ExitCode {
    let cli = Cli::parse_from(std::env::args_os().map(long_option));
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => status(&error),
    }
}

/// `-lms`, which people know, as options are: one letter has one hyphen.
fn long_option(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("-lms")) {
        Some("") => "--loop-ms".into(),
        Some(rest) if rest.starts_with('=') => format!("--loop-ms{rest}").into(),
        _ => argument,
    }
}

/// Say what went wrong.
fn status(error: &anyhow::Error) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        usage.exit();
    }
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // Whoever reads has enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("accel-smi: {error:#}");
    match error.is::<NoDevice>() {
        true => ExitCode::from(NoDevice::STATUS),
        false => ExitCode::FAILURE,
    }
}

fn run(cli: Cli) -> Result<()> {
    match &cli.command {
        None if cli.help_query_accel => help(fields::ACCEL),
        None if cli.help_query_compute_apps => help(fields::PROCESS),
        None => show::show(&cli, &mut *open(&cli.output)?),
        Some(Command::Topo(asked)) => topology(asked),
        Some(Command::Events(asked)) => {
            let devices = find::find(&asked.selection.id)?;
            events::print(asked, devices, &mut *open(&asked.output)?)
        }
        Some(Command::Reset(asked)) => reset::reset(asked),
    }
}

fn help(fields: &[fields::Field]) -> Result<()> {
    Ok(io::stdout().write_all(csv::help(fields).as_bytes())?)
}

fn topology(asked: &cli::Topo) -> Result<()> {
    let all = find::find(&[])?;
    let uuids = all.iter().filter_map(|found| found.identity.as_ref());
    let machine: Vec<_> = uuids.map(|who| who.uuid.clone()).collect();
    let chosen = select::choose(&asked.selection.id, all)?;
    let places = find::of_those_left(chosen.into_iter().map(topo::place))?;
    let topology = Topology::new(places, &machine);
    let text = match asked.json {
        true => serde_json::to_string_pretty(&topology)? + "\n",
        false => topology.matrix(),
    };
    Ok(open(&asked.output)?.write_all(text.as_bytes())?)
}

/// Where output goes.
fn open(output: &cli::Output) -> Result<Box<dyn Write>> {
    Ok(match &output.filename {
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = File::create(path);
            Box::new(file.with_context(|| format!("cannot write {}", path.display()))?)
        }
    })
}
