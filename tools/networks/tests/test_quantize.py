# SPDX-License-Identifier: GPL-2.0
"""Tests of quantize.py."""

import unittest

import numpy as np

from quantize import quantize_activation, quantize_linear, quantize_weight


class Activation(unittest.TestCase):
    def test_range_and_zero_are_representable(self):
        for low, high in ((0.0, 3.7), (-2.5, 1.0), (-4.0, 0.0), (0.5, 9.0), (-1e-3, 100.0)):
            scale, zero_point = quantize_activation(low, high)
            self.assertTrue(-128 <= zero_point <= 127)
            self.assertLessEqual(scale * (-128 - zero_point), min(low, 0) + scale)
            self.assertGreaterEqual(scale * (127 - zero_point), high - scale)

    def test_relu_uses_all_256_values(self):
        self.assertEqual(quantize_activation(0, 2.55), (np.float32(0.01), -128))

    def test_constant_zero_is_refused(self):
        with self.assertRaises(ValueError):
            quantize_activation(0, 0)


class Weight(unittest.TestCase):
    def setUp(self):
        self.weight = np.random.default_rng(1).standard_normal((3, 3, 4, 5)).astype(np.float32) * np.arange(5)

    def test_error_is_at_most_half_a_step_of_each_channel(self):
        quantized, scale = quantize_weight(self.weight)
        self.assertEqual(scale.shape, (5,))
        self.assertTrue(np.all(np.abs(quantized * scale - self.weight) <= scale * 0.5001))

    def test_each_channel_uses_its_range(self):
        quantized, _ = quantize_weight(self.weight)
        self.assertEqual(np.abs(quantized.astype(int)).max(axis=(0, 1, 2)).tolist(), [0, 127, 127, 127, 127])


class LinearLayer(unittest.TestCase):
    def test_bias_has_the_scale_of_the_products(self):
        weight = np.array([[127.0, 1.27]], np.float32)
        linear = quantize_linear(weight, np.array([3.0, 3.0]), 0.5, (0, 1))
        self.assertEqual(linear.bias.tolist(), [6, 600])
        self.assertEqual(linear.bias.dtype, np.int32)


if __name__ == "__main__":
    unittest.main()
