# SPDX-License-Identifier: GPL-2.0
"""The type F32 of numerics.rst: numpy's float32, whose + - * / round each result once, to nearest, ties to even.

No product of matrices, sum, or function such as numpy.exp is used for F32 in binary32.py, functions.py and numerics.py:
their order of additions and their last bits are numpy's own. The tests hold the four operators against exact fractions.
"""

import numpy as np

# Infinities and NaN are results like others: there are no traps and no flags.
untrapped = np.errstate(all="ignore")


def from_bits(bits):
    """Returns the F32 with these bits, or the array of them."""
    return np.asarray(bits, np.uint32).view(np.float32)[()]


def to_bits(values):
    """Returns the bits of the F32 or array `values`."""
    return np.asarray(values, np.float32).view(np.uint32)[()]


NAN = from_bits(0x7FC00000)
INFINITY = from_bits(0x7F800000)
ZERO = np.float32(0)


def written(values):
    """Returns the F32 `values` as a packet writes them: each NaN is the canonical one."""
    if values.dtype != np.float32:
        raise TypeError(f"{values.dtype} where F32 is computed")
    return np.where(np.isnan(values), NAN, values)


def power_of_two(n):
    """Returns 2 to the power of each integer of `n`, from -126 to 127, as F32."""
    return from_bits((np.asarray(n, np.int64) + 127) << 23)
