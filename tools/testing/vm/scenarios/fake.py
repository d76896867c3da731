# SPDX-License-Identifier: GPL-2.0
"""The whole uAPI against the test device: every selftest that needs no model; 32-bit, what could differ."""

from vm.scenario import Scenario, only, selftests

# Interfaces whose structures and addresses 32-bit callers could see differently.
BOTH = "info abi buffer submit submit_many wait timeline timeline_wait sync_file".split()
# Of these, the tests where they could.
PARTLY = {
    "mmap": only(
        "any_range_inside_can_be_mapped",
        "a_range_beyond_the_end_is_einval",
        "an_offset_of_no_buffer_is_einval",
        "a_huge_page_takes_one_fault",
    ),
    "pin": only("the_device_writes_to_the_memory_of_the_program", "bad_ranges_are_refused"),
    "dma_buf": only("our_own_comes_back_as_the_same_memory", "unknown_handles_flags_and_reserved_are_refused"),
    "queue": only(
        "alike_engines_work_side_by_side_and_a_queue_stays_in_order",
        "a_queue_gets_no_more_time_than_its_engine_has",
        "bad_contexts_and_queues_are_refused",
    ),
    "prepared": only(
        "a_prepared_job_runs_on_one_buffer_after_the_other",
        "what_cannot_be_prepared_is_refused",
        "a_bad_submission_of_a_prepared_job_is_refused",
    ),
    "job_points": only("a_job_brings_a_point_about", "bad_points_are_refused", "bad_lists_of_points_are_refused"),
}
ONLY_64 = """uffd job_created account advise reset admin_reset isolation compute_mode clients client_list viewer watchers events failure_eventfd telemetry node fence engine_time trace sysfs
    unplug fail_nth sigkill""".split()

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock"),
    files=selftests(*BOTH, *PARTLY, "mock") | selftests(*ONLY_64, "module", callers=("x86_64",)),
    timeout=1800,
    guest=f"""
load accel-core accel_fake
for program in {" ".join([*BOTH, *PARTLY, *ONLY_64])}; do run /selftests/x86_64/$program; done
for program in {" ".join(BOTH)}; do run /selftests/i386/$program; done
"""
    + "\n".join(f"run /selftests/i386/{program} {tests}" for program, tests in PARTLY.items())
    + """
run /selftests/x86_64/module
plan 1
sed 's/accel_abi_................/accel_abi_0123456789abcdef/' /modules/accel_mock.ko >/tmp/stale.ko
check a_driver_built_against_other_sources_is_refused sh -c '! insmod /tmp/stale.ko 2>/dev/null'
load accel_mock
run /selftests/x86_64/mock
run /selftests/i386/mock
rmmod accel_mock
rmmod accel_fake
rmmod accel_core
exit $failures
""",
)
