// SPDX-License-Identifier: GPL-2.0

//! Pure logic: no kernel types, no `unsafe`. Also built and property-tested on the host
//! (`tools/testing/host`).

mod bandwidth;
pub(crate) mod buddy;
pub(crate) mod counter;
pub(crate) mod error_limit;
pub(crate) mod event_ring;
pub(crate) mod fifo;
pub(crate) mod gate;
pub(crate) mod history;
mod intervals;
pub(crate) mod offence;
pub(crate) mod page_table;
pub(crate) mod ready;
pub(crate) mod recovery;
mod run_queue;
mod runs;
#[allow(dead_code)] // Not all of it is of use to us.
pub(crate) mod schedule;
mod slots;
pub(crate) mod throttling;
pub(crate) mod timeline;
mod tournament;
pub(crate) mod uuid;
pub(crate) mod va;
