# SPDX-License-Identifier: GPL-2.0
"""The images: scikit-learn's 1,797 handwritten digits of 8x8 pixels, and their split into training and held-out sets.

The file is read out of the installed package without importing it, which would need SciPy.
"""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

CLASSES = 10
SIZE = 8  # Pixels along each edge.
PIXEL_MAX = 16  # A pixel is an integer from 0 to this.
HELD_OUT_EVERY = 4  # Every fourth image, from the first on, is never trained on: 450 images.

# Quantisation of the network's input: int8 value q stands for SCALE * (q - ZERO_POINT) in [0, 1].
_STEP = 15  # The largest whole number of int8 steps per grey level that fits into 8 bits.
SCALE = 1 / (_STEP * PIXEL_MAX)
ZERO_POINT = -128


def load():
    """Returns (images [N, 8, 8, 1] of uint8 pixels, labels [N] of uint8)."""
    package = Path(find_spec("sklearn").submodule_search_locations[0])
    with gzip.open(package / "datasets" / "data" / "digits.csv.gz", "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",").astype(np.uint8)
    return rows[:, :-1].reshape(-1, SIZE, SIZE, 1), rows[:, -1]


def split(images, labels):
    """Returns ((training images, labels), (held-out images, labels))."""
    held_out = np.arange(len(labels)) % HELD_OUT_EVERY == 0
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])


def normalize(images):
    """Maps pixels to real numbers in [0, 1], the network's input before quantisation."""
    return images / np.float32(PIXEL_MAX)


def quantize(images):
    """Maps pixels to the int8 input of the network; exact, because a grey level is a whole number of steps."""
    return (images.astype(np.int16) * _STEP + ZERO_POINT).astype(np.int8)
