# SPDX-License-Identifier: GPL-2.0
"""The KTAP parser: what it counts, and everything it must not take for a pass."""

import unittest

from vm import ktap


def parse(text: str) -> tuple[int, list[str]]:
    """The number of passes and the list of failures in a document."""
    parser = ktap.Parser()
    for line in text.splitlines():
        parser.feed(line)
    report = parser.finish()
    return len(report.passed), report.failed


FLAT = """\
TAP version 13
1..2
# Starting 2 tests from 1 test cases.
ok 1 global.open
ok 2 global.close
# PASSED: 2 / 2 tests passed.
"""

KUNIT = """\
[    1.234567] KTAP version 1
[    1.234569] 1..1
[    1.234570]     KTAP version 1
[    1.234571]     # Subtest: rust_ring
[    1.234572]     1..2
[    1.234573]     ok 1 push
[    1.234574][   T42]     ok 2 pop
[    1.234575] # rust_ring: pass:2 fail:0 skip:0 total:2
[    1.234576] # Totals: pass:2 fail:0 skip:0 total:2
[    1.234577] ok 1 rust_ring
"""


class Counting(unittest.TestCase):
    def test_flat(self) -> None:
        self.assertEqual(parse(FLAT), (2, []))

    def test_only_leaves_count(self) -> None:
        self.assertEqual(parse(KUNIT), (2, []))

    def test_leaf_names_carry_the_suite(self) -> None:
        parser = ktap.Parser()
        for line in KUNIT.splitlines():
            parser.feed(line)
        self.assertEqual(parser.finish().passed, ["rust_ring: push", "rust_ring: pop"])

    def test_what_was_said_before_a_failure_is_its_reason(self) -> None:
        text = "1..2\n# quiet\nok 1 a\n#  RUN  b ...\n# x.c:7:b:Expected 1 == 2\nnot ok 2 b\n"
        self.assertEqual(parse(text), (1, ["b\n    x.c:7:b:Expected 1 == 2"]))

    def test_documents_follow_each_other(self) -> None:
        self.assertEqual(parse(FLAT + KUNIT + FLAT), (6, []))

    def test_documents_without_version(self) -> None:
        self.assertEqual(parse("1..1\nok 1 a\n1..2\nok 1 b\nok 2 c\n"), (3, []))

    def test_three_levels(self) -> None:
        text = "KTAP version 1\n1..2\n"
        text += "  KTAP version 1\n  1..1\n    KTAP version 1\n    1..2\n    ok 1 a\n    ok 2 b\n  ok 1 c\n"
        text += "ok 1 d\nok 2 leaf\n"
        self.assertEqual(parse(text), (3, []))

    def test_plan_at_the_end(self) -> None:
        self.assertEqual(parse("TAP version 13\nok 1 a\nok 2 b\n1..2\n"), (2, []))

    def test_prose_is_no_result(self) -> None:
        self.assertEqual(parse("okay\nnot okay\n# ok 1 x\n"), (0, []))


class Refusing(unittest.TestCase):
    def test_not_ok(self) -> None:
        self.assertEqual(parse(FLAT.replace("ok 2", "not ok 2")), (1, ["global.close"]))

    def test_failed_leaf_counts_once(self) -> None:
        text = KUNIT.replace("ok 2 pop", "not ok 2 pop").replace("ok 1 rust_ring", "not ok 1 rust_ring")
        self.assertEqual(parse(text), (1, ["rust_ring: pop"]))

    def test_summary_fails_alone(self) -> None:
        text = KUNIT.replace("ok 1 rust_ring", "not ok 1 rust_ring")
        self.assertEqual(parse(text), (2, ["rust_ring"]))

    def test_skip(self) -> None:
        self.assertEqual(parse(FLAT.replace("close", "close # SKIP no device"))[1], ["global.close: SKIP no device"])

    def test_todo(self) -> None:
        self.assertEqual(parse(FLAT.replace("ok 2 global.close", "not ok 2 x # TODO"))[1], ["x: TODO"])

    def test_skip_all(self) -> None:
        self.assertEqual(parse("TAP version 13\n1..0 # SKIP no root\n"), (0, ["no tests planned SKIP no root"]))

    def test_died_in_the_middle(self) -> None:
        self.assertEqual(parse(FLAT.replace("ok 2 global.close\n", "")), (1, ["planned 2 tests, saw 1"]))

    def test_died_before_the_plan(self) -> None:
        self.assertEqual(parse("KTAP version 1\n"), (0, ["no plan, 0 results"]))

    def test_result_left_out(self) -> None:
        failed = parse("1..2\nok 1 a\nok 3 c\n")[1]
        self.assertEqual(failed, ["c: numbered 3 where 2 was due"])

    def test_bail_out(self) -> None:
        self.assertIn("bailed out: no device", parse("TAP version 13\n1..1\nBail out! no device\n")[1])

    def test_who_died(self) -> None:
        parser = ktap.Parser()
        for parser.heading in ("one", "two"):
            parser.feed("TAP version 13")
        self.assertEqual(parser.finish().failed, ["one: no plan, 0 results", "two: no plan, 0 results"])

    def test_seconds(self) -> None:
        now = 0.0
        parser = ktap.Parser(lambda: now)
        for line in ["TAP version 13", "1..2", "ok 1 a", "ok 2 b", "TAP version 13", "1..1", "ok 1 c"]:
            parser.feed(line)
            now += 3 if line == "ok 1 a" else 1
        self.assertEqual(parser.finish().seconds, [(2, "a"), (3, "b"), (2, "c")])


if __name__ == "__main__":
    unittest.main()
