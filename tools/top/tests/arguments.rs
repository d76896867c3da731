// SPDX-License-Identifier: GPL-2.0
//! What the program says of arguments and of what is no terminal, without any device.

use std::process::Command;
use std::process::Output;
use std::process::Stdio;

fn accel_top(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_accel-top"));
    let program = program.args(arguments).stdin(Stdio::null());
    program.output().expect("the program")
}

/// The program ends with this status, says this, and prints nothing.
fn ends(arguments: &[&str], status: i32, why: &str) {
    let output = accel_top(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert!(said.contains(why), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn bad_values_are_refused_with_what_is_allowed() {
    ends(&["-d", "0"], 2, "it is no number from 0.1 to 3600");
    ends(&["-b", "-w", "79"], 2, "80..=1000");
    ends(&["-n", "0"], 2, "1..");
    ends(
        &["-o", "nonsense"],
        2,
        "[possible values: util, memory, time, pid, user, accel, command]",
    );
    ends(&["-w", "100"], 2, "--batch");
    ends(&["nonsense"], 2, "unexpected argument");
}

#[test]
fn what_is_no_terminal_is_not_drawn_on() {
    ends(&[], 2, "the standard output is no terminal; -b prints text");
}

#[test]
fn a_device_that_is_not_there_is_named() {
    ends(
        &["-b", "-i", "nonsense"],
        3,
        "the index, UUID or address nonsense",
    );
}

#[test]
fn help_says_what_the_exit_status_means() {
    let help = accel_top(&["--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit status: 0 "));
}
