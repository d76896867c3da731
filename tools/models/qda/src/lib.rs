// SPDX-License-Identifier: GPL-2.0
//! Model of QDA, the data-centre accelerator that Documentation/devices/qda.rst specifies.
//!
//! - [`numerics`] is the arithmetic, without state.
//! - [`memory`] is what addresses lead to: device memory, host memory, peers, page tables.

pub mod memory;
pub mod numerics;
pub mod status;
