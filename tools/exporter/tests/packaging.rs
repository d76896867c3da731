// SPDX-License-Identifier: GPL-2.0
//! What is installed with the program, judged by those whose formats these are.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

/// The most exposure of the service that `systemd-analyze security` may find, in tenths.
const EXPOSURE: &str = "--threshold=15";

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()))
}

fn assert_well(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The service with our own program, in a folder of its own, and where it is.
fn service() -> (TempDir, PathBuf) {
    let unit = fs::read_to_string(here().join("accel-exporter.service")).expect("the service");
    assert!(unit.contains("\nExecStart=/usr/bin/accel-exporter $ARGS\n"));
    let unit = unit.replace(
        "/usr/bin/accel-exporter",
        env!("CARGO_BIN_EXE_accel-exporter"),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("accel-exporter.service");
    fs::write(&path, unit).expect("a file");
    (folder, path)
}

/// The options that are installed change nothing, and the ones they suggest are options of the program.
#[test]
fn the_service_reads_its_options() {
    let unit = fs::read_to_string(here().join("accel-exporter.service")).expect("the service");
    assert!(unit.contains("\nEnvironmentFile=-/etc/default/accel-exporter\n"));
    let options = fs::read_to_string(here().join("accel-exporter.default")).expect("the options");
    assert!(options.lines().all(|line| line.starts_with('#')));
    let suggested = options
        .lines()
        .find_map(|line| line.strip_prefix("# ARGS="));
    let suggested = suggested.expect("a suggestion").split_whitespace();
    let help = run(Command::new(env!("CARGO_BIN_EXE_accel-exporter"))
        .args(suggested)
        .arg("--help"));
    assert_well(&help);
}

#[test]
fn systemd_takes_the_service() {
    let (_folder, path) = service();
    let verify = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path));
    assert_well(&verify);
    assert!(verify.stderr.is_empty(), "{verify:?}");
}

#[test]
fn the_service_is_little_exposed() {
    let (_folder, path) = service();
    let security = |threshold| {
        run(Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true", threshold])
            .arg(&path))
    };
    assert_well(&security(EXPOSURE));
    assert!(
        !security("--threshold=1").status.success(),
        "it judges nothing"
    );
}

#[test]
fn promtool_takes_the_rules() {
    let folder = here().join("prometheus");
    for what in [
        ["check", "rules", "accel.rules.yml"],
        ["test", "rules", "accel.test.yml"],
    ] {
        assert_well(&run(Command::new("promtool")
            .args(what)
            .current_dir(&folder)));
    }
}

#[test]
fn udev_takes_the_rules() {
    let rules = here().join("../udev/70-accel.rules");
    assert_well(&run(Command::new("udevadm")
        .args(["verify", "--resolve-names=never"])
        .arg(rules)));
}
