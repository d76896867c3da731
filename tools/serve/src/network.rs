// SPDX-License-Identifier: GPL-2.0
//! A multilayer perceptron in the memory of a card, and the packets that compute with it.
//!
//! x (64) - linear W1, b1 - relu (64) - linear W2, b2 (10): packets 1 to 5 of
//! `Documentation/devices/qda/example.rst`.

use accel::Device;
use accel::Result;
use accel::address_space::Rights;
use accel::buffer::Place;
use accel::qda;
use accel::qda::Matrix;
use accel::qda::Memory;
use accel::qda::Packet;
use accel::qda::Workspace;
use accel::qda::tensor;

/// Inputs, hidden units, and outputs of the network.
pub const PIXELS: u32 = 64;
pub const HIDDEN: u32 = 64;
pub const CLASSES: u32 = 10;

/// Bytes of an image, of its answer, and of all parameters.
pub const IMAGE: usize = 4 * PIXELS as usize;
pub const ANSWER: usize = 4 * CLASSES as usize;
pub const PARAMETERS: usize = 4 * ((PIXELS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES) as usize;

/// A network that was trained.
pub struct Network {
    w1: Matrix,
    b1: Matrix,
    w2: Matrix,
    b2: Matrix,
    /// Of the card.
    _memory: Memory,
}

impl Network {
    /// With these parameters, which the program writes to memory of the card where it reaches it.
    pub fn new(device: &Device, workspace: &Workspace, parameters: &[u8]) -> Result<Self> {
        let place = Place {
            region: qda::MEMORY,
            contiguous: false,
            visible: true,
        };
        let buffer = device.buffer_in(PARAMETERS as u64, place)?;
        buffer.map()?.copy_from_slice(0, parameters)?;
        let memory = workspace.share(&buffer, Rights::READ)?;
        let after = |matrix: Matrix| matrix.address + matrix.size();
        let w1 = Matrix::f32(memory.address(), PIXELS, HIDDEN);
        let b1 = Matrix::f32(after(w1), 1, HIDDEN);
        let w2 = Matrix::f32(after(b1), HIDDEN, CLASSES);
        let b2 = Matrix::f32(after(w2), 1, CLASSES);
        Ok(Network {
            w1,
            b1,
            w2,
            b2,
            _memory: memory,
        })
    }

    /// The packets that compute the answers to images `x`, one per row, with `hidden` to work in.
    pub fn packets(&self, x: Matrix, hidden: Matrix, answers: Matrix) -> Result<Vec<Packet>> {
        Ok(vec![
            tensor::gemm(x, self.w1, hidden)?,
            tensor::add(hidden, self.b1, hidden)?,
            tensor::relu(hidden, hidden)?,
            tensor::gemm(hidden, self.w2, answers)?,
            tensor::add(answers, self.b2, answers)?,
        ])
    }
}
