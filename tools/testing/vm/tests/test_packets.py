# SPDX-License-Identifier: GPL-2.0
"""The judge of a card's log: what counts as waiting for large packets, and what proves nothing."""

import unittest

from vm import packets


def line(queue: int, rows: int, arrival: int, start: int, end: int, engine: int = 2, opcode: int = 0x20) -> str:
    """As the model of a card writes it."""
    return (
        f"queue={queue} index=0 engine={engine} asid=1 priority=1 opcode={opcode:#04x} rows={rows} "
        f"arrival={arrival} start={start} end={end} busy={end - start}"
    )


def met(*lines: str) -> list[int]:
    """How many large packets each small request met."""
    return [request.met for request in packets.small_requests(packets.parse("\n".join(lines)))]


# Two large packets of two clients, one behind the other.
LARGE = (line(1, 1024, 0, 100, 200), line(2, 1024, 0, 200, 300))


class Waiting(unittest.TestCase):
    """What a request meets."""

    def test_packet_that_runs_is_met(self):
        self.assertEqual(met(LARGE[0], line(3, 1, 150, 200, 210), line(2, 1024, 0, 210, 300)), [1])

    def test_two_packets_are_met(self):
        self.assertEqual(met(*LARGE, line(3, 1, 150, 300, 310)), [2])

    def test_what_ended_before_or_began_after_is_not_met(self):
        self.assertEqual(met(LARGE[0], line(3, 1, 200, 200, 210), line(2, 1024, 0, 210, 300)), [0])

    def test_request_lasts_until_its_last_packet(self):
        packets_of_one = (line(3, 1, 150, 200, 210), line(3, 1, 150, 310, 320))
        self.assertEqual(met(LARGE[0], packets_of_one[0], line(2, 1024, 0, 210, 310), packets_of_one[1]), [2])

    def test_requests_of_a_queue_are_told_apart(self):
        first, second = line(3, 1, 150, 200, 210), line(3, 1, 220, 220, 230)
        self.assertEqual(met(LARGE[0], first, second), [1, 0])

    def test_other_engines_do_not_matter(self):
        elsewhere = line(2, 1024, 0, 160, 170, engine=3)
        copies = line(4, 1024, 0, 175, 180, opcode=0x10)
        self.assertEqual(met(LARGE[0], elsewhere, copies, line(3, 1, 150, 200, 210)), [1])

    def test_small_packets_do_not_matter(self):
        self.assertEqual(met(LARGE[0], line(4, 1, 150, 200, 210), line(3, 1, 150, 210, 220)), [1, 1])


class Judging(unittest.TestCase):
    """What is concluded."""

    def requests(self, *counts: int) -> list[packets.Request]:
        return [packets.Request(1_000_000, 2_000_000, count) for count in counts]

    def test_worst_request_decides(self):
        self.assertEqual(packets.most(self.requests(*[1] * 20, 3, 0)), 3)

    def test_idle_engines_prove_nothing(self):
        for counts in ((), (0,) * 100, (1,) * (packets.LEAST_MET - 1) + (0,) * 100):
            with self.assertRaises(packets.Unproven):
                packets.most(self.requests(*counts))

    def test_summary_has_the_figures(self):
        text = packets.summary(self.requests(*[1] * 10, 0, 0))
        self.assertIn("12 small requests, 10 met large packets, 1 at most", text)
        self.assertIn("after 1.00 / 1.00 ms and ended after 2.00 / 2.00 ms", text)


if __name__ == "__main__":
    unittest.main()
