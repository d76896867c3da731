# SPDX-License-Identifier: GPL-2.0
"""The images of example.rst: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, and their split.

The file is read out of the installed package without importing it, which would need SciPy.
"""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

CLASSES = 10
PIXEL_MAX = 16
HELD_OUT = 4  # Images whose index modulo 5 is this are never trained on.
TRAINING = 1408  # The first of the others: 22 batches of 64.


class Images(NamedTuple):
    """x: images x 64 pixels from 0 to 1, in F32. labels: of each image, an integer."""

    x: np.ndarray
    labels: np.ndarray

    def one_hot(self):
        """Returns Y: images x 10, 1.0 at the label, in F32."""
        return (self.labels[:, None] == np.arange(CLASSES)).astype(np.float32)


def load():
    """Returns all images in the order of the file."""
    package = Path(find_spec("sklearn").submodule_search_locations[0])
    with gzip.open(package / "datasets" / "data" / "digits.csv.gz", "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",").astype(np.int32)
    return Images(rows[:, :-1].astype(np.float32) / np.float32(PIXEL_MAX), rows[:, -1])


def split(images):
    """Returns (those for training, those held out)."""
    held_out = np.arange(len(images.labels)) % 5 == HELD_OUT
    training = np.flatnonzero(~held_out)[:TRAINING]
    return Images(images.x[training], images.labels[training]), Images(images.x[held_out], images.labels[held_out])
