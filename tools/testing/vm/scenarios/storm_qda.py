# SPDX-License-Identifier: GPL-2.0
"""The same for QDA cards: the machine of the scenario qda."""

from dataclasses import replace

from vm.scenarios import qda, serve

SCENARIO = replace(
    qda.SCENARIO,
    long=True,
    files=qda.SCENARIO.files | serve.FILES,
    timeout=7200,
    silence=900,
    guest="""
export ACCEL_LONG=1
cd /selftests/x86_64
load accel-core accel_qda
until_true 10 test -e /dev/accel/accel1 || exit 1
for program in qda_user qda_sigkill qda_share qda_cycles qda_hostile qda_taken qda_power; do run ./$program; done
for round in 1 2 3 4 5 6 7 8 9 10; do run ./qda_fabric; done
for round in 1 2 3 4 5; do run accel-serve /training 20 normal low; done
unload accel_qda accel_core
exit $failures
""",
)
