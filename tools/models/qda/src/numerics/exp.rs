// SPDX-License-Identifier: GPL-2.0
//! EXP (numerics.rst, EXP).

use super::{LN2_HI, LN2_LO, LOG2E, NAN, power_of_two};

const EXP_MAX: f32 = f32::from_bits(0x42b0_c000);
const EXP_MIN: f32 = f32::from_bits(0xc2ae_0000);
/// E0 to E5.
const E: [f32; 6] = [
    f32::from_bits(0x3950_6967),
    f32::from_bits(0x3ab7_43ce),
    f32::from_bits(0x3c08_8908),
    f32::from_bits(0x3d2a_a9c1),
    f32::from_bits(0x3e2a_aaaa),
    f32::from_bits(0x3f00_0000),
];

/// e to the power of `x`.
pub fn exp(x: f32) -> f32 {
    if x.is_nan() {
        return NAN;
    }
    if x > EXP_MAX {
        return f32::INFINITY;
    }
    if x < EXP_MIN {
        return 0.0;
    }
    let n = (x * LOG2E).round_ties_even();
    let r = x - n * LN2_HI;
    let r = r - n * LN2_LO;
    let y = E[1..].iter().fold(E[0], |y, c| y * r + c);
    let y = y * (r * r);
    let y = y + r;
    let y = y + 1.0;
    y * power_of_two(n as i32)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn specified_values() {
        let values = [
            (1.0, 0x402d_f854),
            (-0.5, 0x3f1b_4598),
            (88.0, 0x7ef8_82b7),
            (-87.0, 0x00b3_3687),
            (0.0, 0x3f80_0000),
            (89.0, 0x7f80_0000),
            (-88.0, 0),
            (f32::NEG_INFINITY, 0),
            (-f32::NAN, 0x7fc0_0000),
        ];
        for (x, bits) in values {
            assert_eq!(exp(x).to_bits(), bits, "exp({x})");
        }
    }
}
