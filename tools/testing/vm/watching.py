# SPDX-License-Identifier: GPL-2.0
"""For scenarios: the programs that watch devices do so over and over, while devices are treated badly.

A script has `WATCHING` and calls `start_watching`, then what is watched, then `end_watching`, which prints KTAP
results: no call took longer than LIMIT seconds, failed, or panicked.
"""

FILES = {f"/bin/{program}": f"build/bin/{program}" for program in ("accel-exporter", "accel-smi", "accel-top")}

# An emulated debug kernel has much else to do.
LIMIT = 60

# Each as NAME COMMAND...
WATCHERS = """
smi accel-smi
json accel-smi --json
events accel-smi events
topo accel-smi topo
top accel-top -b -n 3
metrics wget -qO /dev/null http://127.0.0.1:29836/metrics
"""

# They take turns: six at a time would leave an emulated debug kernel nothing for what is watched.
WATCHING = f"""
# watch NAME COMMAND...: keeps the first thing that was wrong. That there is no device (3) is not.
watch() {{
	name=$1
	shift
	timeout -s KILL {LIMIT} "$@" </dev/null >/tmp/watch/out.$name 2>/tmp/watch/err.$name
	status=$?
	grep -q 'panicked at' /tmp/watch/err.$name && status=panic
	case $status in
	0 | 3) echo $status >>/tmp/watch/calls.$name ;;
	*) [ -e /tmp/watch/wrong.$name ] || echo "# status $status: $*: $(head -c 500 /tmp/watch/err.$name)" >/tmp/watch/wrong.$name ;;
	esac
}}
watch_again() {{
	while [ -e /tmp/watching ]; do
		while read -r watcher; do
			[ -z "$watcher" ] || watch $watcher
		done </tmp/watch/watchers
		sleep 1
	done
}}
start_watching() {{
	export ACCEL_WATCHED=1
	ip link set lo up
	mkdir -p /tmp/watch
	: >/tmp/watching
	echo '{WATCHERS}' >/tmp/watch/watchers
	accel-exporter >/tmp/watch/err.exporter 2>&1 &
	exporter=$!
	until_true {LIMIT} wget -qO /dev/null http://127.0.0.1:29836/-/ready
	watch_again </dev/null &
	watchers=$!
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
	unset ACCEL_WATCHED
	rm /tmp/watching
	wait $watchers
	plan 7
	for name in smi json events topo top metrics; do check watching_by_$name has_watched $name; done
	check the_exporter_lives exporter_lives
	rm -r /tmp/watch
}}
"""
