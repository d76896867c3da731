// SPDX-License-Identifier: GPL-2.0
//! The lines of one device: who it is and how, its engines, its memory, and what it measures.

use accel::info::Health;
use accel::info::SensorKind;
use accel_snapshot::Device;
use accel_snapshot::Engine;
use accel_snapshot::Memory;
use accel_snapshot::Sensor;
use accel_snapshot::State as DeviceState;
use accel_snapshot::units;
use ratatui::text::Line;
use ratatui::text::Span;

use crate::gauge;
use crate::look::Look;
use crate::look::Role;
use crate::state::Shown;

/// What comes before everything but the first line of a device.
const INDENT: usize = 2;
/// "100 %", and blanks around it.
const PERCENT: usize = 8;
/// The longest name that is not cut.
const LONGEST_NAME: usize = 12;

/// Where things are on a line.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns of the line.
    pub width: usize,
    /// Of the longest name of an engine or a region.
    name: usize,
    /// Of a bar.
    bar: usize,
    /// Of a graph.
    graph: usize,
    /// How many lines a graph has.
    pub rows: usize,
}

impl Layout {
    /// That of these devices.
    pub fn new<'a>(devices: impl Iterator<Item = &'a Shown>, width: usize, rows: usize) -> Self {
        let lengths = devices.flat_map(|shown| {
            let engines = shown.device.engines.all().iter().map(|engine| &engine.name);
            let regions = sized(&shown.device).map(|(memory, _)| &memory.name);
            engines
                .chain(regions)
                .map(|name| name.chars().count())
                .collect::<Vec<_>>()
        });
        let name = lengths.max().unwrap_or(0).min(LONGEST_NAME);
        // Brackets are part of the bar.
        let rest = width.saturating_sub(INDENT + name + 1 + 2 + PERCENT);
        let bar = (rest * 2 / 5).min(40);
        Layout {
            width,
            name,
            bar,
            graph: rest - bar,
            rows,
        }
    }
}

/// All lines of a device.
pub fn lines(shown: &Shown, layout: Layout, look: Look) -> Vec<Line<'static>> {
    let device = &shown.device;
    let mut lines = vec![head(device, look)];
    for engine in device.engines.all() {
        lines.extend(engine_lines(shown, engine, layout, look));
    }
    let regions = sized(device);
    lines.extend(regions.map(|(memory, size)| memory_line(memory, size, layout, look)));
    lines.extend(flow(facts(device, look), layout.width));
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

fn engine_lines(shown: &Shown, engine: &Engine, layout: Layout, look: Look) -> Vec<Line<'static>> {
    let percent = engine.utilization.map_or(String::new(), units::percent);
    let share = engine.utilization.unwrap_or(0.0) / 100.0;
    let mut left = vec![bar(&engine.name, share, Role::Load, layout, look)];
    left[0].push(Span::raw(format!("{percent:>6}  ")));
    let counts = [
        (u64::from(engine.queued), "queued"),
        (engine.completed, "done"),
        (engine.failed, "failed"),
    ];
    if layout.rows > 1 && counts.iter().any(|(count, _)| *count > 0) {
        let width = layout.width - layout.graph - INDENT - layout.name - 1;
        let jobs = counts
            .map(|(count, what)| format!("{count} {what}"))
            .join(", ");
        let text = format!(
            "{:indent$}{jobs:<width$.width$}",
            "",
            indent = INDENT + layout.name + 1
        );
        left.push(vec![Span::styled(text, look.style(Role::Label))]);
    }
    left.resize_with(layout.rows, || {
        vec![Span::raw(" ".repeat(layout.width - layout.graph))]
    });

    let history = shown.histories.get(&engine.name);
    let samples: Vec<_> =
        history.map_or(Vec::new(), |history| history.last(layout.graph).collect());
    let graph = gauge::graph(&samples, layout.rows, look.is_unicode);
    let lines = left.into_iter().zip(graph).map(|(mut spans, row)| {
        spans.push(Span::styled(row, look.style(Role::Load)));
        Line::from(spans)
    });
    lines.collect()
}

/// A name, and a bar between brackets.
fn bar(name: &str, share: f64, role: Role, layout: Layout, look: Look) -> Vec<Span<'static>> {
    let (full, empty) = gauge::bar(share, layout.bar, look.is_unicode);
    let width = layout.name;
    vec![
        Span::styled(
            format!("{:INDENT$}{name:<width$.width$} ", ""),
            look.style(Role::Label),
        ),
        Span::raw("["),
        Span::styled(full, look.style(role)),
        Span::raw(empty + "]"),
    ]
}

/// Regions whose size is known.
fn sized(device: &Device) -> impl Iterator<Item = (&Memory, u64)> {
    let regions = device.memory.all().iter();
    regions.filter_map(|memory| Some((memory, memory.size.filter(|size| *size > 0)?)))
}

fn memory_line(memory: &Memory, size: u64, layout: Layout, look: Look) -> Line<'static> {
    let share = memory.used as f64 / size as f64;
    let mut spans = bar(&memory.name, share, Role::Memory, layout, look);
    let amounts = format!("{} / {}", units::bytes(memory.used), units::bytes(size));
    spans.push(Span::raw(format!("  {amounts}")));
    Line::from(spans)
}

/// Something short that is known of a device.
type Fact = Vec<Span<'static>>;

fn facts(device: &Device, look: Look) -> Vec<Fact> {
    let label = |text: &str| Span::styled(format!("{text} "), look.style(Role::Label));
    let kinds = [
        (SensorKind::Power, "power"),
        (SensorKind::Temperature, "temp"),
        (SensorKind::Frequency, "clock"),
        (SensorKind::Fan, "fan"),
    ];
    let mut facts = Vec::new();
    for (kind, name) in kinds {
        let sensors = device
            .sensors
            .all()
            .iter()
            .filter(|sensor| sensor.kind == kind);
        facts.extend(sensors.filter_map(|sensor| {
            Some(vec![
                label(&format!("{name} {}", sensor.label)),
                reading(sensor, look)?,
            ])
        }));
    }
    let regions = device.memory.all().iter();
    let without_size = regions.filter(|memory| memory.size.is_none());
    facts.extend(without_size.map(|memory| {
        vec![
            label(&format!("{} {}", memory.kind, memory.name)),
            Span::raw(units::bytes(memory.used)),
        ]
    }));
    facts.extend(throttled(device).map(|why| {
        vec![
            label("throttled by"),
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
            label(&format!("errors {}", block.name)),
            Span::styled(text, look.style(role)),
        ])
    }));
    facts
}

/// What a sensor says, and its limit.
fn reading(sensor: &Sensor, look: Look) -> Option<Span<'static>> {
    let value = sensor.value?;
    let (divisor, _, unit) = units::scale(sensor.kind);
    let decimals = usize::from(sensor.kind == SensorKind::Power);
    let number = |value: f64| format!("{:.decimals$}", value / divisor);
    let limit = sensor
        .high
        .map_or(String::new(), |high| format!(" / {}", number(high)));
    let text = format!("{}{limit} {unit}", number(value));
    let is_high =
        sensor.kind != SensorKind::Frequency && sensor.high.is_some_and(|high| value >= high);
    Some(match is_high {
        true => Span::styled(text, look.style(Role::Bad)),
        false => Span::raw(text),
    })
}

fn throttled(device: &Device) -> Option<String> {
    let active = device.throttle.all().iter().filter(|reason| reason.active);
    let names: Vec<_> = active.map(|reason| reason.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Facts in as few lines as they fit in.
fn flow(facts: Vec<Fact>, width: usize) -> Vec<Line<'static>> {
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
