// SPDX-License-Identifier: GPL-2.0
//! Arithmetic of QDA, bit for bit (Documentation/devices/qda/numerics.rst).
//!
//! Pure functions of values. Rust's `f32` is IEEE 754 binary32, rounds to nearest even, flushes
//! nothing and contracts nothing into an FMA; what is left to do is the order of sums and the NaN.

pub mod convert;
pub mod elementwise;
pub mod exp;
pub mod gemm;
pub mod log;
pub mod reduce;
pub mod sum;

/// The NaN that is written, whatever NaN was computed.
pub const NAN: f32 = f32::from_bits(0x7fc0_0000);

/// Low and high part of the natural logarithm of 2, and its inverse.
const LN2_HI: f32 = f32::from_bits(0x3f31_8000);
const LN2_LO: f32 = f32::from_bits(0xb95e_8083);
const LOG2E: f32 = f32::from_bits(0x3fb8_aa3b);

/// The value as it is written: a NaN is the canonical one.
pub fn canonical(x: f32) -> f32 {
    if x.is_nan() { NAN } else { x }
}

/// 2 to the power of `n`, -126 to 127.
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// Saturates to 32 bits.
pub fn saturate(x: i64) -> i32 {
    x.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
