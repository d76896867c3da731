# SPDX-License-Identifier: GPL-2.0
"""Tests of digits.py and digits_network.py: the data, its split, and the network in the tree under LiteRT."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

import digits
import digits_network
import reference


class Data(unittest.TestCase):
    def setUp(self):
        self.images, self.labels = digits.load()

    def test_shape_and_range(self):
        self.assertEqual(self.images.shape, (1797, 8, 8, 1))
        self.assertEqual((self.images.min(), self.images.max()), (0, digits.PIXEL_MAX))
        self.assertEqual(sorted(set(self.labels)), list(range(digits.CLASSES)))

    def test_split_is_a_partition(self):
        (training, _), (held_out, labels) = digits.split(self.images, self.labels)
        self.assertEqual((len(training), len(held_out), len(labels)), (1347, 450, 450))
        both = np.concatenate([training, held_out]).reshape(1797, 64)
        self.assertEqual(sorted(map(bytes, both)), sorted(map(bytes, self.images.reshape(1797, 64))))

    def test_quantisation_is_exact(self):
        quantized = digits.quantize(self.images).astype(np.float64)
        np.testing.assert_allclose(digits.SCALE * (quantized - digits.ZERO_POINT), digits.normalize(self.images))


class Network(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "digits.tflite"
        self.parameters = digits_network.load_parameters()
        digits_network.write_tflite(self.parameters, self.path)

    def test_accuracy(self):
        _, (images, labels) = digits.split(*digits.load())
        outputs = reference.run_each(reference.open_interpreter(self.path), digits.quantize(images))
        right = sum(scores.argmax() == label for (scores,), label in zip(outputs, labels, strict=True))
        self.assertGreaterEqual(right / len(labels), 0.98)

    def test_file_is_the_same_each_time(self):
        again = self.path.with_name("again.tflite")
        digits_network.write_tflite(self.parameters, again)
        self.assertEqual(self.path.read_bytes(), again.read_bytes())

    def test_parameters_survive_the_file(self):
        path = self.path.with_name("parameters.npz")
        digits_network.store_parameters(self.parameters, path)
        for name, linear in digits_network.load_parameters(path).items():
            for wanted, found in zip(self.parameters[name], linear, strict=True):
                np.testing.assert_array_equal(wanted, found)


if __name__ == "__main__":
    unittest.main()
