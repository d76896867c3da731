# SPDX-License-Identifier: GPL-2.0
"""Where the CPUs of a guest are that does not get on."""

import bisect
import re
from pathlib import Path

from .qmp import Qmp, QmpError


def where(monitor: Qmp, symbols: Path) -> list[str]:
    """One line for each CPU: halted or not, and the kernel's function it is in (`symbols`: System.map)."""
    try:
        registers = monitor.execute("human-monitor-command", **{"command-line": "info registers -a"})
    except (QmpError, OSError) as error:
        return [f"QEMU does not say where the guest is: {error}"]
    table = _symbols(symbols)
    lines = []
    for cpu, ip, halted in re.findall(r"CPU#(\d+).*?\b[RE]IP=([0-9a-f]+).*?HLT=(\d)", registers, re.DOTALL):
        lines.append(f"cpu {cpu} {'halted' if halted == '1' else 'runs'} in {_name(table, int(ip, 16))}")
    return lines


def _symbols(path: Path) -> list[tuple[int, str]]:
    if not path.exists():
        return []
    fields = (line.split() for line in path.read_text().splitlines())
    return sorted((int(address, 16), name) for address, _, name in fields)


def _name(table: list[tuple[int, str]], address: int) -> str:
    at = bisect.bisect(table, (address, "\x7f")) - 1
    if at < 0 or address < 1 << 63:
        return hex(address)
    return f"{table[at][1]}+{address - table[at][0]:#x}"
