// SPDX-License-Identifier: GPL-2.0
//! Model of QDA, the data-centre accelerator that Documentation/devices/qda.rst specifies.
//!
//! - [`numerics`] is the arithmetic, without state.
//! - [`memory`] is what addresses lead to: device memory, host memory, peers, page tables.
//! - [`card`] is one card: state behind a lock, a thread for each engine and one for the management.
//!   Each block of registers has a module of its own.
//! - [`Front`] puts it behind PCI (crate `pci_model`).

pub mod capabilities;
pub mod card;
pub mod clock;
mod control;
pub mod device;
pub mod engine;
pub mod events;
pub mod faults;
pub mod firmware;
mod front;
pub mod injection;
pub mod links;
pub mod mailbox;
pub mod memory;
pub mod mmu_registers;
pub mod numerics;
pub mod packet;
pub mod queue;
pub mod ras;
pub mod registers;
pub mod sensors;
pub mod status;
mod telemetry;

pub use capabilities::{Capabilities, VECTORS};
pub use front::Front;
