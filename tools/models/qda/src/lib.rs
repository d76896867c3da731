// SPDX-License-Identifier: GPL-2.0
//! Model of QDA, the data-centre accelerator that Documentation/devices/qda.rst specifies.
//!
//! - [`numerics`] is the arithmetic, without state.

pub mod numerics;
