// SPDX-License-Identifier: GPL-2.0
//! The text format of Prometheus, version 0.0.4.
//!
//! Not OpenMetrics, which crates have that are kept: there the name of a counter is without `_total`, which `promtool`
//! and everything else that reads the text format takes for two metrics, one of them without help.

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write;
use std::time::Duration;

/// What HTTP calls it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a metric may go down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// It does not, but begins at 0 again.
    Counter,
    /// It may.
    Gauge,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
        })
    }
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// To the last digit.
    Integer(u64),
    /// A fraction.
    Float(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<Duration> for Value {
    /// Seconds.
    fn from(value: Duration) -> Self {
        Value::Float(value.as_secs_f64())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(value) => value.fmt(f),
            Value::Float(value) => value.fmt(f),
        }
    }
}

/// The samples of a metric.
#[derive(Debug, Default)]
pub struct Samples {
    lines: Vec<String>,
    seen: HashSet<String>,
}

impl Samples {
    /// Add one. A device that has two things of the same name spoils no scrape: the first one counts.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Into<Value>) {
        let labels = join(labels);
        let line = format!("{labels} {}", value.into());
        if self.seen.insert(labels) {
            self.lines.push(line);
        }
    }

    /// Append them to `page`, as those of this metric. A metric without samples is not there.
    pub fn write(&self, page: &mut String, name: &str, kind: Type, help: &str) {
        if self.lines.is_empty() {
            return;
        }
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for line in &self.lines {
            let _ = writeln!(page, "{name}{line}");
        }
    }
}

/// Labels as they are written.
fn join(labels: &[(&str, &str)]) -> String {
    let labels = labels.iter();
    let all: Vec<_> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", all.join(",")),
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_help_type_and_samples() {
        let mut samples = Samples::default();
        samples.add(&[("device", "accel0"), ("sensor", "die")], 71.25);
        samples.add(&[("device", "accel1"), ("sensor", "die")], -1.5);
        let mut page = String::new();
        samples.write(&mut page, "t_celsius", Type::Gauge, "How warm.");
        assert_eq!(
            page,
            "# HELP t_celsius How warm.\n# TYPE t_celsius gauge\n\
             t_celsius{device=\"accel0\",sensor=\"die\"} 71.25\n\
             t_celsius{device=\"accel1\",sensor=\"die\"} -1.5\n"
        );
    }

    #[test]
    fn what_there_is_not_is_absent() {
        let mut page = String::new();
        Samples::default().write(&mut page, "t", Type::Gauge, "None.");
        assert_eq!(page, "");
    }

    #[test]
    fn labels_cannot_break_out() {
        assert_eq!(join(&[("a", "x\"} 1\n\\")]), r#"{a="x\"} 1\n\\"}"#);
        assert_eq!(join(&[]), "");
    }

    #[test]
    fn a_second_sample_of_a_name_is_left_out() {
        let mut samples = Samples::default();
        samples.add(&[("a", "x")], 1_u64);
        samples.add(&[("a", "x")], 2_u64);
        assert_eq!(samples.lines, [r#"{a="x"} 1"#]);
    }

    #[test]
    fn counters_are_exact() {
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
        let time = Duration::new(1_000_000, 500);
        assert_eq!(Value::from(time).to_string(), "1000000.0000005");
        assert_eq!(Value::from(true).to_string(), "1");
    }
}
