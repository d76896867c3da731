// SPDX-License-Identifier: GPL-2.0
//! What people see: the device, progress, and timing.

use std::io::IsTerminal;
use std::io::Write;
use std::io::stdout;
use std::time::Duration;
use std::time::Instant;

use accel::info;
use accel::info::Info;
use anyhow::Result;

use crate::npu::FRAMES;
use crate::npu::Npu;

/// Between two updates of the progress line; a serial console is slow.
const UPDATE: Duration = Duration::from_millis(500);

/// Width of names.
const WIDTH: usize = 12;

/// Print who the device is and how it is.
pub fn device(npu: &Npu) -> Result<()> {
    let who = &npu.who;
    let status: info::Status = npu.device.info()?;
    let engines: Vec<info::Engine> = npu.device.list()?;
    let engines: Vec<_> = engines
        .iter()
        .map(|engine| format!("{} ({})", engine.name, engine.kind))
        .collect();
    println!("{}", who.name);
    line(
        "driver",
        &format!(
            "{} {}, subsystem {}",
            who.driver, who.driver_version, who.core_version
        ),
    );
    line("node", &npu.node.path().display().to_string());
    let ids = who.vendor.zip(who.device);
    let id = ids.map_or(String::new(), |(vendor, device)| {
        format!(", id {vendor:04x}:{device:04x}")
    });
    line("bus", &format!("{} {}{id}", who.bus, who.address));
    line("uuid", &who.uuid.to_string());
    line("MACs", &format!("{} per cycle", npu.macs()));
    line("engines", &engines.join(", "));
    line(
        "inputs",
        &format!("imported from udmabuf, {FRAMES} frames in turn"),
    );
    line(
        "health",
        &format!("{}, resets: {}", status.health, status.resets),
    );
    println!();
    Ok(())
}

fn line(name: &str, value: &str) {
    println!("  {name:<WIDTH$}{value}");
}

/// Time that jobs were on the NPU.
#[derive(Default)]
pub struct Timing {
    jobs: u32,
    total: Duration,
}

impl Timing {
    /// Count one job.
    pub fn add(&mut self, job: Duration) {
        self.jobs += 1;
        self.total = self.total.saturating_add(job);
    }

    /// `count` inferences in `elapsed`, for people.
    fn summary(&self, elapsed: Duration) -> String {
        let rate = f64::from(self.jobs) / elapsed.as_secs_f64().max(f64::EPSILON);
        let mean = self.total.checked_div(self.jobs).unwrap_or_default();
        format!(
            "{} inferences, {rate:.1} per second, {mean:.2?} each on the NPU",
            self.jobs
        )
    }
}

/// A line that is rewritten in place while a network runs; on a terminal only.
pub struct Progress {
    name: String,
    total: usize,
    done: usize,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// For `total` inferences of network `name`.
    pub fn new(name: &str, total: usize) -> Self {
        Progress {
            name: name.to_owned(),
            total,
            done: 0,
            shown: None,
            terminal: stdout().is_terminal(),
        }
    }

    /// One more inference is done.
    pub fn step(&mut self) {
        self.done += 1;
        if self.terminal && self.shown.is_none_or(|shown| shown.elapsed() >= UPDATE) {
            self.shown = Some(Instant::now());
            print!("\r{}", self.line());
            // Nobody is to be told if the line cannot be shown.
            let _ = stdout().flush();
        }
    }

    /// Put the result where the progress was.
    pub fn finish(self, timing: &Timing, elapsed: Duration) {
        let start = if self.shown.is_some() { "\r" } else { "" };
        println!("{start}{:<WIDTH$}{}", self.name, timing.summary(elapsed));
    }

    fn line(&self) -> String {
        format!("{:<WIDTH$}{} of {}", self.name, self.done, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timing_is_a_mean() {
        let mut timing = Timing::default();
        timing.add(Duration::from_millis(1));
        timing.add(Duration::from_millis(2));
        let summary = timing.summary(Duration::from_secs(1));
        assert_eq!(
            summary,
            "2 inferences, 2.0 per second, 1.50ms each on the NPU"
        );
    }

    #[test]
    fn no_jobs_are_no_division_by_zero() {
        let summary = Timing::default().summary(Duration::ZERO);
        assert_eq!(
            summary,
            "0 inferences, 0.0 per second, 0.00ns each on the NPU"
        );
    }
}
