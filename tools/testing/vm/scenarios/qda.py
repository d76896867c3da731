# SPDX-License-Identifier: GPL-2.0
"""The QDA driver on two cards below one switch: memory, jobs, every fault, unbind; at last, the cards die."""

from vm import agreement, stress
from vm.scenario import Scenario, only, selftests

PACKETS = {"/bin/qda-packets": "build/bin/qda-packets"} | {
    f"/packets/{name}": f"build/packets/{name}"
    for name in ("packets.txt", "memory0.npy", "memory1.npy", "all_reduce.npy")
}

# Each of these waits for a second or more; the others are in test-long.
SLEEP = only(
    "sleep_keeps_all",
    "jobs_and_packets_go_on_afterwards",
    "where_memory_would_be_lost_the_system_stays_awake",
    "a_job_wakes_it",
    "its_sleep_is_counted",
    "monitors_do_not_wake_it",
    "its_energy_is_known_meanwhile",
    "user_queues_keep_it_awake",
    "owners_are_killed_in_its_sleep",
)

SCENARIO = Scenario(
    modules=("accel-core", "accel_qda", "accel_fake"),
    files=selftests("qda")
    | selftests("qda_user", "qda_sigkill", "qda_mirror", "qda_taken", "qda_share", callers=("x86_64",))
    | selftests("qda_jobs", "qda_faults", "qda_ras", "qda_spoilt", "qda_telemetry", callers=("x86_64",))
    | selftests("qda_cycles", "qda_hostile", "qda_fabric", callers=("x86_64",))
    | selftests("qda_power", "qda_classes", "qda_unplug", "qda_death", callers=("x86_64",))
    | PACKETS
    | {"/bin/qda-example": "build/bin/qda"}
    | agreement.TRAINING,
    programs=stress.PROGRAMS,
    cards=2,
    share="build/training",
    timeout=1600,
    allow=("DMA-API: cacheline tracking ENOMEM, dma-debug disabled",),
    guest=f"""
{stress.STRESS}
load accel-core accel_qda
until_true 10 test -e /dev/accel/accel1 || exit 1
run /selftests/x86_64/qda
# The links are up now.
run qda-packets /packets
# What 32-bit callers could see differently.
run /selftests/i386/qda -t there_are_two_cards -t copies_are_right_to_the_byte -t payloads_are_checked
run /selftests/x86_64/qda_user
run /selftests/x86_64/qda_sigkill
run /selftests/x86_64/qda_share
run /selftests/x86_64/qda_jobs
run /selftests/x86_64/qda_faults
# A boot that hangs is in test-long, too.
run /selftests/x86_64/qda_ras -V boot
run /selftests/x86_64/qda_telemetry
# Registers may lie in more ways, which are in test-long. What counters said then stays: they never go back.
run /selftests/x86_64/qda_spoilt -V parts_two -V parts_zero -V parts_ones -V own_noise -V own_two -V own_zero
run /selftests/x86_64/qda_cycles
run /selftests/x86_64/qda_hostile
run /selftests/x86_64/qda_fabric
run /selftests/x86_64/qda_classes
run /selftests/x86_64/qda_unplug -f removal
plan 3
check the_example_multiplies_two_matrices qda-example
check a_card_learns_what_the_reference_learns accel-train /training /tmp 1 1
check two_cards_learn_what_one_learns accel-train /training /tmp 1 2
run /selftests/x86_64/qda_taken
insmod /modules/accel_fake.ko devices=1
stress 10 root
run /selftests/x86_64/qda -t copies_are_right_to_the_byte
unload accel_fake
# Failing allocations are those of dma-debug, too, which looks no more then.
run /selftests/x86_64/qda_mirror
# The share does not survive it: 9p over virtio has nothing for the sleep of the system.
run /selftests/x86_64/qda_power {SLEEP}
# The guest must not be reset after that.
run /selftests/x86_64/qda_death
unload accel_qda accel_core
exit $failures
""",
)
