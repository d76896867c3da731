// SPDX-License-Identifier: GPL-2.0

//! The user API, generated from `uapi/accel/accel.h`.
//!
//! The zerocopy derives prove at compile time that no struct has padding and that any bytes are a
//! valid value.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub
)]

#[allow(unused_imports)]
use kernel::bindings::*;
#[allow(unused_imports)]
use pin_init::{MaybeZeroable, Zeroable};
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

include!(concat!(env!("ACCEL_OBJ"), "/accel_core/uapi_generated.rs"));
