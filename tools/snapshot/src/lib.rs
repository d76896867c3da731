// SPDX-License-Identifier: GPL-2.0
//! What the accelerators of a system say of themselves at one time: what `accel-smi` shows and
//! `accel-exporter` exports.
//!
//! - `collect` asks devices, `convert` makes the [`model`] of what they say;
//! - `samples` are devices that are made up, for tests.

mod collect;
mod convert;
pub mod model;
#[cfg(any(test, feature = "samples"))]
pub mod samples;

pub use collect::Collector;
pub use collect::Watch;
pub use collect::answer;
pub use collect::complaints;
pub use model::*;
