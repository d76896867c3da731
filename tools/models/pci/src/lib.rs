// SPDX-License-Identifier: GPL-2.0
//! PCI functions as vfio-user servers: the frame device models are built on.
//!
//! A model is a type that implements [`Function`]: it describes its configuration space and BARs
//! and answers accesses to them. Everything it does on its own goes through the [`Port`] it is
//! plugged into: [`Dma`] reaches guest memory, [`Messages`] sends interrupt messages. Both are
//! cheap to clone and may be used from any thread, so that a model can run each of its engines on a
//! thread of its own. The frame enforces what a PCI port enforces: no access and no message without
//! bus mastering, in D3hot or after surprise removal.
//!
//! ```no_run
//! use pci_model::{Port, Server};
//! # fn model(port: &Port) -> std::sync::Arc<dyn pci_model::Function> { unimplemented!() }
//! # fn main() -> std::io::Result<()> {
//! let port = Port::new(1);
//! let function = model(&port);
//! Server::bind("/run/card.sock".as_ref(), port, function)?.run()
//! # }
//! ```
//!
//! A process may serve several functions: one [`Server`] on one thread each. The peer (QEMU) is not
//! trusted: lengths, offsets and indices it sends are checked, and a broken message ends at most
//! its own connection.

mod bar;
mod config;
mod connection;
pub mod control;
mod dma;
mod function;
mod memory;
mod messages;
mod msix_table;
mod port;
mod server;
mod switch;
mod wire;

pub use bar::{Backing, Bar, DeviceMemory, Width};
pub use dma::{Dma, Fault};
pub use function::{Description, Function, Interrupts, MsixLayout, Reset};
pub use messages::Messages;
pub use port::Port;
pub use server::Server;
pub use switch::Switch;
