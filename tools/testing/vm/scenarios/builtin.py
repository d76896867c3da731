# SPDX-License-Identifier: GPL-2.0
"""The same selftests with everything built into the kernel (=y)."""

from vm.scenario import Scenario, selftests

# Not those of time and repetition: what could differ is what modules would own, and the order of things.
PROGRAMS = "info abi buffer mmap dma_buf submit node sysfs mock".split()

SCENARIO = Scenario(
    kernels=("builtin",),
    files=selftests(*PROGRAMS, "ethosu", callers=("x86_64",)),
    parameters="kunit.enable=1 kunit.autorun=1",
    timeout=900,
    guest=f"""
for program in {" ".join(PROGRAMS)}; do run /selftests/x86_64/$program; done
host plug npu0 256
until_true 10 test -d /sys/bus/pci/drivers/accel_ethosu/0000:01:00.0 || exit 1
run /selftests/x86_64/ethosu
host unplug npu0
exit $failures
""",
)
