# SPDX-License-Identifier: GPL-2.0
"""The inference service: 16 small clients and 2 large ones on a QDA card, judged by its model's log of packets."""

from vm.scenario import Scenario

FILES = {"/bin/accel-serve": "build/bin/accel-serve"} | {
    f"/training/{name}.npy": f"build/training/{name}.npy" for name in ("weights", "held_out", "answers")
}

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files=FILES,
    cards=1,
    tests=4,
    timeout=300,
    # The model computes faster than the emulated guest asks: as it is, engines would often have nothing to do.
    guest="""
load
until_true 10 test -e /dev/accel/accel0 || exit 1
host model qda0 stretch 30
plan 4
check every_answer_is_right_to_a_bit accel-serve /training 20 high low
check small_requests_wait_for_one_large_packet host waits qda0 at-most 1
check answers_to_equals_are_right accel-serve /training 5 normal normal
check equals_wait_for_more host waits qda0 more-than 1
unload accel_qda accel_core
exit $failures
""",
)
