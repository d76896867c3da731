// SPDX-License-Identifier: GPL-2.0
//! The terminal: taken while something is drawn, and given back on every way out.

use std::env;
use std::fmt;
use std::io;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Stdout;
use std::panic;
use std::process;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Hide;
use ratatui::crossterm::cursor::MoveTo;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::Clear;
use ratatui::crossterm::terminal::ClearType;
use ratatui::crossterm::terminal::EnterAlternateScreen;
use ratatui::crossterm::terminal::LeaveAlternateScreen;
use ratatui::crossterm::terminal::disable_raw_mode;
use ratatui::crossterm::terminal::enable_raw_mode;

/// Exit status of a panic.
const PANICKED: i32 = 101;

/// Whether the terminal is taken.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Why nothing can be drawn.
#[derive(Debug, PartialEq, Eq)]
pub enum NoTerminal {
    /// The standard output is none.
    Output,
    /// Its cursor cannot be moved; TERM is this.
    Dumb(String),
}

impl NoTerminal {
    /// The exit status of a program that ends with it.
    pub const STATUS: u8 = 2;
}

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoTerminal::Output => f.write_str("the standard output is no terminal")?,
            NoTerminal::Dumb(term) => {
                write!(f, "a terminal whose TERM is {term:?} cannot be drawn on")?
            }
        }
        f.write_str("; -b prints text")
    }
}

impl std::error::Error for NoTerminal {}

/// Whether there is a terminal that can be drawn on.
///
/// # Errors
///
/// [`NoTerminal`].
pub fn check() -> Result<(), NoTerminal> {
    if !io::stdout().is_terminal() {
        return Err(NoTerminal::Output);
    }
    match env::var("TERM").unwrap_or_default().as_str() {
        term @ ("" | "dumb") => Err(NoTerminal::Dumb(term.to_owned())),
        _ => Ok(()),
    }
}

/// The terminal while it is taken.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Take the terminal. Whatever panics from now on gives it back, and ends the program.
    ///
    /// # Errors
    ///
    /// If the terminal does not do what it is told.
    pub fn take() -> io::Result<Self> {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let _ = give_back();
            report(info);
            process::exit(PANICKED);
        }));
        let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
        let mut screen = Screen {
            terminal: Terminal::new(backend)?,
        };
        screen.take_again()?;
        Ok(screen)
    }

    /// Take it after somebody else may have had it.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub fn take_again(&mut self) -> io::Result<()> {
        IS_TAKEN.store(true, Ordering::SeqCst);
        // Somebody else may have changed the mode without us.
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        self.terminal.clear()
    }

    /// Draw what changed.
    ///
    /// # Errors
    ///
    /// If the terminal is not there any more.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If it is not there any more nothing is to be done.
        let _ = give_back();
    }
}

/// Give the terminal back, as it was, unless that is done.
///
/// # Errors
///
/// If it is not there any more.
pub fn give_back() -> io::Result<()> {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    // One that has no other screen shall be empty at least.
    let shown = execute!(
        io::stdout(),
        ResetColor,
        Clear(ClearType::All),
        MoveTo(0, 0),
        LeaveAlternateScreen,
        Show
    );
    disable_raw_mode()?;
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_drawn_on_is_told_what_to_do() {
        assert_eq!(
            NoTerminal::Output.to_string(),
            "the standard output is no terminal; -b prints text"
        );
        let dumb = NoTerminal::Dumb("dumb".into()).to_string();
        assert_eq!(
            dumb,
            "a terminal whose TERM is \"dumb\" cannot be drawn on; -b prints text"
        );
    }
}
