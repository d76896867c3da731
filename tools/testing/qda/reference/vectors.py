# SPDX-License-Identifier: GPL-2.0
"""Packets, and the memory of two cards before and after they are executed.

The memory of a card begins at address 0 here. Matrices lie in it with a gap between any two; its bytes, and those of a
D that is only written, are UNTOUCHED before.
"""

import struct
from dataclasses import dataclass

import numpy as np

CARDS = 2
UNTOUCHED = 0xA5
ALIGNMENT = 64

# queues.rst: opcodes, and the form of all packets.
OPCODES = {
    **{"NOP": 0x01, "WAIT": 0x02, "SIGNAL": 0x03, "COPY": 0x10, "FILL": 0x11},
    **{"GEMM": 0x20, "ELEMENTWISE": 0x21, "REDUCE": 0x22, "CONVERT": 0x23},
    **{"SEND": 0x30, "RECEIVE": 0x31, "EXCHANGE": 0x32},
}
FIELDS = "opcode flags type operation options reserved a b d".split()
FIELDS += "stride_a stride_b stride_d rows columns depth scalar extra".split()
_FORM = struct.Struct("<BBBBHHQQQIIIIIIII")


@dataclass(frozen=True)
class Placed:
    """Where a matrix is: the address of its first element, and its stride."""

    address: int
    stride: int


@dataclass(frozen=True)
class Packet:
    """A packet for an engine of a card; which of the fields a, b and d are addresses."""

    card: int
    engine: str
    name: str
    content: bytes
    addresses: str

    def fields(self):
        """Returns {field: value}."""
        return dict(zip(FIELDS, _FORM.unpack(self.content), strict=True))


class Memory:
    """Bytes of a card, before and after all packets."""

    def __init__(self):
        self.before = bytearray()
        self.after = bytearray()

    def place(self, values, becomes=None, spare=0):
        """Places a matrix, with `spare` elements between its rows, aligned as an element is and no better."""
        placed = self.result(values if becomes is None else becomes, spare)
        _write(self.before, placed, values)
        return placed

    def result(self, becomes, spare=0):
        """Places what is only written."""
        rows, columns = becomes.shape
        size = becomes.dtype.itemsize
        placed = Placed(-(-len(self.after) // ALIGNMENT) * ALIGNMENT + size, (columns + spare) * size)
        end = placed.address + rows * placed.stride + ALIGNMENT
        for image in (self.before, self.after):
            image.extend(bytes([UNTOUCHED]) * (end - len(image)))
        _write(self.after, placed, becomes)
        return placed


def _write(image, placed, values):
    for i, row in enumerate(np.ascontiguousarray(values)):
        at = placed.address + i * placed.stride
        image[at : at + row.nbytes] = row.tobytes()


class Vectors:
    """Packets, in the order in which an engine gets them, and the memory of each card."""

    def __init__(self):
        self.packets = []
        self.memories = [Memory() for _ in range(CARDS)]

    def add(self, opcode, name, engine, card=0, **fields):
        """Adds a packet; where a field is Placed its address is meant."""
        addresses = "".join(field for field in "abd" if isinstance(fields.get(field), Placed))
        fields.update({field: fields[field].address for field in addresses})
        fields["opcode"] = OPCODES[opcode]
        content = _FORM.pack(*(fields.pop(field, 0) for field in FIELDS))
        if fields:
            raise ValueError(f"no fields of a packet: {' '.join(fields)}")
        self.packets.append(Packet(card, engine, f"{opcode} {name}".strip(), content, addresses))
