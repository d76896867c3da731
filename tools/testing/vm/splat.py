# SPDX-License-Identifier: GPL-2.0
"""Finds what a healthy kernel never prints, and judges its state at the end of a boot."""

import re

SPLAT = re.compile(
    r"""
      BUG:\ | kernel\ BUG\ at | WARNING: | KASAN: | UBSAN: | KCSAN: | KFENCE:
    | Oops | Kernel\ panic | panicked\ at | ------------\[\ cut\ here
    | general\ protection\ fault | Unable\ to\ handle | invalid\ opcode | stack\ segment
    | double\ fault | divide\ error | traps:.*(error|trap)
    | INFO:\ (possible|suspicious|trying|task|rcu|lockdep|inconsistent)
    | possible\ (circular|irq|recursive)\ .*lock | inconsistent\ lock\ state
    | sleeping\ function\ called | scheduling\ while\ atomic | suspicious\ RCU
    | turning\ off\ the\ locking\ correctness\ validator
    | refcount_t: | list_(add|del)\ corruption | ODEBUG: | DMA-API:
    | soft\ lockup | hard\ LOCKUP | blocked\ for\ more\ than | rcu:.*(stall|starved)
    | kmemleak:\ \d+\ new\ suspected | Bad\ page\ state | still\ held | irq\ \d+:\ nobody\ cared
    """,
    re.VERBOSE,
)
HARMLESS = re.compile(r"DMA-API: (preallocated|debugging enabled)")

# Bits of /proc/sys/kernel/tainted that the tests may set: out-of-tree module, in-kernel test, and soft
# lockup: opening sw_sync sets that, while a real one is a splat as well.
TAINT_ALLOWED = 1 << 12 | 1 << 14 | 1 << 18


class Detector:
    """Feed it the kernel's log; `found` holds the lines that are splats."""

    def __init__(self, allow: tuple[str, ...] = ()) -> None:
        self.found: list[str] = []
        self._allow = [re.compile(pattern) for pattern in allow]

    def feed(self, line: str) -> None:
        """Take one line of the kernel's log."""
        if not SPLAT.search(line) or HARMLESS.search(line):
            return
        if not any(pattern.search(line) for pattern in self._allow):
            self.found.append(line.strip())


def bad_taint(taint: int) -> int:
    """The bits of a taint mask that no test may cause."""
    return taint & ~TAINT_ALLOWED
