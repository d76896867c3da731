# SPDX-License-Identifier: GPL-2.0
"""Draws probabilities over time as one line of text."""

import numpy as np

LEVELS = " ▁▂▃▄▅▆▇█"  # From 0 to 1.


def draw(probabilities, width):
    """Returns `width` characters, each as high as the largest probability in its stretch of time."""
    stretches = np.array_split(np.asarray(probabilities), min(width, len(probabilities)))
    heights = (round(float(stretch.max()) * (len(LEVELS) - 1)) for stretch in stretches)
    return "".join(LEVELS[height] for height in heights).ljust(width)
