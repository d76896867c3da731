// SPDX-License-Identifier: GPL-2.0
//! What a terminal shows that was sent some bytes: crate vt100 is the terminal.
//!
//!     terminal-screen COLUMNS ROWS text|modes|svg <BYTES
//!
//! - `text`: its lines;
//! - `modes`: one line: `main` or `alternate` for the screen that is shown, `shown` or `hidden` for the cursor;
//! - `svg`: a picture.

mod svg;

use std::env;
use std::io;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use vt100::Parser;
use vt100::Screen;

const USAGE: &str = "usage: terminal-screen COLUMNS ROWS text|modes|svg <BYTES";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("terminal-screen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [columns, rows, what] = &arguments[..] else {
        anyhow::bail!(USAGE);
    };
    let render = match what.as_str() {
        "text" => text,
        "modes" => modes,
        "svg" => svg::svg,
        _ => anyhow::bail!(USAGE),
    };
    let mut terminal = Parser::new(
        rows.parse().context(USAGE)?,
        columns.parse().context(USAGE)?,
        0,
    );
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    terminal.process(&bytes);
    Ok(io::stdout().write_all(render(terminal.screen()).as_bytes())?)
}

fn text(screen: &Screen) -> String {
    let (_, columns) = screen.size();
    let lines = screen.rows(0, columns);
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

fn modes(screen: &Screen) -> String {
    let shown = if screen.alternate_screen() {
        "alternate"
    } else {
        "main"
    };
    let cursor = if screen.hide_cursor() {
        "hidden"
    } else {
        "shown"
    };
    format!("{shown} {cursor}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(bytes: &str) -> Parser {
        let mut terminal = Parser::new(2, 10, 0);
        terminal.process(bytes.as_bytes());
        terminal
    }

    #[test]
    fn what_was_overwritten_is_not_seen() {
        assert_eq!(
            text(terminal("abc\r\ndef\x1b[1;2HX").screen()),
            "aXc\ndef\n"
        );
    }

    #[test]
    fn modes_are_those_of_the_end() {
        assert_eq!(modes(terminal("").screen()), "main shown\n");
        assert_eq!(
            modes(terminal("\x1b[?1049h\x1b[?25l").screen()),
            "alternate hidden\n"
        );
        assert_eq!(
            modes(terminal("\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l").screen()),
            "main shown\n"
        );
    }
}
