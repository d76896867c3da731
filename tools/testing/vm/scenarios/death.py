# SPDX-License-Identifier: GPL-2.0
"""The device model is killed under a running job. The guest must not be reset after that."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu"),
    files={"/selftests": "build/selftests"},
    guest="""
load
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
run /selftests/x86_64/ethosu_death
echo 0000:01:00.0 >/sys/bus/pci/drivers/accel_ethosu/unbind
unload accel_ethosu accel_core
exit $failures
""",
)
