// SPDX-License-Identifier: GPL-2.0
//! Bit-exact model of the Arm Ethos-U65, for the int8 networks that Vela compiles.
//!
//! - [`Npu`] is the device: registers, jobs, interrupt line, reset, on any [`Bus`].
//! - [`Front`] puts it behind PCI (crate `pci_model`).
//! - A job (`job`) decodes its stream (`stream`) into parameters (`state`) and operations (`ops`).
//!   An operation reads feature maps (`feature_map`), decodes weights ([`weights`]), accumulates, and
//!   hands rows to the output stage (`output`, [`scaling`], `lut`).
//!
//! What is modelled gives the same bytes as TFLite's reference kernels. What is not modelled stops
//! the NPU with an error in STATUS: there is no wrong number. Timing, the order of overlapping
//! operations and the performance counters are not modelled.

pub mod bus;
mod feature_map;
mod front;
mod job;
mod kernel;
mod lut;
mod memory;
mod npu;
mod ops;
mod output;
pub mod regs;
pub mod scaling;
mod state;
pub mod stop;
mod stream;
pub mod weights;

pub use bus::{Bus, BusError, Ram};
pub use front::{Front, VECTORS};
pub use npu::{Counts, Edge, Faults, Late, Npu};
pub use regs::Configuration;
