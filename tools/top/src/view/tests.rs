// SPDX-License-Identifier: GPL-2.0
//! What screens look like, with devices that are made up.

use std::time::Duration;
use std::time::SystemTime;

use accel_snapshot::Answer;
use accel_snapshot::Device;
use accel_snapshot::State as DeviceState;
use accel_snapshot::samples;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::keys::Action;

const UNICODE: Look = Look {
    is_unicode: true,
    is_coloured: true,
};

const ASCII: Look = Look {
    is_unicode: false,
    is_coloured: false,
};

/// A card whose engine is so busy, and takes power and warms up with that; one of its sensors is lost when it is hot.
fn card(index: u32, percent: f64) -> Device {
    let mut card = samples::card();
    card.index = index;
    if let Answer::Here(engines) = &mut card.engines {
        engines[0].utilization = Some(percent);
    }
    if let Answer::Here(sensors) = &mut card.sensors {
        sensors[0].value = Some(40.0 + percent / 2.0);
        sensors[1].value = (percent < 90.0).then_some(51.0 - percent / 2.0);
        sensors[2].value = Some(10.0 + percent / 2.0);
    }
    card
}

/// A card that works more and more, an NPU that sleeps, and one that went away.
fn state() -> State {
    let mut state = State::new(Duration::from_secs(1), Column::Util);
    let mut snapshot = samples::snapshot();
    for second in (0..100).rev() {
        let time = snapshot.time - Duration::from_secs(second);
        let percent = 62.6 + 37.4 * (second as f64 / 8.0).sin();
        state.update(vec![card(0, percent), samples::npu()], time);
    }
    snapshot.devices[0] = card(0, 62.6);
    state.update(snapshot.devices, snapshot.time);
    state
}

fn buffer(state: &mut State, look: Look, width: u16, height: u16) -> Buffer {
    let view = View {
        look,
        users: Users::default(),
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view.draw(frame, state)).unwrap();
    terminal.backend().buffer().clone()
}

fn screen(state: &mut State, look: Look, width: u16, height: u16) -> String {
    let text = plain(&buffer(state, look, width, height));
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Hold a screen against tests/golden/NAME.txt.
macro_rules! assert_golden {
    ($name:literal, $screen:expr) => {
        let screen = $screen;
        let golden = include_str!(concat!("../../tests/golden/", $name, ".txt"));
        assert_eq!(screen, golden, "{}:\n{screen}", $name);
    };
}

#[test]
fn a_small_screen_has_all_that_there_is() {
    assert_golden!("80x24", screen(&mut state(), UNICODE, 80, 24));
}

#[test]
fn graphs_are_higher_on_a_large_screen() {
    assert_golden!("120x40", screen(&mut state(), UNICODE, 120, 40));
}

#[test]
fn ascii_is_enough() {
    let screen = screen(&mut state(), ASCII, 80, 24);
    assert!(screen.is_ascii());
    assert_golden!("ascii", screen);
}

#[test]
fn the_chosen_device_is_alone() {
    let mut state = state();
    state.apply(Action::Device(1));
    assert_golden!("chosen", screen(&mut state, UNICODE, 80, 24));
}

#[test]
fn what_does_not_fit_is_scrolled_to() {
    let mut state = state();
    let time = state.time;
    state.update(
        (0..4)
            .map(|index| card(index, 25.0 * f64::from(index)))
            .collect(),
        time,
    );
    let top = screen(&mut state, UNICODE, 80, 24);
    assert!(top.contains("lines 1-22 of "), "{top}");
    state.apply(Action::End);
    assert_golden!("scrolled", screen(&mut state, UNICODE, 80, 24));
}

#[test]
fn help_explains_every_key() {
    let mut state = state();
    state.apply(Action::Help);
    assert_golden!("help", screen(&mut state, UNICODE, 80, 24));
}

#[test]
fn too_small_a_screen_says_so() {
    let expected = "accel-top needs\n80 x 24 characters;\nthere are 79 x 24.\n";
    assert!(screen(&mut state(), UNICODE, 79, 24).starts_with(expected));
    assert!(screen(&mut state(), UNICODE, 80, 23).contains("there are 80 x 23."));
    for (width, height) in [(1, 1), (0, 0), (3, 1)] {
        screen(&mut state(), UNICODE, width, height);
    }
}

#[test]
fn every_size_can_be_drawn() {
    for (width, height) in [(80, 24), (81, 25), (132, 50), (400, 200)] {
        let screen = screen(&mut state(), UNICODE, width, height);
        assert!(screen.contains("tensor0"), "{width} x {height}");
    }
}

#[test]
fn text_is_the_same_without_a_screen() {
    let view = View {
        look: ASCII,
        users: Users::default(),
    };
    let text = view.text(&state(), 80);
    assert_golden!("batch", text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn no_device_and_no_answer_are_said_so() {
    let mut state = State::new(Duration::from_millis(500), Column::Memory);
    state.update(Vec::new(), SystemTime::UNIX_EPOCH);
    let empty = screen(&mut state, UNICODE, 80, 24);
    assert!(empty.contains("\nNo devices.\n"), "{empty}");
    assert!(empty.contains("every 0.5 s  sorted by MEMORY"), "{empty}");

    let mut device = Device::new(3, DeviceState::Unreadable);
    device.error = Some("it does not answer".into());
    state.update(vec![device], SystemTime::UNIX_EPOCH);
    state.fail("cannot list devices".into());
    let bad = screen(&mut state, UNICODE, 80, 24);
    assert!(
        bad.contains("\nAccel 3  unreadable: it does not answer\n"),
        "{bad}"
    );
    assert!(bad.contains("\ncannot list devices\n"), "{bad}");
}

#[test]
fn names_that_are_no_text_do_no_harm() {
    let mut device = card(0, 50.0);
    if let Answer::Here(processes) = &mut device.processes {
        processes[0].name = "\u{1b}[2J\nx長".into();
    }
    let mut state = State::new(Duration::from_secs(1), Column::Util);
    state.update(vec![device], SystemTime::UNIX_EPOCH);
    let screen = screen(&mut state, UNICODE, 80, 24);
    assert!(screen.contains("  [2Jx長\n"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn what_cannot_be_told_is_not_drawn_as_nothing() {
    let mut device = samples::card();
    if let Answer::Here(sensors) = &mut device.sensors {
        sensors[2].value = None;
    }
    let mut state = State::new(Duration::from_secs(1), Column::Util);
    state.update(vec![device], SystemTime::UNIX_EPOCH);
    let screen = screen(&mut state, UNICODE, 80, 24);
    assert!(screen.contains("\n  power board\n"), "{screen}");
}

fn colours(look: Look) -> Vec<Color> {
    let buffer = buffer(&mut state(), look, 80, 24);
    let cells = buffer.content.iter();
    cells
        .map(|cell| cell.fg)
        .filter(|color| *color != Color::Reset)
        .collect()
}

#[test]
fn colours_can_be_left_out() {
    assert!(!colours(UNICODE).is_empty());
    assert!(colours(ASCII).is_empty());
}
