# SPDX-License-Identifier: GPL-2.0
"""The splat detector: what it must see, and what it must pass over."""

import unittest

from vm import splat

SPLATS = [
    "[    3.1] BUG: KASAN: slab-use-after-free in accel_open+0x12/0x40",
    "[    3.1] WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate+0xf/0x20",
    "[    3.1] WARNING: possible circular locking dependency detected",
    "[    3.1] INFO: task insmod:88 blocked for more than 30 seconds.",
    "[    3.1] INFO: trying to register non-static key.",
    "[    3.1] BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580",
    "[    3.1] DMA-API: pci 0000:01:00.0: device driver failed to check map error",
    "[    3.1] Kernel panic - not syncing: Attempted to kill init!",
    "[    3.1] rust_kernel: panicked at accel_core/logic/ring.rs:12:5:",
    "[    3.1] kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "[    3.1] turning off the locking correctness validator.",
    "[    3.1] ODEBUG: free active (active state 0) object: timer_list",
    "[    3.1] traps: demo[90] general protection fault ip:401000 sp:7ffe error:0",
    "[    3.1] Oops: general protection fault, probably for non-canonical address: 0000 [#1] SMP KASAN",
]

HEALTHY = [
    "[    0.0] Linux version 7.3.4 (accel@accel) #1 SMP PREEMPT",
    "[    0.5] DMA-API: preallocated 65536 debug entries",
    "[    0.5] DMA-API: debugging enabled by kernel config",
    "[    0.1] kasan: KernelAddressSanitizer initialized (generic)",
    "[    2.0] accel_core: loading out-of-tree module taints kernel.",
    "[    2.0] FAULT_INJECTION: forcing a failure.",
    "[    2.0] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar",
    "[    0.0] kmemleak: Kernel memory leak detector initialized (mem pool available: 15837)",
]


class Detector(unittest.TestCase):
    def found(self, *lines: str, allow: tuple[str, ...] = ()) -> list[str]:
        detector = splat.Detector(allow)
        for line in lines:
            detector.feed(line)
        return detector.found

    def test_every_splat(self) -> None:
        for line in SPLATS:
            with self.subTest(line):
                self.assertEqual(self.found(line), [line])

    def test_healthy_lines(self) -> None:
        self.assertEqual(self.found(*HEALTHY), [])

    def test_allowed_splat(self) -> None:
        self.assertEqual(self.found(*SPLATS[:2], allow=("slab-use-after-free",)), [SPLATS[1]])


class Taint(unittest.TestCase):
    def test_out_of_tree_and_kunit(self) -> None:
        self.assertEqual(splat.bad_taint(1 << 12 | 1 << 18), 0)

    def test_warning(self) -> None:
        self.assertEqual(splat.bad_taint(1 << 12 | 1 << 9), 1 << 9)


if __name__ == "__main__":
    unittest.main()
