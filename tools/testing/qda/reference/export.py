# SPDX-License-Identifier: GPL-2.0
"""Writes what accel-train learns from, what has to come out, and what accel-serve is asked then.

All files have bytes in NumPy's format:

    digits.npy      [images, 65]    pixels of each image from 0 to 16, and its label
    losses.npy      [steps, 4]      the loss of each step, F32 in little endian
    weights.npy     [epochs, 19240] W1, b1, W2, b2 after each epoch, F32 in little endian
    held_out.npy    [images, 256]   pixels of the images held out, from 0 to 1, F32 in little endian
    answers.npy     [images, 40]    what the network makes of them after the last epoch, Z2, likewise

Usage: python tools/testing/qda/reference/export.py DIRECTORY
"""

import sys
from pathlib import Path

import numpy as np

import digits
import training


def as_bytes(rows):
    """Returns F32 as uint8, a row for each row."""
    rows = np.asarray(rows, "<f4")
    return rows.reshape(len(rows), -1).view(np.uint8)


def pixels_and_labels(images):
    """Returns all images as uint8."""
    pixels = np.rint(images.x * digits.PIXEL_MAX)
    return np.column_stack([pixels, images.labels]).astype(np.uint8)


def parameters(memory):
    """Returns W1, b1, W2, b2 of a card, row by row."""
    return np.concatenate([memory[name].reshape(-1) for name in training.PARAMETERS])


def learn(images):
    """Returns (the loss of each step, the parameters after each epoch, the memory) of one card."""
    memory = training.initial_memory()
    x, y = images.x, images.one_hot()
    losses, weights = [], []
    for _ in range(training.EPOCHS):
        for start in range(0, len(x), training.BATCH):
            end = start + training.BATCH
            losses.append(training.step([memory], x[start:end], y[start:end]))
        weights.append(parameters(memory))
    return losses, weights, memory


def main():
    """Writes everything."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    images = digits.load()
    for_training, held_out = digits.split(images)
    losses, weights, memory = learn(for_training)
    np.save(directory / "digits.npy", pixels_and_labels(images))
    np.save(directory / "losses.npy", as_bytes(losses))
    np.save(directory / "weights.npy", as_bytes(weights))
    np.save(directory / "held_out.npy", as_bytes(held_out.x))
    np.save(directory / "answers.npy", as_bytes(training.answer(memory, held_out.x)))


if __name__ == "__main__":
    main()
