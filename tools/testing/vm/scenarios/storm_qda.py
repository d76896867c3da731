# SPDX-License-Identifier: GPL-2.0
"""The same for QDA cards: the machine of the scenario qda."""

from dataclasses import replace

from vm import watching
from vm.scenarios import qda, serve

SCENARIO = replace(
    qda.SCENARIO,
    long=True,
    files=qda.SCENARIO.files | serve.FILES | watching.FILES,
    timeout=7200,
    silence=900,
    guest=f"""
{watching.WATCHING}
export ACCEL_LONG=1
cd /selftests/x86_64
load accel-core accel_qda
until_true 10 test -e /dev/accel/accel1 || exit 1
# A lost interrupt may be one of an answer to who watches, and not that of a job.
for program in qda_cycles qda_ras qda_sigkill qda_taken qda_spoilt "qda_unplug -f removal"; do run ./$program; done
start_watching
for program in qda_user qda_share qda_hostile qda_power; do run ./$program; done
for round in 1 2 3 4 5 6 7 8 9 10; do run ./qda_fabric; done
for round in 1 2 3 4 5; do run accel-serve /training 20 normal low; done
end_watching
run ./qda_unplug -V first -f cabled
unload accel_qda accel_core
exit $failures
""",
)
