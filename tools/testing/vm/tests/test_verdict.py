# SPDX-License-Identifier: GPL-2.0
"""A boot's verdict: healthy only when everything that must be there is, and nothing else."""

import unittest
from pathlib import Path

from vm.scenario import Scenario
from vm.verdict import Verdict, failures, slowest

PROGRAM = ["1..1", "ok 1 open", "@@lockdep 1", "@@taint 4096", "@@exit 0"]


def judge(program: list[str], kernel: list[str] = [], **scenario: object) -> Verdict:
    """The verdict on these lines."""
    verdict = Verdict(Scenario(guest="", name="x", **scenario), Path("/tmp"))
    for line in kernel:
        verdict.kernel_line(line)
    for line in program:
        verdict.program_line(line)
    verdict.finish(1.0)
    return verdict


class Judgement(unittest.TestCase):
    def assert_trouble(self, verdict: Verdict, words: str) -> None:
        self.assertTrue(any(words in trouble for trouble in verdict.trouble), verdict.trouble)
        self.assertGreater(verdict.failed, 0)

    def test_healthy(self) -> None:
        verdict = judge(PROGRAM)
        self.assertEqual((verdict.passed, verdict.failed), (2, 0))

    def test_both_streams_count(self) -> None:
        verdict = judge(PROGRAM, ["[ 1.0] KTAP version 1", "[ 1.0] 1..1", "[ 1.0] not ok 1 ring"])
        self.assertEqual((verdict.passed, verdict.failed), (2, 1))

    def test_splat(self) -> None:
        self.assert_trouble(judge(PROGRAM, ["[ 1.0] WARNING: CPU: 0 PID: 1 at x"]), "WARNING")

    def test_leak(self) -> None:
        self.assert_trouble(judge(PROGRAM + ["@@leak unreferenced object 0x1 (size 8):"]), "leak")

    def test_lockdep_off(self) -> None:
        self.assert_trouble(judge([line.replace("lockdep 1", "lockdep 0") for line in PROGRAM]), "lockdep")

    def test_taint(self) -> None:
        self.assert_trouble(judge([line.replace("4096", "4608") for line in PROGRAM]), "tainted: 0x200")

    def test_exit_status(self) -> None:
        self.assert_trouble(judge([line.replace("exit 0", "exit 3") for line in PROGRAM]), "exit status 3")

    def test_no_exit(self) -> None:
        self.assert_trouble(judge(PROGRAM[:-1]), "without its exit line")

    def test_ended_early(self) -> None:
        begun = PROGRAM[:2] + ["1..2", "ok 1 die"]
        self.assertTrue(judge(PROGRAM[:-1]).ended_early)
        self.assertTrue(judge(begun).ended_early)
        self.assertFalse(judge(begun + ["not ok 2 wedge"]).ended_early)
        self.assertFalse(judge(begun + ["@@leak unreferenced object 0x1 (size 8):"]).ended_early)
        self.assertFalse(judge(begun, ["[ 1.0] WARNING: CPU: 0 PID: 1 at x"]).ended_early)
        self.assertFalse(judge(PROGRAM).ended_early)

    def test_cut(self) -> None:
        verdict = Verdict(Scenario(guest="", name="x"), Path("/tmp"))
        verdict.program_line("ok 1 open")
        verdict.is_cut = True
        verdict.finish(1.0)
        self.assertEqual((verdict.passed, verdict.failed), (2, 0))

    def test_cut_before_its_results(self) -> None:
        verdict = Verdict(Scenario(guest="", name="x"), Path("/tmp"))
        verdict.is_cut = True
        verdict.finish(1.0)
        self.assert_trouble(verdict, "0 test results")

    def test_too_few_results(self) -> None:
        self.assert_trouble(judge(PROGRAM, tests=2), "1 test results")

    def test_who_failed(self) -> None:
        lines = ["@@run /selftests/i386/node", "TAP version 13", "1..1", "not ok 1 open"]
        self.assertEqual(judge(lines + PROGRAM[2:]).report.failed, ["i386/node: open"])

    def test_slowest(self) -> None:
        verdict = judge(PROGRAM)
        verdict.report.seconds = [(1.0, "a"), (3.0, "b"), (2.0, "c")]
        table = slowest([verdict], 2).splitlines()
        self.assertEqual([line.split()[-1] for line in table[1:]], ["b", "c"])

    def test_failures_are_told_again_without_what_passed(self) -> None:
        bad = judge(["1..1", "# x.c:7:open:Expected 1 == 2", "not ok 1 open", *PROGRAM[2:]])
        text = failures([judge(PROGRAM), bad])
        self.assertIn("Expected 1 == 2", text)
        self.assertEqual(text.count("passed"), 1)


if __name__ == "__main__":
    unittest.main()
