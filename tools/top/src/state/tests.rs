// SPDX-License-Identifier: GPL-2.0
//! What becomes of samples and of keys.

use accel::info::Health;
use accel_snapshot::Answer;
use accel_snapshot::samples;

use super::*;

const OPERATIONAL: DeviceState = DeviceState::Health(Health::Operational);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn state(devices: u32) -> State {
    let mut state = State::new(Duration::from_secs(1), Column::Util);
    let all = (0..devices).map(|index| Device::new(index, OPERATIONAL));
    state.update(all.collect(), at(0));
    state
}

fn states(state: &State) -> Vec<(u32, DeviceState)> {
    let devices = state.devices.iter().map(|shown| &shown.device);
    devices.map(|device| (device.index, device.state)).collect()
}

#[test]
fn who_goes_is_shown_as_gone_for_a_moment() {
    let mut state = state(0);
    let two = || vec![samples::card(), samples::npu()];
    state.update(two(), at(1));
    state.update(vec![samples::card()], at(2));
    let gone = [(0, OPERATIONAL), (1, DeviceState::Gone)];
    assert_eq!(states(&state), gone);
    assert_eq!(
        state.devices[1].device.identity,
        samples::npu().identity,
        "who it was is known"
    );
    state.update(vec![samples::card()], at(4));
    assert_eq!(states(&state), gone);
    state.update(vec![samples::card()], at(5));
    assert_eq!(states(&state), [(0, OPERATIONAL)]);
    state.update(two(), at(6));
    assert_eq!(states(&state), [(0, OPERATIONAL), (1, DeviceState::Asleep)]);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody() {
    let mut state = state(1);
    state.update(Vec::new(), at(100));
    state.update(Vec::new(), at(50));
    assert!(state.devices.is_empty());
}

#[test]
fn who_comes_is_where_its_index_belongs() {
    let mut state = state(0);
    for indices in [vec![5], vec![5, 2], vec![5, 2, 3]] {
        let devices = indices
            .into_iter()
            .map(|index| Device::new(index, OPERATIONAL));
        state.update(devices.collect(), at(1));
    }
    assert_eq!(state.indices(), [2, 3, 5]);
}

/// What is remembered of a meter of the first device.
fn remembered(state: &State, place: Place) -> Vec<Option<f64>> {
    state.devices[0].histories[&place].last(3).collect()
}

#[test]
fn what_cannot_be_told_leaves_gaps() {
    let mut state = state(0);
    let mut cold = samples::card();
    if let Answer::Here(sensors) = &mut cold.sensors {
        sensors[0].value = None;
    }
    state.update(vec![samples::card()], at(1));
    state.update(vec![Device::new(0, OPERATIONAL)], at(2));
    state.update(vec![cold], at(3));
    let [engine, memory, die, board] = [
        Place::Engine(0),
        Place::Memory(1),
        Place::Sensor(0),
        Place::Sensor(2),
    ]
    .map(|place| remembered(&state, place));
    assert_eq!(engine, [Some(62.6), None, Some(62.6)]);
    let used = Some(f64::from((12 << 20) + 4096));
    assert_eq!(memory, [used, None, used]);
    assert_eq!(die, [Some(47.5), None, None]);
    assert_eq!(board, [Some(23.1), None, Some(23.1)]);
}

#[test]
fn nothing_changes_while_it_is_paused() {
    let mut state = state(2);
    state.apply(Action::Pause);
    state.update(Vec::new(), at(9));
    state.fail("no".into());
    assert_eq!(
        (state.devices.len(), state.time, &state.error),
        (2, at(0), &None)
    );
    state.apply(Action::Pause);
    state.update(Vec::new(), at(9));
    assert_eq!(states(&state)[0].1, DeviceState::Gone);
}

#[test]
fn failures_are_told_until_they_are_over() {
    let mut state = state(1);
    state.fail("no".into());
    assert_eq!(state.error.as_deref(), Some("no"));
    state.update(Vec::new(), at(1));
    assert_eq!(state.error, None);
}

#[test]
fn devices_are_chosen_in_turn_or_by_number() {
    let mut state = state(2);
    let mut chosen = |action| {
        state.apply(action);
        state.chosen
    };
    assert_eq!(chosen(Action::NextDevice), Some(0));
    assert_eq!(chosen(Action::NextDevice), Some(1));
    assert_eq!(chosen(Action::NextDevice), None);
    assert_eq!(chosen(Action::PreviousDevice), Some(1));
    assert_eq!(chosen(Action::Device(7)), Some(1));
    assert_eq!(chosen(Action::Device(0)), Some(0));
    assert_eq!(state.visible().count(), 1);
    state.apply(Action::Device(0));
    assert_eq!(state.visible().count(), 2);
}

#[test]
fn all_are_shown_when_the_chosen_one_went() {
    let mut state = state(2);
    state.apply(Action::Device(1));
    let first = || vec![Device::new(0, OPERATIONAL)];
    state.update(first(), at(1));
    assert_eq!(state.chosen, Some(1));
    state.update(first(), at(10));
    assert_eq!(state.chosen, None);
}

#[test]
fn scrolling_ends_at_the_ends() {
    let mut state = state(1);
    state.fit(100, 20);
    let mut scrolled = |action| {
        state.apply(action);
        state.scroll
    };
    assert_eq!(scrolled(Action::Scroll(-1)), 0);
    assert_eq!(scrolled(Action::Scroll(1)), 1);
    assert_eq!(scrolled(Action::Page(1)), 21);
    assert_eq!(scrolled(Action::End), 80);
    assert_eq!(scrolled(Action::Page(1)), 80);
    assert_eq!(scrolled(Action::Page(-1)), 60);
    assert_eq!(scrolled(Action::Home), 0);
    state.apply(Action::End);
    state.fit(30, 20);
    assert_eq!(state.scroll, 10);
    state.fit(10, 20);
    assert_eq!(state.scroll, 0);
}

#[test]
fn columns_come_in_turn() {
    let mut state = state(1);
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(state.sort);
        state.apply(Action::Sort);
    }
    assert_eq!(state.sort, Column::Util);
    assert_eq!(seen[..2], [Column::Util, Column::Memory]);
    assert_eq!(seen[6], Column::Command);
}

#[test]
fn intervals_have_steps() {
    let milliseconds = |interval: Duration| u64::try_from(interval.as_millis()).unwrap();
    let step =
        |change: fn(Duration) -> Duration, from| milliseconds(change(Duration::from_millis(from)));
    assert_eq!(step(slower, 1000), 2000);
    assert_eq!(step(slower, 1500), 2000);
    assert_eq!(step(slower, 3_600_000), 3_600_000);
    assert_eq!(step(faster, 1500), 1000);
    assert_eq!(step(faster, 100), 100);
}
