// SPDX-License-Identifier: GPL-2.0

//! Check of an Ethos-U65 command stream before the NPU may run it.
//!
//! # Threat model
//!
//! The U65 has no MMU: it reads and writes whatever bus addresses its command stream names. The
//! stream comes from user space, so it is hostile until [`check`] has accepted it. An accepted
//! stream
//! - touches, of each region (base pointer), only the bytes that the returned [`Footprint`] covers.
//!   The driver holds the footprint against the buffers of the job, reads and writes apart, before
//!   it starts the NPU;
//! - runs once from its first to its last word and then raises exactly one interrupt, so that the
//!   buffers outlive it;
//! - depends on no register and no look-up table that an earlier job, perhaps of another client,
//!   left in the NPU.
//!
//! It may still compute nonsense, make the NPU stop with an error or never finish: that is what the
//! job's status and its timeout are for.
//!
//! # Rules
//!
//! - Fail closed: a list of what is allowed, everything else is refused. Reserved bits and reserved
//!   values are refused.
//! - The caller passes the kernel's own copy of the stream, and runs this very copy.
//! - Registers are sticky and start unset; an operation that would use an unset register is
//!   refused.
//! - Arithmetic is checked. Offsets and ends stay within 0..2^40, the NPU's address space. Strides
//!   are 40-bit two's complement: adding one modulo 2^40, as the NPU does, is the same.
//! - Where the exact bytes depend on something the documentation leaves open, the footprint covers
//!   every reading.
//! - The driver sets the base pointers of regions that a job does not use to zero: they would keep
//!   the last job's.
//!
//! # Sources
//!
//! The fields of the commands are those of
//! `ethosu/regor/architecture/ethosu65/ethos_u65_interface.hpp` in the source of Vela 5.2.0 (the
//! package ethos-u-vela), their use is that of `*_register_cs_generator.cpp` beside it.
//!
//! Pure logic: no kernel types, no allocation, no panics. The same files are tested on the host by
//! `tools/testing/host`.

mod check;
mod command;
mod config;
mod dma;
mod elementwise;
mod feature_map;
mod footprint;
mod kernel_op;
mod lut;
mod refusal;
mod register;
mod shram;
mod span;
mod state;
mod weights;

// A driver need not name them all.
#[allow(unused_imports)]
pub(crate) use self::{
    check::check,
    config::{
        Config,
        MAX_BYTES, //
    },
    footprint::{
        Footprint,
        REGIONS, //
    },
    refusal::{
        Reason,
        Refusal, //
    },
    register::Register, //
};
