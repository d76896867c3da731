# SPDX-License-Identifier: GPL-2.0
"""Turns speech into the inputs of the wake-word networks, as pymicro-wakeword does.

The front end is TFLite Micro's (package pymicro-features): every 10 ms the log energies of 40 mel channels over a
window of 30 ms, after noise reduction and gain control. A network takes three such frames at a time.
"""

import numpy as np
from pymicro_features import MicroFrontend

CHANNELS = 40
FRAMES_PER_STEP = 3
_CHUNK_BYTES = 2 * 160  # 10 ms of 16-bit samples at 16 kHz.


def extract(samples):
    """Returns the frames of int16 `samples` at 16 kHz: float64 [frames, CHANNELS]."""
    front_end = MicroFrontend()
    audio, position, frames = samples.astype("<i2").tobytes(), 0, []
    while position + _CHUNK_BYTES <= len(audio):
        output = front_end.process_samples(audio[position : position + _CHUNK_BYTES])
        position += 2 * output.samples_read
        if output.features:  # The first chunks do not fill a window yet.
            frames.append(output.features)
    return np.array(frames)


def quantize(frames, scale, zero_point):
    """Returns the int8 steps [steps, FRAMES_PER_STEP, CHANNELS]; what does not fill a step at the end is dropped.

    The conversion truncates towards zero, like pymicro-wakeword's.
    """
    steps = len(frames) // FRAMES_PER_STEP
    values = np.clip(np.trunc(frames / scale + zero_point), -128, 127).astype(np.int8)
    return values[: steps * FRAMES_PER_STEP].reshape(steps, FRAMES_PER_STEP, CHANNELS)
