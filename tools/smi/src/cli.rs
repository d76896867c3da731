// SPDX-License-Identifier: GPL-2.0
//! The command line. Man pages and completions are made of it, too (`build.rs`).

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use accel::event::Kind;
use accel::event::Severity;
use accel_snapshot::select::Selection;
use clap::ArgGroup;
use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::value_parser;

const AFTER: &str = "\
Exit status: 0 all went well, also if a device sleeps, is being reset or went away; 1 something failed; \
2 the arguments are wrong; 3 there is no device, or none that -i names.";

/// Show how the accelerators of this system are.
///
/// Without arguments: a table of all devices, and one of the processes that use them.
/// Devices are asked through their monitor nodes, which disturbs nobody and wakes no device.
/// What a device does not have is shown as N/A, never as 0.
#[derive(Debug, Parser)]
#[command(name = "accel-smi", version, after_help = AFTER)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(group = ArgGroup::new("what"))]
pub struct Cli {
    /// Something else than showing devices.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// One line for each device: index, name, UUID, address on its bus
    #[arg(short = 'L', long, group = "what")]
    pub list: bool,

    /// All that is known of each device, as keys and values
    #[arg(short, long, group = "what")]
    pub query: bool,

    /// Of that only these parts
    #[arg(
        short,
        long,
        value_name = "TYPE",
        value_enum,
        ignore_case = true,
        requires = "query"
    )]
    #[arg(value_delimiter = ',')]
    pub display: Vec<Section>,

    /// These fields of each device, as CSV
    #[arg(long, value_name = "FIELD", value_delimiter = ',', groups = ["what", "csv"])]
    pub query_accel: Vec<String>,

    /// These fields of each process that uses a device, as CSV
    #[arg(long, value_name = "FIELD", value_delimiter = ',', groups = ["what", "csv"])]
    pub query_compute_apps: Vec<String>,

    /// Explain the fields of --query-accel
    #[arg(long, group = "what", exclusive = true)]
    pub help_query_accel: bool,

    /// Explain the fields of --query-compute-apps
    #[arg(long, group = "what", exclusive = true)]
    pub help_query_compute_apps: bool,

    /// How CSV is written: csv[,noheader][,nounits]
    #[arg(long, value_parser = format, default_value = "csv", requires = "csv")]
    pub format: Format,

    /// JSON instead of text
    #[arg(long, conflicts_with_all = ["query_accel", "query_compute_apps"])]
    pub json: bool,

    /// Again every SEC seconds, until it is interrupted
    #[arg(short, long, value_name = "SEC", num_args = 0..=1, default_missing_value = "5")]
    #[arg(value_parser = value_parser!(u64).range(1..=86_400))]
    pub r#loop: Option<u64>,

    /// Again every MS milliseconds; -lms is the same
    #[arg(long, value_name = "MS", conflicts_with = "loop")]
    #[arg(value_parser = value_parser!(u64).range(1..=86_400_000))]
    pub loop_ms: Option<u64>,

    /// Over how long utilisation is measured, milliseconds; later rounds of a loop measure over the round
    #[arg(long, value_name = "MS", default_value = "100")]
    #[arg(value_parser = value_parser!(u64).range(1..=60_000))]
    pub period: u64,

    /// Of which devices
    #[command(flatten)]
    pub selection: Selection,

    /// Where to
    #[command(flatten)]
    pub output: Output,
}

impl Cli {
    /// How long a round of the loop takes, if there is to be one.
    pub fn round(&self) -> Option<Duration> {
        let seconds = self.r#loop.map(Duration::from_secs);
        seconds.or(self.loop_ms.map(Duration::from_millis))
    }
}

/// Where output goes.
#[derive(Args, Clone, Debug, Default)]
pub struct Output {
    /// Write to FILE, which is replaced, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how near devices are to each other and to CPUs
    Topo(Topo),
    /// Show what happened to devices
    Events(Events),
    /// Reset devices; work that they do is lost
    Reset(Reset),
}

/// Show how near devices are to each other and to CPUs
#[derive(Args, Debug)]
pub struct Topo {
    /// As a matrix, which is the default
    #[arg(short, long)]
    pub matrix: bool,

    /// JSON instead of text
    #[arg(long, conflicts_with = "matrix")]
    pub json: bool,

    /// Of which devices
    #[command(flatten)]
    pub selection: Selection,

    /// Where to
    #[command(flatten)]
    pub output: Output,
}

/// Show what happened to devices: the last events of each, oldest first
#[derive(Args, Debug)]
pub struct Events {
    /// Wait for more, until all devices are gone
    #[arg(long)]
    pub follow: bool,

    /// Of these kinds only
    #[arg(long, value_delimiter = ',', value_parser = named(Kind::ALL))]
    pub kind: Vec<Kind>,

    /// Nothing less bad than this
    #[arg(long, value_parser = named(Severity::ALL))]
    pub severity: Option<Severity>,

    /// JSON instead of text: one object for each event, one on a line
    #[arg(long)]
    pub json: bool,

    /// Of which devices
    #[command(flatten)]
    pub selection: Selection,

    /// Where to
    #[command(flatten)]
    pub output: Output,
}

/// Reset devices; work that they do is lost. For root
#[derive(Args, Debug)]
pub struct Reset {
    /// These devices: index, UUID, or address on the bus
    #[arg(
        short,
        long,
        value_name = "DEVICE",
        value_delimiter = ',',
        required = true
    )]
    pub id: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// A part of what is known of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Section {
    /// Clients, and how many there may be
    Compute,
    /// Memory regions
    Memory,
    /// Engines: how busy they are, and their jobs
    Utilization,
    /// Errors that blocks of the device found in themselves
    Ecc,
    /// Bad rows of memory, and what is left to replace them
    RowRemapper,
    /// Temperatures and their limits
    Temperature,
    /// Power and its limit, energy, voltages, currents
    Power,
    /// Clocks
    Clock,
    /// Fans
    Fan,
    /// Why clocks are lowered
    Performance,
    /// What runs on the device
    Firmware,
    /// Links to other devices
    Links,
    /// Processes that use the device
    Pids,
}

/// How CSV is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The first line names the fields.
    pub header: bool,
    /// Values have their units.
    pub units: bool,
}

fn format(text: &str) -> Result<Format, String> {
    let mut words = text.split(',');
    let mut format = Format {
        header: true,
        units: true,
    };
    if words.next() != Some("csv") {
        return Err("it begins with csv".into());
    }
    for word in words {
        match word {
            "noheader" => format.header = false,
            "nounits" => format.units = false,
            _ => return Err(format!("{word:?} is neither noheader nor nounits")),
        }
    }
    Ok(format)
}

/// What clap says of arguments that it cannot judge itself.
pub fn usage(message: impl Display) -> anyhow::Error {
    let mut command = Cli::command();
    command.error(ErrorKind::ValueValidation, message).into()
}

/// Takes the names of `all`.
fn named<T>(all: &'static [T]) -> impl TypedValueParser<Value = T>
where
    T: Clone + Display + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(T::to_string)).try_map(|name| {
        let one = all.iter().find(|one| one.to_string() == name);
        one.cloned().ok_or("no such name")
    })
}
