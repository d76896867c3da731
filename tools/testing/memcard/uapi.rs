// SPDX-License-Identifier: GPL-2.0

//! The interface of the memory card, generated from `accel_memcard.h`.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
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

include!(concat!(env!("ACCEL_OBJ"), "/uapi_generated.rs"));
