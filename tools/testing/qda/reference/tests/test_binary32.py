# SPDX-License-Identifier: GPL-2.0
"""Tests of binary32.py: numpy's float32 against exact fractions, not against another floating point."""

import operator
import unittest
from fractions import Fraction

import numpy as np

from binary32 import INFINITY, NAN, from_bits, power_of_two, to_bits, untrapped, written

SMALLEST_EXPONENT = -149  # Of the last bit of denormals.
BITS = 24


def rounded(exact):
    """Returns the finite Fraction `exact` as F32: to nearest, ties to even; overflow gives an infinity."""
    if not exact:
        return np.float32(0)
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    exponent -= magnitude < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - BITS + 1, SMALLEST_EXPONENT)
    magnitude = round(magnitude / unit) * unit  # Of Fraction: ties to even.
    value = INFINITY if magnitude >= 2**128 else np.float32(float(magnitude))
    return -value if exact < 0 else value


def samples(count):
    """Returns finite F32s: of all exponents, of near ones, and of few bits, which gives ties."""
    random = np.random.default_rng(5)
    anything = random.integers(0, 1 << 32, count, dtype=np.uint32)
    near = random.integers(0x3F000000, 0x41000000, count, dtype=np.uint32)
    denormal = random.integers(0, 0x01000000, count, dtype=np.uint32)
    few = random.integers(0, 1 << 32, count, dtype=np.uint32) & np.uint32(0xFFFFF000) | np.uint32(1)
    values = from_bits(random.permutation(np.concatenate([anything, near, denormal, few])))
    return values[np.isfinite(values)]


class Operators(unittest.TestCase):
    @untrapped
    def check(self, operation):
        values = samples(2000)
        a, b = values[:-1], values[1:]
        if operation is operator.truediv:
            a, b = a[b != 0], b[b != 0]
        results = operation(a, b)
        self.assertEqual(results.dtype, np.float32)
        for x, y, result in zip(a.tolist(), b.tolist(), results, strict=True):
            exact = operation(Fraction(x), Fraction(y))
            # Zeros compare as equal: a fraction does not know their sign, which test_zeros() is for.
            self.assertEqual(result, rounded(exact), (operation, x, y))

    def test_add(self):
        self.check(operator.add)

    def test_sub(self):
        self.check(operator.sub)

    def test_mul(self):
        self.check(operator.mul)

    def test_div(self):
        self.check(operator.truediv)

    def test_zeros(self):
        zero = np.float32(0)
        self.assertEqual([to_bits(zero + -zero), to_bits(-zero + -zero)], [0, 0x80000000])
        self.assertEqual(to_bits(-zero * np.float32(2)), 0x80000000)

    def test_rint_ties_to_even(self):
        np.testing.assert_array_equal(np.rint(np.float32([0.5, 1.5, 2.5, -0.5, -1.5])), [0, 2, 2, 0, -2])


class Written(unittest.TestCase):
    def test_canonical_nan(self):
        nans = from_bits([0x7F800001, 0xFFC00000, 0x7FFFFFFF, 0x3F800000])
        self.assertEqual(to_bits(written(nans)).tolist(), [0x7FC00000] * 3 + [0x3F800000])
        self.assertEqual(to_bits(NAN), 0x7FC00000)

    def test_wider_type_is_refused(self):
        with self.assertRaises(TypeError):
            written(np.zeros(1))

    def test_powers_of_two(self):
        self.assertEqual(to_bits(power_of_two([-126, 0, 127])).tolist(), [0x00800000, 0x3F800000, 0x7F000000])


if __name__ == "__main__":
    unittest.main()
