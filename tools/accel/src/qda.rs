// SPDX-License-Identifier: GPL-2.0
//! QDA, a card with queues, engines and memory of its own: jobs from packets.
//!
//! A [`Workspace`] is an address space of a card, with memory in it and queues for its engines. A job is
//! packets, which one engine executes one after the other. A [`Ring`] takes packets, too, without system
//! calls. Functions make them:
//!
//! - [`packet`]: nothing, waits and signals, on all engines;
//! - [`copy`]: move and fill, on the copy engines;
//! - [`tensor`]: compute with matrices, on the tensor engines;
//! - [`collective`]: send, receive and reduce between cards, on the collective engine.
//!
//! What does not fit together is refused here; all else about a packet is the card's to check, and ends
//! the job with [`Fault::Command`](crate::job::Fault). The specification is `Documentation/devices/qda`.
//!
//! `examples/qda.rs` is a whole program that multiplies two matrices.

mod card;
pub mod collective;
pub mod copy;
mod matrix;
pub mod packet;
mod refusal;
mod ring;
mod ring_memory;
pub mod tensor;
mod workspace;

use accel_uapi as uapi;
use zerocopy::IntoBytes;

pub use card::Card;
pub use matrix::BadOperand;
pub use matrix::Element;
pub use matrix::Factor;
pub use matrix::Matrix;
pub use matrix::Scalar;
pub use packet::Packet;
pub use refusal::Refusal;
pub use refusal::Wrong;
pub use ring::Reach;
pub use ring::Ring;
pub use ring_memory::Record;
pub use ring_memory::RingMemory;
pub use workspace::Memory;
pub use workspace::Workspace;

use crate::job::Submit;
use crate::queue::Queue;

/// Name of the driver in [`info::Device`](crate::info::Device).
pub const DRIVER: &str = "accel_qda";

/// The region of the card's memory, for [`Place`](crate::buffer::Place).
pub const MEMORY: u32 = uapi::ACCEL_QDA_MEMORY;

/// A job of packets, at most [`Card::job_packets`], with addresses of the queue's address space.
pub fn job(queue: &Queue, packets: &[Packet]) -> Submit {
    let mut submit = Submit::to(queue);
    submit.payload(packets.as_bytes().to_vec());
    submit
}
