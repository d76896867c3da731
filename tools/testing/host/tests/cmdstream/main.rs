// SPDX-License-Identifier: GPL-2.0

//! Tests of the check of Ethos-U65 command streams (`drivers/ethosu/cmdstream`).

#[path = "../../../../../drivers/ethosu/cmdstream/mod.rs"]
mod cmdstream;

mod accesses;
mod holes;
mod limits;
mod properties;
mod refusals;
mod stream;
mod vela;
