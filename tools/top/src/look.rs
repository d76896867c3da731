// SPDX-License-Identifier: GPL-2.0
//! What a terminal can show, and how parts of the view look on it.

use std::env;

use ratatui::style::Color;
use ratatui::style::Modifier;
use ratatui::style::Style;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Characters that ASCII does not have.
    pub is_unicode: bool,
    /// Colours.
    pub is_coloured: bool,
}

/// What something is for the one who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Names of things.
    Name,
    /// Names of numbers, and what is less important.
    Label,
    /// How busy something is.
    Load,
    /// How full something is.
    Memory,
    /// What a sensor measures.
    Sensor,
    /// All is well.
    Good,
    /// Something is to be noticed.
    Warning,
    /// Something is wrong.
    Bad,
    /// The line above a table.
    Head,
    /// That of the column by which it is sorted.
    Sorted,
}

impl Look {
    /// What the environment and the command line say.
    pub fn new(no_color: bool, ascii: bool) -> Self {
        let term = variable("TERM");
        // A terminal without colours takes their numbers for others.
        let has_colours = !term.starts_with("vt");
        Look {
            is_unicode: !ascii && is_utf8(),
            is_coloured: !no_color && variable("NO_COLOR").is_empty() && has_colours,
        }
    }

    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        let (color, modifier) = match role {
            Role::Name => (Color::Reset, Modifier::BOLD),
            Role::Label => (Color::Cyan, Modifier::empty()),
            Role::Load => (Color::Green, Modifier::empty()),
            Role::Memory => (Color::Blue, Modifier::empty()),
            Role::Sensor => (Color::Magenta, Modifier::empty()),
            Role::Good => (Color::Green, Modifier::empty()),
            Role::Warning => (Color::Yellow, Modifier::BOLD),
            Role::Bad => (Color::Red, Modifier::BOLD),
            Role::Head => (Color::Reset, Modifier::REVERSED),
            Role::Sorted => (Color::Reset, Modifier::REVERSED | Modifier::BOLD),
        };
        let style = Style::new().add_modifier(modifier);
        match self.is_coloured {
            true => style.fg(color),
            false => style,
        }
    }
}

/// Whether the locale is one of UTF-8.
fn is_utf8() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = names.into_iter().find(|name| !name.is_empty());
    locale.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("utf-8") || name.contains("utf8")
    })
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
