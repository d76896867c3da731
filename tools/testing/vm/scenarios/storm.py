# SPDX-License-Identifier: GPL-2.0
"""Everything that has to hold for long: thousands of buffers, jobs and faults, of unplugs and kills."""

from vm import watching
from vm.scenario import Scenario, selftests
from vm.scenarios import fake

# Once, with all their repetitions.
PROGRAMS = "watchers crowd sigkill account advise buffer mmap submit clients fence timeline fail_nth unplug module".split()
# As `make test` does it, but again and again, and watched; `module` not: it must have no other user.
WATCHED = "reset unplug".split()
ETHOSU = "ethosu_unplug ethosu_cycles".split()
# All that 32-bit callers can do, not only what they could see differently.
I386 = [*fake.BOTH, *fake.PARTLY, "uffd", "job_created", "account", "advise"]

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_ethosu"),
    files=selftests(*PROGRAMS, *WATCHED, *ETHOSU, callers=("x86_64",)) | selftests("ethosu", "ethosu_faults")
    | selftests(*I386, callers=("i386",))
    | watching.FILES,
    long=True,
    timeout=7200,
    silence=600,
    guest=f"""
{watching.WATCHING}
export ACCEL_LONG=1
cd /selftests/x86_64
load accel-core accel_fake
for program in {" ".join(PROGRAMS)}; do run ./$program; done
unset ACCEL_LONG
start_watching
for round in 1 2 3 4 5 6 7 8 9 10; do
	for program in {" ".join(WATCHED)}; do run ./$program; done
done
end_watching
for round in 1 2 3 4 5 6 7 8 9 10; do run ./module; done
for program in {" ".join(I386)}; do run /selftests/i386/$program; done
rmmod accel_fake
load accel_ethosu
start_watching
run ./ethosu_unplug
end_watching
host plug npu0 256
until_true 10 test -e /dev/accel/accel0 || exit 1
ACCEL_LONG=1 run ./ethosu_cycles
run /selftests/i386/ethosu
run /selftests/i386/ethosu_faults
host unplug npu0
unload accel_ethosu accel_core
exit $failures
""",
)
