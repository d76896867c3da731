# SPDX-License-Identifier: GPL-2.0
"""Models die under a job, ten of either kind: the device is wedged, its slot emptied, and the next one works."""

from vm import watching
from vm.scenario import Scenario, selftests

# QEMU does not always survive it if two CPUs look at a device when its model dies: nobody watches then.
ROUNDS = " ".join(str(number) for number in range(10))

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu", "accel_qda"),
    files=selftests("ethosu_death", "qda_death", callers=("x86_64",)) | watching.FILES,
    cards=2,
    long=True,
    timeout=3600,
    silence=300,
    guest=f"""
{watching.WATCHING}
load
until_true 10 test -e /dev/accel/accel1 || exit 1
host unplug qda1
for round in {ROUNDS}; do
	run /selftests/x86_64/qda_death -t a_dead_card_is_wedged
	start_watching
	host unplug qda0
	host plug qda0 card
	until_true 30 test -e /dev/accel/accel0 || exit 1
	end_watching
done
host unplug qda0
for round in {ROUNDS}; do
	host plug npu0 256
	until_true 30 test -e /dev/accel/accel0 || exit 1
	run /selftests/x86_64/ethosu_death
	start_watching
	host unplug npu0
	end_watching
done
unload accel_ethosu accel_qda accel_core
exit $failures
""",
)
