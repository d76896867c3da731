# SPDX-License-Identifier: GPL-2.0
"""Reads and writes TFLite files without TensorFlow, through the object API of the TFLite schema.

Source of the format: the schema that ai-edge-litert ships (ai_edge_litert/schema_py_generated.py).
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

_TENSOR_TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}


def load(path):
    """Returns the model in the file at `path` as a tree of schema objects."""
    return schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)


def save(model, path):
    """Writes `model` to `path`."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    Path(path).write_bytes(builder.Output())


def operator_code(model, operator):
    """Returns the schema.BuiltinOperator of `operator`.

    Codes above 127 are only in builtinCode, files from before schema 3a have deprecatedBuiltinCode alone.
    """
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def new_model(description):
    """Returns a model of one empty graph."""
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors, graph.operators = [], []
    model = schema.ModelT()
    model.version = SCHEMA_VERSION
    model.description = description
    model.operatorCodes = []
    model.buffers = [schema.BufferT()]  # Buffer 0 is the empty one by convention.
    model.subgraphs = [graph]
    return model


class Writer:
    """Adds to the first graph of a model, one operator at a time, in the order of execution."""

    def __init__(self, model):
        self._model = model
        self._graph = model.subgraphs[0]

    def tensor(self, name, shape, dtype, quantization=None):
        """Adds a tensor without constant data and returns its index.

        `quantization` is (scales, zero_point); several scales are one for each index of the first dimension, or of
        the last for a depthwise filter, whose first dimension is 1.
        """
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = [int(extent) for extent in shape]
        tensor.type = _TENSOR_TYPES[np.dtype(dtype)]
        tensor.buffer = 0
        if quantization is not None:
            tensor.quantization = _quantization(tensor.shape, *quantization)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, name, values, quantization=None):
        """Adds a constant tensor and returns its index."""
        values = np.ascontiguousarray(values)
        index = self.tensor(name, values.shape, values.dtype, quantization)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._graph.tensors[index].buffer = len(self._model.buffers) - 1
        return index

    def reshaped(self, index, name, shape):
        """Adds a tensor of the type and quantisation of the tensor `index` in another shape, and returns its index."""
        original = self._graph.tensors[index]
        result = self.tensor(name, shape, np.int8)
        self._graph.tensors[result].type = original.type
        self._graph.tensors[result].quantization = original.quantization
        return result

    def reshape(self, source, output):
        """Adds the operator that copies the tensor `source` to the tensor `output` of another shape."""
        target = self._graph.tensors[output]
        options = schema.ReshapeOptionsT()
        options.newShape = list(target.shape)
        shape = self.constant(f"{_text(target.name)}.shape", np.array(target.shape, np.int32))
        self.operator("RESHAPE", 1, [source, shape], output, options)

    def operator(self, kind, version, inputs, output, options):
        """Adds the builtin operator named `kind` (as in schema.BuiltinOperator) with its options object."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._opcode(getattr(schema.BuiltinOperator, kind), version)
        operator.inputs = list(inputs)
        operator.outputs = [output]
        options_name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def _opcode(self, builtin, version):
        for index, code in enumerate(self._model.operatorCodes):
            if (code.builtinCode, code.version) == (builtin, version):
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = builtin
        code.deprecatedBuiltinCode = min(builtin, 127)
        code.version = version
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def _text(name):
    """Names are bytes in a model that was loaded."""
    return name.decode() if isinstance(name, bytes) else name


def _quantization(shape, scales, zero_point):
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.atleast_1d(np.asarray(scales, np.float32))
    parameters.zeroPoint = np.full(parameters.scale.shape, zero_point, np.int64)
    if len(parameters.scale) > 1:
        parameters.quantizedDimension = 0 if shape[0] == len(parameters.scale) else len(shape) - 1
    return parameters
