# SPDX-License-Identifier: GPL-2.0
"""Two machines with a QDA card each, cabled: together they learn what one learns; then one of them dies."""

from vm.scenario import Scenario, selftests

BEGIN = """
load
until_true 10 test -e /dev/accel/accel0 || exit 1
"""

SCENARIO = Scenario(
    # It is about what comes over the cable; scenario qda looks for what the driver does wrong.
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files={"/bin/accel-train": "build/bin/accel-train"} | selftests("qda_classes", callers=("x86_64",)),
    share="build/training",
    cards=1,
    cpus=1,
    memory="512M",
    timeout=300,
    guest=f"""{BEGIN}
plan 3
check one_half_learns_what_one_card_learns accel-train /share /tmp 40 0/2
dies_amid_work() {{
	accel-train /share /tmp 40 0/2 2>/tmp/why
	test $? = 1 && cat /tmp/why && grep -q 'collective: the queue has failed: the device failed' /tmp/why
}}
check the_other_ones_death_ends_the_work dies_amid_work
check the_card_works_alone accel-train /share /tmp 1 1
# All of them: a debug kernel would take minutes.
ACCEL_LONG=1 run /selftests/x86_64/qda_classes
unload accel_qda accel_core
exit $failures
""",
    peer=f"""{BEGIN}
plan 1
check the_other_half_learns_the_same accel-train /share /tmp 40 1/2
# So that it is amid its work for long.
host model qda0 slow 5
accel-train /share /tmp 40 1/2 &
exchanged() {{ grep -q 'drm-engine-collective:.*[1-9]' /proc/$!/fdinfo/*; }}
until_true 30 exchanged || exit 1
host cut
""",
)
