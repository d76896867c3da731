# SPDX-License-Identifier: GPL-2.0
"""Tests of export.py and verify.py: what the reference computes passes, and a wrong bit does not."""

import contextlib
import io
import tempfile
import unittest
from functools import cache
from pathlib import Path

import numpy as np

import digits
import export
import training
import verify


@cache
def wanted():
    """Returns what has to come out; trains once for all tests."""
    return verify.Wanted()


class Verify(unittest.TestCase):
    def failures(self, **changed):
        """Returns what is said of a run on two cards with some files changed, None being one that is missing."""
        files = {
            "losses": wanted().losses,
            "weights": wanted().weights.repeat(2, axis=0),
            "predictions": wanted().predictions.astype(np.uint8),
        } | changed
        with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()):
            for name, array in files.items():
                if array is not None:
                    np.save(Path(directory) / f"2.{name}.npy", array)
            return verify.verify(Path(directory), 2, wanted())

    def test_equal(self):
        self.assertEqual(self.failures(), [])

    def test_one_bit(self):
        losses, weights = wanted().losses.copy(), wanted().weights.repeat(2, axis=0)
        losses[879, 0] ^= 1
        weights[1, 7] ^= 0x80
        self.assertEqual(self.failures(losses=losses), ["losses differ"])
        self.assertEqual(self.failures(weights=weights), ["weights differ"])

    def test_far_from_numpy(self):
        losses = wanted().losses.copy()
        losses[0] = np.float32([3]).view(np.uint8)
        self.assertEqual(self.failures(losses=losses), ["losses differ", "losses are not within 1e-05 of NumPy's"])

    def test_predictions(self):
        nothing = np.zeros(359, np.uint8)
        self.assertEqual(self.failures(predictions=nothing), ["predictions differ", "accuracy below 95%"])

    def test_files(self):
        with self.assertRaisesRegex(ValueError, r"2\.losses\.npy: .*No such file"):
            self.failures(losses=None)
        with self.assertRaisesRegex(ValueError, r"2\.weights\.npy: uint8 \(1, 19240\) instead of uint8 \(2, 19240\)"):
            self.failures(weights=wanted().weights)


class Export(unittest.TestCase):
    def test_digits(self):
        images = digits.load()
        rows = export.pixels_and_labels(images)
        self.assertEqual((rows.shape, rows.dtype), ((1797, 65), np.uint8))
        np.testing.assert_array_equal(rows[:, :-1] / np.float32(16), images.x)
        np.testing.assert_array_equal(rows[:, -1], images.labels)

    def test_the_last_epoch_is_the_end(self):
        images, _ = digits.split(digits.load())
        losses, weights, memory = export.learn(images)
        np.testing.assert_array_equal(export.as_bytes(losses), wanted().losses)
        np.testing.assert_array_equal(export.as_bytes(weights)[-1:], wanted().weights)
        answers = training.answer(memory, wanted().held_out.x)
        np.testing.assert_array_equal(answers.argmax(axis=1), wanted().predictions)
        self.assertEqual(export.as_bytes(answers).shape, (359, 40))


if __name__ == "__main__":
    unittest.main()
