# SPDX-License-Identifier: GPL-2.0
"""Makes the command streams that the tests of the command-stream check accept.

Use: make.py NETWORKS, with a Python that has the packages of tools/networks/requirements.txt; NETWORKS is the folder
that tools/networks/build.py wrote. Writes beside this file NETWORK-CONFIGURATION.bin for the networks of the demo, and
operators/NAME-CONFIGURATION.bin for each small network below. Vela's driver actions are taken off.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[3] / "networks"))

from ai_edge_litert import schema_py_generated as schema
from compile import CONFIGURATIONS, compile_network
from driver_actions import find_command_stream
from tflite import Writer, new_model, save

NETWORKS = ("digits", "hey_jarvis", "alexa")
SHAPE = (1, 9, 7, 20)
INT8, INT16 = (0.05, -3), (0.0005, 0)  # Scale and zero point.
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


class Network:
    """A TFLite network of a few operators with random weights."""

    def __init__(self, name, quantization=INT8):
        self.model = new_model(name)
        self._writer = Writer(self.model)
        self._graph = self.model.subgraphs[0]
        self._graph.inputs = []
        self._random = np.random.default_rng(0)
        self.quantization = quantization

    def input(self, shape, quantization=None):
        """Adds an input of the network and returns it."""
        tensor = self._tensor(shape, quantization)
        self._graph.inputs.append(tensor)
        return tensor

    def constant(self, values, quantization=None):
        """Adds a constant and returns it."""
        return self._writer.constant(f"constant{len(self._graph.tensors)}", values, quantization)

    def weights(self, shape, channels):
        """Adds a filter and its bias and returns both."""
        scales = np.full(channels, 0.01)
        weights = self._random.integers(-127, 128, shape).astype(np.int8)
        bias = self._random.integers(-1000, 1000, channels).astype(np.int32)
        return self.constant(weights, (scales, 0)), self.constant(bias, (scales * self.quantization[0], 0))

    def operator(self, kind, inputs, shape, options, quantization=None, version=2):
        """Adds an operator and returns its output; `options` are the name of a schema type, and its fields."""
        name, fields = options
        built = getattr(schema, f"{name}OptionsT")()
        for field, value in fields.items():
            setattr(built, field, value)
        output = self._tensor(shape, quantization)
        self._writer.operator(kind, version, inputs, output, built)
        self._graph.outputs = [output]
        return output

    def _tensor(self, shape, quantization):
        quantization = quantization or self.quantization
        tensor = self._writer.tensor(f"tensor{len(self._graph.tensors)}", shape, np.int8, quantization)
        if self.quantization == INT16:
            self._graph.tensors[tensor].type = schema.TensorType.INT16
        return tensor


def convolution(network, source, shape, output, size, stride=1, dilation=1, padding=SAME):
    inputs = [source, *network.weights((output[3], size, size, shape[3]), output[3])]
    strides = {"strideH": stride, "strideW": stride, "dilationHFactor": dilation, "dilationWFactor": dilation}
    return network.operator("CONV_2D", inputs, output, ("Conv2D", {"padding": padding, **strides}), version=3)


def depthwise(network, source, output, size, stride=1):
    inputs = [source, *network.weights((1, size, size, output[3]), output[3])]
    strides = {"strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1}
    options = ("DepthwiseConv2D", {"padding": SAME, "depthMultiplier": 1, **strides})
    return network.operator("DEPTHWISE_CONV_2D", inputs, output, options, version=3)


def pool(network, kind, source, output, size, stride, padding):
    window = {"filterHeight": size, "filterWidth": size, "strideH": stride, "strideW": stride}
    return network.operator(kind, [source], output, ("Pool2D", {"padding": padding, **window}))


def separable(network):
    source = convolution(network, network.input((1, 32, 32, 3)), (1, 32, 32, 3), (1, 16, 16, 24), 3, stride=2)
    source = depthwise(network, source, (1, 16, 16, 24), 3)
    source = convolution(network, source, (1, 16, 16, 24), (1, 16, 16, 70), 1)
    source = depthwise(network, source, (1, 8, 8, 70), 5, stride=2)
    source = convolution(network, source, (1, 8, 8, 70), (1, 8, 8, 130), 1)
    pool(network, "AVERAGE_POOL_2D", source, (1, 1, 1, 130), 8, 1, VALID)


def cascade(network):
    """Large enough for rolling buffers, which need more than one tile."""
    shape = (1, 96, 96, 16)
    source = convolution(network, network.input(shape), shape, (1, 96, 96, 32), 3)
    source = convolution(network, source, (1, 96, 96, 32), (1, 96, 96, 32), 3)
    convolution(network, source, (1, 96, 96, 32), (1, 48, 48, 16), 3, stride=2)


def dilated(network):
    source = convolution(network, network.input((1, 20, 20, 8)), (1, 20, 20, 8), (1, 20, 20, 9), 3, dilation=2)
    convolution(network, source, (1, 20, 20, 9), (1, 7, 7, 9), 3, stride=3)


def residual(network):
    shape = (1, 40, 40, 24)
    source = network.input(shape)
    changed = depthwise(network, convolution(network, source, shape, shape, 3), shape, 3)
    network.operator("ADD", [source, changed], shape, ("Add", {}))


def maximum_pool(network):
    pool(network, "MAX_POOL_2D", network.input((1, 15, 15, 20)), (1, 8, 8, 20), 3, 2, SAME)


def padded_average_pool(network):
    pool(network, "AVERAGE_POOL_2D", network.input((1, 15, 15, 20)), (1, 15, 15, 20), 3, 1, SAME)


def binary(kind, options, shape):
    def add(network):
        scale, zero_point = network.quantization
        second = (scale if options == "MaximumMinimum" else 0.7 * scale, zero_point)
        inputs = [network.input(SHAPE), network.input(shape, second)]
        network.operator(kind, inputs, SHAPE, (options, {}))

    return add


def constant_operand(network):
    inputs = [network.constant(np.full((1, 1, 1, 1), 7, np.int8), INT8), network.input(SHAPE)]
    network.operator("SUB", inputs, SHAPE, ("Sub", {}))


def unary(kind, options, fields=None, quantization=None):
    def add(network):
        network.operator(kind, [network.input(SHAPE)], SHAPE, (options, fields or {}), quantization)

    return add


def mean(network):
    axes = network.constant(np.array([1, 2], np.int32))
    network.operator("MEAN", [network.input(SHAPE), axes], (1, 1, 1, 20), ("Reducer", {"keepDims": True}))


def concatenation(network):
    inputs = [network.input(SHAPE), network.input((1, 9, 7, 12))]
    network.operator("CONCATENATION", inputs, (1, 9, 7, 32), ("Concatenation", {"axis": 3}))


def strided_slice(network):
    bounds = [network.constant(np.array(bound, np.int32)) for bound in ((0, 1, 0, 2), (1, 9, 7, 18), (1, 2, 3, 1))]
    network.operator("STRIDED_SLICE", [network.input(SHAPE), *bounds], (1, 4, 3, 16), ("StridedSlice", {}))


def transpose(network):
    order = network.constant(np.array((0, 3, 2, 1), np.int32))
    network.operator("TRANSPOSE", [network.input(SHAPE), order], (1, 20, 7, 9), ("Transpose", {}))


def resize(kind, options, fields):
    def add(network):
        size = network.constant(np.array((16, 16), np.int32))
        inputs = [network.input((1, 8, 8, 20)), size]
        network.operator(kind, inputs, (1, 16, 16, 20), (options, fields), version=3)

    return add


def transposed_convolution(network):
    size = network.constant(np.array((1, 18, 18, 12), np.int32))
    weights, _ = network.weights((12, 4, 4, 20), 12)
    options = ("TransposeConv", {"padding": VALID, "strideH": 2, "strideW": 2})
    inputs = [size, weights, network.input((1, 8, 8, 20))]
    network.operator("TRANSPOSE_CONV", inputs, (1, 18, 18, 12), options, version=3)


def fully_connected(network):
    inputs = [network.input((16, 300)), *network.weights((77, 300), 77)]
    network.operator("FULLY_CONNECTED", inputs, (16, 77), ("FullyConnected", {}), version=4)


def matrix_product(network):
    inputs = [network.input((1, 2, 9, 20)), network.input((1, 2, 20, 7))]
    network.operator("BATCH_MATMUL", inputs, (1, 2, 9, 7), ("BatchMatMul", {}))


OPERATORS = {
    "separable": separable,
    "cascade": cascade,
    "dilated": dilated,
    "residual": residual,
    "maximum_pool": maximum_pool,
    "padded_average_pool": padded_average_pool,
    "add": binary("ADD", "Add", SHAPE),
    "add_row": binary("ADD", "Add", (1, 1, 7, 20)),
    "subtract_constant": constant_operand,
    "multiply_column": binary("MUL", "Mul", (1, 9, 1, 20)),
    "multiply_scalar": binary("MUL", "Mul", (1, 1, 1, 1)),
    "maximum_channel": binary("MAXIMUM", "MaximumMinimum", (1, 9, 7, 1)),
    "absolute": unary("ABS", "Abs"),
    "softmax": unary("SOFTMAX", "Softmax", {"beta": 1.0}, (1 / 256, -128)),
    "exponential": unary("EXP", "Exp"),
    "mean": mean,
    "concatenation": concatenation,
    "strided_slice": strided_slice,
    "transpose": transpose,
    "resize_nearest": resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", {}),
    "resize_bilinear": resize("RESIZE_BILINEAR", "ResizeBilinear", {"halfPixelCenters": True}),
    "transposed_convolution": transposed_convolution,
    "fully_connected": fully_connected,
    "matrix_product": matrix_product,
}

OPERATORS_INT16 = {
    "add_int16": binary("ADD", "Add", SHAPE),
    "tanh_int16": unary("TANH", "Abs", quantization=(1 / 32768, 0)),
    "exponential_int16": unary("EXP", "Exp"),
    "leaky_relu_int16": unary("LEAKY_RELU", "LeakyRelu", {"alpha": 0.3}),
}


def write_stream(compiled, destination):
    """Writes the command stream in the npz `compiled`."""
    with np.load(compiled, allow_pickle=True) as npz:
        commands = npz["cmd_data"].tobytes()
    stream = find_command_stream(commands)
    destination.write_bytes(commands[stream.offset : stream.offset + stream.length])


def write_operator(name, add, quantization, directory):
    """Compiles a small network and writes its command streams."""
    network = Network(name, quantization)
    add(network)
    source = directory / f"{name}.tflite"
    save(network.model, source)
    for configuration in CONFIGURATIONS:
        compiled = directory / f"{name}-{configuration}.npz"
        compile_network(source, configuration, compiled)
        write_stream(compiled, HERE / "operators" / f"{name}-{configuration}.bin")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name in NETWORKS:
        for configuration in CONFIGURATIONS:
            compiled = Path(sys.argv[1]) / f"{name}-{configuration}.npz"
            write_stream(compiled, HERE / f"{name}-{configuration}.bin")
    (HERE / "operators").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        for operators, quantization in ((OPERATORS, INT8), (OPERATORS_INT16, INT16)):
            for name, add in operators.items():
                write_operator(name, add, quantization, Path(directory))


if __name__ == "__main__":
    main()
