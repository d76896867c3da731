# SPDX-License-Identifier: GPL-2.0
"""Tests of verify.py and chart.py: a run is accepted when it equals LiteRT, and one wrong byte is found."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import chart
import digits
import digits_network
import reference
import speech
import verify
from build import streaming_model
from stateless import make_stateless


class Directory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def quietly(self, function, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            result = function(*arguments)
        return result, output.getvalue()


class Digits(Directory):
    def setUp(self):
        super().setUp()
        digits_network.write_tflite(digits_network.load_parameters(), self.directory / "digits.tflite")
        _, (images, labels) = digits.split(*digits.load())
        np.save(self.directory / "digits.inputs.npy", digits.quantize(images))
        np.save(self.directory / "digits.labels.npy", labels)
        expected = verify.expected_digits(self.directory)
        self.outputs = np.stack([reference.concatenated(outputs) for outputs in expected])
        self.path = self.directory / "digits-256.outputs.npy"

    def failures(self):
        return self.quietly(verify.verify_network, self.directory, self.directory, "digits", [256])

    def test_equal_outputs_pass(self):
        for outputs in (self.outputs, self.outputs.view(np.int8), self.outputs.reshape(-1)):
            np.save(self.path, outputs)
            failures, printed = self.failures()
            self.assertEqual(failures, [])
            self.assertIn("outputs bit-equal to LiteRT: 450 of 450", printed)

    def test_a_flipped_bit_is_found(self):
        self.outputs[449, 9] ^= 1
        np.save(self.path, self.outputs)
        failures, printed = self.failures()
        self.assertIn("outputs bit-equal to LiteRT: 449 of 450", printed)
        self.assertEqual(failures, ["digits on ethos-u65-256: 1 outputs differ from LiteRT's"])

    def test_missing_cut_and_garbled_files_fail(self):
        self.assertEqual(len(self.failures()[0]), 1)
        np.save(self.path, self.outputs[:-1])
        self.assertEqual(len(self.failures()[0]), 1)
        np.save(self.path, self.outputs.astype(np.int16))
        self.assertEqual(len(self.failures()[0]), 1)
        self.path.write_bytes(b"garbage")
        self.assertEqual(len(self.failures()[0]), 1)

    def test_low_accuracy_fails_even_if_equal(self):
        labels = np.load(self.directory / "digits.labels.npy")
        np.save(self.directory / "digits.labels.npy", (labels + (np.arange(450) < 20)) % 10)
        np.save(self.path, self.outputs)
        self.assertIn("accuracy below 97%", self.failures()[0][0])

    def test_each_configuration_is_verified(self):
        np.save(self.path, self.outputs)
        failures, printed = self.quietly(verify.verify_network, self.directory, self.directory, "digits", [256, 512])
        self.assertEqual(len(failures), 1)
        self.assertIn("digits-512.outputs.npy", failures[0])
        self.assertIn("digits on ethos-u65-512", printed)

    def test_exit_status_and_the_directory_of_the_outputs(self):
        outputs = self.directory / "outputs"
        outputs.mkdir()
        np.save(outputs / self.path.name, self.outputs)
        with mock.patch.object(speech, "UTTERANCES", {}):
            arguments = [str(self.directory), "--outputs", str(outputs), "256"]
            self.assertEqual(self.quietly(verify.main, arguments)[0], 0)
            self.assertEqual(self.quietly(verify.main, arguments[:1])[0], 1)


class WakeWord(Directory):
    """The scores are made up here: what LiteRT hears in real speech is seen in the demo."""

    QUIET, LOUD = 0, 255

    def setUp(self):
        super().setUp()
        make_stateless(streaming_model("alexa"), self.directory / "alexa.tflite")
        clips = np.random.default_rng(2).integers(-128, 128, (2, 5, 3, 40), dtype=np.int8)
        np.save(self.directory / "alexa.inputs.npy", clips)
        (self.directory / "alexa.txt").write_text("en-us\t+\talexa\nen-gb\t-\tnothing\n")
        self.expected = verify.expected_wake_word(self.directory, "alexa")
        self.outputs = np.stack([reference.concatenated(outputs) for outputs in self.expected])

    def report(self, first, second):
        self.outputs[:5, 0], self.outputs[5:, 0] = first, second
        return self.quietly(verify.report_wake_word, self.directory, "alexa", self.outputs)

    def test_every_output_of_every_step_is_counted(self):
        self.assertEqual(verify.count_equal(self.expected, self.outputs), (70, 70))
        self.outputs[3, -1] ^= 0x80
        self.outputs[7, 0] ^= 0x01
        self.assertEqual(verify.count_equal(self.expected, self.outputs), (68, 70))

    def test_state_starts_anew_with_each_utterance(self):
        again = verify.expected_wake_word(self.directory, "alexa")
        clips = np.load(self.directory / "alexa.inputs.npy")
        np.save(self.directory / "alexa.inputs.npy", clips[1:])
        alone = verify.expected_wake_word(self.directory, "alexa")
        for wanted, found in zip(again[5:], alone, strict=True):
            np.testing.assert_array_equal(reference.concatenated(wanted), reference.concatenated(found))

    def test_heard_where_it_is(self):
        failures, printed = self.report(self.LOUD, self.QUIET)
        self.assertEqual(failures, [])
        self.assertIn("heard in 1 of 1 that have it, 0 of 1 others", printed)
        self.assertIn(chart.LEVELS[-1], printed)

    def test_not_heard_or_heard_elsewhere_fails(self):
        for first, second in ((self.QUIET, self.QUIET), (self.LOUD, self.LOUD), (self.QUIET, self.LOUD)):
            with self.subTest(first=first, second=second):
                self.assertEqual(len(self.report(first, second)[0]), 1)


class Chart(unittest.TestCase):
    def test_each_column_is_the_largest_of_its_stretch(self):
        self.assertEqual(chart.draw([0, 1, 0, 0.5, 0, 0], 3), "█▄ ")

    def test_short_series_are_filled_up(self):
        self.assertEqual(chart.draw([1, 1], 4), "██  ")


if __name__ == "__main__":
    unittest.main()
