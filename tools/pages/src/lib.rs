// SPDX-License-Identifier: GPL-2.0
//! Makes man pages and shell completions of command lines, for build scripts; `judge` has others judge them, for tests.

pub mod judge;

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

/// Where shells look for completions, below `share`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions"),
    (Shell::Zsh, "zsh/site-functions"),
    (Shell::Fish, "fish/vendor_completions.d"),
];

/// Where man pages are, below `share`: those of users' programs are in section 1, of daemons in section 8.
#[derive(Clone, Copy, Debug)]
pub struct Manual {
    /// The section.
    pub section: u8,
    /// What it is called.
    pub name: &'static str,
    /// When the command line was last changed.
    pub date: &'static str,
}

/// Write the pages of a program and of each of its subcommands, and its completions, below `OUT_DIR/share`. To be
/// called by a build script that has its command line in `src/cli.rs`.
///
/// # Errors
///
/// If files cannot be written.
///
/// # Panics
///
/// If it is not a build script that calls.
pub fn write(mut command: Command, manual: Manual) -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cli.rs");
    let share = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("share");
    for (shell, folder) in COMPLETIONS {
        let folder = share.join(folder);
        fs::create_dir_all(&folder)?;
        let name = command.get_name().to_owned();
        clap_complete::generate_to(shell, &mut command.clone(), name, folder)?;
    }

    let folder = share.join(format!("man/man{}", manual.section));
    fs::create_dir_all(&folder)?;
    command.build();
    let name = command.get_name().to_owned();
    let parts = command.get_subcommands().cloned().map(|part| {
        let name = format!("{name}-{}", part.get_name());
        part.name(name)
    });
    let all: Vec<_> = [command.clone()].into_iter().chain(parts).collect();
    all.into_iter()
        .try_for_each(|command| man_page(&folder, command, &name, manual))
}

fn man_page(folder: &Path, command: Command, program: &str, manual: Manual) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    let page = Man::new(command)
        .title(name.to_uppercase())
        .section(manual.section.to_string())
        .date(manual.date)
        .source(format!("{program} {version}"))
        .manual(manual.name);
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = String::from_utf8(text).expect("roff is ASCII");
    // An empty line is a break already.
    let text = text.replace("\n.br\n\n.br\n", "\n.sp\n");
    fs::write(path(folder, &name, manual.section), text)
}

fn path(folder: &Path, name: &str, section: u8) -> PathBuf {
    folder.join(format!("{name}.{section}"))
}
