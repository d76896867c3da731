# SPDX-License-Identifier: GPL-2.0
"""Scratch of the selftests helper."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock"),
    files={"/selftests": "build/selftests"},
    timeout=1500,
    silence=200,
    manual=True,
    guest="""
load accel-core accel_fake
for arch in x86_64; do
for program in info abi buffer mmap submit wait reset clients node sysfs unplug uffd fail_nth; do
	echo "# $arch/$program"
	[ $program = mock ] && load accel_mock
	read up _ </proc/uptime; run /selftests/$arch/$program; read now _ </proc/uptime; echo "@time $arch/$program $up $now"
	[ $program = mock ] && rmmod accel_mock
done
done
rmmod accel_fake
rmmod accel_core
exit $failures
""",
)
