# SPDX-License-Identifier: GPL-2.0
"""The arithmetic of tensor packets and of reductions between cards, as numerics.rst says.

Matrices are two-dimensional arrays: float32 is F32, uint16 the bits of BF16, int32 I32, int8 I8. Operand B of an
elementwise operation may be full, a row (1 x columns) or a column (rows x 1). Scalars are of the type of A.
"""

from functools import reduce
from itertools import batched

import numpy as np

import functions
from binary32 import NAN, ZERO, from_bits, to_bits, untrapped, written

BLOCK = 32  # Terms of a sum that are added one after the other.
BF16_NAN = np.uint16(0x7FC0)


def ordered_sum(terms):
    """Returns sum(terms[0], ..., terms[n - 1]) of scalars or arrays of F32: blocks in order, then a tree."""
    sums = [reduce(np.add, block, ZERO) for block in batched(terms, BLOCK)]
    while len(sums) > 1:
        sums = [reduce(np.add, neighbours) for neighbours in batched(sums, 2)]
    return sums[0]


def saturated(values, integer):
    """Returns the int64 `values` as the nearest values of the type `integer`."""
    limits = np.iinfo(integer)
    return np.clip(values, limits.min, limits.max).astype(integer)


@untrapped
def gemm(a, b, transpose_a=False, transpose_b=False, accumulate=None):
    """Returns A x B, or `accumulate` + A x B; a transposed operand is given as it is in memory."""
    a, b = (a.T if transpose_a else a), (b.T if transpose_b else b)
    if a.dtype == np.int8:
        return _gemm_int8(a, b, accumulate)
    if a.dtype == np.uint16:
        a, b = _extended(a), _extended(b)
    product = ordered_sum(a[:, k, None] * b[None, k, :] for k in range(a.shape[1]))
    return written(product if accumulate is None else accumulate + product)


def _gemm_int8(a, b, accumulate):
    product = a.astype(np.int64) @ b.astype(np.int64)
    return saturated(product if accumulate is None else accumulate + product, np.int32)


def _extended(bf16):
    """Returns BF16 as F32; exact."""
    return from_bits(bf16.astype(np.uint32) << 16)


@untrapped
def _arithmetic(operation, a, b):
    if a.dtype == np.int32:
        return saturated(operation(a.astype(np.int64), np.asarray(b, np.int64)), np.int32)
    return written(operation(a, b))


def add(a, b):
    """ADD and ADD_SCALAR."""
    return _arithmetic(np.add, a, b)


def sub(a, b):
    """SUB."""
    return _arithmetic(np.subtract, a, b)


def mul(a, b):
    """MUL and MUL_SCALAR."""
    return _arithmetic(np.multiply, a, b)


@untrapped
def div(a, b):
    """DIV of F32."""
    return written(a / b)


@untrapped
def axpy(a, b, s):
    """AXPY of F32: A + (s * B)."""
    return written(a + (s * b))


def maximum(a, b):
    """MAX."""
    return _nan_if_any(np.where(b > a, b, a), a, b)


def minimum(a, b):
    """MIN."""
    return _nan_if_any(np.where(b < a, b, a), a, b)


def _nan_if_any(values, a, b):
    if values.dtype == np.int32:
        return values
    return np.where(np.isnan(a) | np.isnan(b), NAN, values)


def gate(a, b):
    """GATE of F32: A where B > 0."""
    return written(np.where(b > 0, a, ZERO))


def relu(a):
    """RELU."""
    if a.dtype == np.int32:
        return np.where(a > 0, a, np.int32(0))
    return written(np.where(np.isnan(a), NAN, np.where(a > 0, a, ZERO)))


def exp(a):
    """EXP of F32."""
    return written(functions.exp(a))


def log(a):
    """LOG of F32."""
    return written(functions.log(a))


def _lines(a, per_column):
    """Returns what is reduced, and a function that makes D of the results: terms along the first axis."""
    if per_column:
        return a, lambda results: results[None, :]
    return a.T, lambda results: results[:, None]


@untrapped
def reduce_sum(a, per_column=False):
    """REDUCE SUM, per row (rows x 1) or per column (1 x columns)."""
    terms, shaped = _lines(a, per_column)
    return shaped(written(ordered_sum(terms)))


def reduce_max(a, per_column=False):
    """REDUCE MAX."""
    terms, shaped = _lines(a, per_column)
    greatest, _ = _greatest(terms)
    return shaped(written(greatest))


def reduce_argmax(a, per_column=False):
    """REDUCE ARGMAX, of type I32."""
    terms, shaped = _lines(a, per_column)
    _, index = _greatest(terms)
    return shaped(index)


def _greatest(terms):
    """Returns (m, index it was taken from); both those of the first NaN if there is one."""
    m, index = terms[0], np.zeros(terms[0].shape, np.int32)
    for i, x in enumerate(terms[1:], start=1):
        taken = (x > m) | (np.isnan(x) & ~np.isnan(m))
        m, index = np.where(taken, x, m), np.where(taken, np.int32(i), index)
    return m, index


def f32_to_bf16(a):
    """CONVERT: the bits of BF16, rounded to nearest, ties to even."""
    u = to_bits(a).astype(np.uint64)
    rounded = ((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(a), BF16_NAN, rounded)


def bf16_to_f32(a):
    """CONVERT."""
    return written(_extended(a))


@untrapped
def i32_to_f32(a, scale):
    """CONVERT."""
    return written(a.astype(np.float32) * scale)


@untrapped
def i8_to_f32(a, scale, extra):
    """CONVERT."""
    return written((a.astype(np.int64) - extra).astype(np.float32) * scale)


@untrapped
def f32_to_i8(a, scale, extra):
    """CONVERT."""
    y = a * scale
    # extra is an int8, so an integer of more than 9 bits saturates, whatever is added to it.
    integer = np.clip(np.rint(np.where(np.isnan(y), ZERO, y)), -512, 512).astype(np.int64)
    return saturated(integer + extra, np.int8)


def i32_to_i8(a, scale, extra):
    """CONVERT."""
    return f32_to_i8(a.astype(np.float32), scale, extra)


def received_sum(local, received):
    """SUM of RECEIVE and EXCHANGE."""
    return add(local, received)


def received_max(local, received):
    """MAX of RECEIVE and EXCHANGE."""
    return maximum(local, received)
