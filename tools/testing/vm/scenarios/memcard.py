# SPDX-License-Identifier: GPL-2.0
"""Device memory: two memory cards below one switch, a third one at a root port, which goes away."""

from vm.qemu import device, switch
from vm.scenario import Scenario, only, selftests

# The port that a card is in.
CARDS = {"card0": "down0", "card1": "down1", "card2": "rp0"}


def memory(name: str) -> tuple[str, str]:
    return "-object", f"memory-backend-memfd,id={name},size=32M,share=on"


def card(number: int, name: str, bus: str) -> tuple[str, ...]:
    """BAR 2 of an ivshmem-plain is memory."""
    return *memory(f"ram{number}"), *device("ivshmem-plain", id=name, memdev=f"ram{number}", bus=bus)


SPACE = only(
    "says_what_can_be_mapped",
    "one_buffer_can_be_in_many_places",
    "a_hint_is_used_if_it_is_free",
    "the_ends_of_the_space_can_be_mapped",
    "what_it_cannot_be_is_refused",
    "ranges_that_are_none_are_refused",
)
PROGRAMS = ("memcard", "memcard_unplug", "doorbell", "address_space", "address_space_unplug")

SCENARIO = Scenario(
    modules=("accel-core", "accel_memcard"),
    files=selftests(*PROGRAMS) | selftests("power", callers=("x86_64",)),
    # QEMU does not take memory a second time: for the card that is taken out and comes back.
    hardware=sum((card(i, *place) for i, place in enumerate(CARDS.items())), switch(2) + memory("spare")),
    timeout=1200,
    guest=f"""
load
until_true 10 test -e /dev/accel/accel2 || exit 1
run /selftests/x86_64/memcard
# What 32-bit callers could see differently.
run /selftests/i386/memcard -t its_regions_are_listed -t sizes_are_whole_pages_of_the_region \
	-t mappings_are_split_moved_and_copied -t faults_map_more_than_a_page
run /selftests/x86_64/power
run /selftests/x86_64/doorbell
run /selftests/i386/doorbell
run /selftests/x86_64/address_space
run /selftests/i386/address_space {SPACE}
run /selftests/x86_64/address_space_unplug
run /selftests/x86_64/memcard_unplug
unload accel_memcard accel_core
exit $failures
""",
)
