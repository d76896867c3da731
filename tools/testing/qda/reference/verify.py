# SPDX-License-Identifier: GPL-2.0
"""Holds what accel-train left against the reference, which runs here and now, and against plain NumPy.

DIRECTORY has N.losses.npy, N.weights.npy and N.predictions.npy of all 40 epochs on N cards, for each N that is named.
Ends with status 1 if a bit of a loss or weight differs, or a prediction, if too few images that were held out are
recognised, or if losses are not near those of plain NumPy.

Usage: python tools/testing/qda/reference/verify.py DIRECTORY N...
"""

import sys
from pathlib import Path

import numpy as np

import digits
import export
import plain
import training

MIN_ACCURACY = 0.95
LOSS_TOLERANCE = 1e-5  # See tests/test_training.py.


class Wanted:
    """What has to come out."""

    def __init__(self):
        images, self.held_out = digits.split(digits.load())
        result = training.train(images)
        self.losses = export.as_bytes(result.losses)
        self.weights = export.as_bytes([export.parameters(result.cards[0])])
        self.predictions = training.infer(result.cards[0], self.held_out.x)
        self.near, _ = plain.train(images, np.float64)


def load(path, shape):
    """Returns the array; raises ValueError if it is not there or of another shape."""
    try:
        array = np.load(path)
    except OSError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if array.dtype != np.uint8 or array.shape != shape:
        raise ValueError(f"{path.name}: {array.dtype} {array.shape} instead of uint8 {shape}")
    return array


def verify(directory, cards, wanted):
    """Prints how the run on so many cards went; returns the messages of what failed."""
    losses = load(directory / f"{cards}.losses.npy", wanted.losses.shape)
    weights = load(directory / f"{cards}.weights.npy", (cards, wanted.weights.shape[1]))
    predictions = load(directory / f"{cards}.predictions.npy", wanted.predictions.shape)

    equal = int((losses == wanted.losses).all(axis=1).sum())
    equal_weights = int((weights == wanted.weights).all(axis=1).sum())
    distance = float(np.abs(losses.view("<f4")[:, 0] - wanted.near).max())
    right = int((predictions == wanted.held_out.labels).sum())
    print(f"training on {cards} card{'s' * (cards > 1)}")
    print(f"    losses bit-equal to the reference: {equal} of {len(losses)}")
    print(f"    weights bit-equal to the reference: on {equal_weights} of {cards}")
    print(f"    losses are those of NumPy's float64 within {distance:.1e}")
    print(f"    accuracy: {right / len(predictions):.2%} ({right} of {len(predictions)} held-out images)")

    checks = {
        "losses differ": equal == len(losses),
        "weights differ": equal_weights == cards,
        "predictions differ": (predictions == wanted.predictions).all(),
        f"losses are not within {LOSS_TOLERANCE:.0e} of NumPy's": distance <= LOSS_TOLERANCE,
        f"accuracy below {MIN_ACCURACY:.0%}": right >= MIN_ACCURACY * len(predictions),
    }
    return [message for message, is_well in checks.items() if not is_well]


def main():
    """Verifies all runs."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wanted = Wanted()
    failures = []
    for cards in map(int, sys.argv[2:]):
        try:
            failures += [f"{cards} cards: {message}" for message in verify(Path(sys.argv[1]), cards, wanted)]
        except ValueError as error:
            failures.append(str(error))
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
