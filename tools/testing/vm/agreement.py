# SPDX-License-Identifier: GPL-2.0
"""For scenarios: each exit of a device that works, and of which much is to be told, is held against its model.

`card_agrees` does so with the first of two QDA cards, while both train a network, links damage frames and memory finds
errors in itself; `npu_agrees` with an NPU that runs networks. Between `start_exporter` and `stop_exporter`.
"""

from .exits import EXITS

PROGRAMS = {f"/bin/{program}": f"build/bin/{program}" for program in ("accel-exporter", "accel-smi")}

TRAINING = {"/bin/accel-train": "build/bin/accel-train"} | {
    f"/training/{name}.npy": f"build/training/{name}.npy" for name in ("digits", "losses", "weights")
}
CARD = PROGRAMS | TRAINING
NPU = PROGRAMS | {"/bin/accel-demo": "build/bin/accel-demo", "/networks": "build/networks"}

AGREEMENT = f"""{EXITS}
start_exporter() {{
	ip link set lo up
	accel-exporter 2>/tmp/exporter.log &
	exporter=$!
	until_true 20 wget -qO /dev/null http://127.0.0.1:29836/-/ready
}}
stop_exporter() {{ kill $exporter && wait $exporter; [ ! -s /tmp/exporter.log ]; }}
# stopped_agrees NAME N PID: what PID has begun has ended after a second.
stopped_agrees() {{
	kill -STOP "$3"
	sleep 1
	agrees "$@"
	set -- $? "$3"
	kill -KILL "$2"
	wait "$2"
	return "$1"
}}
limit_errors() {{
	for sort in corrected uncorrected; do echo "$1" >/sys/class/accel/accel0/error_limits/$sort; done
}}
card_agrees() {{
	limit_errors 100
	memory_is_clean() {{ ! accel-smi --json | grep -q '"dirty_bytes": [1-9]'; }}
	until_true 20 memory_is_clean && host model qda0 stretch 30 && host model qda0 link-errors 0 3 &&
		host model qda1 link-errors 0 2 && host model qda0 corrected 9 && host model qda0 brake on || return 1
	for _ in 1 2 3 4 5 6 7 8; do host model qda0 corrected 0 0x200000 || return 1; done
	accel-train /training /tmp 40 2 >/tmp/train 2>&1 &
	has_worked() {{ fdinfo 0 $! | grep -q '^drm-engine-collective:.[1-9]'; }}
	until_true 60 has_worked && stopped_agrees qda0 0 $!
	set -- $?
	limit_errors 0
	host model qda0 brake off && host model qda0 stretch 1 && return "$1"
}}
npu_agrees() {{
	accel-demo /networks /tmp >/tmp/demo 2>&1 &
	has_worked() {{ fdinfo 0 $! | grep -q '^drm-engine-npu:.[1-9]'; }}
	until_true 60 has_worked && stopped_agrees npu0 0 $!
}}
"""
