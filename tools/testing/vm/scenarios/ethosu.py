# SPDX-License-Identifier: GPL-2.0
"""The Ethos-U65 driver on its device model: jobs, refusals, every fault, sharing with a camera and a display,
and that it goes away in every way there is.

At last its model is killed under a running job: the guest must not be reset after that.
"""

from vm import agreement
from vm.scenario import Scenario, only, selftests

BELOW_VIVID = (
    "font",
    "v4l2-tpg",
    "videobuf2-common",
    "videobuf2-memops",
    "videobuf2-v4l2",
    "videobuf2-vmalloc",
    "videobuf2-dma-contig",
)

CALLS = only(
    "info_describes_the_npu",
    "a_stream_copies_between_buffers",
    "refusals_say_why_and_where",
    "every_cut_of_a_payload_is_refused",
)

SCENARIO = Scenario(
    modules=("accel-core", "accel_ethosu", "accel_fake", *BELOW_VIVID, "vivid"),
    files=selftests("ethosu")
    | selftests("ethosu_faults", "ethosu_cycles", "ethosu_unplug", "ethosu_death", "v4l2", callers=("x86_64",))
    | agreement.NPU,
    programs=("v4l2-ctl",),
    timeout=1500,
    guest=f"""
{agreement.AGREEMENT}
bound=/sys/bus/pci/drivers/accel_ethosu
load accel-core accel_ethosu
run /selftests/x86_64/ethosu_unplug

host plug npu0 256
host plug npu1 512
until_true 10 test -e /dev/accel/accel1
plan 5
check two_devices_at_once grep -q 512 /sys/class/accel/accel1/macs
start_exporter
check all_exits_agree_with_the_model npu_agrees
stop_exporter
check rmmod_under_use_is_refused sh -c 'exec 9</dev/accel/monitor1; ! rmmod accel_ethosu 2>/dev/null'
check rmmod_with_idle_devices_works rmmod accel_ethosu
check the_devices_come_back sh -c 'insmod /modules/accel_ethosu.ko && grep -q 256 /sys/class/accel/accel0/macs'
host unplug npu1

until_true 10 test -d $bound/0000:*/accel || exit 1
run /selftests/x86_64/ethosu
run /selftests/x86_64/ethosu_faults
run /selftests/x86_64/ethosu_cycles
# What 32-bit callers could see differently.
run /selftests/i386/ethosu {CALLS}

# Two devices of vivid: frames in vmalloc() memory, and in one piece. Each has a camera and a display, by HDMI;
# v4l2-ctl is the judge.
load accel_fake {" ".join(BELOW_VIVID)}
insmod /modules/vivid.ko n_devs=2 node_types=0x101,0x101 num_inputs=1,1 input_types=3,3 \\
	num_outputs=1,1 output_types=1,1 allocators=0,1
run /selftests/x86_64/v4l2
unload vivid accel_fake

run /selftests/x86_64/ethosu_death
(cd $bound && echo 0000:* >unbind)
unload accel_ethosu accel_core
exit $failures
""",
)
