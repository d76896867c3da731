# SPDX-License-Identifier: GPL-2.0
"""The whole uAPI against the test device: every selftest that needs no model, 64-bit and 32-bit."""

from vm.scenario import Scenario, selftests

# Interfaces, of which 32-bit callers could see something else. They repeat less: times() in common.h.
BOTH = """info abi buffer pin dma_buf mmap submit submit_many prepared queue wait uffd timeline timeline_wait
    sync_file job_points job_created account advise""".split()
ONLY_64 = "reset admin_reset clients node fence engine_time trace sysfs unplug fail_nth sigkill".split()

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock"),
    files=selftests(*BOTH, "mock") | selftests(*ONLY_64, "module", callers=("x86_64",)),
    timeout=1800,
    guest=f"""
load accel-core accel_fake
for program in {" ".join(BOTH + ONLY_64)}; do run /selftests/x86_64/$program; done
for program in {" ".join(BOTH)}; do run /selftests/i386/$program; done
run /selftests/x86_64/module
plan 1
sed 's/accel_abi_................/accel_abi_0123456789abcdef/' /modules/accel_mock.ko >/tmp/stale.ko
check a_driver_built_against_other_sources_is_refused sh -c '! insmod /tmp/stale.ko 2>/dev/null'
load accel_mock
run /selftests/x86_64/mock
run /selftests/i386/mock
rmmod accel_mock
rmmod accel_fake
rmmod accel_core
exit $failures
""",
)
