# SPDX-License-Identifier: GPL-2.0
"""The NPU behind an IOMMU: every DMA address is one that the driver mapped, for as long as it did."""

from vm.scenario import Scenario, selftests

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu"),
    files=selftests("ethosu", "ethosu_faults", callers=("x86_64",)),
    iommu=True,
    timeout=600,
    guest="""
load
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
run /selftests/x86_64/ethosu
run /selftests/x86_64/ethosu_faults
host unplug npu0
unload accel_ethosu accel_core
exit $failures
""",
)
