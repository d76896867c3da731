// SPDX-License-Identifier: GPL-2.0
//! Reductions of a row or column (numerics.rst, REDUCE).

use super::{NAN, canonical, sum};

/// What is left of the terms; bits of an F32, or of an I32 for ARGMAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The sum.
    Sum,
    /// The greatest.
    Max,
    /// Index of the greatest.
    ArgMax,
}

impl Operation {
    /// The operation of this code (tensor.rst, REDUCE).
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Sum, Self::Max, Self::ArgMax]
            .get(usize::from(code).checked_sub(1)?)
            .copied()
    }

    /// The bits of the result; there is one term at least.
    pub fn of(self, terms: &[f32]) -> u32 {
        match self {
            Self::Sum => canonical(sum::sum(terms)).to_bits(),
            Self::Max => greatest(terms).1.to_bits(),
            Self::ArgMax => greatest(terms).0 as u32,
        }
    }
}

/// The first of the greatest elements, or the first NaN, with its index.
fn greatest(terms: &[f32]) -> (usize, f32) {
    if let Some(index) = terms.iter().position(|x| x.is_nan()) {
        return (index, NAN);
    }
    let mut best = (0, terms[0]);
    for (index, &x) in terms.iter().enumerate() {
        if x > best.1 {
            best = (index, x);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::Operation::{ArgMax, Max};

    #[test]
    fn first_of_the_greatest() {
        assert_eq!(ArgMax.of(&[-1.0, 3.0, 3.0]), 1);
        assert_eq!(Max.of(&[-0.0, 0.0]), 0x8000_0000);
        assert_eq!(ArgMax.of(&[1.0, f32::NAN, f32::NAN, 2.0]), 1);
        assert_eq!(Max.of(&[1.0, -f32::NAN]), 0x7fc0_0000);
    }
}
