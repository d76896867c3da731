# SPDX-License-Identifier: GPL-2.0
"""What a boot was worth: its test results, and whether the kernel came out healthy."""

from pathlib import Path

from . import ktap, splat
from .scenario import Scenario

EARLY = "the guest ended without its exit line"


class Verdict:
    """Collects a boot's lines; after `finish`, `passed` and `failed` are the count.

    The boot itself is one of the tests: it fails with a reason in `trouble`.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.status: int | None = None
        # The guest had its own power cut, so there is no more to come from it.
        self.is_cut = False
        # How many boots before this one do not count, because QEMU failed by itself.
        self.again = 0
        self.trouble: list[str] = []
        self.report = ktap.Report()
        self.seconds = 0.0
        self.last_line = ""
        self._parsers = {"kernel": ktap.Parser(), "program": ktap.Parser()}
        self._splats = splat.Detector(scenario.allow)
        self._leaks: list[str] = []
        self._lockdep = "1"

    @property
    def passed(self) -> int:
        return len(self.report.passed) + (not self.trouble)

    @property
    def failed(self) -> int:
        return len(self.report.failed) + bool(self.trouble)

    def kernel_line(self, line: str) -> None:
        """Take one line of the kernel's log."""
        self.last_line = line
        self._splats.feed(line)
        self._parsers["kernel"].feed(line)

    def program_line(self, line: str) -> None:
        """Take one line that a program in the guest printed."""
        word, _, rest = line.partition(" ")
        match word:
            case "@@run":
                self._parsers["program"].heading = rest.split(" ")[0].removeprefix("/selftests/")
            case "@@leak":
                self._leaks.append(rest)
            case "@@lockdep":
                self._lockdep = rest
            case "@@taint":
                if bad := splat.bad_taint(int(rest)):
                    self.trouble.append(f"the kernel is tainted: {bad:#x}")
            case "@@exit":
                self.status = int(rest)
            case _:
                self._parsers["program"].feed(line)

    def finish(self, seconds: float) -> None:
        """Draw the conclusions."""
        self.seconds = seconds
        for parser in self._parsers.values():
            report = parser.finish()
            self.report.passed += report.passed
            self.report.failed += report.failed
            self.report.seconds += report.seconds
            self.report.unfinished += report.unfinished
        self.trouble += self._splats.found
        self.trouble += [f"leak: {line}" for line in self._leaks]
        if self._lockdep != "1":
            self.trouble.append("lockdep has switched itself off")
        if self.status is None and not self.is_cut:
            self.trouble.append(EARLY)
        if self.status:
            self.trouble.append(f"exit status {self.status}")
        seen = len(self.report.passed) + len(self.report.failed)
        if seen < self.scenario.tests:
            self.trouble.append(f"{seen} test results, at least {self.scenario.tests} were due")

    @property
    def ended_early(self) -> bool:
        """Nothing was wrong until the machine ended by itself."""
        return self.trouble == [EARLY] and len(self.report.failed) == self.report.unfinished

    @property
    def title(self) -> str:
        """The scenario and its kernel."""
        return f"{self.scenario.name} ({self.scenario.kernels[0]})"

    def text(self) -> str:
        """One line, and some for each failure."""
        lines = [f"  {self.title:<28} {self.passed:4} passed, {self.failed} failed  {self.seconds:6.1f} s"]
        if self.again:
            lines.append(f"      boot {self.again + 1}: QEMU had failed an assertion of its own")
        for what in self.trouble + self.report.failed:
            lines += [f"      {line}" for line in what.split("\n")]
        if self.failed:
            lines.append(f"      logs: {self.folder}/*.log")
        return "\n".join(lines)


def slowest(verdicts: list[Verdict], count: int) -> str:
    """A table of the tests that took longest."""
    times = [(seconds, verdict.title, name) for verdict in verdicts for seconds, name in verdict.report.seconds]
    rows = [f"  {seconds:6.1f} s  {title}: {name}" for seconds, title, name in sorted(times, reverse=True)[:count]]
    return "\n".join(["slowest tests:", *rows])


def failures(verdicts: list[Verdict]) -> str:
    """What failed and why, of all boots: for the end of a report, where it is not lost."""
    return "\n".join(["failed:", *(verdict.text() for verdict in verdicts if verdict.failed)])
