# SPDX-License-Identifier: GPL-2.0
"""Tests of compile.py and layout.py: a network compiled by Vela and described."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

import digits_network
import speech
from build import streaming_model
from compile import CONFIGURATIONS, CompileError, check_summary, compile_network
from layout import write_layout
from stateless import make_stateless

ALL_ON_NPU = "CPU operators = 0 (0.0%)\nNPU operators = 7 (100.0%)\n"
CONFIG_REGISTER = {256: 0x10003008, 512: 0x10006009}  # Product U65, SHRAM in KiB, log2 of the units.


class CheckSummary(unittest.TestCase):
    def test_all_on_npu(self):
        check_summary("net", ALL_ON_NPU)

    def test_refusals(self):
        for summary in ("", ALL_ON_NPU.replace("= 0", "= 1"), ALL_ON_NPU.replace("= 7", "= 0"), "CPU operators = 0\n"):
            with self.subTest(summary=summary), self.assertRaises(CompileError):
                check_summary("net", summary)


class Compiled(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def layout(self, model, configuration, roles):
        destination = self.directory / f"{model.stem}-{configuration}"
        compile_network(model, configuration, f"{destination}.npz")
        write_layout(f"{destination}.npz", model, roles, destination)
        return json.loads(Path(f"{destination}.json").read_text())

    def test_a_streaming_model_is_refused(self):
        with self.assertRaises(CompileError):
            compile_network(streaming_model("alexa"), 256, self.directory / "alexa.npz")

    def test_digits(self):
        model = self.directory / "digits.tflite"
        digits_network.write_tflite(digits_network.load_parameters(), model)
        for configuration in CONFIGURATIONS:
            layout = self.layout(model, configuration, ("image", "scores"))
            commands = (self.directory / layout["commands"]).read_bytes()
            stream = layout["stream"]
            self.assertEqual(stream["config"], CONFIG_REGISTER[configuration])
            self.assertEqual(stream["offset"] + stream["length"], len(commands))
            self.assertEqual(commands[-4:], b"\x00\x00\xff\xff")  # NPU_OP_STOP, mask all ones.
            self.assertEqual((self.directory / layout["weights"]).stat().st_size, layout["regions"][0]["size"])
            self.check_tensors(layout)

    def test_wake_words(self):
        for name in speech.UTTERANCES:
            model = self.directory / f"{name}.tflite"
            make_stateless(streaming_model(name), model)
            layout = self.layout(model, 256, ("audio", "scores"))
            self.check_tensors(layout)
            self.assertEqual([tensor["role"] for tensor in layout["inputs"]], ["audio"] + ["state"] * 6)
            self.assertEqual([tensor.get("feeds") for tensor in layout["outputs"]], [None, 1, 2, 3, 4, 5, 6])

    def check_tensors(self, layout):
        """Every tensor is inside its region, and no two inputs overlap."""
        sizes = {region["region"]: region["size"] for region in layout["regions"]}
        used = {region: np.zeros(size, int) for region, size in sizes.items()}
        for tensor in layout["inputs"] + layout["outputs"]:
            self.assertLessEqual(tensor["offset"] + tensor["size"], sizes[tensor["region"]])
        for tensor in layout["inputs"]:
            used[tensor["region"]][tensor["offset"] : tensor["offset"] + tensor["size"]] += 1
        self.assertLessEqual(max(map(np.max, used.values())), 1)


if __name__ == "__main__":
    unittest.main()
