# SPDX-License-Identifier: GPL-2.0
"""Tests of driver_actions.py."""

import struct
import unittest

from driver_actions import MAGIC, CommandStream, find_command_stream

CONFIG, IDENTITY, NOP = (0x00100001, 0x10003008, 0x10066001), 0x10066001, 5
STOP = 0xFFFF0000


def data(*words):
    return struct.pack(f"<{len(words)}I", *words)


class FindCommandStream(unittest.TestCase):
    def test_as_vela_writes_it(self):
        stream = find_command_stream(data(MAGIC, *CONFIG, NOP, NOP, NOP, 0x00020002, 0x0100, STOP))
        self.assertEqual(stream, CommandStream(32, 8, 0x10003008, IDENTITY))

    def test_length_has_24_bits(self):
        words = 0x10000
        stream = find_command_stream(data(MAGIC, *CONFIG, 0x00000102, *[STOP] * words))
        self.assertEqual(stream.length, 4 * words)

    def test_refusals(self):
        for words in (
            (),
            (0x32504F43, *CONFIG, 0x00010002, STOP),
            (MAGIC, *CONFIG),
            (MAGIC, *CONFIG, 0x00020002, STOP),
            (MAGIC, 0x00010002, STOP),
            (MAGIC, *CONFIG, 3, 0x00010002, STOP),
        ):
            with self.subTest(words=words), self.assertRaises(ValueError):
                find_command_stream(data(*words))


if __name__ == "__main__":
    unittest.main()
