# SPDX-License-Identifier: GPL-2.0
"""What calls cost in instructions, against vgem and drm_sched; scripts/bench runs it and judges the figures."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_fake", "gpu-sched", "drm_peer"),
    files={"/bench": "build/bench/bench"},
    icount=True,
    # The rows that count bytes keep more than half a gigabyte, and those behind them take a quarter.
    memory="1536M",
    parameters="nolapic_timer",
    manual=True,
    tests=24,
    timeout=600,
    silence=400,
    guest="""
load
run /bench
""",
)
