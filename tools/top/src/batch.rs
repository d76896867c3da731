// SPDX-License-Identifier: GPL-2.0
//! Prints samples as text: `-b`.

use std::io;
use std::io::Write;

use anyhow::Result;

use crate::sampler::Sampler;
use crate::state::State;
use crate::view::View;

/// Print `count` samples, or samples until nobody reads them.
///
/// # Errors
///
/// If they cannot be written; those of [`Sampler::sample`].
pub fn print(
    mut sampler: Sampler,
    mut state: State,
    view: &View,
    width: u16,
    count: Option<u64>,
) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut printed = 0;
    loop {
        let (devices, time) = sampler.sample()?;
        state.update(devices, time);
        if printed > 0 {
            writeln!(out)?;
        }
        write!(out, "{}", view.text(&state, width))?;
        out.flush()?;
        printed += 1;
        if count == Some(printed) {
            return Ok(());
        }
        sampler.wait(state.interval);
    }
}
