// SPDX-License-Identifier: GPL-2.0
//! What the build makes of the command line: man pages that mandoc likes, completions that shells can read.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn share() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("share")
}

/// The program has nothing to say about the file.
fn assert_silent(program: &str, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn man_pages_are_what_man_expects() {
    let mut names = Vec::new();
    for entry in fs::read_dir(share().join("man/man1")).expect("man pages") {
        let entry = entry.expect("a man page");
        assert_silent("mandoc", &["-T", "lint", "-W", "warning"], &entry.path());
        names.push(entry.file_name().into_string().expect("UTF-8"));
    }
    names.sort();
    assert_eq!(
        names,
        [
            "accel-smi-events.1",
            "accel-smi-reset.1",
            "accel-smi-topo.1",
            "accel-smi.1"
        ]
    );
}

#[test]
fn completions_know_every_option() {
    assert_silent(
        "bash",
        &["-n"],
        &share().join("bash-completion/completions/accel-smi.bash"),
    );
    let files = [
        "bash-completion/completions/accel-smi.bash",
        "zsh/site-functions/_accel-smi",
        "fish/vendor_completions.d/accel-smi.fish",
    ];
    for file in files {
        let text = fs::read_to_string(share().join(file)).expect(file);
        for option in ["query-accel", "follow", "loop-ms", "ROW_REMAPPER", "topo"] {
            assert!(text.contains(option), "{file}: no {option}");
        }
    }
}
