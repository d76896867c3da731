# SPDX-License-Identifier: GPL-2.0
"""The whole uAPI against the test device: every selftest that needs no model, 64-bit and 32-bit."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock"),
    files={"/selftests": "build/selftests"},
    timeout=900,
    guest="""
load accel-core accel_fake
for bits in x86_64 i386; do
	for program in info abi buffer mmap submit wait reset clients node sysfs unplug uffd fail_nth; do
		echo "# $bits/$program"
		run /selftests/$bits/$program
	done
done
run /selftests/x86_64/module
load accel_mock
run /selftests/x86_64/mock
run /selftests/i386/mock
rmmod accel_mock
rmmod accel_fake
rmmod accel_core
exit $failures
""",
)
