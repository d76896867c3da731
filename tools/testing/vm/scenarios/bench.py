# SPDX-License-Identifier: GPL-2.0
"""What calls cost in instructions, against vgem; scripts/bench runs it and judges the figures."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_fake"),
    files={"/bench": "build/bench/bench"},
    icount=True,
    parameters="nolapic_timer",
    manual=True,
    tests=14,
    timeout=600,
    silence=400,
    guest="""
load
run /bench
""",
)
