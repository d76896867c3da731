# SPDX-License-Identifier: GPL-2.0
"""The Ethos-U65 driver on its device model: probe, jobs, refusals, every fault the model can inject."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu"),
    files={"/selftests": "build/selftests"},
    timeout=900,
    guest="""
load
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
for bits in x86_64 i386; do
	run /selftests/$bits/ethosu
	run /selftests/$bits/ethosu_faults
done
host unplug npu0
rmmod accel_ethosu
rmmod accel_core
exit $failures
""",
)
