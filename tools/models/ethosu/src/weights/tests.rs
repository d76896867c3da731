// SPDX-License-Identifier: GPL-2.0
//! Our decoder against streams of Vela's encoder (vectors/generate.py), and against anything.

use proptest::collection::vec;
use proptest::prelude::*;

use super::Inputs;
use super::mlw::{Malformed, decode};
use super::order::Traversal;
use crate::kernel::{Axis, Kernel};

/// The generator of vectors/generate.py.
fn weights(mut seed: u64, count: usize, zeros: u64, magnitude: i64) -> Vec<i16> {
    let next = || {
        seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        let zero = seed / 0x100 % 100 < zeros;
        let value = (seed / 0x10000) as i64 % (2 * magnitude + 1) - magnitude;
        if zero { 0 } else { value as i16 }
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Numbers and compressed stream of each line.
fn vectors(text: &str) -> Vec<(Vec<u64>, Vec<u8>)> {
    let line = |line: &str| {
        let (numbers, hex) = line.rsplit_once(' ').unwrap();
        let numbers = numbers
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        let digits: Vec<_> = hex
            .chars()
            .map(|digit| digit.to_digit(16).unwrap() as u8)
            .collect();
        let stream = digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        (numbers, stream)
    };
    text.lines().map(line).collect()
}

#[test]
fn streams_of_vela() {
    for (numbers, stream) in vectors(include_str!("vectors/mlw.txt")) {
        let [seed, count, zeros, magnitude] = numbers[..] else {
            panic!("{numbers:?}");
        };
        let expected = weights(seed, count as usize, zeros, magnitude as i64);
        let decoded = decode(&stream, expected.len() + 64).unwrap();
        let (weights, padding) = decoded.split_at(expected.len());
        assert!(weights == expected, "vector {seed}");
        assert!(padding.iter().all(|&weight| weight == 0), "vector {seed}");
    }
}

#[test]
fn orders_of_vela() {
    for (numbers, stream) in vectors(include_str!("vectors/order.txt")) {
        let numbers: Vec<_> = numbers.iter().map(|&number| number as usize).collect();
        let [
            seed,
            outputs,
            height,
            width,
            inputs,
            block,
            depthwise,
            part_kernel_first,
            dy,
            dx,
        ] = numbers[..]
        else {
            panic!("{numbers:?}");
        };
        let axis = |size, dilation| Axis {
            size,
            stride: 1,
            dilation,
            before: 0,
            after: 0,
        };
        let kernel = Kernel {
            y: axis(height, dy),
            x: axis(width, dx),
            part_kernel_first: part_kernel_first != 0,
        };
        let traversal = Traversal {
            kernel: &kernel,
            outputs,
            block,
            inputs: if depthwise != 0 {
                Inputs::Same
            } else {
                Inputs::All(inputs)
            },
        };
        let decoded = decode(&stream, traversal.len() + 64).unwrap();
        let mut arranged = vec![i16::MIN; outputs * height * width * inputs];
        let mut source = decoded.iter();
        let walk = traversal.walk(&mut |place| {
            let weight = *source.next().unwrap();
            match place {
                Some((o, e, i)) => arranged[(o * height * width + e) * inputs + i] = weight,
                None => assert_eq!(weight, 0),
            }
            Ok(())
        });
        assert_eq!(walk, Ok(()));
        assert_eq!(
            decoded.len() - source.len(),
            traversal.len(),
            "vector {seed}"
        );
        assert!(
            arranged == weights(seed as u64, arranged.len(), 0, 100),
            "vector {seed}"
        );
    }
}

#[test]
fn cut_streams_are_malformed_or_short() {
    for (numbers, stream) in vectors(include_str!("vectors/mlw.txt")) {
        for len in (0..stream.len()).step_by(97) {
            if let Ok(weights) = decode(&stream[..len], 1 << 20) {
                assert!(weights.len() <= numbers[1] as usize);
            }
        }
    }
}

#[test]
fn limit_holds() {
    for (numbers, stream) in vectors(include_str!("vectors/mlw.txt")) {
        let limit = numbers[1] as usize - 1;
        assert_eq!(decode(&stream, limit), Err(Malformed));
    }
}

#[test]
fn empty_and_padding_only() {
    assert_eq!(decode(&[], 16), Ok(vec![]));
    assert_eq!(decode(&[0xff; 8], 16), Ok(vec![]));
}

#[test]
fn palette_is_needed_first() {
    // ZDIV 6, SLICELEN 1, WDIV 0, no truncation, no new palette.
    assert_eq!(decode(&[0x06, 0, 0, 0], 16), Err(Malformed));
}

proptest! {
    /// Nothing makes the decoder panic or exceed its limit by more than a slice.
    #[test]
    fn any_bytes(stream in vec(any::<u8>(), 0..512)) {
        if let Ok(weights) = decode(&stream, 4096) {
            prop_assert!(weights.len() <= 4096);
            prop_assert!(weights.iter().all(|weight| (-255..=255).contains(weight)));
        }
    }

    /// The same for streams that begin like real ones.
    #[test]
    fn damaged_streams(at in any::<prop::sample::Index>(), bit in 0u32..8, which in 0..17usize) {
        let (_, mut stream) = vectors(include_str!("vectors/mlw.txt")).swap_remove(which);
        let at = at.index(stream.len());
        stream[at] ^= 1u8 << bit;
        if let Ok(weights) = decode(&stream, 1 << 16) {
            prop_assert!(weights.len() <= 1 << 16);
        }
    }
}
