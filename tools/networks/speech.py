# SPDX-License-Identifier: GPL-2.0
"""Speaks the sentences of the demo with espeak-ng: 16 kHz mono clips of one length, with silence around the speech."""

import subprocess
import tempfile
import wave
from collections import namedtuple
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000  # Hz; what the wake-word networks were trained on.
LEAD_SECONDS = 0.5  # Silence ahead of the speech, in which the front end learns the background.
CLIP_SECONDS = 4.0

# voice: espeak-ng's name; speed in words a minute; pitch from 0 to 99; wake: whether the wake word is in the text.
Utterance = namedtuple("Utterance", "voice speed pitch wake text")

UTTERANCES = {
    "hey_jarvis": (
        Utterance("en-us+f4", 150, 45, True, "hey jarvis, what time is it?"),
        Utterance("en-gb-scotland", 150, 40, True, "hey jarvis, turn on the kitchen lights"),
        Utterance("en-us+m8", 160, 50, True, "hey jarvis, play some music"),
        Utterance("en-gb-scotland+f4", 150, 50, True, "good morning. hey jarvis"),
        Utterance("en-us", 170, 50, False, "alexa, what is the weather like?"),
        Utterance("en-us+f4", 160, 50, False, "the harvest was good, and the jar is full"),
        Utterance("en-gb", 170, 40, False, "could you close the window, please"),
    ),
    "alexa": (
        Utterance("en-us", 160, 50, True, "alexa, what time is it?"),
        Utterance("en-gb", 170, 40, True, "alexa, play some music in the kitchen"),
        Utterance("en-029", 170, 70, True, "alexa, stop the timer"),
        Utterance("en-us+aunty", 180, 30, True, "good morning! alexa"),
        Utterance("en-us+f4", 150, 45, False, "hey jarvis, what is the weather like?"),
        Utterance("en-us+f4", 170, 50, False, "a lexicon is on the table by the train"),
        Utterance("en-us", 170, 50, False, "could you close the window, please"),
    ),
}


def speak(utterance):
    """Returns the clip of an Utterance: int16 samples at SAMPLE_RATE, CLIP_SECONDS long."""
    speech = resample(*_synthesize(utterance))
    clip = np.zeros(round(CLIP_SECONDS * SAMPLE_RATE), np.int16)
    lead = round(LEAD_SECONDS * SAMPLE_RATE)
    if lead + len(speech) > len(clip):
        raise ValueError(f"longer than {CLIP_SECONDS} s: {utterance.text}")
    clip[lead : lead + len(speech)] = speech
    return clip


def resample(samples, rate):
    """Returns int16 `samples`, taken at `rate` Hz, at SAMPLE_RATE, without what is above its Nyquist frequency."""
    length = round(len(samples) * SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    resampled = np.fft.irfft(spectrum[: length // 2 + 1], length) * (length / len(samples))
    return np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)


def _synthesize(utterance):
    """Returns espeak-ng's (int16 samples, sample rate in Hz)."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "speech.wav"
        options = ["-v", utterance.voice, "-s", str(utterance.speed), "-p", str(utterance.pitch), "-w", path]
        subprocess.run(["espeak-ng", *options, utterance.text], check=True)
        with wave.open(str(path)) as audio:
            if (audio.getnchannels(), audio.getsampwidth()) != (1, 2):
                raise ValueError("espeak-ng did not write 16-bit mono")
            return np.frombuffer(audio.readframes(audio.getnframes()), "<i2"), audio.getframerate()
