// SPDX-License-Identifier: GPL-2.0
//! Safe access to the accelerators of a Linux system.
//!
//! One module per object of the kernel's interface (`uapi/accel/accel.h`):
//!
//! - [`device`]: find the devices, open one for computing;
//! - [`monitor`]: watch one without disturbing it;
//! - [`info`]: ask either of them who and how it is;
//! - [`buffer`] and [`mapping`]: memory that device and program share;
//! - [`address_space`]: where jobs see it, if the device has an MMU;
//! - [`udmabuf`]: memory of the program that devices import;
//! - [`job`]: give the device work and wait for it;
//! - [`queue`]: rows of jobs, on which engines, how important;
//! - [`user_queue`]: work without system calls, if the device can do that;
//! - [`timeline`]: order work by points in time, with other drivers and with the CPU;
//! - [`ethosu`]: what is special to the Arm Ethos-U65;
//! - [`qda`]: what is special to QDA, the data-centre card.
//!
//! Nothing here polls, and every failure is an [`Error`] that says which call failed and why.
//! Calls interrupted by a signal are repeated.
//!
//! ```no_run
//! use accel::buffer::Placement;
//! use accel::info;
//! use accel::info::Info;
//!
//! fn main() -> accel::Result<()> {
//!     for node in accel::device::nodes()? {
//!         let device = node.open()?;
//!         let who: info::Device = device.info()?;
//!         println!("{}: {} at {} {}", node.index(), who.name, who.bus, who.address);
//!
//!         let buffer = device.buffer(4096, Placement::Default)?;
//!         buffer.map()?.fill(0..4096, 0xff)?;
//!     }
//!     Ok(())
//! }
//! ```

#![deny(unsafe_code)]

pub mod address_space;
pub mod buffer;
pub mod device;
pub mod error;
pub mod ethosu;
pub mod event;
mod handle;
pub mod info;
pub mod job;
pub mod mapping;
pub mod monitor;
pub mod qda;
pub mod queue;
mod sys;
pub mod timeline;
pub mod udmabuf;
pub mod user_queue;
mod volatile;

pub use address_space::AddressSpace;
pub use buffer::Buffer;
pub use device::Device;
pub use error::Error;
pub use error::Result;
pub use job::Job;
pub use job::Prepared;
pub use job::Submit;
pub use mapping::Mapping;
pub use monitor::Monitor;
pub use queue::Context;
pub use queue::Queue;
pub use timeline::Timeline;
pub use udmabuf::Udmabuf;
pub use user_queue::UserQueue;
