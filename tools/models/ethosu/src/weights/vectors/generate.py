# SPDX-License-Identifier: GPL-2.0
"""Writes mlw.txt and order.txt: weights compressed by Vela's encoder, for the tests of our decoder.

Needs ethos-u-vela 5.2.0 and numpy. The weights come from a generator that the tests have, too: only its arguments and
the compressed stream are stored, one vector per line.
"""

from pathlib import Path

import numpy as np
from ethosu import mlw_codec

#          seed count zeros magnitude
STREAMS = [(1, 1, 0, 255), (2, 7, 0, 1), (3, 64, 100, 1), (4, 200, 0, 255), (5, 333, 0, 127), (6, 500, 50, 127),
           (7, 500, 90, 127), (8, 800, 95, 3), (9, 900, 0, 2), (10, 900, 30, 2), (11, 1000, 99, 255), (12, 700, 10, 30),
           (13, 400, 70, 255), (14, 40000, 99, 5), (15, 36000, 100, 1), (16, 257, 0, 16), (17, 600, 0, 15)]

#         seed outputs height width inputs block depthwise part-kernel dilation-y dilation-x
ORDERS = [(1, 8, 1, 1, 8, 8, 0, 0, 1, 1), (2, 20, 1, 1, 40, 16, 0, 0, 1, 1), (3, 20, 3, 3, 5, 16, 0, 0, 1, 1),
          (4, 20, 3, 3, 5, 16, 0, 1, 1, 1), (5, 9, 5, 5, 3, 8, 0, 1, 1, 1), (6, 30, 3, 3, 1, 32, 1, 0, 1, 1),
          (7, 11, 9, 9, 2, 8, 0, 1, 1, 1), (8, 11, 11, 3, 2, 16, 0, 0, 1, 1), (9, 6, 5, 5, 20, 8, 0, 1, 2, 2),
          (10, 24, 9, 1, 1, 8, 1, 0, 1, 1), (11, 4, 5, 7, 33, 8, 0, 0, 2, 1), (12, 16, 1, 1, 17, 8, 0, 1, 1, 1),
          (13, 12, 4, 6, 1, 16, 1, 0, 1, 2), (14, 40, 1, 3, 35, 16, 0, 1, 1, 1)]


def weights(seed, count, zeros, magnitude):
    """`count` weights up to `magnitude`, `zeros` per cent of them zero."""
    values = np.empty(count, np.int16)
    for index in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        zero = seed // 0x100 % 100 < zeros
        values[index] = 0 if zero else seed // 0x10000 % (2 * magnitude + 1) - magnitude
    return values


def streams():
    """Lines of mlw.txt."""
    for vector in STREAMS:
        encoded = mlw_codec.encode([int(weight) for weight in weights(*vector)])
        yield *vector, bytes(encoded).hex()


def orders():
    """Lines of order.txt."""
    for seed, *shape, block, depthwise, part_kernel, dilation_y, dilation_x in ORDERS:
        values = weights(seed, int(np.prod(shape)), 0, 100).reshape(shape)
        encoded, _ = mlw_codec.reorder_encode(
            8, 8, values, block, depthwise, part_kernel, 8, 8 // dilation_y, 8 // dilation_x
        )
        yield seed, *shape, block, depthwise, part_kernel, dilation_y, dilation_x, bytes(encoded).hex()


def main():
    """Writes both files beside this one."""
    for name, lines in (("mlw.txt", streams()), ("order.txt", orders())):
        text = "".join(" ".join(map(str, line)) + "\n" for line in lines)
        (Path(__file__).parent / name).write_text(text)


if __name__ == "__main__":
    main()
