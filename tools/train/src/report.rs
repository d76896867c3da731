// SPDX-License-Identifier: GPL-2.0
//! What people see: the cards, progress, and a table in the end.

use std::io::IsTerminal;
use std::io::Write;
use std::io::stdout;
use std::time::Duration;
use std::time::Instant;

use accel::device::Node;
use accel::info;
use accel::info::Info;
use anyhow::Result;

use crate::digits::Digits;
use crate::digits::Reference;
use crate::team::Team;
use crate::training::Trained;

/// Between two updates of the progress line; a serial console is slow.
const UPDATE: Duration = Duration::from_millis(500);

/// Width of the progress bar.
const BAR: usize = 40;

/// Print who the cards are.
pub fn nodes(nodes: &[Node]) -> Result<()> {
    for node in nodes {
        let monitor = node.open_monitor()?;
        let who: info::Device = monitor.info()?;
        let regions: Vec<info::Memory> = monitor.list()?;
        let links: Vec<info::Link> = monitor.list()?;
        let firmware: Vec<info::Firmware> = monitor.list()?;
        let version = firmware.into_iter().find_map(|firmware| firmware.version);
        println!(
            "{} at {}: {}, {} MiB, {} links, firmware {}",
            node.path().display(),
            who.address,
            who.name,
            regions.iter().filter_map(|region| region.size).sum::<u64>() >> 20,
            links.len(),
            version.as_deref().unwrap_or("none"),
        );
    }
    Ok(())
}

/// A line that is rewritten in place while a network learns; on a terminal only.
pub struct Progress {
    team: Team,
    steps: usize,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// For `steps` steps of the team.
    pub fn new(team: Team, steps: usize) -> Self {
        Progress {
            team,
            steps,
            shown: None,
            terminal: stdout().is_terminal(),
        }
    }

    /// So many steps are done, the last one with this loss.
    pub fn show(&mut self, done: usize, loss: f32) {
        if self.terminal && self.shown.is_none_or(|shown| shown.elapsed() >= UPDATE) {
            self.shown = Some(Instant::now());
            print!("\r{}", self.line(done, loss));
            // Nobody is to be told if the line cannot be shown.
            let _ = stdout().flush();
        }
    }

    /// Take the line away.
    pub fn finish(self) {
        if self.shown.is_some() {
            let width = self.line(self.steps, 0.0).chars().count();
            print!("\r{:width$}\r", "");
        }
    }

    fn line(&self, done: usize, loss: f32) -> String {
        let full = "█".repeat(done * BAR / self.steps.max(1));
        let Progress { team, steps, .. } = self;
        let plural = if team.cards == 1 { "" } else { "s" };
        format!("{team} card{plural} {full:·<BAR$} {done:>4} of {steps}, loss {loss:<10.6}")
    }
}

/// How a run went.
pub struct Outcome {
    team: Team,
    steps: usize,
    /// First and last loss.
    losses: (f32, f32),
    /// Losses that are those of the reference, bit for bit.
    equal_losses: usize,
    /// Cards whose weights are.
    equal_weights: usize,
    /// Images held out that were seen right, of so many.
    right: (usize, usize),
    elapsed: Duration,
}

impl Outcome {
    /// Compares what came out.
    pub fn new(
        team: Team,
        trained: &Trained,
        digits: &Digits,
        reference: &Reference,
        elapsed: Duration,
    ) -> Self {
        let Trained {
            losses,
            weights,
            predictions,
        } = trained;
        let labels = &digits.held_out.labels;
        let pairs = predictions.iter().zip(labels);
        Outcome {
            team,
            steps: losses.len(),
            losses: (at(losses.first()), at(losses.last())),
            equal_losses: equal(losses, &reference.losses),
            equal_weights: weights
                .iter()
                .filter(|of| of.len() == reference.weights.len())
                .filter(|of| equal(of, &reference.weights) == of.len())
                .count(),
            right: (pairs.filter(|(seen, is)| seen == is).count(), labels.len()),
            elapsed,
        }
    }

    /// Whether everything is as in the reference.
    pub fn is_equal(&self) -> bool {
        self.equal_losses == self.steps && self.equal_weights == self.team.here.len()
    }
}

fn at(loss: Option<&f32>) -> f32 {
    loss.copied().unwrap_or(f32::NAN)
}

/// How many numbers of both have the same bits.
fn equal(found: &[f32], wanted: &[f32]) -> usize {
    let pairs = found.iter().zip(wanted);
    pairs.filter(|(a, b)| a.to_bits() == b.to_bits()).count()
}

/// Print how all runs went.
pub fn table(outcomes: &[Outcome]) {
    println!(
        "{:>5}  {:>9}  {:>9}  {:>17}  {:>13}  {:>18}  {:>7}",
        "cards", "loss from", "to", "losses bit-equal", "weights equal", "held out right", "time"
    );
    for outcome in outcomes {
        let (first, last) = outcome.losses;
        let (right, images) = outcome.right;
        let share = 100.0 * right as f64 / images.max(1) as f64;
        println!(
            "{:>5}  {first:>9.6}  {last:>9.6}  {:>17}  {:>13}  {:>18}  {:>7}",
            outcome.team,
            format!("{} of {}", outcome.equal_losses, outcome.steps),
            format!(
                "on {} of {}",
                outcome.equal_weights,
                outcome.team.here.len()
            ),
            format!("{right} of {images}, {share:.1}%"),
            format!("{:.1} s", outcome.elapsed.as_secs_f64()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        let progress = Progress::new("2".parse().unwrap(), 880);
        let line = progress.line(440, 0.25);
        assert_eq!(line.matches('█').count(), 20);
        assert_eq!(line.matches('·').count(), 20);
        assert!(line.ends_with(" 440 of 880, loss 0.250000  "), "{line}");
    }

    #[test]
    fn bits_are_compared() {
        assert_eq!(equal(&[0.0, 1.0, f32::NAN], &[-0.0, 1.0, f32::NAN]), 2);
        assert_eq!(equal(&[1.0], &[]), 0);
    }
}
