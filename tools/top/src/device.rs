// SPDX-License-Identifier: GPL-2.0
//! The lines of one device: who it is and how, its meters, and what else is known.

use accel::info::Health;
use accel::info::SensorKind;
use accel_snapshot::Device;
use accel_snapshot::State as DeviceState;
use ratatui::text::Line;
use ratatui::text::Span;

use crate::gauge;
use crate::look::Look;
use crate::look::Role;
use crate::meter::Meter;
use crate::row;
use crate::row::INDENT;
use crate::row::Layout;
use crate::state::Shown;

/// Columns of a graph that shares its line.
const SPARK: usize = 6;

/// All lines of a device.
pub fn lines(shown: &Shown, layout: Layout, look: Look) -> Vec<Line<'static>> {
    let device = &shown.device;
    let mut lines = vec![head(device, look)];
    let (rows, rest): (Vec<&Meter>, Vec<&Meter>) = shown
        .meters
        .iter()
        .partition(|meter| layout.room.has_row(meter));
    let rows = rows.into_iter();
    lines.extend(rows.flat_map(|meter| row::lines(shown, meter, layout, look)));
    let rest = rest
        .into_iter()
        .filter(|meter| meter.value.is_some())
        .map(|meter| spark(shown, meter, look));
    lines.extend(flow(rest.chain(facts(device, look)), layout.width));
    lines
}

fn head(device: &Device, look: Look) -> Line<'static> {
    let name = look.style(Role::Name);
    let mut spans = vec![Span::styled(format!("Accel {}", device.index), name)];
    if let Some(who) = &device.identity {
        spans.push(Span::styled(format!("  {}", who.name), name));
        spans.push(Span::raw(format!("  {}", who.address)));
    }
    spans.push(Span::raw("  "));
    spans.push(Span::styled(
        device.state.to_string(),
        look.style(role(device.state)),
    ));
    if let Some(error) = &device.error {
        spans.push(Span::raw(format!(": {error}")));
    }
    Line::from(spans)
}

fn role(state: DeviceState) -> Role {
    match state {
        DeviceState::Health(Health::Operational) => Role::Good,
        DeviceState::Asleep => Role::Label,
        DeviceState::Health(Health::Resetting) | DeviceState::Gone => Role::Warning,
        DeviceState::Health(_) | DeviceState::Unreadable => Role::Bad,
    }
}

/// Something short that is known of a device.
type Fact = Vec<Span<'static>>;

fn label(text: &str, look: Look) -> Span<'static> {
    Span::styled(format!("{text} "), look.style(Role::Label))
}

/// What a meter says, without the blanks that keep its length.
fn number(meter: &Meter, look: Look) -> Span<'static> {
    let mut number = row::number(meter, look);
    number.content = number.content.trim_start().to_owned().into();
    number
}

/// A meter that has no line of its own.
fn spark(shown: &Shown, meter: &Meter, look: Look) -> Fact {
    let graph = gauge::graph(&shown.shares(meter, SPARK), 1, look.is_unicode).concat();
    vec![
        label(&meter.name, look),
        number(meter, look),
        Span::raw(" "),
        Span::styled(graph, look.style(meter.role)),
    ]
}

fn facts(device: &Device, look: Look) -> Vec<Fact> {
    let sensors = [SensorKind::Frequency, SensorKind::Fan]
        .into_iter()
        .flat_map(|kind| Meter::sensors(device, kind));
    let known = sensors.filter(|sensor| sensor.value.is_some());
    let mut facts: Vec<Fact> = known
        .map(|sensor| vec![label(&sensor.name, look), number(&sensor, look)])
        .collect();
    facts.extend(throttled(device).map(|why| {
        vec![
            label("throttled by", look),
            Span::styled(why, look.style(Role::Warning)),
        ]
    }));
    facts.extend(device.errors.all().iter().filter_map(|block| {
        let (role, text) = match (block.corrected, block.uncorrected) {
            (0, 0) => return None,
            (corrected, 0) => (Role::Warning, format!("{corrected} corrected")),
            (corrected, uncorrected) => (
                Role::Bad,
                format!("{corrected} corrected, {uncorrected} not"),
            ),
        };
        Some(vec![
            label(&format!("errors {}", block.name), look),
            Span::styled(text, look.style(role)),
        ])
    }));
    facts
}

fn throttled(device: &Device) -> Option<String> {
    let active = device.throttle.all().iter().filter(|reason| reason.active);
    let names: Vec<_> = active.map(|reason| reason.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Facts in as few lines as they fit in.
fn flow(facts: impl Iterator<Item = Fact>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for fact in facts {
        let length: usize = fact.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(line) if line.width() + 3 + length <= width => line.push_span("   "),
            _ => lines.push(Line::raw(" ".repeat(INDENT))),
        }
        let line = lines.last_mut().expect("one was pushed");
        line.spans.extend(fact);
    }
    lines
}
