# SPDX-License-Identifier: GPL-2.0
"""Tests of numerics.py: each rule against scalars and loops, and the corners that numerics.rst names."""

import unittest

import numpy as np

import numerics
from binary32 import from_bits, to_bits

NAN, INF = np.float32(np.nan), np.float32(np.inf)
CANONICAL = 0x7FC00000


def bits(values):
    return to_bits(values).reshape(-1).tolist()


def row(*values, dtype=np.float32):
    return np.array([values], dtype)


def matrix(rows, columns, seed):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def scalar_sum(terms):
    """The sum of a list of F32, written a second time and in another way: the tree by recursion from above."""
    if len(terms) <= 32:
        s = np.float32(0)
        for term in terms:
            s = s + term
        return s
    half = 32
    while 2 * half < len(terms):
        half *= 2
    return scalar_sum(terms[:half]) + scalar_sum(terms[half:])


class Sums(unittest.TestCase):
    def test_hundred_tenths(self):
        tenth = [np.float32(0.1)] * 100
        self.assertEqual(to_bits(numerics.ordered_sum(tenth)), 0x411FFFFD)
        self.assertEqual(to_bits(np.add.accumulate(np.array(tenth))[-1]), 0x41200002)

    def test_every_length(self):
        terms = list(matrix(1, 300, 1)[0] * np.float32(1e3) ** matrix(1, 300, 2)[0])
        for n in range(1, 301):
            self.assertEqual(to_bits(numerics.ordered_sum(terms[:n])), to_bits(scalar_sum(terms[:n])), n)

    def test_negative_zeros_give_positive_zero(self):
        self.assertEqual(bits(numerics.reduce_sum(row(-0.0, -0.0))), [0])

    def test_opposite_infinities(self):
        self.assertEqual(bits(numerics.reduce_sum(row(np.inf, -np.inf))), [CANONICAL])


class Gemm(unittest.TestCase):
    def test_each_element(self):
        a, b, d = matrix(3, 70, 1), matrix(70, 5, 2), matrix(3, 5, 3)
        product = np.array([[scalar_sum([a[i, k] * b[k, j] for k in range(70)]) for j in range(5)] for i in range(3)])
        self.assertEqual(bits(numerics.gemm(a, b)), bits(product))
        self.assertEqual(bits(numerics.gemm(a.T, b.T, transpose_a=True, transpose_b=True)), bits(product))
        self.assertEqual(bits(numerics.gemm(a, b, accumulate=d)), bits(d + product))

    def test_product_is_rounded_before_it_is_added(self):
        x = np.float32(1 + 2**-12)
        self.assertEqual(bits(numerics.gemm(row(x, -1), np.float32([[x], [1 + 2**-11]]))), [0])

    def test_bf16(self):
        a, b = numerics.f32_to_bf16(matrix(2, 40, 1)), numerics.f32_to_bf16(matrix(40, 2, 2))
        wanted = numerics.gemm(numerics.bf16_to_f32(a), numerics.bf16_to_f32(b))
        self.assertEqual(bits(numerics.gemm(a, b)), bits(wanted))

    def test_int8(self):
        a, b = np.full((1, 65536), -128, np.int8), np.full((65536, 1), -128, np.int8)
        product = numerics.gemm(a, b)
        self.assertEqual((product.dtype, product.item()), (np.int32, 2**30))
        self.assertEqual(numerics.gemm(a, b, accumulate=product).item(), 2**31 - 1)


class Elementwise(unittest.TestCase):
    def test_shapes_of_b(self):
        a = np.float32([[1, 2], [3, 4]])
        np.testing.assert_array_equal(numerics.add(a, row(10, 20)), [[11, 22], [13, 24]])
        np.testing.assert_array_equal(numerics.sub(a, np.float32([[1], [2]])), [[0, 1], [1, 2]])
        np.testing.assert_array_equal(numerics.mul(a, np.float32(2)), [[2, 4], [6, 8]])

    def test_canonical_nan(self):
        odd = from_bits([[0xFFC12345]])
        two = row(2)
        for result in (
            *(numerics.add(odd, two), numerics.sub(two, odd), numerics.mul(odd, two), numerics.div(odd, two)),
            *(numerics.maximum(odd, two), numerics.minimum(two, odd), numerics.gate(odd, two), numerics.relu(odd)),
            *(numerics.axpy(two, odd, np.float32(0)), numerics.exp(odd), numerics.log(odd)),
            *(numerics.div(row(0), row(0)), numerics.sub(row(INF), row(INF))),
        ):
            self.assertEqual(bits(result), [CANONICAL])

    def test_division_by_zero(self):
        self.assertEqual(bits(numerics.div(row(1, -1), row(0, 0))), [0x7F800000, 0xFF800000])

    def test_axpy_rounds_twice(self):
        x = np.float32(1 + 2**-12)
        self.assertEqual(bits(numerics.axpy(row(-1 - 2**-11), row(x), x)), [0])

    def test_zeros_of_max_and_min(self):
        positive, negative = row(0.0), row(-0.0)
        for operation in (numerics.maximum, numerics.minimum, numerics.received_max):
            self.assertEqual(bits(operation(negative, positive)), [0x80000000])
            self.assertEqual(bits(operation(positive, negative)), [0])

    def test_relu_and_gate(self):
        self.assertEqual(bits(numerics.relu(row(-1, -0.0, 2))), [0, 0, to_bits(2)])
        gated = numerics.gate(row(-0.0, NAN, 3, 4, 5), row(1, -1, 0, -0.0, NAN))
        self.assertEqual(bits(gated), [0x80000000, 0, 0, 0, 0])

    def test_int32_saturates(self):
        top, bottom = 2**31 - 1, -(2**31)
        a, b = np.int32([[top, bottom, bottom, 5]]), np.int32([[1, -1, 1, 9]])
        for result, wanted in (
            (numerics.add(a, b), [top, bottom, bottom + 1, 14]),
            (numerics.sub(a, -b), [top, bottom, bottom + 1, 14]),
            (numerics.mul(a, b), [top, top, bottom, 45]),
            (numerics.mul(a, np.int32(-1)), [-top, top, top, -5]),
            (numerics.relu(a), [top, 0, 0, 5]),
            (numerics.maximum(a, b), [top, -1, 1, 9]),
            (numerics.minimum(a, b), [1, bottom, bottom, 5]),
        ):
            self.assertEqual((result.dtype, result.tolist()), (np.int32, [wanted]))


class Reduce(unittest.TestCase):
    def test_row_and_column(self):
        a = np.float32([[1, 5, 2], [4, 3, 6]])
        np.testing.assert_array_equal(numerics.reduce_sum(a), [[8], [13]])
        np.testing.assert_array_equal(numerics.reduce_sum(a, per_column=True), [[5, 8, 8]])
        np.testing.assert_array_equal(numerics.reduce_max(a), [[5], [6]])
        np.testing.assert_array_equal(numerics.reduce_argmax(a), [[1], [2]])
        np.testing.assert_array_equal(numerics.reduce_argmax(a, per_column=True), [[1, 0, 1]])
        self.assertEqual(numerics.reduce_argmax(a).dtype, np.int32)

    def test_first_of_equals(self):
        self.assertEqual(numerics.reduce_argmax(row(1, 7, 7)).item(), 1)
        self.assertEqual(bits(numerics.reduce_max(row(-1, -0.0, 0.0))), [0x80000000])

    def test_first_nan(self):
        a = np.array([[9, 0xFF812345, 0x7FC00001, 0x7F800000]], np.uint32).view(np.float32)
        self.assertEqual(bits(numerics.reduce_max(a)), [CANONICAL])
        self.assertEqual(numerics.reduce_argmax(a).item(), 1)


class Convert(unittest.TestCase):
    def test_bf16(self):
        values = from_bits([0x3F808000, 0x3F818000, 0x7F7FFFFF, 0xFF800000, 0x7F800001, 0xFFFFFFFF, 0x00008001])
        wanted = [0x3F80, 0x3F82, 0x7F80, 0xFF80, 0x7FC0, 0x7FC0, 0x0001]
        self.assertEqual(numerics.f32_to_bf16(values).tolist(), wanted)
        extended = numerics.bf16_to_f32(np.uint16([0x3F80, 0xFF81, 0x0001]))
        self.assertEqual(bits(extended), [0x3F800000, CANONICAL, 0x10000])

    def test_f32_to_i8(self):
        for values, scale, extra, wanted in (
            ([5, 7, -5], 0.5, 0, [2, 4, -2]),
            ([1000, -1000, NAN, INF, -INF], 0.5, -3, [127, -128, -3, 127, -128]),
            ([3e38, 260, -260, 254], 1, -128, [127, 127, -128, 126]),
        ):
            self.assertEqual(numerics.f32_to_i8(np.float32(values), np.float32(scale), extra).tolist(), wanted)

    def test_i32_is_rounded_first(self):
        converted = numerics.i32_to_f32(np.int32([2**24 + 1, -(2**31)]), np.float32(1))
        self.assertEqual(bits(converted), bits([2.0**24, -(2.0**31)]))
        self.assertEqual(numerics.i32_to_i8(np.int32([2**24 + 1, 6]), np.float32(2**-18), 1).tolist(), [65, 1])

    def test_i8_to_f32(self):
        self.assertEqual(bits(numerics.i8_to_f32(np.int8([-128, 127]), np.float32(0.5), 127)), bits([-127.5, 0]))


if __name__ == "__main__":
    unittest.main()
