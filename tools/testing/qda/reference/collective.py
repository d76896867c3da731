# SPDX-License-Identifier: GPL-2.0
"""All-reduce over the buffers of several cards, as example.rst builds it of EXCHANGE packets.

Each function takes one flat array of F32 per card and returns what the cards have at the end, in the same order.
"""

import numpy as np

from numerics import received_sum


def exchange(buffers):
    """Two cards: one EXCHANGE SUM."""
    first, second = buffers
    return [received_sum(first, second), received_sum(second, first)]


def neighbours_first(buffers):
    """2^k cards: EXCHANGE SUM with the neighbour, then between pairs, then between fours."""
    distance = 1
    while distance < len(buffers):
        buffers = [received_sum(local, buffers[card ^ distance]) for card, local in enumerate(buffers)]
        distance *= 2
    return buffers


def ring(buffers):
    """N cards in a ring, in N chunks; all are equally long because an EXCHANGE has one number of bytes."""
    cards, length = len(buffers), len(buffers[0])
    chunks = [list(np.split(np.pad(buffer, (0, -length % cards)), cards)) for buffer in buffers]
    for step in range(2 * (cards - 1)):
        index = [(card - step - 1) % cards for card in range(cards)]
        arrived = [chunks[card - 1][index[card]] for card in range(cards)]
        for card, received in enumerate(arrived):
            local = chunks[card][index[card]]
            chunks[card][index[card]] = received_sum(local, received) if step < cards - 1 else received
    return [np.concatenate(chunk)[:length] for chunk in chunks]
