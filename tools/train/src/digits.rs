// SPDX-License-Identifier: GPL-2.0
//! The images to learn from, and what the reference made of them, from the files that
//! `tools/testing/qda/reference/export.py` writes. Source of every number: `example.rst`.

use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use npy::Array;
use zerocopy::FromBytes;

use crate::network::CLASSES;
use crate::network::PARAMETERS;
use crate::network::PIXELS;

/// Samples that a step learns from, on all cards together.
pub const BATCH: usize = 64;

/// An image is 64 pixels from 0 to 16 and its label.
const IMAGE: usize = PIXELS as usize + 1;
const BRIGHTEST: f32 = 16.0;

/// Images with index modulo 5 = 4 are held out; of the others the first ones are for training.
const HOLD_OUT: (usize, usize) = (5, 4);
const TRAINING: usize = 22 * BATCH;

/// Images and what they show.
pub struct Images {
    /// Pixels from 0 to 1, image by image.
    pub x: Vec<f32>,
    /// The digits.
    pub labels: Vec<u8>,
}

impl Images {
    fn new<'a>(images: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        for image in images {
            let (pixels, label) = image.split_at(IMAGE - 1);
            x.extend(pixels.iter().map(|&pixel| f32::from(pixel) / BRIGHTEST));
            labels.extend(label);
        }
        Images { x, labels }
    }

    /// For each image 1 at its label and 0 elsewhere.
    pub fn one_hot(&self) -> Vec<f32> {
        let classes = 0..CLASSES as u8;
        let of = |&label| classes.clone().map(move |class| f32::from(class == label));
        self.labels.iter().flat_map(of).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
}

/// All images.
pub struct Digits {
    /// To learn from, in this order, in batches.
    pub training: Images,
    /// To try what was learnt.
    pub held_out: Images,
}

impl Digits {
    /// Reads `digits.npy`.
    pub fn load(directory: &Path) -> Result<Self> {
        let all = Array::read(&directory.join("digits.npy"))?;
        let is_held_out = |index: usize| index % HOLD_OUT.0 == HOLD_OUT.1;
        let part = |held_out| {
            let images = all.bytes.chunks_exact(IMAGE).enumerate();
            images.filter_map(move |(i, image)| (is_held_out(i) == held_out).then_some(image))
        };
        let digits = Digits {
            training: Images::new(part(false).take(TRAINING)),
            held_out: Images::new(part(true)),
        };
        ensure!(
            digits.training.len() == TRAINING,
            "there are too few images"
        );
        Ok(digits)
    }

    /// How many steps so many times through all images are.
    pub fn steps(&self, epochs: usize) -> usize {
        epochs * (self.training.len() / BATCH)
    }
}

/// What has to come out.
pub struct Reference {
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// All parameters after the last step.
    pub weights: Vec<f32>,
}

impl Reference {
    /// Reads `losses.npy` and `weights.npy`, up to epoch number `epochs`.
    pub fn load(directory: &Path, epochs: usize) -> Result<Self> {
        let losses = Array::read(&directory.join("losses.npy"))?;
        let weights = Array::read(&directory.join("weights.npy"))?;
        let size = PARAMETERS as usize * size_of::<f32>();
        let last = epochs.checked_sub(1).and_then(|index| {
            let mut rows = weights.bytes.chunks_exact(size);
            rows.nth(index)
        });
        Ok(Reference {
            losses: floats(&losses.bytes),
            weights: floats(last.with_context(|| format!("no reference of {epochs} epochs"))?),
        })
    }
}

/// F32 in little endian.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.chunks_exact(size_of::<f32>());
    let float = |word: &[u8]| f32::read_from_bytes(word).unwrap_or(f32::NAN);
    words.map(float).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_as_the_example_says() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        let write = |count: usize| {
            let image = |index: usize| {
                let mut image = [(index % 17) as u8; IMAGE];
                image[IMAGE - 1] = (index % 10) as u8;
                image
            };
            let bytes = (0..count).flat_map(image).collect();
            let array = Array::new([count, IMAGE], bytes).unwrap();
            array.write(&directory.join("digits.npy")).unwrap();
            Digits::load(directory)
        };
        let few = write(1758).err().map(|error| error.to_string());
        let digits = write(1797);
        assert_eq!(few.unwrap(), "there are too few images");

        let digits = digits.unwrap();
        assert_eq!((digits.training.len(), digits.held_out.len()), (1408, 359));
        assert_eq!(digits.training.labels[..5], [0, 1, 2, 3, 5]);
        assert_eq!(digits.held_out.labels[..3], [4, 9, 4]);
        assert_eq!(digits.held_out.x[..2], [0.25, 0.25]);
        assert_eq!(digits.training.one_hot()[10..13], [0.0, 1.0, 0.0]);
        assert_eq!(digits.steps(40), 880);
    }
}
