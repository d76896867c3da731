// SPDX-License-Identifier: GPL-2.0
//! What the accelerators of a system say of themselves at one time: what `accel-smi` shows and
//! `accel-exporter` exports, and `accel-top` shows live.
//!
//! - `collect` asks devices, `fleet` all of them at the same time; `convert` makes the [`model`] of what they say;
//! - [`select`] says which devices are meant, [`units`] are numbers for people;
//! - `samples` are devices that are made up, for tests.

mod collect;
mod convert;
mod fleet;
pub mod model;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod select;
pub mod units;

pub use collect::Collector;
pub use collect::Watch;
pub use collect::answer;
pub use collect::complaints;
pub use fleet::Fleet;
pub use model::*;
