# SPDX-License-Identifier: GPL-2.0
"""The NPU goes away in every way there is, and comes back.

At last its model is killed under a running job: the guest must not be reset after that.
"""

from vm.scenario import Scenario, selftests

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu"),
    files=selftests("ethosu_unplug", "ethosu_death", callers=("x86_64",)),
    timeout=600,
    guest="""
load
run /selftests/x86_64/ethosu_unplug

echo "KTAP version 1"
echo "1..4"
check() {
	number=$1 name=$2
	shift 2
	if "$@"; then echo "ok $number $name"; else echo "not ok $number $name"; fi
}
host plug npu0 256
host plug npu1 512
until_true 10 test -e /dev/accel/accel1
check 1 two_devices_at_once grep -q 512 /sys/class/accel/accel1/macs
check 2 rmmod_under_use_is_refused sh -c 'exec 9</dev/accel/monitor1; ! rmmod accel_ethosu 2>/dev/null'
check 3 rmmod_with_idle_devices_works rmmod accel_ethosu
check 4 the_devices_come_back sh -c 'insmod /modules/accel_ethosu.ko && grep -q 256 /sys/class/accel/accel0/macs'
host unplug npu0
host unplug npu1

host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
run /selftests/x86_64/ethosu_death
echo 0000:01:00.0 >/sys/bus/pci/drivers/accel_ethosu/unbind
unload accel_ethosu accel_core
exit $failures
""",
)
