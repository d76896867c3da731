// SPDX-License-Identifier: GPL-2.0
//! Shows how devices are, once or again and again: what the program does without a subcommand.

use std::io::Write;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;

use crate::cli;
use crate::cli::Cli;
use crate::cli::Format;
use crate::cli::Section;
use crate::csv;
use crate::csv::Column;
use crate::detail::detail;
use crate::fields;
use crate::fields::Source;
use crate::sections;
use crate::summary;
use accel_snapshot::Collector;
use accel_snapshot::Snapshot;
use accel_snapshot::complaints;
use accel_snapshot::select;
use accel_snapshot::select::NoDevice;

/// How a snapshot is rendered.
enum View {
    Summary,
    List,
    Detail(Vec<Section>),
    Devices(Vec<Column>, Format),
    Processes(Vec<Column>, Format),
    /// With these sections, each document on `one_line` or not.
    Json {
        sections: Vec<Section>,
        one_line: bool,
    },
}

impl View {
    fn of(cli: &Cli) -> Result<Self> {
        let columns =
            |fields, option, names| csv::columns(fields, option, names).map_err(cli::usage);
        Ok(if cli.json {
            View::Json {
                sections: match cli.list {
                    true => Vec::new(),
                    false => sections::in_order(&cli.display).collect(),
                },
                one_line: cli.round().is_some(),
            }
        } else if cli.list {
            View::List
        } else if cli.query {
            View::Detail(cli.display.clone())
        } else if !cli.query_accel.is_empty() {
            let columns = columns(fields::ACCEL, "query-accel", &cli.query_accel)?;
            View::Devices(columns, cli.format)
        } else if !cli.query_compute_apps.is_empty() {
            let columns = columns(
                fields::PROCESS,
                "query-compute-apps",
                &cli.query_compute_apps,
            )?;
            View::Processes(columns, cli.format)
        } else {
            View::Summary
        })
    }

    /// What comes before the first snapshot.
    fn head(&self) -> String {
        match self {
            View::Devices(columns, format) | View::Processes(columns, format) if format.header => {
                csv::header(columns) + "\n"
            }
            _ => String::new(),
        }
    }

    fn render(&self, mut snapshot: Snapshot) -> Result<String> {
        Ok(match self {
            View::Summary => summary::summary(&snapshot),
            View::List => summary::list(&snapshot),
            View::Detail(sections) => detail(&snapshot, sections),
            View::Devices(columns, format) => {
                let devices = snapshot.devices.iter();
                let sources = devices.map(|device| Source::of_device(&snapshot, device));
                sources
                    .map(|source| csv::row(columns, &source, *format) + "\n")
                    .collect()
            }
            View::Processes(columns, format) => Source::of_processes(&snapshot)
                .map(|source| csv::row(columns, &source, *format) + "\n")
                .collect(),
            View::Json { sections, one_line } => {
                for device in &mut snapshot.devices {
                    sections::keep(device, sections);
                }
                let text = match one_line {
                    true => serde_json::to_string(&snapshot)?,
                    false => serde_json::to_string_pretty(&snapshot)?,
                };
                text + "\n"
            }
        })
    }
}

/// Show what was asked for.
///
/// # Errors
///
/// [`NoDevice`] if there is no such device; if a device could not be asked, or output could not be written.
pub fn show(cli: &Cli, to: &mut dyn Write) -> Result<()> {
    let view = View::of(cli)?;
    let period = match cli.list {
        true => Duration::ZERO,
        false => Duration::from_millis(cli.period),
    };
    let mut collector = Collector::new(period);
    let ids = &cli.selection.id;

    let mut snapshot = collector.snapshot()?;
    snapshot.devices = select::choose(ids, snapshot.devices)?;
    let is_empty = snapshot.devices.is_empty();
    let complaints: Vec<_> = complaints(&snapshot).collect();
    to.write_all(view.head().as_bytes())?;
    to.write_all(view.render(snapshot)?.as_bytes())?;
    to.flush()?;

    if let Some(round) = cli.round() {
        repeat(round, || {
            let mut snapshot = collector.snapshot()?;
            select::retain(ids, &mut snapshot.devices);
            to.write_all(view.render(snapshot)?.as_bytes())?;
            Ok(to.flush()?)
        })?;
    }
    if is_empty {
        return Err(NoDevice::None.into());
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.join("; "));
    }
    Ok(())
}

/// Do it at each end of a round, until it fails. Rounds do not drift; one that takes too long is followed by
/// the next one at once.
fn repeat(round: Duration, mut what: impl FnMut() -> Result<()>) -> Result<()> {
    let mut next = Instant::now();
    loop {
        next = (next + round).max(Instant::now());
        thread::sleep(next - Instant::now().min(next));
        what()?;
    }
}
