# SPDX-License-Identifier: GPL-2.0
"""The tables of the specification that tests compare with, read from its text."""

import re
import struct
from pathlib import Path

_CHAPTERS = Path(__file__).resolve().parents[5] / "Documentation" / "devices" / "qda"

# Fields of a packet, queues.rst.
_PACKET = struct.Struct("<BBBBHHQQQIIIIIIII")
_FIELDS = "opcode flags type operation options reserved a b d".split()
_FIELDS += "stride_a stride_b stride_d rows columns depth scalar extra".split()


def section(chapter, title):
    """Returns the text between the heading `title` and the next one."""
    text = (_CHAPTERS / f"{chapter}.rst").read_text(encoding="utf-8")
    return re.search(rf"^{title}\n([=-])\1+\n(.*?)(?=^[^\n]+\n[=-]+\n\n|\Z)", text, re.MULTILINE | re.DOTALL)[2]


def constants():
    """Returns [(name, bits, value for orientation)] of the numeric rules."""
    rows = re.findall(r"^(\w+) +0x([0-9a-f]{8}) +([-+.e\d]+)", section("numerics", "Constants"), re.MULTILINE)
    return [(name, int(bits, 16), float(value)) for name, bits, value in rows]


def values_of_functions():
    """Returns [(name, argument as it is written, bits)] of the values to check against."""
    rows = re.findall(
        r"^(exp|log)\((\S+?)\)\S*.*? 0x([0-9a-f]{8})$", section("numerics", "Values to check against"), re.MULTILINE
    )
    return [(name, argument, int(bits, 16)) for name, argument, bits in rows]


def example_packet():
    """Returns {field: value} of the packet that is shown in memory."""
    rows = re.findall(r"^ +[0-3]0: ((?:[0-9a-f]{2} ?){16})$", section("example", "One step"), re.MULTILINE)
    return dict(zip(_FIELDS, _PACKET.unpack(bytes.fromhex("".join(rows))), strict=True))
