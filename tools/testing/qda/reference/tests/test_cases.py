# SPDX-License-Identifier: GPL-2.0
"""Tests of cases.py: nothing that the specification has is missing, and packets are made as it says."""

import unittest

import numpy as np

import cases
import vectors
from binary32 import to_bits
from tests import specification


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = cases.Cases()

    def test_there_is_every_packet_of_the_specification(self):
        wanted = specification.packets()
        opcodes = {opcode for _, opcode, *_ in wanted}
        self.assertEqual(len(opcodes), 12)
        there = set()
        for packet in self.cases.packets:
            fields = packet.fields()
            there.add((packet.engine, *(fields[name] for name in ("opcode", "type", "operation", "options"))))
        self.assertEqual(there, wanted)

    def test_opcodes_are_those_of_the_specification(self):
        self.assertEqual(vectors.OPCODES, specification.codes("queues", "Packets", "[A-Z]+"))
        self.assertEqual(cases.TYPES, specification.codes("tensor", "Matrices", "F32|BF16|I32|I8"))

    def test_special_values_are_operands(self):
        """Of each elementwise operation on F32: NaNs, infinities, denormals, zeros of both signs."""
        before = bytes(self.cases.memories[0].before)
        wanted = set(to_bits(cases.SPECIAL_F32).tolist())
        seen = {}
        for packet in self.cases.packets:
            fields = packet.fields()
            if fields["opcode"] == vectors.OPCODES["ELEMENTWISE"] and fields["type"] == cases.TYPES["F32"]:
                rows = range(fields["rows"])
                starts = [fields["a"] + i * fields["stride_a"] for i in rows]
                values = [np.frombuffer(before, "<u4", fields["columns"], start) for start in starts]
                seen.setdefault(fields["operation"], set()).update(np.concatenate(values).tolist())
        self.assertEqual(len(seen), 13)
        for operation, values in seen.items():
            self.assertLessEqual(wanted, values, operation)

    def test_packets_change_something(self):
        """One that does nothing would not be noticed otherwise."""
        changes = {}
        for packet in self.cases.packets:
            fields, memory = packet.fields(), self.cases.memories[packet.card]
            if "d" in packet.addresses:
                at = slice(fields["d"], fields["d"] + fields["columns"])
                variant = tuple(fields[name] for name in ("opcode", "type", "operation", "options"))
                changes[variant] = changes.get(variant) or memory.before[at] != memory.after[at]
        still = [variant for variant, change in changes.items() if not change]
        # SIGNAL has no columns.
        self.assertEqual(still, [(vectors.OPCODES["SIGNAL"], 0, 0, 0)])

    def test_memory_between_matrices_is_untouched(self):
        memory = vectors.Memory()
        placed = memory.place(np.int8([[1, 2], [3, 4]]), np.int8([[5, 6], [7, 8]]), spare=1)
        self.assertEqual((placed.address, placed.stride), (1, 3))
        gap = vectors.UNTOUCHED
        self.assertEqual(list(memory.before[:7]), [gap, 1, 2, gap, 3, 4, gap])
        self.assertEqual(list(memory.after[:7]), [gap, 5, 6, gap, 7, 8, gap])

    def test_fields_that_no_packet_has_are_refused(self):
        with self.assertRaises(ValueError):
            vectors.Vectors().add("NOP", "", "copy", colums=1)


if __name__ == "__main__":
    unittest.main()
