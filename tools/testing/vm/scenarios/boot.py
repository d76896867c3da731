# SPDX-License-Identifier: GPL-2.0
"""The machine itself: the host channel and the share work."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    share="tools/testing/vm",
    guest="""
plan 6
check channel test "$(host echo one 'two  three')" = "one two three"
check channel_refuses sh -c '! host nonsense 2>/dev/null'
check channel_keeps_order sh -c 'for i in 1 2 3 4 5 6 7 8; do [ "$(host echo $i)" = $i ] || exit 1; done'
check share grep -q SCENARIO /share/scenarios/boot.py
check hotplug_ports test "$(grep -lx 0x060400 /sys/bus/pci/devices/*/class | wc -l)" = 4
check cpus test "$(nproc)" = 2
""",
)
