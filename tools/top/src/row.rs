// SPDX-License-Identifier: GPL-2.0
//! Lines that a meter has for itself: its name, a bar, its number, and a graph of what it was.

use ratatui::text::Line;
use ratatui::text::Span;

use crate::gauge;
use crate::look::Look;
use crate::look::Role;
use crate::meter::Meter;
use crate::meter::Place;
use crate::state::Shown;

/// What comes before everything but the first line of a device.
pub const INDENT: usize = 2;
/// The longest name that is not cut.
const LONGEST_NAME: usize = 17;
/// One blank before the number, two behind it.
const BLANKS: usize = 3;

/// How much room devices are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Little: sensors share lines.
    Little,
    /// All meters have lines of their own, those of engines so many.
    Lines(usize),
}

impl Room {
    /// Whether a meter has lines of its own.
    pub fn has_row(self, meter: &Meter) -> bool {
        let is_sensor = matches!(meter.place, Place::Sensor(_));
        self != Room::Little || (!is_sensor && meter.full.is_some())
    }

    /// How many lines.
    fn lines(self, meter: &Meter) -> usize {
        match (self, meter.place) {
            (Room::Little, _) => 1,
            (Room::Lines(lines), Place::Engine(_)) => lines,
            // What changes slowly needs less.
            (Room::Lines(lines), _) => (lines / 2).max(1),
        }
    }
}

/// Where things are on a line.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns of the line.
    pub width: usize,
    /// How much room there is.
    pub room: Room,
    /// Columns of the longest name.
    name: usize,
    /// Of the longest number.
    number: usize,
    /// Of a bar, without its brackets.
    bar: usize,
    /// Of a graph.
    graph: usize,
}

impl Layout {
    /// That of these devices.
    pub fn new<'a>(devices: impl Iterator<Item = &'a Shown>, width: usize, room: Room) -> Self {
        let meters = devices.flat_map(|shown| &shown.meters);
        let lengths = meters
            .filter(|meter| room.has_row(meter))
            .map(|meter| (meter.name.chars().count(), meter.number.chars().count()));
        let (name, number) = lengths.fold((0, 0), |longest, (name, number)| {
            (longest.0.max(name), longest.1.max(number))
        });
        let name = name.min(LONGEST_NAME);
        let rest = width.saturating_sub(INDENT + name + 1 + 2 + number + BLANKS);
        let bar = (rest / 3).min(40);
        Layout {
            width,
            room,
            name,
            number,
            bar,
            graph: rest - bar,
        }
    }
}

/// The lines of a meter of a device.
pub fn lines(shown: &Shown, meter: &Meter, layout: Layout, look: Look) -> Vec<Line<'static>> {
    let rows = layout.room.lines(meter);
    let mut left = vec![first(meter, layout, look)];
    if rows > 1 {
        left.push(vec![note(meter, layout, look)]);
    }
    left.resize_with(rows, || {
        vec![Span::raw(" ".repeat(layout.width - layout.graph))]
    });
    let graph = gauge::graph(&shown.shares(meter, layout.graph), rows, look.is_unicode);
    let lines = left.into_iter().zip(graph).map(|(mut spans, row)| {
        spans.push(Span::styled(row, look.style(meter.role)));
        Line::from(spans)
    });
    lines.collect()
}

/// All but the graph.
fn first(meter: &Meter, layout: Layout, look: Look) -> Vec<Span<'static>> {
    let (width, name) = (layout.name, &meter.name);
    let mut spans = vec![Span::styled(
        format!("{:INDENT$}{name:<width$.width$} ", ""),
        look.style(Role::Label),
    )];
    match meter.share() {
        Some(share) => {
            let (full, empty) = gauge::bar(share, layout.bar, look.is_unicode);
            spans.push(Span::raw("["));
            spans.push(Span::styled(full, look.style(meter.role)));
            spans.push(Span::raw(empty + "]"));
        }
        None => spans.push(Span::raw(" ".repeat(layout.bar + 2))),
    }
    let blanks = layout.number - meter.number.chars().count();
    spans.push(Span::raw(" ".repeat(1 + blanks)));
    spans.push(number(meter, look));
    spans.push(Span::raw("  "));
    spans
}

/// The number, so that it is noticed if it is too high.
pub fn number(meter: &Meter, look: Look) -> Span<'static> {
    let number = meter.number.clone();
    match meter.is_high {
        true => Span::styled(number, look.style(Role::Bad)),
        false => Span::raw(number),
    }
}

fn note(meter: &Meter, layout: Layout, look: Look) -> Span<'static> {
    let indent = INDENT + layout.name + 1;
    let width = layout.width - layout.graph - indent;
    let text = format!("{:indent$}{:<width$.width$}", "", meter.note);
    Span::styled(text, look.style(Role::Label))
}
