// SPDX-License-Identifier: GPL-2.0
//! All that is shown: as lines, and those of them that a screen has room for.

use accel_snapshot::timestamp;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::text::Span;

use crate::cli::Column;
use crate::device;
use crate::keys;
use crate::look::Look;
use crate::look::Role;
use crate::processes;
use crate::row::Layout;
use crate::row::Room;
use crate::state::State;
use crate::users::Users;

/// The smallest screen.
const SMALLEST: (u16, u16) = (80, 24);
/// The most lines that the graph of an engine has.
const MOST_LINES: usize = 4;

/// What graphs mean, for people.
const GRAPHS: [(&str, &str); 7] = [
    ("Graphs", "one sample a column, the newest on the right"),
    ("_, a blank", "the sample is 0, there is none"),
    ("The top is", "of an engine 100 %"),
    ("", "of memory its size"),
    ("", "of power its limit"),
    ("", "of a temperature where the device stops"),
    ("", "of what has no limit the power of 2 above all samples"),
];

/// Draws states.
#[derive(Debug)]
pub struct View {
    /// What the terminal can show.
    pub look: Look,
    /// Names of users.
    pub users: Users,
}

impl View {
    /// Draw on a screen.
    pub fn draw(&self, frame: &mut Frame<'_>, state: &mut State) {
        let area = frame.area();
        let buffer = frame.buffer_mut();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(area, buffer);
        }
        let rows = area.height - 2;
        let lines = match state.is_help {
            true => self.help(),
            false => self.fitting(state, area.width, rows),
        };
        state.fit(lines.len(), rows.into());
        self.title(state).render_at(area, 0, buffer);
        let seen = lines.iter().skip(state.scroll).take(rows.into());
        for (row, line) in (1..).zip(seen) {
            line.render_at(area, row, buffer);
        }
        self.foot(state, lines.len(), rows.into())
            .render_at(area, area.height - 1, buffer);
    }

    /// Everything as text, so many columns wide.
    pub fn text(&self, state: &State, width: u16) -> String {
        let mut lines = vec![self.title(state)];
        lines.extend(self.lines(state, width.into(), Room::Little));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        for (row, line) in (0..height).zip(&lines) {
            line.render_at(area, row, &mut buffer);
        }
        plain(&buffer)
    }

    fn title(&self, state: &State) -> Line<'static> {
        let name = format!("accel-top {}", env!("CARGO_PKG_VERSION"));
        let seconds = state.interval.as_secs_f64();
        let mut text = format!(
            "  {}  every {seconds} s  sorted by {}",
            timestamp(state.time),
            title(state.sort)
        );
        if state.is_reversed {
            text += ", reversed";
        }
        let mut line = Line::from(vec![
            Span::styled(name, self.look.style(Role::Name)),
            Span::raw(text),
        ]);
        if state.is_paused {
            line.push_span("  ");
            line.push_span(Span::styled("paused", self.look.style(Role::Warning)));
        }
        line
    }

    /// All lines, with as much room as there can be without scrolling.
    fn fitting(&self, state: &State, width: u16, rows: u16) -> Vec<Line<'static>> {
        let all = |room| self.lines(state, width.into(), room);
        let fits = |lines: &Vec<_>| lines.len() <= rows.into();
        let rooms = (1..=MOST_LINES).rev().map(Room::Lines);
        rooms
            .map(all)
            .find(fits)
            .unwrap_or_else(|| all(Room::Little))
    }

    fn lines(&self, state: &State, width: usize, room: Room) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some(error) = &state.error {
            lines.push(Line::styled(error.clone(), self.look.style(Role::Bad)));
        }
        if state.devices.is_empty() {
            lines.push(Line::raw("No devices."));
        }
        let layout = Layout::new(state.visible(), width, room);
        for shown in state.visible() {
            lines.extend(device::lines(shown, layout, self.look));
        }
        let processes = processes::lines(state, &self.users, self.look);
        if !processes.is_empty() && room != Room::Little {
            lines.push(Line::default());
        }
        lines.extend(processes);
        lines
    }

    fn help(&self) -> Vec<Line<'static>> {
        let row = |(what, means): &(&'static str, &'static str)| {
            let what = Span::styled(format!("  {what:<16}"), self.look.style(Role::Label));
            Line::from(vec![what, Span::raw(*means)])
        };
        let mut lines = vec![Line::default()];
        lines.extend(keys::HELP.iter().map(row));
        lines.push(Line::default());
        lines.extend(GRAPHS.iter().map(row));
        lines
    }

    fn foot(&self, state: &State, lines: usize, rows: usize) -> Line<'static> {
        const KEYS: [(&str, &str); 6] = [
            ("q", "quit"),
            ("h", "help"),
            ("Tab", "device"),
            ("s", "sort"),
            ("+-", "interval"),
            ("p", "pause"),
        ];
        let mut line = Line::default();
        for (key, what) in KEYS {
            line.push_span(Span::styled(key, self.look.style(Role::Head)));
            line.push_span(format!(" {what}  "));
        }
        if lines > rows {
            let (first, last) = (state.scroll + 1, state.scroll + rows);
            line.push_span(format!("lines {first}-{last} of {lines}"));
        }
        line
    }
}

fn title(sort: Column) -> &'static str {
    match sort {
        Column::Util => "UTIL",
        Column::Memory => "MEMORY",
        Column::Time => "TIME",
        Column::Pid => "PID",
        Column::User => "USER",
        Column::Accel => "ACCEL",
        Column::Command => "COMMAND",
    }
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let (columns, rows) = SMALLEST;
    let words = [
        "accel-top needs".to_owned(),
        format!("{columns} x {rows} characters;"),
        format!("there are {} x {}.", area.width, area.height),
    ];
    for (row, text) in (0..area.height).zip(words) {
        Line::raw(text).render_at(area, row, buffer);
    }
}

trait RenderAt {
    /// Put it into a row of an area, and cut it there.
    fn render_at(&self, area: Rect, row: u16, buffer: &mut Buffer);
}

impl RenderAt for Line<'_> {
    fn render_at(&self, area: Rect, row: u16, buffer: &mut Buffer) {
        buffer.set_line(area.x, area.y + row, self, area.width);
    }
}

/// What is in a buffer, without styles and without blanks at the ends of lines.
pub fn plain(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let mut text = String::new();
    for row in buffer.content.chunks(width) {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                line += cell.symbol();
                covered = Span::raw(cell.symbol()).width();
            }
            covered = covered.saturating_sub(1);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
