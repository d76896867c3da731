// SPDX-License-Identifier: GPL-2.0
//! The network's parameters, images, and the answers that have to come out, from the files that
//! `tools/testing/qda/reference/export.py` writes. All of it is F32 in little endian, and stays bytes here.

use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use npy::Array;

use crate::network::ANSWER;
use crate::network::IMAGE;
use crate::network::PARAMETERS;

/// Everything.
pub struct Data {
    /// W1, b1, W2, b2.
    pub parameters: Vec<u8>,
    images: Vec<u8>,
    answers: Vec<u8>,
}

impl Data {
    /// Reads `weights.npy`, whose last row is the network that was trained longest, `held_out.npy` and
    /// `answers.npy`.
    pub fn load(directory: &Path) -> Result<Self> {
        let read = |name| Array::read(&directory.join(name)).map(|array| array.bytes);
        let weights = read("weights.npy")?;
        let data = Data {
            parameters: weights
                .rchunks_exact(PARAMETERS)
                .next()
                .context("there is no network")?
                .to_vec(),
            images: read("held_out.npy")?,
            answers: read("answers.npy")?,
        };
        let images = data.images.chunks_exact(IMAGE).len();
        let answers = data.answers.chunks_exact(ANSWER).len();
        ensure!(
            images > 0 && images == answers,
            "{images} images, {answers} answers"
        );
        Ok(data)
    }

    /// So many images from `first` on, around and around.
    pub fn images(&self, first: usize, count: usize) -> Vec<u8> {
        around(&self.images, IMAGE, first, count)
    }

    /// The answers to them.
    pub fn answers(&self, first: usize, count: usize) -> Vec<u8> {
        around(&self.answers, ANSWER, first, count)
    }
}

fn around(bytes: &[u8], size: usize, first: usize, count: usize) -> Vec<u8> {
    let all = bytes.chunks_exact(size);
    let first = first % all.len();
    let some: Vec<_> = all.cycle().skip(first).take(count).collect();
    some.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_each_other_around() {
        assert_eq!(around(&[1, 2, 3, 4, 5, 6], 2, 1, 2), [3, 4, 5, 6]);
        assert_eq!(around(&[1, 2, 3, 4, 5, 6], 2, 5, 3), [5, 6, 1, 2, 3, 4]);
    }
}
