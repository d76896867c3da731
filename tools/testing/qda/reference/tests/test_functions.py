# SPDX-License-Identifier: GPL-2.0
"""Tests of functions.py: against the constants and values of numerics.rst, and against double precision."""

import unittest

import numpy as np

import functions
from binary32 import from_bits, to_bits
from tests import specification

STRIDE = 40009  # A prime: one in so many F32s, about 50,000 of each function.


def ulps(results, exact):
    """Returns the distances in units of the last bit that an F32 has at `exact`."""
    _, exponent = np.frexp(exact)
    return np.abs(results - exact) / np.ldexp(1.0, np.maximum(exponent - 24, -149))


class Specification(unittest.TestCase):
    def test_constants(self):
        table = specification.constants()
        self.assertEqual(len(table), 21)
        for name, bits, value in table:
            ours = getattr(functions, name, None)
            if ours is None:
                ours = getattr(functions, name[0])[int(name[1:])]
            self.assertEqual(to_bits(ours), bits, name)
            np.testing.assert_allclose(ours, value, rtol=1e-7, err_msg=name)

    def test_values(self):
        table = specification.values_of_functions()
        self.assertEqual(len(table), 7)
        for name, argument, bits in table:
            x = from_bits(int(argument, 16)) if argument.startswith("0x") else np.float32(argument)
            self.assertEqual(to_bits(getattr(functions, name)(x)), bits, (name, argument))


class Exp(unittest.TestCase):
    def test_within_one_ulp(self):
        for first, last in ((0, functions.EXP_MAX), (0x80000000, functions.EXP_MIN)):
            x = from_bits(np.arange(first, to_bits(last) + 1, STRIDE))
            self.assertLessEqual(ulps(functions.exp(x).astype(float), np.exp(x.astype(float))).max(), 1)

    def test_edges(self):
        over = np.nextafter(functions.EXP_MAX, np.float32(100))
        under = np.nextafter(functions.EXP_MIN, np.float32(-100))
        x = np.float32([np.nan, np.inf, over, 0, -0.0, under, -np.inf])
        wanted = [0x7FC00000, 0x7F800000, 0x7F800000, 0x3F800000, 0x3F800000, 0, 0]
        self.assertEqual(to_bits(functions.exp(x)).tolist(), wanted)
        self.assertTrue(np.isfinite(functions.exp(functions.EXP_MAX)))
        self.assertGreaterEqual(functions.exp(functions.EXP_MIN), functions.SMALLEST_NORMAL)


class Log(unittest.TestCase):
    def test_within_one_ulp(self):
        x = from_bits(np.arange(1, 0x7F800000, STRIDE))
        self.assertLessEqual(ulps(functions.log(x).astype(float), np.log(x.astype(float))).max(), 1)

    def test_edges(self):
        x = np.float32([np.nan, -1, -np.inf, 0, -0.0, np.inf, 1])
        wanted = [0x7FC00000] * 3 + [0xFF800000] * 2 + [0x7F800000, 0]
        self.assertEqual(to_bits(functions.log(x)).tolist(), wanted)


if __name__ == "__main__":
    unittest.main()
