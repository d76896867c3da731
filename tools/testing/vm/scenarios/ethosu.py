# SPDX-License-Identifier: GPL-2.0
"""The Ethos-U65 driver on its device model: probe, jobs, refusals, every fault the model can inject."""

from vm.scenario import Scenario, selftests

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu"),
    files=selftests("ethosu", "ethosu_faults"),
    timeout=900,
    guest="""
load
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
run /selftests/x86_64/ethosu
run /selftests/x86_64/ethosu_faults
# What 32-bit callers could see differently.
run /selftests/i386/ethosu -T garbage_in_the_regions_is_harmless -T garbage_in_the_stream_is_harmless
host unplug npu0
rmmod accel_ethosu
rmmod accel_core
exit $failures
""",
)
