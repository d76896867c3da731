# SPDX-License-Identifier: GPL-2.0
"""The same for device memory: the machine of the scenario memcard."""

from dataclasses import replace

from vm import watching
from vm.scenarios import memcard

SCENARIO = replace(
    memcard.SCENARIO,
    files=memcard.SCENARIO.files | watching.FILES,
    long=True,
    timeout=7200,
    silence=600,
    guest=f"""
{watching.WATCHING}
export ACCEL_LONG=1
cd /selftests/x86_64
load
until_true 10 test -e /dev/accel/accel2 || exit 1
start_watching
for program in {" ".join(memcard.PROGRAMS)}; do run ./$program; done
unset ACCEL_LONG
for program in memcard address_space; do run /selftests/i386/$program; done
end_watching
unload accel_memcard accel_core
exit $failures
""",
)
