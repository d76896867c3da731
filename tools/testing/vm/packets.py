# SPDX-License-Identifier: GPL-2.0
"""Judges a card's log of packets: how many packets of large requests did small ones have to wait for?

Documentation/devices/qda/queues.rst (scheduling) promises that it is one, if priorities say so.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass

# From so many rows on a packet of a tensor engine is one of a large request.
LARGE = 64
TENSOR = range(0x20, 0x30)

# So many small requests must have found an engine busy with a large packet, or nothing was put to the test.
LEAST_MET = 10


class Unproven(Exception):
    """The log says too little."""


@dataclass(frozen=True)
class Packet:
    """One line of the log; times are the card's, in nanoseconds."""

    queue: int
    engine: int
    opcode: int
    rows: int
    arrival: int
    start: int
    end: int


@dataclass(frozen=True)
class Request:
    """Packets that one doorbell announced; `met` packets of large requests ran before its end, after its arrival."""

    start_after: int
    end_after: int
    met: int


def parse(log: str) -> list[Packet]:
    """The packets of the tensor engines, in the order in which they ended."""
    packets = []
    for line in log.splitlines():
        fields = {key: int(value, 0) for key, value in (item.split("=") for item in line.split())}
        packet = Packet(**{name: fields[name] for name in Packet.__annotations__})
        if packet.opcode in TENSOR:
            packets.append(packet)
    return packets


def small_requests(packets: list[Packet]) -> list[Request]:
    """All small requests, and what large packets each met on its engine."""
    large = defaultdict(list)
    small = defaultdict(list)
    for packet in packets:
        if packet.rows >= LARGE:
            large[packet.engine].append(packet)
        else:
            small[packet.engine, packet.queue, packet.arrival].append(packet)
    # An engine executes one packet after the other: sorted by start is sorted by end.
    starts = {engine: sorted(packet.start for packet in some) for engine, some in large.items()}
    ends = {engine: sorted(packet.end for packet in some) for engine, some in large.items()}
    requests = []
    for (engine, _, arrival), some in small.items():
        start, end = min(packet.start for packet in some), max(packet.end for packet in some)
        met = bisect_left(starts.get(engine, []), end) - bisect_right(ends.get(engine, []), arrival)
        requests.append(Request(start - arrival, end - arrival, met))
    return requests


def summary(requests: list[Request]) -> str:
    """What came out, for people."""
    met = sum(request.met > 0 for request in requests)
    starts = _percentiles([request.start_after for request in requests])
    ends = _percentiles([request.end_after for request in requests])
    return (
        f"{len(requests)} small requests, {met} met large packets, {most(requests)} at most; by the card's clock "
        f"they started after {starts} and ended after {ends} (p50 / p99)"
    )


def most(requests: list[Request]) -> int:
    """The most large packets that a request met. Raises Unproven if too few met any."""
    met = sum(request.met > 0 for request in requests)
    if met < LEAST_MET:
        raise Unproven(f"{met} of {len(requests)} small requests met large packets: that proves nothing")
    return max(request.met for request in requests)


def _percentiles(times: list[int]) -> str:
    times = sorted(times)
    of = [times[-(-len(times) * percent // 100) - 1] / 1e6 for percent in (50, 99)]
    return f"{of[0]:.2f} / {of[1]:.2f} ms"
