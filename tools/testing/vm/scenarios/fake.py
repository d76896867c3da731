# SPDX-License-Identifier: GPL-2.0
"""The whole uAPI against the test device: every selftest that needs no model, 64-bit and 32-bit."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock"),
    files={"/selftests": "build/selftests"},
    timeout=1800,
    guest="""
load accel-core accel_fake
both="info abi buffer pin dma_buf mmap submit queue wait uffd timeline timeline_wait sync_file
	job_points job_created account advise"
for program in $both reset clients node fence sysfs unplug fail_nth sigkill; do
	run /selftests/x86_64/$program
done
# What 32-bit callers could see differently.
for program in $both; do
	run /selftests/i386/$program
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
