# SPDX-License-Identifier: GPL-2.0
"""Makes everything that the demo runs on the NPU: networks, compiled and described, and their inputs.

For each network NAME (digits, hey_jarvis, alexa) and each NPU configuration C (256, 512) the directory gets
    NAME.tflite         the int8 network; the streaming ones in stateless form (see stateless.py)
    NAME-C.npz          the network compiled by Vela, in its raw format
    NAME-C.json         the same in plain form, with NAME-C.commands.bin and NAME-C.weights.bin (see layout.py)
    NAME.inputs.npy     int8: digits [images, 8, 8, 1]; wake words [utterances, steps, 3, 40]
    NAME.labels.npy     digits: uint8 [images]
    NAME.txt            wake words: one line for each utterance: voice, + if it has the wake word, else -, text

Usage: build.py DIRECTORY
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import digits
import digits_network
import features
import speech
from compile import CONFIGURATIONS, compile_network
from dense_to_convolution import replace_dense
from layout import write_layout
from reference import open_interpreter
from stateless import make_stateless


def build_digits(directory):
    """Makes the files of the digits network, but for the compiled ones."""
    model = directory / "digits.tflite"
    digits_network.write_tflite(digits_network.load_parameters(), model)
    _, (images, labels) = digits.split(*digits.load())
    np.save(directory / "digits.inputs.npy", digits.quantize(images))
    np.save(directory / "digits.labels.npy", labels)
    _compile(model, ("image", "scores"))


def build_wake_word(directory, name):
    """Makes the files of a wake-word network, but for the compiled ones."""
    model = directory / f"{name}.tflite"
    make_stateless(streaming_model(name), model)
    replace_dense(model, model)
    scale, zero_point = open_interpreter(model).get_input_details()[0]["quantization"]
    utterances = speech.UTTERANCES[name]
    steps = [features.quantize(features.extract(speech.speak(each)), scale, zero_point) for each in utterances]
    np.save(directory / f"{name}.inputs.npy", np.stack(steps))
    lines = (f"{each.voice}\t{'+' if each.wake else '-'}\t{each.text}\n" for each in utterances)
    (directory / f"{name}.txt").write_text("".join(lines))
    _compile(model, ("audio", "scores"))


def streaming_model(name):
    """The path of the model in the package, which would import TensorFlow if it were imported itself."""
    return Path(find_spec("pymicro_wakeword").submodule_search_locations[0]) / "models" / f"{name}.tflite"


def _compile(model, roles):
    for configuration in CONFIGURATIONS:
        destination = model.with_name(f"{model.stem}-{configuration}")
        compile_network(model, configuration, f"{destination}.npz")
        write_layout(f"{destination}.npz", model, roles, destination)
        print(f"{destination.name}: one NPU graph, no CPU operators")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    build_digits(directory)
    for name in speech.UTTERANCES:
        build_wake_word(directory, name)


if __name__ == "__main__":
    main()
