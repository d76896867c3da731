// SPDX-License-Identifier: GPL-2.0
//! What `/metrics` says.

use std::time::Duration;

use accel_snapshot::Device;

use crate::families::FAMILIES;
use crate::families::Of;
use crate::text::Samples;
use crate::text::Type;

/// All metrics: of these devices, if it could be told which there are, and of the exporter itself, which took so long
/// to ask them.
pub fn page(devices: Option<&[Device]>, took: Duration) -> String {
    let mut page = String::new();
    for family in FAMILIES {
        let mut samples = Samples::default();
        for device in devices.unwrap_or_default() {
            let mut of = Of {
                samples: &mut samples,
                device: format!("accel{}", device.index),
            };
            (family.samples)(device, &mut of);
        }
        samples.write(&mut page, family.name, family.kind, family.help);
    }

    let mut own = |name, help, labels: &[(&str, &str)], value| {
        let mut samples = Samples::default();
        samples.add(labels, value);
        samples.write(&mut page, name, Type::Gauge, help);
    };
    own(
        "accel_exporter_build_info",
        "Which exporter this is.",
        &[("version", env!("CARGO_PKG_VERSION"))],
        true.into(),
    );
    own(
        "accel_exporter_scrape_success",
        "Whether it could be told which devices there are.",
        &[],
        devices.is_some().into(),
    );
    own(
        "accel_exporter_scrape_duration_seconds",
        "How long it took to ask the devices.",
        &[],
        crate::text::Value::from(took),
    );
    page
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;
    use std::process::Stdio;

    use accel_snapshot::State;
    use accel_snapshot::samples;

    use super::*;

    fn samples_page() -> String {
        page(
            Some(&samples::snapshot().devices),
            Duration::from_millis(250),
        )
    }

    fn has(line: &str) -> bool {
        samples_page().lines().any(|one| one == line)
    }

    #[test]
    fn figures_are_those_of_the_snapshot() {
        for line in [
            r#"accel_up{device="accel0"} 1"#,
            r#"accel_device_state{device="accel1",state="asleep"} 1"#,
            r#"accel_device_state{device="accel1",state="operational"} 0"#,
            r#"accel_engine_busy_seconds_total{device="accel0",engine="tensor0",work="jobs"} 2.5"#,
            r#"accel_jobs_total{device="accel0",engine="copy0",result="failed"} 1"#,
            r#"accel_memory_used_bytes{device="accel0",region="device"} 12587008"#,
            r#"accel_temperature_celsius{device="accel0",sensor="die"} 47.5"#,
            r#"accel_temperature_critical_celsius{device="accel0",sensor="die"} 100"#,
            r#"accel_power_limit_watts{device="accel0",sensor="board"} 75"#,
            r#"accel_energy_joules_total{device="accel0",sensor="board"} 1234.5"#,
            r#"accel_clock_hertz{device="accel0",sensor="core"} 1200000000"#,
            r#"accel_throttle_seconds_total{device="accel0",reason="board",kind="power"} 1.5"#,
            r#"accel_errors_total{device="accel0",block="memory",kind="memory",severity="uncorrected"} 1"#,
            r#"accel_memory_rows{device="accel0",state="pending"} 1"#,
            r#"accel_firmware_info{device="accel0",firmware="card",version="1.2.3"} 1"#,
            r#"accel_link_up{device="accel0",link="1"} 0"#,
            r#"accel_link_speed_bytes_per_second{device="accel0",link="0"} 25000000000"#,
            "accel_exporter_scrape_success 1",
            "accel_exporter_scrape_duration_seconds 0.25",
        ] {
            assert!(has(line), "no {line} in\n{}", samples_page());
        }
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let page = samples_page();
        for absent in [
            // It cannot be read now.
            "accel_voltage_volts",
            "accel_fan_rpm",
            // The system's memory has no limit of ours.
            r#"accel_memory_size_bytes{device="accel0",region="memory"}"#,
            // It has none of these, or sleeps.
            r#"accel_engine_busy_seconds_total{device="accel1",engine="npu",work="user_queues"}"#,
            r#"accel_user_queue_failures_total{device="accel1""#,
            r#"accel_temperature_celsius{device="accel1""#,
            r#"accel_errors_total{device="accel1""#,
            r#"accel_link_up{device="accel1""#,
            "pid=",
        ] {
            assert!(!page.contains(absent), "{absent} in\n{page}");
        }
    }

    #[test]
    fn who_went_away_is_down_and_no_more() {
        let page = samples_page();
        let of_it: Vec<_> = page
            .lines()
            .filter(|line| line.contains("accel2"))
            .collect();
        assert_eq!(of_it, [r#"accel_up{device="accel2"} 0"#]);
        assert!(!crate::families::is_up(&Device::new(3, State::Unreadable)));
    }

    #[test]
    fn without_devices_it_tells_of_itself() {
        let page = page(None, Duration::ZERO);
        assert!(page.contains("accel_exporter_scrape_success 0\n"));
        assert!(page.contains("accel_exporter_build_info{version="));
        assert!(!page.contains("accel_up"));
    }

    #[test]
    fn promtool_has_nothing_to_say() {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool");
        let mut stdin = promtool.stdin.take().expect("a pipe");
        stdin
            .write_all(samples_page().as_bytes())
            .expect("a judge that listens");
        drop(stdin);
        let output = promtool.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}
