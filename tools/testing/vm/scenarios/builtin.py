# SPDX-License-Identifier: GPL-2.0
"""The same selftests with everything built into the kernel (=y)."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    kernels=("builtin",),
    files={"/selftests": "build/selftests/x86_64"},
    parameters="kunit.enable=1 kunit.autorun=1",
    timeout=900,
    guest="""
for program in info abi buffer mmap submit wait reset clients node sysfs mock; do
	run /selftests/$program
done
host plug npu0 256
until_true 10 test -d /sys/bus/pci/drivers/accel_ethosu/0000:01:00.0 || exit 1
run /selftests/ethosu
host unplug npu0
exit $failures
""",
)
