// SPDX-License-Identifier: GPL-2.0
//! Train a network to read handwritten digits, on one QDA card or on two.
//!
//!     accel-train DIR OUT EPOCHS CARDS...
//!
//! Each of CARDS is a run, on the data in DIR (`tools/testing/qda/reference/export.py` makes it): `2`
//! is one on two cards, `0/2` one on the first of two, while the machine that it is linked to runs
//! `1/2`. The losses of all steps and the weights in the end have to be those of the reference in DIR,
//! bit for bit; otherwise the exit status is 1. What came out is left in OUT: `2.losses.npy`,
//! `2.weights.npy`, `2.predictions.npy` of two cards, `0of2.losses.npy` and so on of one of them.
//!
//! - `network` is the network: which packets compute what;
//! - `training` is the way from step to step, and between cards;
//! - `team` is who takes part;
//! - `card` is what that needs of a card, `lane` how packets get to an engine;
//! - `digits` and `report` are what goes in and comes out.

mod card;
mod digits;
mod lane;
mod network;
mod report;
mod team;
mod training;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::card::Card;
use crate::digits::Digits;
use crate::digits::Reference;
use crate::report::Outcome;
use crate::report::Progress;
use crate::team::Team;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accel-train: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [data, out, epochs, runs @ ..] = arguments.as_slice() else {
        bail!("usage: accel-train DIR OUT EPOCHS CARDS...");
    };
    let epochs = epochs.parse().context("EPOCHS is no number")?;
    let digits = Digits::load(Path::new(data))?;
    let reference = Reference::load(Path::new(data), epochs)?;

    let nodes = Card::nodes()?;
    report::nodes(&nodes)?;
    let mut outcomes = Vec::new();
    for cards in runs {
        let team: Team = cards.parse()?;
        let count = team.here.len();
        let nodes = nodes.get(..count);
        let nodes = nodes.with_context(|| format!("{count} cards are wanted, there are less"))?;
        let cards: Vec<_> = nodes.iter().map(Card::open).collect::<Result<_>>()?;

        let start = Instant::now();
        let mut progress = Progress::new(team.clone(), digits.steps(epochs));
        let trained = training::train(&cards, &team, &digits, epochs, |step, loss| {
            progress.show(step, loss);
        })?;
        progress.finish();
        trained.write(Path::new(out), &team)?;
        outcomes.push(Outcome::new(
            team,
            &trained,
            &digits,
            &reference,
            start.elapsed(),
        ));
    }
    report::table(&outcomes);
    ensure!(
        outcomes.iter().all(Outcome::is_equal),
        "not equal to the reference"
    );
    Ok(())
}
