# SPDX-License-Identifier: GPL-2.0
"""Tests of layers.py: every gradient against a finite difference of the loss."""

import unittest

import numpy as np

import layers

STEP = 1e-5


def numeric_gradient(loss, array):
    """Returns the central difference of loss() for each element of `array`, which is changed in place and restored."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        original = array[index]
        array[index] = original + STEP
        above = loss()
        array[index] = original - STEP
        gradient[index] = (above - loss()) / (2 * STEP)
        array[index] = original
    return gradient


class Gradients(unittest.TestCase):
    def check(self, make, shape):
        """Checks the layer that make(random) returns, in double precision, for an input of `shape`."""
        random = np.random.default_rng(7)
        layer, x = make(random), random.standard_normal(shape)
        layer.parameters = [p.astype(np.float64) + 0.1 for p in layer.parameters]
        direction = random.standard_normal(layer.forward(x).shape)
        input_gradient = layer.backward(direction)
        analytic = [input_gradient, *layer.gradients]
        for array, gradient in zip([x, *layer.parameters], analytic, strict=True):
            numeric = numeric_gradient(lambda: float((layer.forward(x) * direction).sum()), array)
            np.testing.assert_allclose(gradient, numeric, atol=1e-6)

    def test_convolution(self):
        self.check(lambda random: layers.Convolution(random, 3, 2, 3, relu=True), (2, 4, 5, 2))

    def test_pointwise_convolution(self):
        self.check(lambda random: layers.Convolution(random, 1, 3, 2, relu=False), (2, 2, 2, 3))

    def test_depthwise(self):
        self.check(lambda random: layers.Depthwise(random, 3, 3, relu=True), (2, 4, 4, 3))

    def test_dense(self):
        self.check(lambda random: layers.Dense(random, 12, 4, relu=True), (3, 2, 2, 3))

    def test_max_pool(self):
        self.check(lambda random: layers.MaxPool(), (2, 4, 6, 2))

    def test_max_pool_shares_a_gradient_among_equals(self):
        layer = layers.MaxPool()
        layer.forward(np.zeros((1, 2, 2, 1)))
        self.assertEqual(layer.backward(np.ones((1, 1, 1, 1))).reshape(-1).tolist(), [0.25] * 4)

    def test_average_pool(self):
        self.check(lambda random: layers.AveragePool(), (2, 4, 6, 2))


class Padding(unittest.TestCase):
    def test_convolution_pads_with_zero(self):
        layer = layers.Convolution(np.random.default_rng(0), 3, 1, 1, relu=False)
        layer.parameters[0][:] = 1
        ones = layer.forward(np.ones((1, 3, 3, 1), np.float32))[0, :, :, 0]
        self.assertEqual(ones.tolist(), [[4, 6, 4], [6, 9, 6], [4, 6, 4]])


if __name__ == "__main__":
    unittest.main()
