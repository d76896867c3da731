// SPDX-License-Identifier: GPL-2.0
//! Memory and address spaces (Documentation/devices/qda/memory.rst).

mod bus;
mod fault;
mod location;
mod mmu;
mod poison;
mod walk;

pub use bus::{Bus, BusFaults};
pub use fault::{Fault, Kind};
pub use location::{Location, Target};
pub use mmu::{Access, Mmu, Space};
pub use poison::Poison;
