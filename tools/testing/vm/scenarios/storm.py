# SPDX-License-Identifier: GPL-2.0
"""Everything that has to hold for long: thousands of buffers, jobs and faults, of unplugs and kills."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_ethosu"),
    files={"/selftests": "build/selftests"},
    long=True,
    timeout=7200,
    silence=600,
    guest="""
export ACCEL_LONG=1
cd /selftests/x86_64
load accel-core accel_fake
for program in crowd buffer mmap submit clients fail_nth sigkill; do run ./$program; done
round=0
while [ $round -lt 20 ]; do
	run ./reset
	run ./unplug
	run ./module
	round=$((round + 1))
done
rmmod accel_fake
load accel_ethosu
run ./ethosu_unplug
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
round=0
while [ $round -lt 20 ]; do
	run ./ethosu_faults
	round=$((round + 1))
done
host unplug npu0
unload accel_ethosu accel_core
exit $failures
""",
)
