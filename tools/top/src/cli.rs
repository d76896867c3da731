// SPDX-License-Identifier: GPL-2.0
//! The command line. The man page and completions are made of it, too (`build.rs`).

use std::time::Duration;

use accel_snapshot::select::Selection;
use clap::Parser;
use clap::ValueEnum;
use clap::value_parser;

/// The shortest and the longest interval, in seconds.
pub const INTERVALS: (f64, f64) = (0.1, 3600.0);

const AFTER: &str = "\
Keys: q, Esc or Ctrl-C quit; h or ? show the others.\n\n\
Graphs: each column is a sample, the newest on the right; _ is 0, a blank is a sample that there is not. The top is \
100 % of an engine, the size of memory, the limit of power, the temperature at which the device stops; of what has no \
limit the power of two above the last 1000 samples.\n\n\
Environment: NO_COLOR, unless it is empty, is --no-color; LC_ALL, LC_CTYPE or LANG, if it names no UTF-8, is --ascii; \
TERM must name a terminal whose cursor can be moved.\n\n\
Exit status: 0 all went well; 1 something failed; 2 the arguments are wrong, or there is no terminal to draw on; \
3 there is no device, or none that -i names.";

/// Show live how the accelerators of this system are, and who uses them.
///
/// Devices are asked through their monitor nodes, which disturbs nobody and wakes no device. What a device does not
/// have is not shown.
#[derive(Debug, Parser)]
#[command(name = "accel-top", version, after_help = AFTER)]
pub struct Cli {
    /// Seconds between two samples, 0.1 to 3600
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub delay: Duration,

    /// End after so many samples
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,

    /// Print each sample as text instead of drawing on the terminal
    #[arg(short, long)]
    pub batch: bool,

    /// How wide the text is, 80 to 1000 columns
    #[arg(
        short,
        long,
        value_name = "COLUMNS",
        default_value = "80",
        requires = "batch"
    )]
    #[arg(value_parser = value_parser!(u16).range(80..=1000))]
    pub width: u16,

    /// Sort processes by this at first
    #[arg(
        short = 'o',
        long,
        value_name = "COLUMN",
        value_enum,
        ignore_case = true,
        default_value = "util"
    )]
    pub sort: Column,

    /// No colours
    #[arg(long)]
    pub no_color: bool,

    /// No characters but those of ASCII
    #[arg(long)]
    pub ascii: bool,

    /// Of which devices
    #[command(flatten)]
    pub selection: Selection,
}

/// What processes can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Column {
    /// Engine time since the last sample
    Util,
    /// Memory in buffers
    Memory,
    /// Engine time altogether
    Time,
    /// Number of the process
    Pid,
    /// Name of its user
    User,
    /// Index of the device
    Accel,
    /// Name of the process
    Command,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let (shortest, longest) = INTERVALS;
    let seconds = text.parse::<f64>().ok();
    let allowed = seconds.filter(|seconds| (shortest..=longest).contains(seconds));
    allowed
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("it is no number from {shortest} to {longest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_limited() {
        assert_eq!(seconds("0.1"), Ok(Duration::from_millis(100)));
        assert_eq!(seconds("3600"), Ok(Duration::from_secs(3600)));
        for bad in ["0", "0.09", "3601", "-1", "nan", "inf", "1s", ""] {
            assert_eq!(
                seconds(bad).unwrap_err(),
                "it is no number from 0.1 to 3600",
                "{bad}"
            );
        }
    }
}
