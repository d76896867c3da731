// SPDX-License-Identifier: GPL-2.0
//! Sums of F32: blocks of 32 terms, then a tree of neighbours (numerics.rst, sums).

/// Terms of a block.
pub const BLOCK: usize = 32;

/// The sum of `terms`. A NaN is not yet canonical.
pub fn sum(terms: &[f32]) -> f32 {
    let mut sums: Vec<f32> = terms
        .chunks(BLOCK)
        .map(|block| block.iter().fold(0.0, |s, t| s + t))
        .collect();
    tree(&mut sums, 1);
    sums.first().copied().unwrap_or(0.0)
}

/// Adds neighbouring rows of `width` sums until one row is left, at the beginning of `sums`.
pub fn tree(sums: &mut [f32], width: usize) {
    let mut rows = sums.len() / width;
    while rows > 1 {
        for row in 0..rows / 2 {
            let (to, from) = sums.split_at_mut((2 * row + 1) * width);
            let left = 2 * row * width;
            for column in 0..width {
                to[left + column] += from[column];
            }
            sums.copy_within(left..left + width, row * width);
        }
        if rows % 2 == 1 {
            sums.copy_within((rows - 1) * width..rows * width, rows / 2 * width);
        }
        rows = rows.div_ceil(2);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sum;

    /// The rule, word by word.
    fn naive(terms: &[f32]) -> f32 {
        let mut sums = Vec::new();
        for block in terms.chunks(32) {
            let mut s = 0.0;
            for t in block {
                s += t;
            }
            sums.push(s);
        }
        while sums.len() > 1 {
            sums = sums
                .chunks(2)
                .map(|pair| if let [a, b] = pair { a + b } else { pair[0] })
                .collect();
        }
        sums[0]
    }

    #[test]
    fn specified_value() {
        assert_eq!(sum(&[0.1; 100]).to_bits(), 0x411f_fffd);
    }

    #[test]
    fn negative_zero() {
        assert_eq!(sum(&[-0.0; 3]).to_bits(), 0, "a block starts as +0");
    }

    proptest! {
        #[test]
        fn as_the_rule_says(terms in prop::collection::vec(-1e3f32..1e3, 1..1500)) {
            prop_assert_eq!(sum(&terms).to_bits(), naive(&terms).to_bits());
        }

        #[test]
        fn halves_add_up(blocks in 0u32..5, seed in prop::collection::vec(-1e3f32..1e3, 37)) {
            let half = 32usize << blocks;
            let terms: Vec<f32> = seed.iter().cycle().take(2 * half).copied().collect();
            let parts = sum(&terms[..half]) + sum(&terms[half..]);
            prop_assert_eq!(parts.to_bits(), sum(&terms).to_bits());
        }
    }
}
