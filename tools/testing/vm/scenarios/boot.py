# SPDX-License-Identifier: GPL-2.0
"""The machine itself: each kernel boots healthy, and the host channel and the share work."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release", "debug"),
    share="tools/testing/vm",
    guest="""
echo "KTAP version 1"
echo "1..6"
check() {
	number=$1 name=$2
	shift 2
	if "$@"; then echo "ok $number $name"; else echo "not ok $number $name"; fi
}
check 1 channel test "$(host echo one 'two  three')" = "one two three"
check 2 channel_refuses sh -c '! host nonsense 2>/dev/null'
check 3 channel_keeps_order sh -c 'for i in 1 2 3 4 5 6 7 8; do [ "$(host echo $i)" = $i ] || exit 1; done'
check 4 share grep -q SCENARIO /share/scenarios/boot.py
check 5 hotplug_ports test "$(grep -lx 0x060400 /sys/bus/pci/devices/*/class | wc -l)" = 4
check 6 cpus test "$(nproc)" = 2
""",
)
