// SPDX-License-Identifier: GPL-2.0
//! The live view: keys, signals and samples come from threads of their own, so that nothing waits for devices.

use std::io;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use ratatui::crossterm::event;
use ratatui::crossterm::event::Event;
use signal_hook::consts::SIGCONT;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::consts::SIGTSTP;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::keys;
use crate::keys::Action;
use crate::sampler::Sample;
use crate::sampler::Sampler;
use crate::state::State;
use crate::terminal;
use crate::terminal::Screen;
use crate::view::View;

/// Something that happened.
enum Message {
    Input(io::Result<Event>),
    Signal(i32),
    Sample(accel::Result<Sample>),
}

/// How the live view ends.
enum End {
    Quit,
    Signal(i32),
}

/// Show samples until somebody quits, or there were `count` of them. A signal that ends programs ends this one after
/// the terminal is given back.
///
/// # Errors
///
/// If the terminal cannot be drawn on.
pub fn show(sampler: Sampler, state: State, view: View, count: Option<u64>) -> Result<()> {
    let (sender, messages) = mpsc::channel();
    let (intervals, changed) = mpsc::channel();
    signals(sender.clone())?;
    let screen = Screen::take()?;
    thread::spawn({
        let sender = sender.clone();
        move || while sender.send(Message::Input(event::read())).is_ok() {}
    });
    let interval = state.interval;
    thread::spawn(move || {
        sampler.run(interval, &changed, |sample| {
            // Who does not listen any more has ended.
            let _ = sender.send(Message::Sample(sample));
        });
    });
    let live = Live {
        screen,
        state,
        view,
        intervals,
        left: count,
    };
    if let End::Signal(signal) = live.run(&messages)? {
        emulate_default_handler(signal)?;
    }
    Ok(())
}

fn signals(sender: Sender<Message>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let _ = sender.send(Message::Signal(signal));
        }
    });
    Ok(())
}

struct Live {
    screen: Screen,
    state: State,
    view: View,
    intervals: Sender<Duration>,
    left: Option<u64>,
}

impl Live {
    /// Give the terminal back at the end.
    fn run(mut self, messages: &Receiver<Message>) -> Result<End> {
        while let Ok(message) = messages.recv() {
            let mut next = Some(message);
            // What came meanwhile is drawn at once.
            while let Some(message) = next {
                if let Some(end) = self.handle(message)? {
                    return Ok(end);
                }
                next = messages.try_recv().ok();
            }
            self.screen
                .draw(|frame| self.view.draw(frame, &mut self.state))?;
            if self.left == Some(0) {
                break;
            }
        }
        Ok(End::Quit)
    }

    fn handle(&mut self, message: Message) -> Result<Option<End>> {
        match message {
            Message::Input(Ok(Event::Key(key))) => {
                return keys::action(key).map_or(Ok(None), |what| self.act(what));
            }
            Message::Input(Ok(_)) => {}
            Message::Input(Err(error)) => return Err(error.into()),
            Message::Signal(SIGTSTP) => self.suspend()?,
            Message::Signal(SIGCONT) => self.screen.take_again()?,
            Message::Signal(signal) => return Ok(Some(End::Signal(signal))),
            Message::Sample(Ok((devices, time))) => {
                self.state.update(devices, time);
                self.left = self.left.map(|left| left.saturating_sub(1));
            }
            Message::Sample(Err(error)) => self.state.fail(error.to_string()),
        }
        Ok(None)
    }

    fn act(&mut self, action: Action) -> Result<Option<End>> {
        match action {
            Action::Quit => return Ok(Some(End::Quit)),
            Action::Suspend => self.suspend()?,
            action => self.state.apply(action),
        }
        if matches!(action, Action::Faster | Action::Slower) {
            // Who asks ends with the program only.
            let _ = self.intervals.send(self.state.interval);
        }
        Ok(None)
    }

    /// Stop as others do. Who lets us go on sends SIGCONT, too.
    fn suspend(&mut self) -> Result<()> {
        terminal::give_back()?;
        Ok(emulate_default_handler(SIGTSTP)?)
    }
}
