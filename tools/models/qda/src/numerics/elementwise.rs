// SPDX-License-Identifier: GPL-2.0
//! Operations on each element (numerics.rst, ELEMENTWISE).

use super::exp::exp;
use super::log::log;
use super::saturate;

/// f(A, B, s).
pub type Function<T> = fn(T, T, T) -> T;

/// Code of an operation (tensor.rst, ELEMENTWISE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation(pub u8);

impl Operation {
    /// Whether it takes B.
    pub fn takes_b(self) -> bool {
        self.0 <= 8
    }

    /// Whether it takes s.
    pub fn takes_s(self) -> bool {
        matches!(self.0, 8..=10)
    }

    /// The function of F32, if there is one. NaNs are not yet canonical.
    pub fn f32(self) -> Option<Function<f32>> {
        Some(match self.0 {
            1 => |a, b, _| a + b,
            2 => |a, b, _| a - b,
            3 => |a, b, _| a * b,
            4 => |a, b, _| a / b,
            5 => |a, b, _| max(a, b),
            6 => |a, b, _| min(a, b),
            7 => |a, b, _| if b > 0.0 { a } else { 0.0 },
            8 => |a, b, s| a + s * b,
            9 => |a, _, s| a + s,
            10 => |a, _, s| a * s,
            11 => |a, _, _| if a > 0.0 || a.is_nan() { a } else { 0.0 },
            12 => |a, _, _| exp(a),
            13 => |a, _, _| log(a),
            _ => return None,
        })
    }

    /// The function of I32, if there is one.
    pub fn i32(self) -> Option<Function<i32>> {
        Some(match self.0 {
            1 => |a, b, _| a.saturating_add(b),
            2 => |a, b, _| a.saturating_sub(b),
            3 => |a, b, _| product(a, b),
            5 => |a, b, _| a.max(b),
            6 => |a, b, _| a.min(b),
            9 => |a, _, s| a.saturating_add(s),
            10 => |a, _, s| product(a, s),
            11 => |a, _, _| a.max(0),
            _ => return None,
        })
    }
}

/// MAX, which reductions between cards use, too.
pub fn max(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() {
        super::NAN
    } else if b > a {
        b
    } else {
        a
    }
}

fn min(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() {
        super::NAN
    } else if b < a {
        b
    } else {
        a
    }
}

fn product(a: i32, b: i32) -> i32 {
    saturate(i64::from(a) * i64::from(b))
}

#[cfg(test)]
mod tests {
    use super::Operation;

    fn f32(code: u8, a: f32, b: f32, s: f32) -> u32 {
        Operation(code).f32().unwrap()(a, b, s).to_bits()
    }

    #[test]
    fn zeros_and_nans() {
        assert_eq!(f32(5, 0.0, -0.0, 0.0), 0, "MAX of equals is A");
        assert_eq!(f32(5, -0.0, 0.0, 0.0), 0x8000_0000);
        assert_eq!(f32(6, f32::NAN, 1.0, 0.0), 0x7fc0_0000);
        assert_eq!(f32(7, f32::NAN, f32::NAN, 0.0), 0, "NaN is not above 0");
        assert_eq!(f32(11, -0.0, 0.0, 0.0), 0);
    }

    #[test]
    fn two_roundings() {
        let s = f32::from_bits(0x3f80_0001);
        let b = f32::from_bits(0x3f80_0001);
        let a = f32::from_bits(0xbf80_0002);
        let fused = s.mul_add(b, a).to_bits();
        assert_ne!(f32(8, a, b, s), fused);
    }

    #[test]
    fn saturation() {
        let product = Operation(3).i32().unwrap();
        assert_eq!(product(i32::MIN, i32::MIN, 0), i32::MAX);
        assert_eq!(product(i32::MIN, 2, 0), i32::MIN);
    }

    #[test]
    fn not_for_integers() {
        for code in [0, 4, 7, 8, 12, 13, 14] {
            assert!(Operation(code).i32().is_none());
        }
    }
}
