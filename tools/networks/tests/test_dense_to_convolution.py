# SPDX-License-Identifier: GPL-2.0
"""Tests of dense_to_convolution.py: the same numbers, but for LiteRT's other rounding of fully connected layers."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import reference
from build import streaming_model
from dense_to_convolution import UnsupportedLayerError, replace_dense
from stateless import make_stateless
from tests.test_stateless import wake_word_steps
from tflite import Writer, load, new_model, operator_code, save

INPUTS, OUTPUTS, VECTORS = 128, 10, 500


def write_dense(path, batch=1, activation=schema.ActivationFunctionType.NONE):
    """Writes one fully connected layer."""
    random, model = np.random.default_rng(8), new_model("test")
    writer = Writer(model)
    source = writer.tensor("input", (batch, INPUTS), np.int8, (0.077, -128))
    weight = writer.constant("weight", random.integers(-127, 128, (OUTPUTS, INPUTS), dtype=np.int8), (0.0069, 0))
    bias = writer.constant("bias", random.integers(-500, 500, OUTPUTS, dtype=np.int32), (0.077 * 0.0069, 0))
    output = writer.tensor("output", (batch, OUTPUTS), np.int8, (0.2146, 27))
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    writer.operator("FULLY_CONNECTED", 4, [source, weight, bias], output, options)
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [source], [output]
    save(model, path)


class ReplaceDense(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dense, self.convolution = (Path(directory.name) / name for name in ("dense", "convolution"))

    def test_equals_but_for_rare_roundings(self):
        write_dense(self.dense, activation=schema.ActivationFunctionType.RELU)
        replace_dense(self.dense, self.convolution)
        vectors = np.random.default_rng(9).integers(-128, 128, (VECTORS, 1, INPUTS), dtype=np.int8)
        outputs = [
            np.array([output for (output,) in reference.run_each(reference.open_interpreter(path), vectors)], int)
            for path in (self.dense, self.convolution)
        ]
        self.assertEqual(outputs[0].shape, outputs[1].shape)
        difference = np.abs(outputs[0] - outputs[1])
        self.assertLessEqual(difference.max(), 1)
        self.assertLess(difference.mean(), 0.005)

    def test_wake_word_scores_stay_the_same(self):
        make_stateless(streaming_model("hey_jarvis"), self.dense)
        replace_dense(self.dense, self.convolution)
        steps = wake_word_steps("hey_jarvis", self.dense)
        runs = (
            reference.run_stream(reference.open_interpreter(path), steps) for path in (self.dense, self.convolution)
        )
        for wanted, found in zip(*runs, strict=True):
            np.testing.assert_array_equal(reference.concatenated(wanted), reference.concatenated(found))

    def test_no_dense_layer_is_left(self):
        write_dense(self.dense)
        replace_dense(self.dense, self.convolution)
        model = load(self.convolution)
        codes = [operator_code(model, operator) for operator in model.subgraphs[0].operators]
        kinds = schema.BuiltinOperator
        self.assertEqual(codes, [kinds.RESHAPE, kinds.CONV_2D, kinds.RESHAPE])

    def test_a_batch_is_refused(self):
        write_dense(self.dense, batch=2)
        with self.assertRaises(UnsupportedLayerError):
            replace_dense(self.dense, self.convolution)


if __name__ == "__main__":
    unittest.main()
