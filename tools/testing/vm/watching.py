# SPDX-License-Identifier: GPL-2.0
"""For scenarios: the programs that watch devices do so over and over, while devices are treated badly.

A script has `WATCHING` and calls `start_watching`, then what is watched, then `end_watching`, which prints KTAP
results: no call took longer than LIMIT seconds, failed, or panicked.
"""

FILES = {f"/bin/{program}": f"build/bin/{program}" for program in ("accel-exporter", "accel-smi", "accel-top")}

# An emulated debug kernel has much else to do.
LIMIT = 60

WATCHING = f"""
# again NAME COMMAND...: over and over; keeps the first thing that was wrong. That there is no device (3) is not.
again() {{
	name=$1
	shift
	while [ -e /tmp/watching ]; do
		timeout -s KILL {LIMIT} "$@" >/tmp/watch/out.$name 2>/tmp/watch/err.$name
		status=$?
		grep -q 'panicked at' /tmp/watch/err.$name && status=panic
		case $status in
		0 | 3) echo $status >>/tmp/watch/calls.$name ;;
		*) [ -e /tmp/watch/wrong.$name ] || echo "# status $status: $*: $(head -c 500 /tmp/watch/err.$name)" >/tmp/watch/wrong.$name ;;
		esac
		sleep 1
	done
}}
start_watching() {{
	ip link set lo up
	mkdir -p /tmp/watch
	: >/tmp/watching
	accel-exporter >/tmp/watch/err.exporter 2>&1 &
	exporter=$!
	until_true {LIMIT} wget -qO /dev/null http://127.0.0.1:29836/-/ready
	watchers=
	watch_by smi accel-smi
	watch_by json accel-smi --json
	watch_by events accel-smi events
	watch_by topo accel-smi topo
	watch_by top accel-top -b -n 3
	watch_by metrics wget -qO /dev/null http://127.0.0.1:29836/metrics
}}
watch_by() {{
	again "$@" &
	watchers="$watchers $!"
}}
has_watched() {{
	if [ -e /tmp/watch/wrong.$1 ]; then
		cat /tmp/watch/wrong.$1
		return 1
	fi
	[ -s /tmp/watch/calls.$1 ]
}}
exporter_lives() {{ kill $exporter && ! grep 'panicked at' /tmp/watch/err.exporter; }}
end_watching() {{
	rm /tmp/watching
	wait $watchers
	plan 7
	for name in smi json events topo top metrics; do check watching_by_$name has_watched $name; done
	check the_exporter_lives exporter_lives
	rm -r /tmp/watch
}}
"""
