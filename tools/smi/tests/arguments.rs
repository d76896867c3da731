// SPDX-License-Identifier: GPL-2.0
//! What the program says of arguments, without any device.

use std::process::Command;
use std::process::Output;
use std::process::Stdio;

fn accel_smi(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_accel-smi"));
    let program = program.args(arguments).stdin(Stdio::null());
    program.output().expect("the program")
}

/// The program refuses these arguments, says this, and prints nothing.
fn refused(arguments: &[&str], why: &str) {
    let output = accel_smi(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(why), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

fn printed(arguments: &[&str]) -> String {
    let output = accel_smi(arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    refused(&["-L", "-q"], "cannot be used with");
    refused(
        &["--query-accel=index", "--query-compute-apps=pid"],
        "cannot be used with",
    );
    refused(&["--json", "--query-accel=index"], "cannot be used with");
    refused(&["-l", "1", "--loop-ms", "5"], "cannot be used with");
    refused(&["-d", "MEMORY"], "--query");
    refused(&["--format=csv"], "--query-accel");
    refused(&["-i", "0", "topo"], "topo");
    refused(&["topo", "-m", "--json"], "cannot be used with");
}

#[test]
fn bad_values_are_refused_with_what_is_allowed() {
    refused(&["-q", "-d", "NONSENSE"], "ROW_REMAPPER");
    refused(
        &["--query-accel=index,indx"],
        "no field \"indx\"; --help-query-accel explains",
    );
    refused(
        &["--query-compute-apps=name"],
        "--help-query-compute-apps explains",
    );
    refused(
        &["--query-accel=index", "--format=tsv"],
        "it begins with csv",
    );
    refused(
        &["--query-accel=index", "--format=csv,nohead"],
        "neither noheader nor nounits",
    );
    refused(&["-l", "0"], "1..=86400");
    refused(&["--period", "0"], "1..=60000");
    refused(&["events", "--kind", "nonsense"], "throttle");
    refused(&["events", "--severity", "bad"], "fatal");
    refused(&["--nonsense"], "unexpected argument");
    refused(&["nonsense"], "nonsense");
}

#[test]
fn lms_is_one_option() {
    refused(&["-lms", "0"], "--loop-ms");
    refused(&["-lms=0"], "--loop-ms");
}

#[test]
fn nothing_is_reset_that_nobody_named_or_confirmed() {
    refused(&["reset"], "--id");
    refused(&["reset", "-i", "0"], "no terminal to ask at: give --yes");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let output = accel_smi(&["-f", "/nonexistent/file"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("cannot write /nonexistent/file"), "{said}");
}

#[test]
fn fields_are_explained() {
    let devices = printed(&["--help-query-accel"]);
    assert!(devices.contains("\"power.draw\" [W]\n    "));
    assert!(devices.contains("\"temperature.<label>\"\n    "));
    let processes = printed(&["--help-query-compute-apps"]);
    assert!(processes.contains("\"used_memory\" [MiB]\n    "));
}

#[test]
fn help_says_what_the_exit_status_means() {
    assert!(printed(&["--help"]).contains("Exit status: 0 "));
    assert!(printed(&["--version"]).starts_with("accel-smi "));
}
