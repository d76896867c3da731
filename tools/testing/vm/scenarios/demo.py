# SPDX-License-Identifier: GPL-2.0
"""The demo: one NPU of each configuration runs the networks of build/networks."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_ethosu"),
    files={"/bin/accel-demo": "build/bin/accel-demo"},
    share="build",
    timeout=900,
    tests=0,
    manual=True,
    guest="""
load
host plug npu0 256
host plug npu1 512
until_true 10 test -e /dev/accel/accel1 || exit 1
accel-demo /share/networks /share/outputs
""",
)
