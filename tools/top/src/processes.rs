// SPDX-License-Identifier: GPL-2.0
//! The table of processes.

use std::cmp::Ordering;
use std::time::Duration;

use accel_snapshot::Device;
use accel_snapshot::Process;
use accel_snapshot::State as DeviceState;
use accel_snapshot::units;
use ratatui::text::Line;
use ratatui::text::Span;

use crate::cli::Column;
use crate::look::Look;
use crate::look::Role;
use crate::state::State;
use crate::users::Users;

/// Columns, how wide they are (negative: words, from the left), and what is above them.
const COLUMNS: [(Column, i8, &str); 7] = [
    (Column::Pid, 7, "PID"),
    (Column::User, -10, "USER"),
    (Column::Accel, 5, "ACCEL"),
    (Column::Util, 6, "UTIL"),
    (Column::Memory, 10, "MEMORY"),
    (Column::Time, 10, "TIME"),
    (Column::Command, -16, "COMMAND"),
];

/// A process, and the device that it uses.
struct Row<'a> {
    device: &'a Device,
    process: &'a Process,
    user: String,
}

impl Row<'_> {
    fn memory(&self) -> u64 {
        self.device.used_memory(self.process)
    }

    fn time(&self) -> Duration {
        self.process.time()
    }

    fn cell(&self, column: Column) -> String {
        let process = self.process;
        match column {
            Column::Pid => process.pid.map_or("-".to_owned(), |pid| pid.to_string()),
            Column::User => self.user.clone(),
            Column::Accel => self.device.index.to_string(),
            Column::Util => process.utilization.map_or("-".to_owned(), units::percent),
            Column::Memory => units::bytes(self.memory()),
            Column::Time => minutes(self.time()),
            Column::Command => process.name.clone(),
        }
    }

    /// How it is sorted: those that have more come first, but numbers and names that grow come as they grow.
    fn compare(&self, other: &Row<'_>, column: Column) -> Ordering {
        let (a, b) = (self.process, other.process);
        match column {
            Column::Pid => a.pid.cmp(&b.pid),
            Column::User => self.user.cmp(&other.user),
            Column::Accel => self.device.index.cmp(&other.device.index),
            Column::Util => {
                let share = |process: &Process| process.utilization.unwrap_or(-1.0);
                share(b).total_cmp(&share(a))
            }
            Column::Memory => other.memory().cmp(&self.memory()),
            Column::Time => other.time().cmp(&self.time()),
            Column::Command => a.name.cmp(&b.name),
        }
    }
}

/// The table of those who use the devices that are to be seen, or a line that says that there are none. Nothing if no
/// device tells.
pub fn lines(state: &State, users: &Users, look: Look) -> Vec<Line<'static>> {
    let visible = state.visible().map(|shown| &shown.device);
    let here = visible.filter(|device| device.state != DeviceState::Gone);
    let rows = sorted(here.clone(), state, users);
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(head(state.sort, look));
        lines.extend(rows.iter().map(line));
    } else if here.clone().any(|device| device.processes.get().is_some()) {
        lines.push(Line::raw("No processes."));
    }
    lines.extend(here.filter_map(hidden));
    lines
}

fn sorted<'a>(
    devices: impl Iterator<Item = &'a Device>,
    state: &State,
    users: &Users,
) -> Vec<Row<'a>> {
    let row = |device, process: &'a Process| Row {
        device,
        process,
        user: users.name(process.uid),
    };
    let of_device = |device: &'a Device| {
        let processes = device.processes.all().iter();
        processes.map(move |process| row(device, process))
    };
    let mut rows: Vec<_> = devices.flat_map(of_device).collect();
    rows.sort_by(|a, b| a.compare(b, state.sort));
    if state.is_reversed {
        rows.reverse();
    }
    rows
}

fn head(sort: Column, look: Look) -> Line<'static> {
    let cell = |(column, width, name): &(Column, i8, &str)| {
        let role = if *column == sort {
            Role::Sorted
        } else {
            Role::Head
        };
        Span::styled(aligned(name, *width), look.style(role))
    };
    Line::from_iter(COLUMNS.iter().map(cell)).style(look.style(Role::Head))
}

fn line(row: &Row<'_>) -> Line<'static> {
    let cells = COLUMNS.iter();
    Line::from_iter(cells.map(|(column, width, _)| aligned(&row.cell(*column), *width)))
}

/// A cell and the blanks that part it from the next one.
fn aligned(text: &str, width: i8) -> String {
    let size = usize::from(width.unsigned_abs());
    match width < 0 {
        true => format!("{text:<size$.size$}  "),
        false => format!("{text:>size$}  "),
    }
}

fn hidden(device: &Device) -> Option<Line<'static>> {
    let who = format!("Accel {}", device.index);
    Some(Line::raw(match device.hidden_clients() {
        0 => return None,
        1 => format!("{who}: 1 client of another user."),
        n => format!("{who}: {n} clients of other users."),
    }))
}

/// Minutes, seconds and hundredths.
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}.{:02}",
        seconds / 60,
        seconds % 60,
        time.subsec_millis() / 10
    )
}

#[cfg(test)]
mod tests {
    use accel_snapshot::Answer;
    use accel_snapshot::samples;
    use std::time::SystemTime;

    use super::*;
    use crate::keys::Action;

    const LOOK: Look = Look {
        is_unicode: true,
        is_coloured: false,
    };

    fn state() -> State {
        let mut state = State::new(Duration::from_secs(1), Column::Util);
        let mut card = samples::card();
        if let Answer::Here(processes) = &mut card.processes {
            let more = Process {
                pid: Some(9),
                name: "zzz".into(),
                utilization: Some(99.0),
                busy: Duration::from_millis(754_321),
                ..processes[0].clone()
            };
            processes.push(more);
        }
        state.update(vec![card], SystemTime::UNIX_EPOCH);
        state
    }

    fn commands(state: &State) -> Vec<String> {
        let lines = lines(state, &Users::default(), LOOK);
        let last = |line: &Line<'_>| {
            line.to_string()
                .split_whitespace()
                .next_back()
                .map(str::to_owned)
        };
        lines[1..].iter().filter_map(last).collect()
    }

    #[test]
    fn who_has_more_is_first() {
        let mut state = state();
        assert_eq!(commands(&state), ["zzz", "accel-serve", "accel-train"]);
        state.apply(Action::Reverse);
        assert_eq!(commands(&state), ["accel-train", "accel-serve", "zzz"]);
    }

    #[test]
    fn each_column_sorts() {
        let mut state = state();
        let by = [
            (Column::Memory, ["accel-serve", "zzz", "accel-train"]),
            (Column::Time, ["zzz", "accel-serve", "accel-train"]),
            (Column::Pid, ["accel-train", "zzz", "accel-serve"]),
            (Column::User, ["accel-serve", "accel-train", "zzz"]),
            (Column::Accel, ["accel-serve", "accel-train", "zzz"]),
            (Column::Command, ["accel-serve", "accel-train", "zzz"]),
        ];
        for (column, expected) in by {
            state.sort = column;
            assert_eq!(commands(&state), expected, "{column:?}");
        }
    }

    #[test]
    fn times_are_as_others_write_them() {
        assert_eq!(minutes(Duration::ZERO), "0:00.00");
        assert_eq!(minutes(Duration::from_millis(754_321)), "12:34.32");
    }

    #[test]
    fn others_are_counted() {
        let mut state = state();
        if let Answer::Here(clients) = &mut state.devices[0].device.clients {
            clients.clients = 5;
        }
        let lines = lines(&state, &Users::default(), LOOK);
        assert_eq!(
            lines.last().unwrap().to_string(),
            "Accel 0: 2 clients of other users."
        );
    }
}
