# SPDX-License-Identifier: GPL-2.0
"""Makes a streaming TFLite model stateless: its variables become inputs (old state) and outputs (new state).

A streaming model keeps its past in variables: VAR_HANDLE names one, READ_VARIABLE and ASSIGN_VARIABLE access it, and
CALL_ONCE runs a second graph that sets the initial values. Vela leaves all four to the CPU. Without them the whole
network is one graph for the NPU, and who runs it keeps the state.

Contract of the result: input 0 and output 0 are those of the original; input i and output i, for i >= 1, are the old
and the new value of the same variable, in the order of assignment, which is that of the layers; the initial value of a
state is its zero point in every element.
"""

import numpy as np
from ai_edge_litert.schema_py_generated import BuiltinOperator

from tflite import load, operator_code, save


class UnsupportedModelError(ValueError):
    """The model is not a streaming model of the form described above."""


def make_stateless(source, destination):
    """Writes to `destination` the stateless form of the streaming model in the file `source`."""
    model = load(source)
    _check_initial_values(model)
    main = model.subgraphs[0]
    reads, writes, rest = _split(model, main)
    if not reads or reads.keys() != writes.keys():
        raise UnsupportedModelError(f"{source}: every variable must be read once and assigned once")

    main.inputs = [*main.inputs, *(reads[name] for name in writes)]
    main.outputs = [*main.outputs, *writes.values()]
    main.operators = rest
    model.subgraphs = [main]
    model.signatureDefs = []
    model.metadata = []
    save(model, destination)


def _split(model, graph):
    """Returns ({variable: tensor read}, {variable: tensor assigned}, the operators that touch no variable)."""
    names, reads, writes, rest = {}, {}, {}, []
    for operator in graph.operators:
        code = operator_code(model, operator)
        if code == BuiltinOperator.VAR_HANDLE:
            names[operator.outputs[0]] = operator.builtinOptions.sharedName.decode()
        elif code == BuiltinOperator.READ_VARIABLE:
            _insert_once(reads, names[operator.inputs[0]], operator.outputs[0])
        elif code == BuiltinOperator.ASSIGN_VARIABLE:
            _insert_once(writes, names[operator.inputs[0]], operator.inputs[1])
        elif code != BuiltinOperator.CALL_ONCE:
            rest.append(operator)
    return reads, writes, rest


def _insert_once(table, name, tensor):
    if name in table:
        raise UnsupportedModelError(f"variable {name} is accessed twice")
    table[name] = tensor


def _check_initial_values(model):
    """Raises UnsupportedModelError unless the second graph sets each variable to its zero point."""
    if len(model.subgraphs) != 2:
        raise UnsupportedModelError("expected a main graph and one graph of initial values")
    initial = model.subgraphs[1]
    _, writes, rest = _split(model, initial)
    if rest:
        raise UnsupportedModelError("the graph of initial values computes something")
    for name, index in writes.items():
        tensor = initial.tensors[index]
        values = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
        if values.size != np.prod(tensor.shape) or np.any(values != tensor.quantization.zeroPoint[0]):
            raise UnsupportedModelError(f"variable {name} does not start at its zero point")
