# SPDX-License-Identifier: GPL-2.0
"""Turns what the bench program printed, in one boot or several, into build/bench.json and a table.

report.py JSON LOG...: exits with 1 if a row is missing or above its target.
"""

import json
import re
import sys
from pathlib import Path

LINE = re.compile(r"^# bench (?P<name>\S+) (?P<unit>\S+) (?P<ours>\S+) (?P<peer>\S+)$", re.MULTILINE)

# The most that ours may be, where that is the target.
MOST: dict[str, float] = {
    "submit_private_buffer": 100,
    "submit_shared_buffer": 400,
    "user_submit": 150,
    "job_accounting": 60,
}

# Every row that is due, and the most its ratio may be.
ROWS: dict[str, float | None] = {
    "floor_getppid": None,
    "floor_ioctl": None,
    "info_ioctl": 0.6,
    "info_device": None,
    "buffer_create_close": 0.5,
    "buffer_touch_page": 0.25,
    "handle_lookup_100k": 1.2,
    "submit_private_buffer": None,
    "submit_shared_buffer": None,
    "kernel_submit_wait": 0.6,
    "prepared_submit": 1.0,
    "job_256_contexts": 1.2,
    "user_submit": None,
    "context_create_destroy": None,
    "queue_create_destroy": None,
    "job_accounting": None,
    "monitors_100": 1.02,
    "floor_ioctl_close": None,
    "dmabuf_reexport_close": 0.7,
    "dmabuf_first_export": 1.0,
    "buffer_bytes": None,
    "file_bytes": None,
    "class1_buffers": None,
    "class2_buffers": None,
    "class2_submit": None,
}

Row = dict[str, str | float | None]


def parse(log: str) -> dict[str, Row]:
    """The rows of one boot, by name."""
    rows: dict[str, Row] = {}
    for match in LINE.finditer(log):
        ours = float(match["ours"])
        peer = None if match["peer"] == "-" else float(match["peer"])
        ratio = round(ours / peer, 3) if peer else None
        rows[match["name"]] = dict(name=match["name"], unit=match["unit"], ours=ours, peer=peer, ratio=ratio)
    return rows


def spread(boots: list[dict[str, Row]], name: str) -> float:
    """The widest relative difference between boots in a row's two figures."""
    widest = 0.0
    for side in ("ours", "peer"):
        figures = [boot[name][side] for boot in boots if name in boot and boot[name][side]]
        if figures:
            widest = max(widest, max(figures) / min(figures) - 1)
    return widest


def judge(rows: dict[str, Row]) -> list[str]:
    """What is wrong with the rows."""
    wrong = [f"{name} is missing" for name in ROWS if name not in rows]
    for name, row in rows.items():
        target = ROWS.get(name)
        if target is not None and (row["ratio"] is None or row["ratio"] > target):
            wrong.append(f"{name}: ratio {row['ratio']}, at most {target} is allowed")
        most = MOST.get(name)
        if most is not None and float(row["ours"] or 0) > most:
            wrong.append(f"{name}: {row['ours']}, at most {most} is allowed")
    return wrong


def table(boots: list[dict[str, Row]]) -> str:
    """The first boot's rows for people."""
    lines = [f"{'row':<24} {'unit':<14} {'ours':>10} {'most':>7} {'peer':>10} {'ratio':>7} {'most':>7} {'spread':>7}"]
    for name, row in boots[0].items():
        cells = [_cell(row["ours"], ".1f", 10), _cell(MOST.get(name), ".0f", 7)]
        cells += [_cell(row["peer"], ".1f", 10)]
        cells += [_cell(row["ratio"], ".2f", 7), _cell(ROWS.get(name), ".2f", 7)]
        lines.append(f"{name:<24} {row['unit']:<14} {' '.join(cells)} {spread(boots, name):>7.2%}")
    return "\n".join(lines)


def _cell(number: float | None, form: str, width: int) -> str:
    return f"{'-' if number is None else format(number, form):>{width}}"


def main(destination: str, *logs: str) -> int:
    """Write the JSON, print the table and what is wrong."""
    boots = [parse(Path(log).read_text()) for log in logs]
    Path(destination).write_text(json.dumps(list(boots[0].values()), indent=2) + "\n")
    print(table(boots), flush=True)
    wrong = judge(boots[0])
    for line in wrong:
        print(f"bench: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
