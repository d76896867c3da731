# SPDX-License-Identifier: GPL-2.0
"""Describes a compiled network in plain form: NAME-C.json, with the bytes in NAME-C.{commands,weights}.bin.

The JSON object has:
    network, accelerator    names
    commands, weights       the names of the two files
    stream                  offset and length in bytes of the NPU's command stream in `commands`; config and id: the
                            values of the NPU's registers CONFIG and ID that it was made for
    regions                 one for each base pointer: region (its number), size in bytes, role: weights (read only),
                            scratch, or fast (scratch that may be on-chip memory)
    inputs, outputs         one for each tensor, in the order of the TFLite file: name, role (image, audio, scores or
                            state), region, offset, size and element_size in bytes, shape, type, scale, zero_point

A state is an input and an output: `feeds` of the output is the index of the input that takes its value in the next
step. Every element of a state starts as its zero point. Tensors may share memory: a state is updated in place, and an
output may lie where an input was.
"""

import json
from pathlib import Path

import numpy as np

from driver_actions import find_command_stream
from reference import open_interpreter


def write_layout(compiled, model, roles, destination):
    """Writes the three files of the npz `compiled` of the TFLite file `model`; `destination` is their path less suffix.

    `roles` are those of input 0 and of output 0; whatever follows is state (see stateless.py).
    """
    destination = Path(destination)
    with np.load(compiled, allow_pickle=True) as npz:  # The quantisation entries are objects.
        commands, weights = _bytes(npz["cmd_data"]), _bytes(npz["weight_data"])
        layout = _describe(destination, npz, commands, weights, model, roles)
    Path(f"{destination}.commands.bin").write_bytes(commands)
    Path(f"{destination}.weights.bin").write_bytes(weights)
    Path(f"{destination}.json").write_text(json.dumps(layout, indent=1) + "\n")


def _bytes(array):
    """The bytes of an array of no dimensions and type S<n>, trailing zeros included."""
    return array.tobytes()


def _describe(destination, npz, commands, weights, model, roles):
    network, configuration = destination.name.rsplit("-", 1)
    stream = find_command_stream(commands)
    interpreter = open_interpreter(model)
    inputs = _tensors(npz, "input", interpreter.get_input_details(), roles[0])
    outputs = _tensors(npz, "output", interpreter.get_output_details(), roles[1])
    for index, tensor in enumerate(outputs[1:], 1):
        tensor["feeds"] = index
        if any(tensor[key] != inputs[index][key] for key in ("shape", "type", "scale", "zero_point")):
            raise ValueError(f"{network}: state {index} does not fit the input that it feeds")
    return {
        "network": network,
        "accelerator": f"ethos-u65-{configuration}",
        "commands": f"{destination.name}.commands.bin",
        "weights": f"{destination.name}.weights.bin",
        "stream": {"offset": stream.offset, "length": stream.length, "config": stream.config, "id": stream.identity},
        "regions": [
            {"region": int(npz["weight_region"]), "role": "weights", "size": len(weights)},
            {"region": int(npz["scratch_region"]), "role": "scratch", "size": int(npz["scratch_size"])},
            {"region": int(npz["scratch_fast_region"]), "role": "fast", "size": int(npz["scratch_fast_size"])},
        ],
        "inputs": inputs,
        "outputs": outputs,
    }


def _tensors(npz, kind, details, first_role):
    """Joins where Vela put the tensors of one kind ("input" or "output") with what the TFLite file says of them."""
    regions, offsets, sizes, shapes = (npz[f"{kind}_{field}"] for field in ("region", "offset", "elem_size", "shape"))
    if len(offsets) != len(details):
        raise ValueError(f"Vela has {len(offsets)} {kind} tensors, the TFLite file has {len(details)}")
    tensors = []
    for index, detail in enumerate(details):
        elements, element_size = int(np.prod(detail["shape"])), int(sizes[index])
        if (elements, np.dtype(detail["dtype"]).itemsize) != (int(np.prod(shapes[index])), element_size):
            raise ValueError(f"Vela and the TFLite file differ in the shape of {kind} {index}")
        scale, zero_point = detail["quantization"]
        tensors.append(
            {
                "name": detail["name"],
                "role": "state" if index else first_role,
                "region": int(regions[index]),
                "offset": int(offsets[index]),
                "size": elements * element_size,
                "element_size": element_size,
                "shape": [int(extent) for extent in detail["shape"]],
                "type": np.dtype(detail["dtype"]).name,
                "scale": float(scale),
                "zero_point": int(zero_point),
            }
        )
    return tensors
