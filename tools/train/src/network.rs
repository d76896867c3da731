// SPDX-License-Identifier: GPL-2.0
//! A multilayer perceptron: its matrices, and the packets that compute with them.
//!
//! x (64) - linear W1, b1 - relu (64) - linear W2, b2 (10) - softmax and cross entropy. The packets are
//! those of `Documentation/devices/qda/example.rst`, whose numbers are beside them here.

use accel::Result;
use accel::qda::Element;
use accel::qda::Matrix;
use accel::qda::Packet;
use accel::qda::tensor;

use crate::card::Arena;

/// Inputs, hidden units, and outputs of the network.
pub const PIXELS: u32 = 64;
const HIDDEN: u32 = 64;
pub const CLASSES: u32 = 10;

/// How many numbers are learnt.
pub const PARAMETERS: u32 = PIXELS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES;

/// How far a step goes.
const RATE: f32 = 1.0;

/// What is learnt; or its gradients. Adjacent in memory, in this order.
#[derive(Clone, Copy)]
pub struct Parameters {
    w1: Matrix,
    b1: Matrix,
    w2: Matrix,
    b2: Matrix,
}

impl Parameters {
    fn at(address: u64) -> Self {
        let w1 = Matrix::f32(address, PIXELS, HIDDEN);
        let b1 = Matrix::f32(w1.address + w1.size(), 1, HIDDEN);
        let w2 = Matrix::f32(b1.address + b1.size(), HIDDEN, CLASSES);
        let b2 = Matrix::f32(w2.address + w2.size(), 1, CLASSES);
        Parameters { w1, b1, w2, b2 }
    }

    /// What training starts with; parameters that are not there are 0.
    pub fn initial() -> Vec<f32> {
        let mut state: u32 = 1;
        let mut weight = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / 16_777_216.0 - 0.5) * 0.5
        };
        let mut weights = |count: u32| (0..count).map(|_| weight()).collect::<Vec<_>>();
        let (w1, w2) = (weights(PIXELS * HIDDEN), weights(HIDDEN * CLASSES));
        [
            w1,
            vec![0.0; HIDDEN as usize],
            w2,
            vec![0.0; CLASSES as usize],
        ]
        .concat()
    }
}

/// Gradients of a batch and, adjacent to them, the sum of the losses of its samples.
#[derive(Clone, Copy)]
pub struct Gradients {
    of: Parameters,
    loss: Matrix,
}

impl Gradients {
    /// Bytes.
    pub const SIZE: u32 = (PARAMETERS + 1) * 4;

    fn at(address: u64) -> Self {
        let loss = address + u64::from(PARAMETERS) * 4;
        Gradients {
            of: Parameters::at(address),
            loss: Matrix::f32(loss, 1, 1),
        }
    }

    /// Address of the first byte.
    pub fn address(&self) -> u64 {
        self.of.w1.address
    }
}

/// What lies between input and output, for a number of samples.
struct Layers {
    z1: Matrix,
    h: Matrix,
    z2: Matrix,
}

impl Layers {
    fn new(arena: &mut Arena, samples: u32) -> Result<Self> {
        Ok(Layers {
            z1: arena.matrix(samples, HIDDEN)?,
            h: arena.matrix(samples, HIDDEN)?,
            z2: arena.matrix(samples, CLASSES)?,
        })
    }
}

/// What the backward pass needs besides, for a number of samples.
struct Scratch {
    f: Matrix,
    t: Matrix,
    e: Matrix,
    p: Matrix,
    g: Matrix,
    m: Matrix,
    q: Matrix,
    u: Matrix,
    l: Matrix,
}

impl Scratch {
    fn new(arena: &mut Arena, samples: u32) -> Result<Self> {
        Ok(Scratch {
            f: arena.matrix(samples, HIDDEN)?,
            t: arena.matrix(samples, CLASSES)?,
            e: arena.matrix(samples, CLASSES)?,
            p: arena.matrix(samples, CLASSES)?,
            g: arena.matrix(samples, CLASSES)?,
            m: arena.matrix(samples, 1)?,
            q: arena.matrix(samples, 1)?,
            u: arena.matrix(samples, 1)?,
            l: arena.matrix(samples, 1)?,
        })
    }
}

/// The network in the memory of a card.
pub struct Network {
    parameters: Parameters,
    /// Of the samples of this card.
    pub gradients: Gradients,
    /// Of those of all cards.
    pub sums: Gradients,
    layers: Layers,
    scratch: Scratch,
    /// Samples of all cards in a step.
    batch: u32,
}

impl Network {
    /// For a step with `batch` samples on all cards, `samples` of them on this one.
    pub fn new(arena: &mut Arena, batch: u32, samples: u32) -> Result<Self> {
        let gradients = Gradients::at(arena.take(Gradients::SIZE.into())?);
        let sums = match samples == batch {
            true => gradients,
            false => Gradients::at(arena.take(Gradients::SIZE.into())?),
        };
        Ok(Network {
            parameters: Parameters::at(arena.take(u64::from(PARAMETERS) * 4)?),
            gradients,
            sums,
            layers: Layers::new(arena, samples)?,
            scratch: Scratch::new(arena, samples)?,
            batch,
        })
    }

    /// Address of the parameters.
    pub fn parameters(&self) -> u64 {
        self.parameters.w1.address
    }

    /// Packets 1 to 23: the gradients of samples `x` with the one-hot labels `y`, and their loss.
    pub fn differentiate(&self, x: Matrix, y: Matrix) -> Result<Vec<Packet>> {
        let Layers { z1, h, z2 } = self.layers;
        let Scratch {
            f,
            t,
            e,
            p,
            g,
            m,
            q,
            u,
            l,
        } = self.scratch;
        let Gradients { of: d, loss } = self.gradients;
        let mut packets = self.forward(&self.layers, x)?;
        packets.extend([
            // Softmax: P = exp(Z2 - max) / sum; loss: log(sum) - (Z2 - max) at the label.
            tensor::reduce_max(z2, m)?, // 6
            tensor::sub(z2, m, t)?,
            tensor::exp(t, e)?,
            tensor::reduce_sum(e, q)?,
            tensor::div(e, q, p)?, // 10
            tensor::log(q, q)?,
            tensor::mul(t, y, t)?,
            tensor::reduce_sum(t, u)?,
            tensor::sub(q, u, l)?,
            tensor::reduce_sum(l, loss)?, // 15
            // The gradient of the mean loss is (P - Y) / batch at the output, and goes back from there.
            tensor::sub(p, y, p)?,
            tensor::mul_scalar(p, self.mean(), g)?,
            tensor::gemm(h.transposed(), g, d.w2)?,
            tensor::reduce_sum(g, d.b2)?,
            tensor::gemm(g, self.parameters.w2.transposed(), f)?, // 20
            tensor::gate(f, z1, f)?,
            tensor::gemm(x.transposed(), f, d.w1)?,
            tensor::reduce_sum(f, d.b1)?,
        ]);
        Ok(packets)
    }

    /// Packets 25, and before them one that writes the loss of the step to `loss`.
    pub fn update(&self, loss: Matrix) -> Result<Vec<Packet>> {
        let Parameters { w1, b1, w2, b2 } = self.parameters;
        let Gradients { of: d, loss: sum } = self.sums;
        Ok(vec![
            tensor::mul_scalar(sum, self.mean(), loss)?,
            tensor::axpy(w1, -RATE, d.w1, w1)?,
            tensor::axpy(b1, -RATE, d.b1, b1)?,
            tensor::axpy(w2, -RATE, d.w2, w2)?,
            tensor::axpy(b2, -RATE, d.b2, b2)?,
        ])
    }

    /// The packets that tell which digits `x` shows, and where they will be: I32, one per sample.
    pub fn infer(&self, arena: &mut Arena, x: Matrix) -> Result<(Vec<Packet>, Matrix)> {
        let layers = Layers::new(arena, x.rows)?;
        let digits = Matrix::new(Element::I32, arena.take(u64::from(x.rows) * 4)?, x.rows, 1);
        let mut packets = self.forward(&layers, x)?;
        packets.push(tensor::reduce_argmax(layers.z2, digits)?);
        Ok((packets, digits))
    }

    /// Packets 1 to 5.
    fn forward(&self, layers: &Layers, x: Matrix) -> Result<Vec<Packet>> {
        let Parameters { w1, b1, w2, b2 } = self.parameters;
        let &Layers { z1, h, z2 } = layers;
        Ok(vec![
            tensor::gemm(x, w1, z1)?,
            tensor::add(z1, b1, z1)?,
            tensor::relu(z1, h)?,
            tensor::gemm(h, w2, z2)?,
            tensor::add(z2, b2, z2)?,
        ])
    }

    /// R, which makes a mean of a sum over the batch.
    fn mean(&self) -> f32 {
        1.0 / self.batch as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_example() {
        let weights = Parameters::initial();
        assert_eq!(weights.len(), 4810);
        // 1664525 + 1013904223 = 1015568748, whose upper 24 bits are 3967065.
        assert_eq!(weights[0], (3_967_065.0 / 16_777_216.0 - 0.5) / 2.0);
        assert_eq!(weights[4096..4160], [0.0; 64]);
        assert_ne!(weights[4160], 0.0);
        assert_eq!(Gradients::SIZE, 4811 * 4);
    }

    #[test]
    fn gradients_are_adjacent() {
        let gradients = Gradients::at(0x1000);
        assert_eq!(gradients.of.b1.address, 0x1000 + 4096 * 4);
        assert_eq!(gradients.of.w2.address, 0x1000 + 4160 * 4);
        assert_eq!(gradients.of.b2.address, 0x1000 + 4800 * 4);
        assert_eq!(gradients.loss.address, 0x1000 + 4810 * 4);
    }
}
