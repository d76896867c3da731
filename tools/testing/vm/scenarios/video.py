# SPDX-License-Identifier: GPL-2.0
"""Buffers shared with vivid, a camera and a display without hardware, and v4l2-ctl as the judge of it."""

from vm.scenario import Scenario, selftests

BELOW_VIVID = (
    "font",
    "v4l2-tpg",
    "videobuf2-common",
    "videobuf2-memops",
    "videobuf2-v4l2",
    "videobuf2-vmalloc",
    "videobuf2-dma-contig",
)

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_ethosu", *BELOW_VIVID, "vivid"),
    files=selftests("v4l2", callers=("x86_64",)),
    programs=("v4l2-ctl",),
    timeout=600,
    # Two devices: frames in vmalloc() memory, and in one piece. Each has a camera and a display, by HDMI.
    guest=f"""
load accel-core accel_fake accel_ethosu {" ".join(BELOW_VIVID)}
insmod /modules/vivid.ko n_devs=2 node_types=0x101,0x101 num_inputs=1,1 input_types=3,3 \\
	num_outputs=1,1 output_types=1,1 allocators=0,1
host plug npu0 256
until_true 10 test -d /sys/bus/pci/drivers/accel_ethosu/0000:01:00.0/accel || exit 1
run /selftests/x86_64/v4l2
host unplug npu0
unload vivid accel_ethosu accel_fake accel_core
exit $failures
""",
)
