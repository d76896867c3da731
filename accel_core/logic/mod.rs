// SPDX-License-Identifier: GPL-2.0

//! Pure logic: no kernel types, no `unsafe`. Also built and property-tested on the host
//! (`tools/testing/host`).

pub(crate) mod buddy;
pub(crate) mod history;
mod intervals;
pub(crate) mod page_table;
mod runs;
pub(crate) mod timeline;
pub(crate) mod uuid;
pub(crate) mod va;
