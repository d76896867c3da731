// SPDX-License-Identifier: GPL-2.0
//! Makes man pages and shell completions of the command line, below `OUT_DIR/share`.

#[path = "src/cli.rs"]
#[allow(dead_code, reason = "only the definition is needed here")]
mod cli;

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

/// When the command line was last changed.
const DATE: &str = "2026-11-22";

/// Where shells look for completions, below `share`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions"),
    (Shell::Zsh, "zsh/site-functions"),
    (Shell::Fish, "fish/vendor_completions.d"),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cli.rs");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let share = Path::new(&out).join("share");

    let man = share.join("man/man1");
    fs::create_dir_all(&man)?;
    let mut command = cli::Cli::command();
    command.build();
    man_page(&man, command.clone(), "accel-smi")?;
    for part in command.get_subcommands() {
        man_page(
            &man,
            part.clone(),
            &format!("accel-smi-{}", part.get_name()),
        )?;
    }

    for (shell, folder) in COMPLETIONS {
        let folder = share.join(folder);
        fs::create_dir_all(&folder)?;
        clap_complete::generate_to(shell, &mut cli::Cli::command(), "accel-smi", folder)?;
    }
    Ok(())
}

fn man_page(folder: &Path, command: clap::Command, name: &str) -> io::Result<()> {
    let page = Man::new(command.name(name.to_owned()))
        .title(name.to_uppercase())
        .date(DATE)
        .source(concat!("accel-smi ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = String::from_utf8(text).expect("roff is ASCII");
    // An empty line is a break already.
    let text = text.replace("\n.br\n\n.br\n", "\n.sp\n");
    fs::write(folder.join(format!("{name}.1")), text)
}
