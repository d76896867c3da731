# SPDX-License-Identifier: GPL-2.0
"""Tests of speech.py and features.py."""

import time
import unittest

import numpy as np

import features
import speech


def tone(frequency, rate, seconds=1.0):
    return np.rint(10_000 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


class Resample(unittest.TestCase):
    def test_a_tone_stays_the_same_tone(self):
        resampled = speech.resample(tone(1000, 22_050), 22_050)
        np.testing.assert_allclose(resampled, tone(1000, speech.SAMPLE_RATE), atol=2)

    def test_what_is_above_the_new_nyquist_frequency_is_gone(self):
        self.assertLess(np.abs(speech.resample(tone(9000, 22_050), 22_050)).max(), 10)


class Speak(unittest.TestCase):
    def test_clips_have_one_length_and_do_not_depend_on_the_clock(self):
        utterances = [each for network in speech.UTTERANCES.values() for each in network]
        first = [speech.speak(each) for each in utterances]
        self.assertEqual({len(clip) for clip in first}, {round(speech.CLIP_SECONDS * speech.SAMPLE_RATE)})
        time.sleep(1.1)
        for before, each in zip(first, utterances, strict=True):
            np.testing.assert_array_equal(before, speech.speak(each), err_msg=each.voice)

    def test_too_long_a_text_is_refused(self):
        with self.assertRaises(ValueError):
            speech.speak(speech.Utterance("en-us", 100, 50, False, "one two three four five six seven eight nine ten"))

    def test_wake_marks_the_texts_with_the_word(self):
        for name, utterances in speech.UTTERANCES.items():
            for each in utterances:
                self.assertEqual(each.wake, name.replace("_", " ") in each.text, each.text)


class Features(unittest.TestCase):
    def test_a_frame_each_10_ms_once_the_window_of_30_ms_is_full(self):
        self.assertEqual(features.extract(tone(1000, 16_000)).shape, (98, features.CHANNELS))

    def test_a_higher_tone_is_loudest_in_a_higher_channel(self):
        low, high = (features.extract(tone(f, 16_000))[:20].sum(axis=0).argmax() for f in (400, 3000))
        self.assertLess(low, high)

    def test_quantisation_truncates_towards_zero_and_clips(self):
        frames = np.zeros((4, features.CHANNELS))
        frames[0, :4] = 0.13, 12.73, 13.17, 900
        steps = features.quantize(frames, 0.1, -128)
        self.assertEqual(steps.shape, (1, 3, features.CHANNELS))
        self.assertEqual(steps[0, 0, :5].tolist(), [-126, 0, 3, 127, -128])


if __name__ == "__main__":
    unittest.main()
