// SPDX-License-Identifier: GPL-2.0
//! The NPU through its registers: streams written by hand on plain memory.

mod convolution;
mod fuzz;
mod machine;
mod operations;
mod protocol;
mod refusals;
