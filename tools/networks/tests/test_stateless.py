# SPDX-License-Identifier: GPL-2.0
"""Tests of stateless.py on the wake-word models themselves."""

import tempfile
import unittest
from pathlib import Path

import digits_network
import features
import reference
import speech
from build import streaming_model
from stateless import UnsupportedModelError, make_stateless
from tflite import load, save


def wake_word_steps(name, model):
    """Returns the steps of an utterance in which the wake word is heard."""
    scale, zero_point = reference.open_interpreter(model).get_input_details()[0]["quantization"]
    return features.quantize(features.extract(speech.speak(speech.UTTERANCES[name][0])), scale, zero_point)


class MakeStateless(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def test_equals_the_streaming_model_in_every_step(self):
        for name in speech.UTTERANCES:
            stateless = self.directory / f"{name}.tflite"
            make_stateless(streaming_model(name), stateless)
            steps = wake_word_steps(name, stateless)
            streaming = reference.run_each(reference.open_interpreter(streaming_model(name)), steps)
            ours = reference.run_stream(reference.open_interpreter(stateless), steps)
            wanted = [score.item() for (score,) in streaming]
            self.assertEqual([score.item() for score, *_ in ours], wanted)
            self.assertGreater(max(wanted), 200)  # So the scores do depend on what was heard before.

    def test_new_state_has_the_form_of_the_old(self):
        path = self.directory / "hey_jarvis.tflite"
        make_stateless(streaming_model("hey_jarvis"), path)
        interpreter = reference.open_interpreter(path)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        self.assertEqual(len(inputs), 7)
        for old, new in zip(inputs[1:], outputs[1:], strict=True):
            self.assertEqual((old["shape"].tolist(), old["quantization"]), (new["shape"].tolist(), new["quantization"]))

    def test_a_network_without_variables_is_refused(self):
        path = self.directory / "digits.tflite"
        digits_network.write_tflite(digits_network.load_parameters(), path)
        with self.assertRaises(UnsupportedModelError):
            make_stateless(path, self.directory / "out.tflite")

    def test_another_initial_value_is_refused(self):
        model = load(streaming_model("alexa"))
        initial = model.subgraphs[1]
        constant = next(t for t in initial.tensors if model.buffers[t.buffer].data is not None)
        model.buffers[constant.buffer].data = model.buffers[constant.buffer].data ^ 1
        path = self.directory / "changed.tflite"
        save(model, path)
        with self.assertRaises(UnsupportedModelError):
            make_stateless(path, self.directory / "out.tflite")


if __name__ == "__main__":
    unittest.main()
