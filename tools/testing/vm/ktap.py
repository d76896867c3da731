# SPDX-License-Identifier: GPL-2.0
"""Counts the results in KTAP output: nested, with or without the kernel log's time stamps."""

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

STAMP = re.compile(r"^\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?")
VERSION = re.compile(r"^(?:KTAP version 1|TAP version 1[34])$")
SUBTEST = re.compile(r"^# Subtest: (.*)$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(.*))?$")
RESULT = re.compile(r"^(not ok|ok)\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
BAIL = re.compile(r"^Bail out!(.*)$")
SAID = re.compile(r"^#\s*(?!\s|Starting |RUN |OK\b)(.*)$")
# So many of the last comments before a `not ok` are its reason.
REASON_LINES = 6


@dataclass
class Report:
    """Leaf results, by name. Whatever is no plain `ok` is in `failed`, with the reason, line by line."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    # What each result took: the seconds since the one before it, or since its document began.
    seconds: list[tuple[float, str]] = field(default_factory=list)
    # How many of `failed` are tests that the end of the stream cut off.
    unfinished: int = 0


@dataclass
class _Block:
    """The results at one depth of one document."""

    indent: int
    name: str = ""
    plan: int | None = None
    plan_due: bool = False
    results: int = 0
    failed: bool = False
    # A subtest was closed and the result that sums it up is still to come.
    summary_due: bool = False
    subtest_failed: bool = False


def _joined(*names: str) -> str:
    return ": ".join(name for name in names if name)


class Parser:
    """Feed it lines as they come, then call `finish`.

    `heading` says who prints them: the names of results in documents that open from now on begin with it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.report = Report()
        self.heading = ""
        self._blocks = [_Block(-1)]
        self._said: deque[str] = deque(maxlen=REASON_LINES)
        self._clock = clock
        self._since = clock()

    def feed(self, line: str) -> None:
        """Take one line; what is not KTAP is passed over."""
        line = STAMP.sub("", line.rstrip("\r\n"), count=1)
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if VERSION.match(text):
            self._since = self._clock()
            self._open(indent).plan_due = True
        elif match := SUBTEST.match(text):
            self._name(indent, match[1])
        elif match := PLAN.match(text):
            self._plan(indent, int(match[1]), match[2] or "")
        elif match := RESULT.match(text):
            self._result(self._block(indent), match[1] == "ok", match[2], match[3])
            self._said.clear()
        elif match := BAIL.match(text):
            self._fail(self._blocks[-1], f"bailed out:{match[1]}")
        elif match := SAID.match(text):
            self._said.append(match[1])

    def finish(self) -> Report:
        """Close what is open and return the count."""
        before = len(self.report.failed)
        self._close(0)
        self.report.unfinished = len(self.report.failed) - before
        return self.report

    def _fail(self, block: _Block, why: str) -> None:
        self.report.failed.append(_joined(block.name, why))
        block.failed = True

    def _open(self, indent: int) -> _Block:
        self._close(indent)
        self._blocks.append(_Block(indent, self.heading))
        return self._blocks[-1]

    def _block(self, indent: int) -> _Block:
        """The block at this depth, with everything deeper closed."""
        self._close(indent + 1)
        outer = self._blocks[-1]
        if outer.indent == indent:
            return outer
        inner = _Block(indent, summary_due=outer.summary_due, subtest_failed=outer.subtest_failed)
        outer.summary_due = outer.subtest_failed = False
        self._blocks.append(inner)
        return inner

    def _close(self, indent: int) -> None:
        """Close the blocks at this depth and deeper; each owes its outer block a summary."""
        while self._blocks[-1].indent >= indent:
            block = self._blocks.pop()
            if block.plan is None and block.plan_due:
                self._fail(block, f"no plan, {block.results} results")
            elif block.plan is not None and block.plan != block.results:
                self._fail(block, f"planned {block.plan} tests, saw {block.results}")
            outer = self._blocks[-1]
            outer.summary_due = True
            outer.subtest_failed |= block.failed

    def _name(self, indent: int, name: str) -> None:
        block = self._block(indent)
        if block.results:
            block = self._open(indent)
        block.name = _joined(self.heading, name)

    def _plan(self, indent: int, count: int, comment: str) -> None:
        block = self._block(indent)
        if block.plan is not None:
            block = self._open(indent)
        block.plan = count
        if count == 0:
            self._fail(block, f"no tests planned {comment}".rstrip())

    def _result(self, block: _Block, good: bool, number: str | None, rest: str) -> None:
        block.results += 1
        summary, subtest_failed = block.summary_due, block.subtest_failed
        block.summary_due = block.subtest_failed = False
        block.failed |= subtest_failed

        name, _, directive = (part.strip() for part in rest.partition("#"))
        name = name or f"test {block.results}"
        if not summary:
            self._time(_joined(block.name, name))
        if number is not None and int(number) != block.results:
            self._fail(block, f"{name}: numbered {number} where {block.results} was due")
        if directive.upper().startswith(("SKIP", "TODO")):
            self._fail(block, f"{name}: {directive}")
        elif not good and not subtest_failed:
            self._fail(block, name if summary else "\n    ".join([name, *self._said]))
        elif good and not summary:
            self.report.passed.append(_joined(block.name, name))

    def _time(self, name: str) -> None:
        now = self._clock()
        self.report.seconds.append((now - self._since, name))
        self._since = now
