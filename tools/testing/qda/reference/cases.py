# SPDX-License-Identifier: GPL-2.0
"""Packets of every opcode, type, operation and option that there is, on values that are easy to get wrong."""

import itertools

import numpy as np

import collective
import numerics
from binary32 import from_bits, untrapped
from vectors import CARDS, Vectors

# tensor.rst: codes of types, of operations, of shapes of B.
TYPES = {"F32": 1, "BF16": 2, "I32": 3, "I8": 4}
FULL, ROW, COLUMN = 1, 2, 3
SHAPES = {FULL: "full", ROW: "row", COLUMN: "column"}
TRANSPOSE_A, TRANSPOSE_B, ACCUMULATE = 1, 2, 4
WITH_B = [
    *(("ADD", 1, numerics.add), ("SUB", 2, numerics.sub), ("MUL", 3, numerics.mul), ("DIV", 4, numerics.div)),
    *(("MAX", 5, numerics.maximum), ("MIN", 6, numerics.minimum), ("GATE", 7, numerics.gate)),
]
WITH_SCALAR = [("ADD_SCALAR", 9, numerics.add), ("MUL_SCALAR", 10, numerics.mul)]
OF_A = [("RELU", 11, numerics.relu), ("EXP", 12, numerics.exp), ("LOG", 13, numerics.log)]
F32_ONLY = {"DIV", "GATE", "EXP", "LOG"}
REDUCTIONS = [("SUM", 1, numerics.reduce_sum), ("MAX", 2, numerics.reduce_max), ("ARGMAX", 3, numerics.reduce_argmax)]
ARRIVALS = [("STORE", 0, lambda b, r: r), ("SUM", 1, numerics.received_sum), ("MAX", 2, numerics.received_max)]

# Zeros, denormals, the smallest and largest normal numbers, infinities, NaNs (quiet, signalling, negative, with all
# bits), one and its neighbours, ties of rint and of BF16, where I32 and I8 end, and where EXP and LOG change.
SPECIAL_F32 = from_bits(
    [
        *(0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x80800000, 0x7F7FFFFF, 0xFF7FFFFF),
        *(0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345, 0xFFFFFFFF),
        *(0x3F800000, 0xBF800000, 0x3F800001, 0x3F7FFFFF, 0x3F000000, 0xC0200000, 0x3F808000, 0x3F818000),
        *(0x4F000000, 0xCF000000, 0x42FF0000, 0xC3008000, 0x42B0C000, 0x42B0C001, 0xC2AE0000, 0xC2AE0001),
        *(0x3F3504F3, 0x3F3504F2),
    ]
)
SPECIAL_I32 = np.int32([0, 1, -1, 2, 5, -7, 2**31 - 1, -(2**31), 2**31 - 2, -(2**31) + 1, 46341, -46341, 2**24 + 1])
SPECIAL = {"F32": SPECIAL_F32, "I32": SPECIAL_I32}
BF16_TIES = from_bits(np.uint32([0x3F808000, 0x3F818000, 0x7F7F8000, 0x00008000, 0x00018000, 0xFF7F7FFF]))
# From them and to them: what a scale can be.
SCALES = from_bits([0x3F800000, 0xBFC00000, 0x3B808081, 0x00000001, 0x7F800000, 0xFFC00001, 0x80000000])

_random = np.random.default_rng(1)


def any_bits(kind, rows, columns):
    """Returns a matrix of all that a type can be; as BF16 its bits."""
    bits = _random.integers(0, 256, (rows, columns, {"F32": 4, "I32": 4, "BF16": 2, "I8": 1}[kind]), np.uint8)
    return bits.view({"F32": "<f4", "I32": "<i4", "BF16": "<u2", "I8": "i1"}[kind])[..., 0]


def ordinary(kind, rows, columns):
    """Returns a matrix of numbers whose sums and products are numbers, too, but rounded."""
    numbers = _random.standard_normal((rows, columns)) * 2.0 ** _random.integers(-12, 12, (rows, columns))
    if kind == "BF16":
        return numerics.f32_to_bf16(numbers.astype(np.float32))
    return numbers.astype(np.float32) if kind == "F32" else any_bits(kind, rows, columns)


def sprinkled(kind, rows, columns):
    """Returns ordinary numbers with a few special ones among them."""
    numbers = ordinary("F32", rows, columns)
    special = _random.random((rows, columns)) < 0.05
    numbers = np.where(special, _random.choice(SPECIAL_F32, (rows, columns)), numbers)
    return numerics.f32_to_bf16(numbers) if kind == "BF16" else numbers


def matrices(**placed):
    """Returns fields: addresses and strides of a, b, d."""
    return placed | {f"stride_{name}": matrix.stride for name, matrix in placed.items()}


def size(a):
    """Returns fields: rows and columns."""
    return dict(zip(("rows", "columns"), a.shape, strict=True))


def bits(scalar):
    """Returns the field `scalar`, or `extra`."""
    return int(np.asarray(scalar).view(np.uint32))


def pairs(kind, shape):
    """Returns (A, B) in which every special value meets every other one."""
    values = SPECIAL[kind]
    a = np.repeat(values[:, None], len(values), axis=1)
    b = values[None, :]
    if shape == COLUMN:
        return a.T, b.T
    return a, np.repeat(b, len(values), axis=0) if shape == FULL else b


def part(b, shape):
    """Returns what B has of a full matrix in a shape."""
    return {FULL: b, ROW: b[:1], COLUMN: b[:, :1]}[shape]


class Cases(Vectors):
    """All of them."""

    @untrapped
    def __init__(self):
        super().__init__()
        self.memory = self.memories[0]
        for engine in ("copy", "tensor", "collective"):
            self.add_control(engine)
        self.add_copies()
        self.add_gemms()
        for kind in ("F32", "I32"):
            self.add_with_b(kind)
            self.add_with_scalar(kind)
            self.add_of_a(kind)
        self.add_axpy()
        self.add_reductions()
        self.add_conversions()
        self.add_messages()
        self.add_exchanges()

    def add_control(self, engine):
        """NOP; SIGNAL, and WAIT for it and for what is there already, above and at the value."""
        self.add("NOP", "", engine)
        for value in (1, 2**63, 2**64 - 1):
            flag = self.memory.place(np.uint64([[0]]), np.uint64([[value]]))
            self.add("SIGNAL", f"{value:#x}", engine, d=flag, b=value)
            self.add("WAIT", f"for SIGNAL of {value:#x}", engine, a=flag, b=value)
        above = self.memory.place(np.uint64([[2**63]]))
        self.add("WAIT", "for less, unsigned", engine, a=above, b=2**63 - 1, scalar=10_000_000)
        self.add("WAIT", "for nothing", engine, a=above)

    def add_copies(self):
        """COPY of bytes at any address, by rows and not; FILL."""
        for rows, columns, from_spare, to_spare in (
            *((1, 1, 0, 0), (1, 63, 0, 0), (1, 8191, 0, 0), (1, 4096, 0, 0)),
            *((5, 100, 0, 3), (3, 64, 64, 0), (17, 1, 2, 6), (40, 65, 1, 2)),
        ):
            data = any_bits("I8", rows, columns)
            a, d = self.memory.place(data, spare=from_spare), self.memory.result(data, to_spare)
            self.add("COPY", f"{rows} x {columns}", "copy", **matrices(a=a, d=d), **size(data))
        for rows, columns, spare in ((1, 1, 0), (1, 1023, 0), (7, 3, 2), (33, 17, 1)):
            data = np.full((rows, columns), 0x89ABCDEF, np.uint32)
            d = self.memory.result(data, spare)
            shape = {"rows": rows, "columns": 4 * columns}
            self.add("FILL", f"{rows} x {4 * columns}", "copy", **matrices(d=d), **shape, scalar=0x89ABCDEF)

    def add_gemms(self):
        """GEMM: all types and options, sums of one block, of some, of an odd number."""
        shapes = ((1, 1, 1), (5, 7, 33), (3, 2, 97), (2, 9, 20))
        fillings = {"F32": (ordinary, sprinkled), "BF16": (ordinary, sprinkled), "I8": (any_bits,)}
        for kind, fill in ((kind, fill) for kind, fills in fillings.items() for fill in fills):
            for options, (rows, columns, depth) in itertools.product(range(8), shapes):
                self.add_gemm(kind, options, fill(kind, rows, depth), fill(kind, depth, columns))
        # The largest product of bytes, again and again.
        a, b = np.full((2, 40), -128, np.int8), np.full((40, 3), -128, np.int8)
        self.add_gemm("I8", ACCUMULATE, a, b, np.full((2, 3), 2**31 - 1, np.int32))
        self.add_gemm("I8", ACCUMULATE, a, -1 - b, np.full((2, 3), -(2**31), np.int32))

    def add_gemm(self, kind, options, a, b, d=None):
        """One GEMM of A x B, which are transposed in memory as the options say."""
        rows, columns = a.shape[0], b.shape[1]
        if d is None:
            d = any_bits("I32", rows, columns) if kind == "I8" else sprinkled("F32", rows, columns)
        product = numerics.gemm(a, b, accumulate=d if options & ACCUMULATE else None)
        a, b = (a.T if options & TRANSPOSE_A else a), (b.T if options & TRANSPOSE_B else b)
        at_d = self.memory.place(d, product, spare=1)
        operands = matrices(a=self.memory.place(a, spare=3), b=self.memory.place(b, spare=0), d=at_d)
        depth = a.shape[0] if options & TRANSPOSE_A else a.shape[1]
        shape = {"rows": rows, "columns": columns, "depth": depth}
        name = f"{kind} options {options}, {rows} x {columns} x {depth}"
        self.add("GEMM", name, "tensor", type=TYPES[kind], options=options, **operands, **shape)

    def add_with_b(self, kind):
        """ELEMENTWISE of two operands."""
        for (name, code, function), shape in itertools.product(WITH_B, SHAPES):
            if kind == "I32" and name in F32_ONLY:
                continue
            fields = {"type": TYPES[kind], "operation": code, "options": shape}
            for a, b in (pairs(kind, shape), (any_bits(kind, 7, 13), part(any_bits(kind, 7, 13), shape))):
                self.add_elementwise(f"{kind} {name}, B {SHAPES[shape]}", fields, a, b, function(a, b))
        self.add_in_place(kind)

    def add_elementwise(self, name, fields, a, b, d):
        """One ELEMENTWISE with a D of its own; strides of one row are not looked at."""
        at_a, at_d = self.memory.place(a, spare=2), self.memory.result(d, spare=1)
        operands = matrices(a=at_a, d=at_d)
        if b is not None:
            operands |= matrices(b=self.memory.place(b, spare=5))
            operands |= {"stride_b": 3} if len(b) == 1 else {}
        operands |= {"stride_a": 3, "stride_d": 1} if len(a) == 1 else {}
        rows, columns = a.shape
        self.add("ELEMENTWISE", f"{name}, {rows} x {columns}", "tensor", **fields, **operands, **size(a))

    def add_in_place(self, kind):
        """ELEMENTWISE with D where A, or B, is."""
        fields = {"type": TYPES[kind], "operation": 2}
        for shape, where in ((FULL, "a"), (ROW, "a"), (COLUMN, "a"), (FULL, "b")):
            a, b = any_bits(kind, 6, 11), part(any_bits(kind, 6, 11), shape)
            values, d = {"a": a, "b": b}, numerics.sub(a, b)
            placed = {
                name: self.memory.place(operand, d if name == where else operand, spare=1)
                for name, operand in values.items()
            }
            name = f"{kind} SUB, B {SHAPES[shape]}, D is {where.upper()}"
            operands = matrices(**placed, d=placed[where])
            self.add("ELEMENTWISE", name, "tensor", **fields, options=shape, **operands, **size(a))
        a, b = any_bits(kind, 1, 19), any_bits(kind, 1, 19)
        fields |= {"operation": 1, "options": FULL}
        self.add_elementwise(f"{kind} ADD, B full", fields, a, b, numerics.add(a, b))

    def add_with_scalar(self, kind):
        """ADD_SCALAR and MUL_SCALAR with each special value."""
        values = SPECIAL[kind]
        for (name, code, function), s in itertools.product(WITH_SCALAR, values):
            a = np.concatenate([values, any_bits(kind, 1, 3)[0]])[None, :].repeat(2, axis=0)
            fields = {"type": TYPES[kind], "operation": code, "scalar": bits(s)}
            self.add_elementwise(f"{kind} {name}, s = {bits(s):#010x}", fields, a, None, function(a, s))

    def add_of_a(self, kind):
        """RELU, EXP, LOG, also where the last two are ordinary."""
        near = from_bits(_random.integers(0x3E000000, 0x42B0C001, (16, 33), np.uint32))
        for name, code, function in OF_A:
            if kind == "I32" and name in F32_ONLY:
                continue
            fields = {"type": TYPES[kind], "operation": code}
            inputs = [SPECIAL[kind][None, :], any_bits(kind, 9, 31)]
            inputs += [near, -near, 1 / near] if kind == "F32" else []
            for a in inputs:
                self.add_elementwise(f"{kind} {name}", fields, a, None, function(a))

    def add_axpy(self):
        """AXPY: both products and sums are rounded."""
        for shape, s in itertools.product(SHAPES, (*SCALES, np.float32(0.1))):
            fields = {"type": TYPES["F32"], "operation": 8, "options": shape, "scalar": bits(s)}
            for a, b in (pairs("F32", shape), (ordinary("F32", 5, 21), part(ordinary("F32", 5, 21), shape))):
                name = f"F32 AXPY, B {SHAPES[shape]}, s = {bits(s):#010x}"
                self.add_elementwise(name, fields, a, b, numerics.axpy(a, b, s))

    def add_reductions(self):
        """REDUCE of rows and columns: sums as of GEMM, infinities, NaNs, equals, zeros of both signs."""
        zeros = np.where(_random.random((5, 6)) < 0.5, np.float32(-0.0), np.float32(0))
        equal = _random.choice(np.float32([-1, 2, np.inf]), (9, 12))
        inputs = [SPECIAL_F32[:1, None], zeros, np.full((3, 3), np.float32(-0.0)), equal, SPECIAL_F32[None, :]]
        inputs += [SPECIAL_F32[:, None], *(ordinary("F32", *shape) for shape in ((5, 100), (100, 5), (33, 2), (1, 64)))]
        inputs += [sprinkled("F32", *shape) for shape in ((12, 40), (70, 7))]
        for (name, code, function), per_column, a in itertools.product(REDUCTIONS, (0, 1), inputs):
            d = self.memory.result(function(a, bool(per_column)), spare=2)
            operands = matrices(a=self.memory.place(a, spare=1), d=d)
            fields = {"type": TYPES["F32"], "operation": code, "options": per_column}
            label = f"{name} per {'column' if per_column else 'row'}, {a.shape[0]} x {a.shape[1]}"
            self.add("REDUCE", label, "tensor", **fields, **operands, **size(a))

    def add_conversions(self):
        """CONVERT, with scales and zeros where there are any; in place where D is as large."""
        bf16 = np.concatenate([numerics.f32_to_bf16(SPECIAL_F32), np.uint16([0x7F81, 0xFFC1, 0x0001, 0x8080])])
        special = {
            "F32": np.concatenate([SPECIAL_F32, BF16_TIES, np.float32([126.5, 127.5, -128.5, 2.5, -2.5, 1e9])]),
            "BF16": bf16,
            "I32": SPECIAL_I32,
            "I8": np.arange(-128, 128, dtype=np.int8),
        }
        for kind, to, function in (("F32", "BF16", numerics.f32_to_bf16), ("BF16", "F32", numerics.bf16_to_f32)):
            for a in (special[kind][None, :], any_bits(kind, 8, 77)):
                self.add_conversion(kind, to, a, function(a))
        for s in SCALES:
            for a in (special["I32"][None, :], any_bits("I32", 8, 21)):
                self.add_conversion("I32", "F32", a, numerics.i32_to_f32(a, s), bits(s))
            for zero in (-128, 0, 5, 127):
                by = (s, np.int32(zero))
                a = special["I8"].reshape(16, 16)
                self.add_conversion("I8", "F32", a, numerics.i8_to_f32(a, *by), bits(s), zero)
                for a in (special["F32"][None, :], ordinary("F32", 8, 31)):
                    self.add_conversion("F32", "I8", a, numerics.f32_to_i8(a, *by), bits(s), zero)
                for a in (special["I32"][None, :], any_bits("I32", 8, 21) >> np.int32(20)):
                    self.add_conversion("I32", "I8", a, numerics.i32_to_i8(a, *by), bits(s), zero)
        a = any_bits("I32", 6, 9)
        d = numerics.i32_to_f32(a, SCALES[1])
        # Of the same memory, by one type before and by another one after.
        same = self.memory.place(a, d, spare=2)
        self.convert("I32", "F32", "in place", a, matrices(a=same, d=same), bits(SCALES[1]))

    def add_conversion(self, kind, to, a, d, scalar=0, zero=0):
        """One CONVERT with a D of its own."""
        operands = matrices(a=self.memory.place(a, spare=3), d=self.memory.result(d, spare=1))
        self.convert(kind, to, f"scalar {scalar:#010x}, extra {zero}", a, operands, scalar, zero)

    def convert(self, kind, to, how, a, operands, scalar, zero=0):
        """One CONVERT."""
        fields = {"type": TYPES[kind], "operation": TYPES[to], "scalar": scalar, "extra": bits(np.int32(zero))}
        name = f"{kind} to {to}, {how}, {a.shape[0]} x {a.shape[1]}"
        self.add("CONVERT", name, "tensor", **fields, **operands, **size(a))

    def add_messages(self):
        """SEND and RECEIVE over both links in both directions: messages of one frame, of some, of a word."""
        for sender, link, (name, code, function) in itertools.product(range(CARDS), (0, 1), ARRIVALS):
            for columns in (1, 15, 1025, 3000):
                sent, local = self.operands(columns)
                receiver = self.memories[1 - sender]
                tag = len(self.packets)
                what = f"{columns * 4} bytes, link {link}"
                fields = self.message(tag, columns, link) | {"a": self.memories[sender].place(sent)}
                self.add("SEND", what, "collective", sender, **fields)
                fields = self.message(tag, columns, link << 8)
                fields |= self.arrival(receiver, code, local, function(local, sent), columns % 2)
                self.add("RECEIVE", f"{name}, {what}", "collective", 1 - sender, **fields)

    def add_exchanges(self):
        """EXCHANGE over one link and over two."""
        for (send, receive), (name, code, function) in itertools.product(((0, 0), (1, 1), (0, 1)), ARRIVALS):
            for columns in (1, 2050):
                operands = [self.operands(columns) for _ in range(CARDS)]
                tag = len(self.packets)
                for card, memory in enumerate(self.memories):
                    (sent, local), (received, _) = operands[card], operands[1 - card]
                    links = (send, receive) if card == 0 else (receive, send)
                    fields = self.message(tag, columns, links[0] | links[1] << 8) | {"a": memory.place(sent)}
                    fields |= self.arrival(memory, code, local, function(local, received), columns == 1)
                    what = f"{name}, {columns * 4} bytes, links {links[0]} and {links[1]}"
                    self.add("EXCHANGE", what, "collective", card, **fields)

    @staticmethod
    def operands(columns):
        """Returns (what is sent, what is there): pairs of special values first."""
        a, b = (values.reshape(1, -1) for values in pairs("F32", FULL))
        rest = columns - a.shape[1]
        more = [sprinkled("F32", 1, rest) for _ in range(2)] if rest > 0 else np.zeros((2, 1, 0), np.float32)
        return [np.concatenate([values, extra], axis=1)[:, :columns] for values, extra in zip((a, b), more)]

    @staticmethod
    def message(tag, columns, links):
        """Returns the fields that all messages have; none waits for long if the other side is wrong."""
        return {"stride_a": tag, "columns": columns * 4, "depth": links, "scalar": 20_000_000}

    @staticmethod
    def arrival(memory, code, local, becomes, in_place):
        """Returns the fields of what arrives: with a D of its own, or where B is."""
        if code == 0:
            return {"d": memory.result(becomes)}
        fields = {"type": TYPES["F32"], "operation": code}
        if in_place:
            both = memory.place(local, becomes)
            return fields | {"b": both, "d": both}
        return fields | {"b": memory.place(local), "d": memory.result(becomes)}


@untrapped
def all_reduce():
    """Returns (before, after) of an all-reduce in a ring: a row of F32 for each card."""
    buffers = [sprinkled("F32", 1, 5000)[0] for _ in range(CARDS)]
    return np.array(buffers), np.array(collective.ring(buffers))
