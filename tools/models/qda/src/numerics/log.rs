// SPDX-License-Identifier: GPL-2.0
//! LOG (numerics.rst, LOG).

use super::{LN2_HI, LN2_LO, NAN, power_of_two};

const SQRT_HALF: f32 = f32::from_bits(0x3f35_04f3);
/// L0 to L8.
const L: [f32; 9] = [
    f32::from_bits(0x3d90_21bb),
    f32::from_bits(0xbdeb_d1b8),
    f32::from_bits(0x3def_251a),
    f32::from_bits(0xbdfe_5d4f),
    f32::from_bits(0x3e11_e9bf),
    f32::from_bits(0xbe2a_ae50),
    f32::from_bits(0x3e4c_ceac),
    f32::from_bits(0xbe7f_fffc),
    f32::from_bits(0x3eaa_aaaa),
];

/// The natural logarithm of `x`.
pub fn log(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return NAN;
    }
    if x == 0.0 {
        return f32::NEG_INFINITY;
    }
    if x == f32::INFINITY {
        return x;
    }
    let (m, e) = split(x);
    let (m, e) = if m < SQRT_HALF {
        ((m + m) - 1.0, e - 1)
    } else {
        (m - 1.0, e)
    };
    let e = e as f32;
    let z = m * m;
    let y = L[1..].iter().fold(L[0], |y, c| y * m + c);
    let y = y * m;
    let y = y * z;
    let y = y + e * LN2_LO;
    let y = y - z * 0.5;
    (m + y) + e * LN2_HI
}

/// The m and e with x = m * 2 to the power of e, 0.5 <= m < 1, for positive finite x.
fn split(x: f32) -> (f32, i32) {
    let (x, correction) = if x.is_subnormal() {
        (x * power_of_two(23), 23)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 126;
    let m = f32::from_bits(bits & 0x007f_ffff | 126 << 23);
    (m, exponent - correction)
}

#[cfg(test)]
mod tests {
    use super::log;

    #[test]
    fn specified_values() {
        let values = [
            (2.0, 0x3f31_7218),
            (10.0, 0x4013_5d8e),
            (f32::from_bits(0x0001_16c2), 0xc2b8_34f2),
            (1.0, 0),
            (-0.0, 0xff80_0000),
            (f32::INFINITY, 0x7f80_0000),
            (-1.0, 0x7fc0_0000),
        ];
        for (x, bits) in values {
            assert_eq!(log(x).to_bits(), bits, "log({x})");
        }
    }
}
