// SPDX-License-Identifier: GPL-2.0
//! Has mandoc judge man pages, and shells completions.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Names of the man pages of a section below `share`, in alphabetical order. mandoc must have nothing to say about
/// any of them.
///
/// # Panics
///
/// If it has.
pub fn man_pages(share: &Path, section: u8) -> Vec<String> {
    let folder = share.join(format!("man/man{section}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("man pages") {
        let entry = entry.expect("a man page");
        assert_silent("mandoc", &["-T", "lint", "-W", "warning"], &entry.path());
        names.push(entry.file_name().into_string().expect("UTF-8"));
    }
    names.sort();
    names
}

/// That the completions of a program have these words, and that bash can read its own.
///
/// # Panics
///
/// If not.
pub fn completions(share: &Path, program: &str, words: &[&str]) {
    let bash = format!("bash-completion/completions/{program}.bash");
    assert_silent("bash", &["-n"], &share.join(&bash));
    let others = [
        format!("zsh/site-functions/_{program}"),
        format!("fish/vendor_completions.d/{program}.fish"),
    ];
    for file in others.iter().chain([&bash]) {
        let text = fs::read_to_string(share.join(file)).expect(file);
        for word in words {
            assert!(text.contains(word), "{file}: no {word}");
        }
    }
}

/// The program has nothing to say about the file.
fn assert_silent(program: &str, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
