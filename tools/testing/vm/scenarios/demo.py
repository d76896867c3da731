# SPDX-License-Identifier: GPL-2.0
"""The demo: one NPU of each configuration runs the networks of build/networks, one QDA card, then two, train one; and
what accel-smi says of them all afterwards."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_ethosu", "accel_qda"),
    files={f"/bin/{program}": f"build/bin/{program}" for program in ("accel-demo", "accel-train", "accel-smi")},
    cards=2,
    share="build",
    timeout=900,
    tests=0,
    manual=True,
    guest="""
load
host plug npu0 256
host plug npu1 512
both() { test "$(ls -d /sys/bus/pci/drivers/accel_ethosu/0000:*/accel | wc -l)" = 2; }
until_true 10 both || exit 1
accel-demo /share/networks /share/outputs || exit 1
echo
accel-train /share/training /share/outputs 40 1 2 || exit 1
{ accel-smi -q -d UTILIZATION && echo && accel-smi; } >/share/outputs/summary
""",
)
