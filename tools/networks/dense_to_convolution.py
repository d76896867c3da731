# SPDX-License-Identifier: GPL-2.0
"""Replaces fully connected layers by the 1x1 convolutions with the same weights.

Both are the same sums, and for the NPU they are the same operation: Vela compiles either to a convolution that scales
its sums with two roundings. LiteRT's kernels differ: CONV_2D rounds twice as well, FULLY_CONNECTED rounds once (seen in
ai-edge-litert 2.3.0, about one output in 1,500 is off by one). As convolutions the layers compare bit by bit.
"""

from ai_edge_litert import schema_py_generated as schema

from tflite import Writer, load, operator_code, save


class UnsupportedLayerError(ValueError):
    """The fully connected layer has a form that is not handled."""


def replace_dense(source, destination):
    """Writes to `destination` the model in the file `source` without fully connected layers."""
    model = load(source)
    graph, writer = model.subgraphs[0], Writer(model)
    operators, graph.operators = graph.operators, []
    for operator in operators:
        if operator_code(model, operator) == schema.BuiltinOperator.FULLY_CONNECTED:
            _write_convolution(writer, graph, operator)
        else:
            graph.operators.append(operator)
    save(model, destination)


def _write_convolution(writer, graph, operator):
    """Adds the convolution that computes what the fully connected `operator` does, between two reshapes."""
    source, weight, bias = operator.inputs
    (output,) = operator.outputs
    outputs, inputs = graph.tensors[weight].shape
    if bias < 0 or list(graph.tensors[source].shape) != [1, inputs]:
        raise UnsupportedLayerError("expected a bias and one vector as the input")
    graph.tensors[weight].shape = [outputs, 1, 1, inputs]
    pixel = writer.reshaped(source, "dense.input", [1, 1, 1, inputs])
    sums = writer.reshaped(output, "dense.output", [1, 1, 1, outputs])
    writer.reshape(source, pixel)
    writer.operator("CONV_2D", 3, [pixel, weight, bias], sums, _options(operator))
    writer.reshape(sums, output)


def _options(operator):
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = operator.builtinOptions.fusedActivationFunction
    return options
