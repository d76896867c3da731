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


def codes(chapter, title, names):
    """Returns {name: code} of the rows of a table that begin with a code and such a name."""
    rows = re.findall(rf"^(0x[0-9a-f]+|\d+) +({names})\b", section(chapter, title), re.MULTILINE)
    return {name: int(code, 0) for code, name in rows}


def packets():
    """Returns {(engine, opcode, type, operation, options)} of all packets that there are."""
    rows = re.findall(r"^0x\w+ +([A-Z]+) +(all|copy|tensor|collective) ", section("queues", "Packets"), re.MULTILINE)
    engines = dict(rows)
    return {
        (engine, *packet)
        for name, code in codes("queues", "Packets", "[A-Z]+").items()
        for engine in (["copy", "tensor", "collective"] if engines[name] == "all" else [engines[name]])
        for packet in _variants(name, code)
    }


def _variants(name, code):
    """Returns [(opcode, type, operation, options)] of an opcode."""
    special = {
        "GEMM": _gemms,
        "ELEMENTWISE": _elementwise,
        "REDUCE": _reductions,
        "CONVERT": _conversions,
        "RECEIVE": _arrivals,
        "EXCHANGE": _arrivals,
    }
    return [(code, *variant) for variant in special.get(name, lambda: [(0, 0, 0)])()]


def _types():
    return codes("tensor", "Matrices", "F32|BF16|I32|I8")


def _gemms():
    rule = re.search(r"^type +(.*?)no other$", section("tensor", "GEMM"), re.MULTILINE | re.DOTALL)[1]
    bits = re.findall(r"bit (\d) (?:TRANSPOSE_A|TRANSPOSE_B|ACCUMULATE)", section("tensor", "GEMM"))
    kinds = re.findall(r"(\w+): A", rule)
    return [(_types()[kind], 0, options) for kind in kinds for options in range(2 ** len(bits))]


def _elementwise():
    rows = re.findall(
        r"^(\d+) +[A-Z_]+ +(F32(?:, I32)?) +.*? {2,}(0|1, 2 or 3) +(?:reserved|used)$",
        section("tensor", "ELEMENTWISE"),
        re.MULTILINE,
    )
    return [
        (_types()[kind], int(code), int(shape))
        for code, kinds, shapes in rows
        for kind in kinds.split(", ")
        for shape in re.findall(r"\d", shapes)
    ]


def _reductions():
    text = section("tensor", "REDUCE")
    kind = _types()[re.match(r"\s*Type (\w+)\.", text)[1]]
    options = re.findall(r"^([01]) +one result per", text, re.MULTILINE)
    operations = codes("tensor", "REDUCE", "SUM|MAX|ARGMAX").values()
    return [(kind, code, int(option)) for code in operations for option in options]


def _conversions():
    rows = re.findall(r"^(F32|BF16|I32|I8) +(F32|BF16|I32|I8) ", section("tensor", "CONVERT"), re.MULTILINE)
    return [(_types()[kind], _types()[to], 0) for kind, to in rows]


def _arrivals():
    row = re.search(r"^operation .*$", section("collective", "Packets"), re.MULTILINE)[0]
    return [(_types()["F32"] * (code != "0"), int(code), 0) for code in re.findall(r"(\d) [A-Z]+", row)]
