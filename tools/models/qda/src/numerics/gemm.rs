// SPDX-License-Identifier: GPL-2.0
//! Products of matrices (numerics.rst, GEMM), one row of the result at a time.
//!
//! The order of each sum is given, so what runs side by side are the sums of one row.

use super::sum::{BLOCK, tree};

/// One row of A x B: `a` is the row of A, `b` is B row by row, `columns` wide. NaNs are not yet
/// canonical.
pub fn row_f32(a: &[f32], b: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; a.len().div_ceil(BLOCK) * columns];
    let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK * columns));
    for (sums, (a, b)) in sums.chunks_exact_mut(columns).zip(blocks) {
        for (a, b) in a.iter().zip(b.chunks_exact(columns)) {
            for (s, b) in sums.iter_mut().zip(b) {
                *s += a * b;
            }
        }
    }
    tree(&mut sums, columns);
    sums.truncate(columns);
    sums
}

/// As [`row_f32`] of I8, exactly: 65536 products fit.
pub fn row_i8(a: &[i8], b: &[i8], columns: usize) -> Vec<i32> {
    let mut sums = vec![0; columns];
    for (&a, b) in a.iter().zip(b.chunks_exact(columns)) {
        for (s, &b) in sums.iter_mut().zip(b) {
            *s += i32::from(a) * i32::from(b);
        }
    }
    sums
}

/// `matrix`, which is `rows` x `columns`, with rows and columns changed.
pub fn transposed<T>(matrix: &[T], rows: usize, columns: usize) -> Vec<T>
where
    T: Copy,
{
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| matrix[row * columns + column]))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sum::sum;
    use super::{row_f32, row_i8, transposed};

    #[test]
    fn extremes_of_i8() {
        let row = vec![-128; 65536];
        assert_eq!(row_i8(&row, &row, 1), [1 << 30]);
    }

    #[test]
    fn transposition() {
        assert_eq!(transposed(&[1, 2, 3, 4, 5, 6], 2, 3), [1, 4, 2, 5, 3, 6]);
    }

    proptest! {
        #[test]
        fn each_is_its_own_sum(
            a in prop::collection::vec(-9f32..9.0, 1..200),
            columns in 1usize..9,
            pool in prop::collection::vec(-9f32..9.0, 31),
        ) {
            let b: Vec<f32> = pool.iter().cycle().take(a.len() * columns).copied().collect();
            for (j, got) in row_f32(&a, &b, columns).into_iter().enumerate() {
                let terms: Vec<f32> = (0..a.len()).map(|k| a[k] * b[k * columns + j]).collect();
                prop_assert_eq!(got.to_bits(), sum(&terms).to_bits());
            }
        }
    }
}
