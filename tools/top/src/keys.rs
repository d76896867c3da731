// SPDX-License-Identifier: GPL-2.0
//! What keys do.

use ratatui::crossterm::event::KeyCode;
use ratatui::crossterm::event::KeyEvent;
use ratatui::crossterm::event::KeyEventKind;
use ratatui::crossterm::event::KeyModifiers;

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To end the program.
    Quit,
    /// To go back to the shell for a while.
    Suspend,
    /// To see what is so many lines below.
    Scroll(isize),
    /// Likewise, pages.
    Page(isize),
    /// The first line.
    Home,
    /// The last one.
    End,
    /// Only the next device; after the last one all.
    NextDevice,
    /// The other way round.
    PreviousDevice,
    /// Only the device with this index, or all again.
    Device(u32),
    /// To sort by the next column.
    Sort,
    /// To sort the other way round.
    Reverse,
    /// Samples less often.
    Slower,
    /// Samples more often.
    Faster,
    /// Nothing new until it is wanted again.
    Pause,
    /// What keys do.
    Help,
}

/// What keys do, for people.
pub const HELP: [(&str, &str); 12] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("Up, Down", "scroll by a line"),
    ("PgUp, PgDn", "scroll by a page"),
    ("Home, End", "show the beginning, the end"),
    (
        "Tab, Shift-Tab",
        "show only the next, the last device; after the last one all",
    ),
    (
        "0 to 9",
        "show only the device with this index, or all again",
    ),
    ("s, F6", "sort processes by the next column"),
    ("r", "sort the other way round"),
    ("+, -", "make the interval longer, shorter"),
    ("p, Space", "stop and go on"),
    ("Ctrl-Z", "go back to the shell; fg shows this again"),
    ("h, ?", "show or hide this"),
];

/// What a key does, if anything.
pub fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Action::Quit),
            KeyCode::Char('z') => Some(Action::Suspend),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Action::Quit,
        KeyCode::Up => Action::Scroll(-1),
        KeyCode::Down => Action::Scroll(1),
        KeyCode::PageUp => Action::Page(-1),
        KeyCode::PageDown => Action::Page(1),
        KeyCode::Home => Action::Home,
        KeyCode::End => Action::End,
        KeyCode::Tab => Action::NextDevice,
        KeyCode::BackTab => Action::PreviousDevice,
        KeyCode::Char(digit @ '0'..='9') => Action::Device(u32::from(digit) - u32::from('0')),
        KeyCode::Char('s') | KeyCode::F(6) => Action::Sort,
        KeyCode::Char('r') => Action::Reverse,
        KeyCode::Char('+') => Action::Slower,
        KeyCode::Char('-') => Action::Faster,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('h' | '?') => Action::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn there_are_several_ways_out() {
        for code in [KeyCode::Char('q'), KeyCode::Esc] {
            assert_eq!(of(code, KeyModifiers::NONE), Some(Action::Quit));
        }
        assert_eq!(
            of(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Action::Quit)
        );
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::NONE), None);
    }

    #[test]
    fn digits_are_devices() {
        assert_eq!(
            of(KeyCode::Char('7'), KeyModifiers::NONE),
            Some(Action::Device(7))
        );
    }

    #[test]
    fn a_key_that_is_let_go_does_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(action(key), None);
    }
}
