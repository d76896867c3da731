// SPDX-License-Identifier: GPL-2.0
//! What a card knows of itself, for tests that compare it with what its driver tells
//! (control socket: `telemetry CHAPTER`).
//!
//! - `sensors`: values in their own units, `-` if not VALID
//! - `limits`: of each sensor S_KIND:label:HIGH:CRITICAL, `-` for a limit that it does not have
//! - `power`: THROTTLE, ENERGY
//! - `engines`: of each engine E_KIND, for how many nanoseconds it has worked for user queues, of all of them
//!   ever and of those that there are, and E_PACKETS
//! - `errors`: of each RAS block corrected:uncorrected
//! - `rows`: spare rows left, then of each bad row address:cause:state
//! - `links`: of each link state:sent:received:damaged:replays:losses
//! - `peers`: of each link UUID:link:speed:lanes, as its registers show them
//! - `firmware`: FW_STATE, FW_VERSION

use crate::card::{Card, State};
use crate::registers::Value::{Long, Word};
use crate::sensors::Sensors;

/// Joins what there is of each of `items`.
pub(crate) fn join<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
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
            "limits" => Sensors::limits(),
            "engines" => join(state.engines.iter().enumerate(), |(number, engine)| {
                let queues = state.queues.iter();
                let users = queues.filter(|queue| queue.user && queue.engine == number);
                let now: u64 = users.map(|queue| queue.busy).sum();
                let (kind, packets) = (engine.kind as u32, engine.packets());
                format!("{kind}:{}:{now}:{packets}", engine.user_busy)
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
            "peers" => join(&state.links, |link| link.other_side()),
            "firmware" => format!(
                "{} {}",
                state.firmware.state as u32,
                state.firmware.version()
            ),
            _ => return None,
        })
    }
}
