// SPDX-License-Identifier: GPL-2.0
//! What is shown: the devices and what they were, and how somebody wants to see them. Knows neither terminal nor clock.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::SystemTime;

use accel_snapshot::Device;
use accel_snapshot::State as DeviceState;

use crate::cli::Column;
use crate::history::History;
use crate::keys::Action;
use crate::meter::Meter;
use crate::meter::Place;

/// How long a device that is gone is still shown.
const FAREWELL: Duration = Duration::from_secs(3);

/// Intervals that keys choose between, in milliseconds.
const STEPS: [u64; 14] = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    3_600_000,
];

/// A device, and what its meters were.
#[derive(Debug)]
pub struct Shown {
    /// What it said last.
    pub device: Device,
    /// What of that goes up and down.
    pub meters: Vec<Meter>,
    histories: BTreeMap<Place, History>,
    /// When it went away.
    gone: Option<SystemTime>,
}

impl Shown {
    fn new(index: u32) -> Self {
        Shown {
            device: Device::new(index, DeviceState::Unreadable),
            meters: Vec::new(),
            histories: BTreeMap::new(),
            gone: None,
        }
    }

    fn update(&mut self, device: Device, time: SystemTime) {
        self.meters = Meter::all(&device).collect();
        for meter in &self.meters {
            self.histories.entry(meter.place).or_default();
        }
        for (place, history) in &mut self.histories {
            let meter = self.meters.iter().find(|meter| meter.place == *place);
            history.add(meter.and_then(|meter| meter.value));
        }
        let is_gone = device.state == DeviceState::Gone;
        self.gone = is_gone.then(|| self.gone.unwrap_or(time));
        let identity = self.device.identity.take();
        self.device = device;
        self.device.identity = self.device.identity.take().or(identity);
    }

    /// How full a meter of the device was in the last `count` samples, the newest last.
    pub fn shares(&self, meter: &Meter, count: usize) -> Vec<Option<f64>> {
        let history = self.histories.get(&meter.place);
        history.map_or(Vec::new(), |history| meter.shares(history, count))
    }

    fn is_forgotten(&self, time: SystemTime) -> bool {
        let for_how_long = |since| time.duration_since(since).unwrap_or(FAREWELL);
        self.gone
            .is_some_and(|since| for_how_long(since) >= FAREWELL)
    }
}

/// All of it.
#[derive(Debug)]
pub struct State {
    /// In the order of their indices.
    pub devices: Vec<Shown>,
    /// When they were asked last.
    pub time: SystemTime,
    /// Why it cannot be told which devices there are.
    pub error: Option<String>,
    /// The only device that is to be shown.
    pub chosen: Option<u32>,
    /// What processes are sorted by.
    pub sort: Column,
    /// The other way round.
    pub is_reversed: bool,
    /// Time between samples.
    pub interval: Duration,
    /// Nothing new is shown.
    pub is_paused: bool,
    /// What keys do is shown.
    pub is_help: bool,
    /// The first line that is shown.
    pub scroll: usize,
    /// How many lines there were, and how many of them were seen, when it was last drawn.
    extent: (usize, usize),
}

impl State {
    /// Of no device yet.
    pub fn new(interval: Duration, sort: Column) -> Self {
        State {
            devices: Vec::new(),
            time: SystemTime::UNIX_EPOCH,
            error: None,
            chosen: None,
            sort,
            is_reversed: false,
            interval,
            is_paused: false,
            is_help: false,
            scroll: 0,
            extent: (0, 0),
        }
    }

    /// Devices were asked, at this time. One that is not among them any more is gone.
    pub fn update(&mut self, devices: Vec<Device>, time: SystemTime) {
        if self.is_paused {
            return;
        }
        self.time = time;
        self.error = None;
        let is_here = |index| devices.iter().any(|device| device.index == index);
        let known = self.devices.iter().map(|shown| shown.device.index);
        let missing: Vec<_> = known.filter(|index| !is_here(*index)).collect();
        let gone = missing
            .into_iter()
            .map(|index| Device::new(index, DeviceState::Gone));
        for device in gone.chain(devices) {
            self.shown(device.index).update(device, time);
        }
        self.devices.retain(|shown| !shown.is_forgotten(time));
        let chosen = self.chosen.take();
        self.chosen = chosen.filter(|index| self.indices().contains(index));
    }

    /// It cannot be told which devices there are.
    pub fn fail(&mut self, error: String) {
        if !self.is_paused {
            self.error = Some(error);
        }
    }

    fn shown(&mut self, index: u32) -> &mut Shown {
        let place = self
            .devices
            .partition_point(|shown| shown.device.index < index);
        let found = self.devices.get(place);
        if found.is_none_or(|shown| shown.device.index != index) {
            self.devices.insert(place, Shown::new(index));
        }
        &mut self.devices[place]
    }

    fn indices(&self) -> Vec<u32> {
        self.devices
            .iter()
            .map(|shown| shown.device.index)
            .collect()
    }

    /// The devices that are to be seen.
    pub fn visible(&self) -> impl Iterator<Item = &Shown> + Clone {
        let chosen = self.chosen;
        let is_visible =
            move |shown: &&Shown| chosen.is_none_or(|index| shown.device.index == index);
        self.devices.iter().filter(is_visible)
    }

    /// Do what somebody wants, but end or be suspended.
    pub fn apply(&mut self, action: Action) {
        let (lines, rows) = self.extent;
        match action {
            Action::Quit | Action::Suspend => {}
            Action::Scroll(lines) => self.scroll = self.scroll.saturating_add_signed(lines),
            Action::Page(pages) => {
                let page = isize::try_from(rows).unwrap_or(isize::MAX);
                self.scroll = self
                    .scroll
                    .saturating_add_signed(pages.saturating_mul(page));
            }
            Action::Home => self.scroll = 0,
            Action::End => self.scroll = lines,
            Action::NextDevice => self.choose_next(self.indices()),
            Action::PreviousDevice => self.choose_next(self.indices().into_iter().rev().collect()),
            Action::Device(index) if self.chosen == Some(index) => self.choose(None),
            Action::Device(index) if self.indices().contains(&index) => self.choose(Some(index)),
            Action::Device(_) => {}
            Action::Sort => self.sort = next_column(self.sort),
            Action::Reverse => self.is_reversed = !self.is_reversed,
            Action::Slower => self.interval = slower(self.interval),
            Action::Faster => self.interval = faster(self.interval),
            Action::Pause => self.is_paused = !self.is_paused,
            Action::Help => self.is_help = !self.is_help,
        }
        self.fit(lines, rows);
    }

    fn choose(&mut self, chosen: Option<u32>) {
        self.chosen = chosen;
        self.scroll = 0;
    }

    fn choose_next(&mut self, indices: Vec<u32>) {
        let mut from = indices.iter();
        let next = match self.chosen {
            None => from.next(),
            Some(chosen) => from.skip_while(|index| **index != chosen).nth(1),
        };
        self.choose(next.copied());
    }

    /// There are so many lines, of which so many rows can be seen: scroll no further than to the last one.
    pub fn fit(&mut self, lines: usize, rows: usize) {
        self.extent = (lines, rows);
        self.scroll = self.scroll.min(lines.saturating_sub(rows));
    }
}

fn next_column(column: Column) -> Column {
    let all = <Column as clap::ValueEnum>::value_variants();
    let place = all.iter().position(|other| *other == column);
    all[place.map_or(0, |place| (place + 1) % all.len())]
}

fn slower(interval: Duration) -> Duration {
    let steps = STEPS.map(Duration::from_millis);
    let next = steps.into_iter().find(|step| *step > interval);
    next.unwrap_or(interval)
}

fn faster(interval: Duration) -> Duration {
    let steps = STEPS.map(Duration::from_millis);
    let next = steps.into_iter().rev().find(|step| *step < interval);
    next.unwrap_or(interval)
}

#[cfg(test)]
mod tests;
