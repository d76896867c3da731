# SPDX-License-Identifier: GPL-2.0
"""The digits network: its layers, its quantised parameters in digits.npz, and its TFLite file."""

from collections import namedtuple
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import digits
from quantize import Linear
from tflite import Writer, new_model, save

PARAMETERS = Path(__file__).with_name("digits.npz")

# kind: CONV_2D, DEPTHWISE_CONV_2D, MAX_POOL_2D (2x2, stride 2) or AVERAGE_POOL_2D (likewise).
# channels: of the output; kernel: edge of the filter; both only where the kind leaves a choice.
# same: stride 1, padded to the size of the input. Otherwise the kernel is as large as the input, so that the layer is a
# dense one (see dense_to_convolution.py for why it is not a fully connected one).
Layer = namedtuple("Layer", "name kind channels kernel relu same", defaults=(None, None, False, True))

LAYERS = (
    Layer("strokes", "CONV_2D", channels=16, kernel=3, relu=True),
    Layer("strokes_pool", "MAX_POOL_2D"),
    Layer("spread", "DEPTHWISE_CONV_2D", kernel=3),
    Layer("mix", "CONV_2D", channels=32, kernel=1, relu=True),
    Layer("shapes", "CONV_2D", channels=32, kernel=3, relu=True),
    Layer("shapes_pool", "AVERAGE_POOL_2D"),
    Layer("scores", "CONV_2D", channels=digits.CLASSES, kernel=2, same=False),
)


def load_parameters(path=PARAMETERS):
    """Returns {layer name: quantize.Linear} from the file that store_parameters() wrote."""
    with np.load(path) as arrays:
        names = dict.fromkeys(key.split(".")[0] for key in arrays.files)
        return {name: Linear(*(arrays[f"{name}.{field}"] for field in Linear._fields)) for name in names}


def store_parameters(parameters, path=PARAMETERS):
    """Writes {layer name: quantize.Linear} to `path`."""
    arrays = {
        f"{name}.{field}": value for name, linear in parameters.items() for field, value in linear._asdict().items()
    }
    np.savez_compressed(path, **arrays)


def write_tflite(parameters, path):
    """Writes the network with these parameters as an int8 TFLite file: image in, ten scores (logits) out."""
    model = new_model("handwritten digits, 8x8")
    writer = Writer(model)
    shape, quantization = (1, digits.SIZE, digits.SIZE, 1), (digits.SCALE, digits.ZERO_POINT)
    tensor = image = writer.tensor("image", shape, np.int8, quantization)
    for layer in LAYERS:
        tensor, shape, quantization = _write_layer(
            writer, layer, parameters.get(layer.name), tensor, shape, quantization
        )
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [image], [tensor]
    save(model, path)


def _write_layer(writer, layer, linear, source, shape, quantization):
    """Adds one layer and returns its output's (tensor, shape, quantization)."""
    if linear is None:
        shape = (1, shape[1] // 2, shape[2] // 2, shape[3])
        return _operator(writer, layer, 2, [source], shape, quantization, _pool_options()), shape, quantization
    inputs = [source, *_constants(writer, layer, linear, quantization[0])]
    size = shape[1:3] if layer.same else (1, 1)
    shape, quantization = (1, *size, layer.channels or shape[3]), (linear.output_scale, linear.output_zero_point)
    return _operator(writer, layer, 3, inputs, shape, quantization, _convolution_options(layer)), shape, quantization


def _operator(writer, layer, version, inputs, shape, quantization, options):
    output = writer.tensor(layer.name, shape, np.int8, quantization)
    writer.operator(layer.kind, version, inputs, output, options)
    return output


def _constants(writer, layer, linear, input_scale):
    """Adds the filter and the bias; a bias has the scale of the products that it is added to."""
    scales = linear.weight_scale
    weight = writer.constant(f"{layer.name}.weight", linear.weight, (scales, 0))
    bias = writer.constant(f"{layer.name}.bias", linear.bias, (np.float32(input_scale) * scales, 0))
    return weight, bias


def _pool_options():
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.filterHeight = options.filterWidth = options.strideH = options.strideW = 2
    return options


def _convolution_options(layer):
    depthwise = layer.kind == "DEPTHWISE_CONV_2D"
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME if layer.same else schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    if depthwise:
        options.depthMultiplier = 1
    if layer.relu:
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    return options
