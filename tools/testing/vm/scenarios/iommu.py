# SPDX-License-Identifier: GPL-2.0
"""The NPU and two QDA cards behind an IOMMU: every DMA address is one that the driver mapped, for as long as it did."""

from vm.scenario import Scenario, only, selftests

QDA = only(
    "copies_are_right_to_the_byte",
    "pages_of_all_sizes_translate",
    "wrong_addresses_are_page_faults",
    "sparse_ranges_are_zeroes",
    "engines_work_side_by_side",
    "packets_wait_for_each_other",
)
USER = only("packets_need_no_system_call", "its_timeline_comes_to_what_has_ended", "it_can_be_destroyed_amid_work")
MIRROR = only("it_follows_whatever_the_process_does", "it_follows_where_the_kernel_moves_it")
# The memory of one card is reached by the other one below their switch, without the IOMMU.
SHARE = only(
    "memory_of_the_host_is_reached_piece_by_piece",
    "memory_of_the_other_card_is_reached_without_a_copy",
    "what_fails_of_the_other_card_is_its_memory",
    "what_its_owner_takes_away_leads_nowhere",
)
# An engine is reset, then a card while both cards reduce.
FAULTS = only("a_packet_that_hangs_costs_its_job")

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu", "accel_qda"),
    files=selftests("ethosu", "ethosu_faults", "qda", "qda_user", "qda_mirror", callers=("x86_64",))
    | selftests("qda_share", "qda_faults", "qda_fabric", "qda_hostile", "qda_unplug", callers=("x86_64",)),
    iommu=True,
    cards=2,
    timeout=600,
    guest=f"""
load
until_true 10 test -e /dev/accel/accel1 || exit 1
run /selftests/x86_64/qda {QDA}
run /selftests/x86_64/qda_user {USER}
run /selftests/x86_64/qda_mirror {MIRROR}
run /selftests/x86_64/qda_share {SHARE}
run /selftests/x86_64/qda_faults {FAULTS}
run /selftests/x86_64/qda_fabric -v card_reset
ACCEL_RIOT_MS=500 run /selftests/x86_64/qda_hostile
host plug npu0 256
until_true 10 test -e /dev/accel/accel2 || exit 1
run /selftests/x86_64/ethosu
run /selftests/x86_64/ethosu_faults
host unplug npu0
run /selftests/x86_64/qda_unplug -V second -f cabled
unload accel_ethosu accel_qda accel_core
exit $failures
""",
)
