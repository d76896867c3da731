# SPDX-License-Identifier: GPL-2.0
"""What few large and many small buffers of a QDA card cost; the figures are in driver-api/benchmarks.rst."""

from vm.scenario import Scenario, selftests

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files=selftests("qda_classes", callers=("x86_64",)),
    cards=1,
    icount=True,
    memory="1G",
    manual=True,
    timeout=300,
    guest="""
load
until_true 10 test -e /dev/accel/accel0 || exit 1
export ACCEL_LONG=1 ACCEL_FIGURES=1
run /selftests/x86_64/qda_classes
unload accel_qda accel_core
exit $failures
""",
)
