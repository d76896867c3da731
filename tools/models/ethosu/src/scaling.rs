// SPDX-License-Identifier: GPL-2.0
//! From accumulator to output: bias, multiplication by a fixed-point scale, rounding.

use crate::stop::Stop;

/// How the result is rounded: `round_mode` of OFM_PRECISION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// As TFLite does: a doubling high multiplication rounds once, the shift after it again, half
    /// away from zero. It differs from rounding once.
    Double,
    /// Half up.
    Natural,
}

impl Rounding {
    /// Decodes the field. Truncation is not modelled.
    pub(crate) fn from_bits(bits: u16) -> Result<Self, Stop> {
        match bits {
            0 => Ok(Self::Double),
            2 => Ok(Self::Natural),
            _ => Err(Stop::Command("rounding mode")),
        }
    }
}

/// A scale of `multiplier / 2^shift`, after adding `bias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Added to the accumulator, 40 bits.
    pub bias: i64,
    /// Multiplier.
    pub multiplier: u32,
    /// 0 to 63.
    pub shift: u32,
}

/// Bytes of a scale record in memory.
pub const RECORD: usize = 10;

impl Scale {
    /// Decodes a record: 40 bits of bias, 32 of multiplier, 6 of shift. A short one is filled up
    /// with zeros.
    pub fn from_record(record: &[u8]) -> Self {
        let mut bytes = [0; 16];
        let len = record.len().min(RECORD);
        bytes[..len].copy_from_slice(&record[..len]);
        let bits = u128::from_le_bytes(bytes);
        Self {
            bias: (bits as i64) << 24 >> 24,
            multiplier: (bits >> 40) as u32,
            shift: (bits >> 72) as u32 & 0x3f,
        }
    }

    /// Scales an accumulator.
    pub fn apply(&self, accumulator: i64, rounding: Rounding) -> i64 {
        let value = i128::from(accumulator) + i128::from(self.bias);
        let multiplier = i128::from(self.multiplier);
        let result = match rounding {
            Rounding::Double if self.shift < 31 => {
                doubling_high(value << (31 - self.shift), multiplier)
            }
            Rounding::Double => divide(doubling_high(value, multiplier), self.shift - 31),
            Rounding::Natural => {
                let half = (1i128 << self.shift) >> 1;
                (value * multiplier + half) >> self.shift
            }
        };
        result.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

/// `a * b / 2^31`, to nearest, half up.
fn doubling_high(a: i128, b: i128) -> i128 {
    let product = a * b;
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    (product + nudge) / (1 << 31)
}

/// `value / 2^shift`, to nearest, half away from zero.
fn divide(value: i128, shift: u32) -> i128 {
    let half = (1i128 << shift) >> 1;
    if value >= 0 {
        (value + half) >> shift
    } else {
        -((-value + half) >> shift)
    }
}

#[cfg(test)]
mod tests {
    use super::Rounding::{Double, Natural};
    use super::*;

    fn scale(multiplier: u32, shift: u32) -> Scale {
        Scale {
            bias: 0,
            multiplier,
            shift,
        }
    }

    #[test]
    fn record() {
        let record = [0xfe, 0xff, 0xff, 0xff, 0xff, 0x78, 0x56, 0x34, 0x12, 0xe5];
        let expected = Scale {
            bias: -2,
            multiplier: 0x1234_5678,
            shift: 0x25,
        };
        assert_eq!(Scale::from_record(&record), expected);
        assert_eq!(
            Scale::from_record(&[]),
            Scale {
                bias: 0,
                multiplier: 0,
                shift: 0
            }
        );
    }

    /// Multiplication by one: multiplier 2^30, shift 30.
    #[test]
    fn identity() {
        for value in [0, 1, -1, 127, -128, 1 << 30, -(1 << 31)] {
            assert_eq!(scale(1 << 30, 30).apply(value, Double), value);
            assert_eq!(scale(1 << 30, 30).apply(value, Natural), value);
            assert_eq!(scale(1, 0).apply(value, Natural), value);
        }
    }

    /// Halves: 1.5, 0.5, -0.5, -1.5 as 3, 1, -1, -3 times 2^30 / 2^31. The high multiplication
    /// alone rounds half up.
    #[test]
    fn halves_of_the_multiplication() {
        let half = scale(1 << 30, 31);
        let round = |value, rounding| half.apply(value, rounding);
        assert_eq!([3, 1, -1, -3].map(|v| round(v, Double)), [2, 1, 0, -1]);
        assert_eq!([3, 1, -1, -3].map(|v| round(v, Natural)), [2, 1, 0, -1]);
    }

    /// Halves of the shift: 6, 2, -2, -6 times 2^30 / 2^33. The multiplication gives 3, 1, -1, -3
    /// exactly, the shift by 2 rounds half away from zero.
    #[test]
    fn halves_of_the_shift() {
        let quarter = scale(1 << 30, 32);
        let round = |value, rounding| quarter.apply(value, rounding);
        assert_eq!([6, 2, -2, -6].map(|v| round(v, Double)), [2, 1, -1, -2]);
        assert_eq!([6, 2, -2, -6].map(|v| round(v, Natural)), [2, 1, 0, -1]);
    }

    /// 3 * 2^30 / 2^33 = 0.375: once rounded it is 0; twice it is 1.5 -> 2, 2 / 4 = 0.5 -> 1.
    #[test]
    fn rounding_twice_shows() {
        let eighth = scale(1 << 30, 33);
        assert_eq!(eighth.apply(3, Natural), 0);
        assert_eq!(eighth.apply(3, Double), 1);
    }

    #[test]
    fn bias_comes_first() {
        let scale = Scale {
            bias: 10,
            multiplier: 1 << 30,
            shift: 31,
        };
        assert_eq!(scale.apply(20, Double), 15);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for shift in 0..64 {
            for rounding in [Double, Natural] {
                for value in [
                    i64::from(i32::MIN),
                    i64::from(i32::MAX),
                    -(1 << 39),
                    (1 << 39) - 1,
                ] {
                    let scale = Scale {
                        bias: value,
                        multiplier: u32::MAX,
                        shift,
                    };
                    let result = scale.apply(value, rounding);
                    assert!(result.signum() * value.signum() >= 0);
                }
            }
        }
    }
}
