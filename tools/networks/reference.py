# SPDX-License-Identifier: GPL-2.0
"""Runs networks with LiteRT's reference kernels, the outside truth that the NPU's outputs are held against."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def open_interpreter(model):
    """Returns a LiteRT interpreter of the TFLite file `model` with the reference kernels, not the optimised ones."""
    interpreter = Interpreter(str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    return interpreter


def infer(interpreter, inputs):
    """Runs one inference; takes and returns one array for each input and output, in the order of the file."""
    for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def run_each(interpreter, inputs):
    """Yields the outputs for each of `inputs`, which are independent of one another."""
    for values in inputs:
        yield infer(interpreter, [values])


def run_stream(interpreter, steps):
    """Yields the outputs of a stateless streaming network (see stateless.py) for each of the consecutive `steps`."""
    states = [initial_state(detail) for detail in interpreter.get_input_details()[1:]]
    for values in steps:
        outputs = infer(interpreter, [values, *states])
        yield outputs
        states = outputs[1:]


def initial_state(detail):
    """Returns the value that a state starts with, given LiteRT's details of its input: its zero point everywhere."""
    return np.full(detail["shape"], detail["quantization"][1], detail["dtype"])


def concatenated(outputs):
    """Returns the bytes of one inference's outputs, one behind the other, as a flat uint8 array."""
    return np.concatenate([output.reshape(-1).view(np.uint8) for output in outputs])
