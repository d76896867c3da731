# SPDX-License-Identifier: GPL-2.0
"""EXP and LOG of numerics.rst, line by line, for arrays of F32."""

import numpy as np

from binary32 import INFINITY, NAN, ZERO, from_bits, power_of_two, untrapped

LOG2E = from_bits(0x3FB8AA3B)
LN2_HI = from_bits(0x3F318000)
LN2_LO = from_bits(0xB95E8083)
EXP_MAX = from_bits(0x42B0C000)
EXP_MIN = from_bits(0xC2AE0000)
SQRT_HALF = from_bits(0x3F3504F3)
E = from_bits([0x39506967, 0x3AB743CE, 0x3C088908, 0x3D2AA9C1, 0x3E2AAAAA, 0x3F000000])
L = from_bits(
    [
        *(0x3D9021BB, 0xBDEBD1B8, 0x3DEF251A, 0xBDFE5D4F, 0x3E11E9BF),
        *(0xBE2AAE50, 0x3E4CCEAC, 0xBE7FFFFC, 0x3EAAAAAA),
    ]
)

HALF = np.float32(0.5)
ONE = np.float32(1)
SMALLEST_NORMAL = from_bits(0x00800000)


@untrapped
def exp(x):
    """Returns exp(x)."""
    inside = (x >= EXP_MIN) & (x <= EXP_MAX)
    ordinary = _exp_inside(np.where(inside, x, ZERO))
    return np.select([np.isnan(x), x > EXP_MAX, x < EXP_MIN], [NAN, INFINITY, ZERO], ordinary)


def _exp_inside(x):
    n = np.rint(x * LOG2E)
    r = x - (n * LN2_HI)
    r = r - (n * LN2_LO)
    y = _horner(E, r)
    y = y * (r * r)
    y = y + r
    y = y + ONE
    return y * power_of_two(n)


@untrapped
def log(x):
    """Returns the natural logarithm of x."""
    inside = (x > 0) & (x < INFINITY)
    ordinary = _log_inside(np.where(inside, x, ONE))
    return np.select([np.isnan(x) | (x < 0), x == 0, x == INFINITY], [NAN, -INFINITY, INFINITY], ordinary)


def _log_inside(x):
    denormal = x < SMALLEST_NORMAL
    x = np.where(denormal, x * power_of_two(23), x)
    m, e = np.frexp(x)  # 0.5 <= m < 1, exact.
    e = e - np.where(denormal, 23, 0)
    small = m < SQRT_HALF
    e = np.where(small, e - 1, e).astype(np.float32)
    m = np.where(small, (m + m) - ONE, m - ONE)
    z = m * m
    y = _horner(L, m)
    y = y * m
    y = y * z
    y = y + (e * LN2_LO)
    y = y - (z * HALF)
    return (m + y) + (e * LN2_HI)


def _horner(coefficients, x):
    y = coefficients[0]
    for c in coefficients[1:]:
        y = (y * x) + c
    return y
