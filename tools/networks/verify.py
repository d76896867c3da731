# SPDX-License-Identifier: GPL-2.0
"""Holds what the NPU computed against LiteRT's reference kernels, which run here and now on the same inputs.

DIRECTORY has the files of build.py. It, or the one that --outputs names, has NAME-C.outputs.npy that the NPU run wrote:
int8 or uint8, for each inference in the order of NAME.inputs.npy the bytes of all outputs of the network, in the order
of the TFLite file. A state, which is an output too, starts anew with each utterance.

Prints the accuracy on the digits, the wake words' scores as a chart, and how many outputs are bit-equal. Ends with
status 1 if any output differs or is missing, if the accuracy is too low, or if a wake word is not told from other
speech.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import chart
import reference
import speech
from compile import CONFIGURATIONS

MIN_ACCURACY = 0.97
MIN_IMAGES = 360
HEARD = 0.5  # A score above this at any step counts as the wake word.
CHART_WIDTH = 66


class MissingOutputError(Exception):
    """The NPU's outputs are not there, or not as many as there must be."""


def expected_digits(directory):
    """Returns LiteRT's outputs: for each image a list of one array."""
    interpreter = reference.open_interpreter(directory / "digits.tflite")
    return list(reference.run_each(interpreter, np.load(directory / "digits.inputs.npy")))


def expected_wake_word(directory, name):
    """Returns LiteRT's outputs: for each step of each utterance a list of arrays, the score and the states."""
    interpreter = reference.open_interpreter(directory / f"{name}.tflite")
    clips = np.load(directory / f"{name}.inputs.npy")
    return [outputs for steps in clips for outputs in reference.run_stream(interpreter, steps)]


def load_measured(path, expected):
    """Returns the NPU's outputs as uint8 [inferences, bytes].

    Raises MissingOutputError if they are not as many as `expected`.
    """
    try:
        measured = np.load(path)
    except (OSError, ValueError) as error:
        raise MissingOutputError(f"{path.name}: {error}") from error
    size = len(reference.concatenated(expected[0]))
    if measured.dtype.itemsize != 1 or measured.size != len(expected) * size:
        raise MissingOutputError(
            f"{path.name}: {measured.nbytes} bytes instead of {len(expected)} inferences of {size} bytes"
        )
    return measured.reshape(len(expected), size).view(np.uint8)


def count_equal(expected, measured):
    """Returns (bit-equal outputs, all outputs); an output is one tensor of one inference."""
    bounds = np.cumsum([output.nbytes for output in expected[0]])
    wanted = np.stack([reference.concatenated(outputs) for outputs in expected])
    equal = np.stack([part.all(axis=1) for part in np.split(wanted == measured, bounds[:-1], axis=1)])
    return int(equal.sum()), equal.size


def report_digits(directory, expected, measured):
    """Prints the accuracy of the NPU's outputs; returns the messages of what failed."""
    labels = np.load(directory / "digits.labels.npy")
    if len(labels) != len(expected) or len(labels) < MIN_IMAGES:
        return [f"{len(labels)} labels for {len(expected)} images, of which there must be {MIN_IMAGES}"]
    right = int(np.sum(measured.view(np.int8).argmax(axis=1) == labels))
    print(f"    accuracy: {right / len(labels):.2%} ({right} of {len(labels)} held-out images)")
    return [] if right >= MIN_ACCURACY * len(labels) else [f"accuracy below {MIN_ACCURACY:.0%}"]


def report_wake_word(directory, name, measured):
    """Draws the NPU's scores; returns a message unless the wake word is heard where it is, and only there."""
    detail = reference.open_interpreter(directory / f"{name}.tflite").get_output_details()[0]
    scale, zero_point = detail["quantization"]
    scores = scale * (measured[:, 0].view(detail["dtype"]).astype(np.float32) - zero_point)
    lines = (directory / f"{name}.txt").read_text().splitlines()
    heard = {"+": [], "-": []}
    for line, clip in zip(lines, np.split(scores, len(lines)), strict=True):
        voice, wake, text = line.split("\t")
        heard[wake].append(clip.max() > HEARD)
        print(f"    {chart.draw(clip, CHART_WIDTH)}| {clip.max():4.0%}  {voice}: {text}")
    having, others = heard["+"], heard["-"]
    print(f"    heard in {sum(having)} of {len(having)} that have it, {sum(others)} of {len(others)} others")
    return [] if any(having) and not any(others) else ["the wake word is not told from other speech"]


def verify_run(directory, name, outputs, expected):
    """Verifies the file `outputs` of one network on one configuration; returns the messages of what failed."""
    try:
        measured = load_measured(outputs, expected)
    except MissingOutputError as error:
        return [str(error)]
    equal, total = count_equal(expected, measured)
    print(f"    outputs bit-equal to LiteRT: {equal} of {total}")
    failures = [] if equal == total else [f"{total - equal} outputs differ from LiteRT's"]
    if name == "digits":
        return failures + report_digits(directory, expected, measured)
    return failures + report_wake_word(directory, name, measured)


def verify_network(directory, outputs, name, configurations):
    """Verifies one network on each configuration; returns the messages of what failed."""
    expected = expected_digits(directory) if name == "digits" else expected_wake_word(directory, name)
    failures = []
    for configuration in configurations:
        run = f"{name} on ethos-u65-{configuration}"
        print(run)
        path = outputs / f"{name}-{configuration}.outputs.npy"
        failures += [f"{run}: {failure}" for failure in verify_run(directory, name, path, expected)]
    return failures


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--outputs", type=Path)
    parser.add_argument("configurations", type=int, nargs="*", default=CONFIGURATIONS)
    options = parser.parse_intermixed_args(arguments)
    failures = []
    for name in ("digits", *speech.UTTERANCES):
        failures += verify_network(
            options.directory, options.outputs or options.directory, name, options.configurations
        )
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
