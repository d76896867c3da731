# SPDX-License-Identifier: GPL-2.0
"""stress-ng on all nodes of two QDA cards and of the test device, and on what sysfs has of them, for ten minutes."""

from vm import stress
from vm.scenario import Scenario, selftests

# What finds out whether devices work afterwards.
AFTERWARDS = ("submit", "qda")

SCENARIO = Scenario(
    modules=("accel-core", "accel_qda", "accel_fake"),
    files=selftests(*AFTERWARDS, callers=("x86_64",)),
    programs=stress.PROGRAMS,
    cards=2,
    long=True,
    timeout=3600,
    silence=600,
    guest=f"""
{stress.STRESS}
load accel-core accel_qda
until_true 10 test -e /dev/accel/accel1 || exit 1
insmod /modules/accel_fake.ko devices=1
stress 150 root
stress 150 nobody
for program in {" ".join(AFTERWARDS)}; do run /selftests/x86_64/$program; done
unload accel_fake accel_qda accel_core
exit $failures
""",
)
