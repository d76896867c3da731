# SPDX-License-Identifier: GPL-2.0
"""Tests of tflite.py: a written convolution computes in LiteRT what its numbers say."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import reference
from tflite import Writer, load, new_model, operator_code, save


def write_convolution(path, weight, bias):
    """Writes a 1x1 convolution whose scales are all one, so that its outputs are the plain sums, clamped to int8."""
    model = new_model("test")
    writer = Writer(model)
    image = writer.tensor("image", (1, 2, 2, weight.shape[3]), np.int8, (1.0, -3))
    scales = np.ones(len(weight))
    constants = writer.constant("weight", weight, (scales, 0)), writer.constant("bias", bias, (scales, 0))
    output = writer.tensor("output", (1, 2, 2, len(weight)), np.int8, (1.0, 5))
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    writer.operator("CONV_2D", 3, [image, *constants], output, options)
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [image], [output]
    save(model, path)


class WriteAndRead(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "net.tflite"
        random = np.random.default_rng(3)
        self.weight = random.integers(-3, 4, (4, 1, 1, 3), dtype=np.int8)
        self.bias = random.integers(-20, 20, 4, dtype=np.int32)
        write_convolution(self.path, self.weight, self.bias)

    def test_litert_computes_the_sums(self):
        image = np.random.default_rng(4).integers(-20, 20, (1, 2, 2, 3), dtype=np.int8)
        (output,) = reference.infer(reference.open_interpreter(self.path), [image])
        sums = np.einsum("nhwi,oi->nhwo", image.astype(int) + 3, self.weight[:, 0, 0].astype(int)) + self.bias + 5
        np.testing.assert_array_equal(output, np.clip(sums, -128, 127))

    def test_load_returns_what_was_written(self):
        model = load(self.path)
        graph = model.subgraphs[0]
        self.assertEqual(operator_code(model, graph.operators[0]), schema.BuiltinOperator.CONV_2D)
        weight = graph.tensors[graph.operators[0].inputs[1]]
        self.assertEqual(bytes(model.buffers[weight.buffer].data), self.weight.tobytes())
        self.assertEqual(weight.quantization.quantizedDimension, 0)

    def test_depthwise_filter_is_quantised_along_its_last_dimension(self):
        model = new_model("test")
        index = Writer(model).constant("weight", np.zeros((1, 3, 3, 3), np.int8), (np.ones(3), 0))
        self.assertEqual(model.subgraphs[0].tensors[index].quantization.quantizedDimension, 3)


if __name__ == "__main__":
    unittest.main()
