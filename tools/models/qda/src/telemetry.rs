// SPDX-License-Identifier: GPL-2.0
//! What a card knows of itself, for tests that compare it with what its driver tells
//! (control socket: `telemetry CHAPTER`).
//!
//! - `sensors`: values in their own units, `-` if not VALID
//! - `power`: THROTTLE, ENERGY
//! - `errors`: of each RAS block corrected:uncorrected
//! - `rows`: spare rows left, then of each bad row address:cause:state
//! - `links`: of each link state:sent:received:damaged:replays:losses
//! - `firmware`: FW_STATE, FW_VERSION

use crate::card::{Card, State};
use crate::registers::Value::{Long, Word};

/// Joins what there is of each of `items`.
fn join<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    let all: Vec<String> = items.into_iter().map(text).collect();
    all.join(" ")
}

impl Card {
    /// One chapter; `None` if there is no such one.
    pub(crate) fn telemetry(&self, state: &State, chapter: &str) -> Option<String> {
        Some(match chapter {
            "sensors" => join(state.sensors.values(), |value| {
                value.map_or("-".to_owned(), |value| value.to_string())
            }),
            "power" => join([0x600, 0x610], |register| {
                match self.power_register(state, register) {
                    Some(Word(value)) => value.to_string(),
                    Some(Long(value)) => value.to_string(),
                    None => "-".to_owned(),
                }
            }),
            "errors" => join(state.ras.errors(), |(corrected, uncorrected)| {
                format!("{corrected}:{uncorrected}")
            }),
            "rows" => {
                let rows = join(state.ras.bad_rows(), |(address, cause, state)| {
                    format!("{address:#x}:{cause}:{state}")
                });
                format!("{} {rows}", state.ras.spares())
            }
            "links" => join(&state.links, |link| link.telemetry()),
            "firmware" => format!(
                "{} {}",
                state.firmware.state as u32,
                state.firmware.version()
            ),
            _ => return None,
        })
    }
}
