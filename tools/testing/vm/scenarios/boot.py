# SPDX-License-Identifier: GPL-2.0
"""The machine itself: the host channel and the share work; and what accel-smi says where there is no device."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    share="tools/testing/vm",
    files={"/bin/accel-smi": "build/bin/accel-smi"},
    guest="""
plan 8
check channel test "$(host echo one 'two  three')" = "one two three"
check channel_refuses sh -c '! host nonsense 2>/dev/null'
check channel_keeps_order sh -c 'for i in 1 2 3 4 5 6 7 8; do [ "$(host echo $i)" = $i ] || exit 1; done'
check share grep -q SCENARIO /share/scenarios/boot.py
check hotplug_ports test "$(grep -lx 0x060400 /sys/bus/pci/devices/*/class | wc -l)" = 4
nothing_to_show() {
	for arguments in "" -L -q "--query-accel=index" topo "events --follow" "reset -i 0 --yes" "-i 0"; do
		accel-smi $arguments >/tmp/out 2>/tmp/why
		[ $? = 3 ] && grep -q 'there is no device' /tmp/why || { echo "# $arguments: $(cat /tmp/why)"; return 1; }
	done
}
check no_device_is_said_so nothing_to_show
no_device_as_json() { [ "$(host valid snapshot $(accel-smi --json 2>/dev/null))" = 1 ]; }
check no_device_is_a_document_too no_device_as_json
check cpus test "$(nproc)" = 2
""",
)
