# SPDX-License-Identifier: GPL-2.0
"""The schedule of example.rst: which packets make a step of training, on one card and on several.

Memory of a card is a dictionary from the names of example.rst to matrices. As there, a name can be written again.
"""

import hashlib
import zlib
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

import numerics

BATCH = 64
EPOCHS = 40
RATE = np.float32(1.0)
R = np.float32(1 / BATCH)
PARAMETERS = {"W1": (64, 64), "b1": (1, 64), "W2": (64, 10), "b2": (1, 10)}
EXCHANGED = ("dW1", "db1", "dW2", "db2", "L")

FORWARD = (
    # Result, operation, operands.
    ("Z1", numerics.gemm, "X", "W1"),  # 1
    ("Z1", numerics.add, "Z1", "b1"),
    ("H", numerics.relu, "Z1"),
    ("Z2", numerics.gemm, "H", "W2"),
    ("Z2", numerics.add, "Z2", "b2"),  # 5
)
LOSS_AND_BACKWARD = (
    ("m", numerics.reduce_max, "Z2"),  # 6
    ("T", numerics.sub, "Z2", "m"),
    ("E", numerics.exp, "T"),
    ("q", numerics.reduce_sum, "E"),
    ("P", numerics.div, "E", "q"),  # 10
    ("q", numerics.log, "q"),
    ("T", numerics.mul, "T", "Y"),
    ("u", numerics.reduce_sum, "T"),
    ("l", numerics.sub, "q", "u"),
    ("L", partial(numerics.reduce_sum, per_column=True), "l"),  # 15
    ("P", numerics.sub, "P", "Y"),
    ("G", numerics.mul, "P", "R"),
    ("dW2", partial(numerics.gemm, transpose_a=True), "H", "G"),
    ("db2", partial(numerics.reduce_sum, per_column=True), "G"),
    ("F", partial(numerics.gemm, transpose_b=True), "G", "W2"),  # 20
    ("F", numerics.gate, "F", "Z1"),
    ("dW1", partial(numerics.gemm, transpose_a=True), "X", "F"),
    ("db1", partial(numerics.reduce_sum, per_column=True), "F"),
)
UPDATE = tuple((name, partial(numerics.axpy, s=-RATE), name, f"d{name}") for name in PARAMETERS)  # 25


def execute(packets, memory):
    """Executes packets in order; returns the result of each."""
    results = []
    for name, operation, *operands in packets:
        memory[name] = operation(*(memory[operand] for operand in operands))
        results.append(memory[name])
    return results


def initial_weights():
    """Yields the weights that training starts with, from the generator of example.rst."""
    s = 1
    while True:
        s = (1664525 * s + 1013904223) % 2**32
        yield (np.float32(s >> 8) / np.float32(16777216) - np.float32(0.5)) * np.float32(0.5)


def initial_memory():
    """Returns the memory of a card before the first step: parameters and R."""
    memory = {name: np.zeros(shape, np.float32) for name, shape in PARAMETERS.items()} | {"R": R}
    generator = initial_weights()
    for name in ("W1", "W2"):
        memory[name].flat = list(islice(generator, memory[name].size))
    return memory


def compute_gradients(memory, x, y):
    """Packets 1 to 23 on one card, for the samples `x` and their one-hot labels `y`; returns each result."""
    memory |= {"X": x, "Y": y}
    return execute(FORWARD + LOSS_AND_BACKWARD, memory)


def exchange_gradients(cards, all_reduce):
    """Packet 24: the results of all cards become those of the whole batch."""
    buffers = [np.concatenate([memory[name].reshape(-1) for name in EXCHANGED]) for memory in cards]
    for memory, buffer in zip(cards, all_reduce(buffers), strict=True):
        for name in EXCHANGED:
            size, shape = memory[name].size, memory[name].shape
            memory[name], buffer = buffer[:size].reshape(shape), buffer[size:]


def step(cards, x, y, all_reduce=None):
    """One step on all cards, each with an equal part of the batch; returns the loss."""
    for memory, part_x, part_y in zip(cards, np.split(x, len(cards)), np.split(y, len(cards)), strict=True):
        compute_gradients(memory, part_x, part_y)
    if all_reduce:
        exchange_gradients(cards, all_reduce)
    for memory in cards:
        execute(UPDATE, memory)
    return cards[0]["L"][0, 0] * R


def answer(memory, x):
    """Packets 1 to 5; returns Z2, how much each sample is of each class."""
    return execute(FORWARD, memory | {"X": x})[-1]


def infer(memory, x):
    """The same and REDUCE ARGMAX; returns the class of each sample."""
    return numerics.reduce_argmax(answer(memory, x))[:, 0]


class Result(NamedTuple):
    """losses: of each step, F32. cards: the memory of each."""

    losses: np.ndarray
    cards: list


def train(images, epochs=EPOCHS, cards=1, all_reduce=None):
    """Trains on `images`, in order, in batches; the cards start alike."""
    memories = [initial_memory() for _ in range(cards)]
    x, y = images.x, images.one_hot()
    losses = [
        step(memories, x[start : start + BATCH], y[start : start + BATCH], all_reduce)
        for _ in range(epochs)
        for start in range(0, len(x), BATCH)
    ]
    return Result(np.array(losses, np.float32), memories)


def digest(memory):
    """Returns SHA-256 of W1, b1, W2, b2, row by row, F32 in little endian."""
    return hashlib.sha256(b"".join(memory[name].astype("<f4").tobytes() for name in PARAMETERS)).hexdigest()


def trace_first_step(images):
    """Returns [(number of the packet, its result's name, CRC-32 of it)] of the first step on one card."""
    memory = initial_memory()
    results = compute_gradients(memory, images.x[:BATCH], images.one_hot()[:BATCH]) + execute(UPDATE, memory)
    packets = FORWARD + LOSS_AND_BACKWARD + UPDATE
    numbers = [*range(1, 24), 25, 25, 25, 25]
    rows = zip(numbers, packets, results, strict=True)
    return [(number, name, zlib.crc32(result.astype("<f4").tobytes())) for number, (name, *_), result in rows]
