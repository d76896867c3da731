// SPDX-License-Identifier: GPL-2.0
//! Conversions of types (numerics.rst, CONVERT).

use super::NAN;

/// F32 to BF16: to nearest, ties to even.
pub fn bf16_from_f32(x: f32) -> u16 {
    if x.is_nan() {
        return 0x7fc0;
    }
    let u = x.to_bits();
    ((u + 0x7fff + ((u >> 16) & 1)) >> 16) as u16
}

/// BF16 to F32, exactly; a NaN becomes the canonical one.
pub fn f32_from_bf16(bits: u16) -> f32 {
    super::canonical(f32::from_bits(u32::from(bits) << 16))
}

/// I32 to F32.
pub fn f32_from_i32(a: i32, scale: f32) -> f32 {
    super::canonical(a as f32 * scale)
}

/// I8 to F32.
pub fn f32_from_i8(a: i8, scale: f32, extra: i32) -> f32 {
    super::canonical((i32::from(a) - extra) as f32 * scale)
}

/// F32 to I8.
pub fn i8_from_f32(a: f32, scale: f32, extra: i32) -> i8 {
    let y = a * scale;
    // A cast gives 0 for NaN, and saturates so far out that the sum below saturates, too.
    let y = y.round_ties_even() as i64;
    y.saturating_add(extra.into()).clamp(-128, 127) as i8
}

/// I32 to I8.
pub fn i8_from_i32(a: i32, scale: f32, extra: i32) -> i8 {
    i8_from_f32(a as f32, scale, extra)
}

const _: () = assert!(NAN.to_bits() >> 16 == 0x7fc0);

#[cfg(test)]
mod tests {
    use super::{bf16_from_f32, f32_from_bf16, f32_from_i8, i8_from_f32, i8_from_i32};

    #[test]
    fn specified_values() {
        let bf16 = |bits| bf16_from_f32(f32::from_bits(bits));
        assert_eq!(bf16(0x3f80_8000), 0x3f80);
        assert_eq!(bf16(0x3f81_8000), 0x3f82);
        assert_eq!(bf16(0x7f7f_ffff), 0x7f80);
        assert_eq!(bf16(0xffff_ffff), 0x7fc0);
        assert_eq!([5.0, 7.0, -5.0].map(|x| i8_from_f32(x, 0.5, 0)), [2, 4, -2]);
        assert_eq!(i8_from_f32(1000.0, 0.5, -3), 127);
    }

    #[test]
    fn saturation_and_nan() {
        assert_eq!(i8_from_f32(f32::INFINITY, 1.0, -128), 127);
        assert_eq!(i8_from_f32(f32::NEG_INFINITY, 1.0, 127), -128);
        assert_eq!(i8_from_f32(f32::NAN, 1.0, 5), 5);
        assert_eq!(i8_from_i32(i32::MIN, 1.0, 127), -128);
    }

    #[test]
    fn extension() {
        assert_eq!(f32_from_bf16(0xffff).to_bits(), 0x7fc0_0000);
        assert_eq!(f32_from_i8(-128, 2.0, 127), -510.0);
    }
}
