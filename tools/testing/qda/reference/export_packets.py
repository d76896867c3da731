# SPDX-License-Identifier: GPL-2.0
"""Writes packets for cards to execute, and the memory that has to come of it.

    packets.txt     a line for each packet, in the order in which its engine gets it: card, kind of engine, which of
                    a, b and d are addresses (or -), the packet in hexadecimal digits, what it is
    memory0.npy     [2, bytes]  memory of card 0 before and after, to which addresses are relative
    memory1.npy                 of card 1
    all_reduce.npy  [2, cards, bytes]  F32 of each card before and after an all-reduce in a ring

Usage: python tools/testing/qda/reference/export_packets.py DIRECTORY
"""

import sys
from pathlib import Path

import numpy as np

import cases


def line(packet):
    """Returns the text for a packet."""
    return f"{packet.card} {packet.engine} {packet.addresses or '-'} {packet.content.hex()} {packet.name}\n"


def main():
    """Writes everything."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    all_cases = cases.Cases()
    (directory / "packets.txt").write_text("".join(map(line, all_cases.packets)), encoding="ascii")
    for card, memory in enumerate(all_cases.memories):
        np.save(directory / f"memory{card}.npy", np.array([list(memory.before), list(memory.after)], np.uint8))
    np.save(directory / "all_reduce.npy", np.array(cases.all_reduce(), "<f4").view(np.uint8))


if __name__ == "__main__":
    main()
