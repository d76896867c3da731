# SPDX-License-Identifier: GPL-2.0
"""For scenarios: stress-ng does what it can think of with all our nodes, and with all that sysfs has of our devices.

A script has `STRESS` and calls `stress SECONDS USER`, so long for either, which prints KTAP results: stress-ng has opened
them, and come to its end. What has become of devices is for the rest of the script to find out.
"""

PROGRAMS = ("stress-ng",)

STRESS = """
# stress-ng looks at all of /sys: our devices are all there is.
only_our_sysfs='
	mount -t tmpfs sys /tmp/sys
	for class in /sys/class/accel/accel*; do
		mkdir "/tmp/sys/${class##*/}"
		mount --bind "$(readlink -f "$class/device")" "/tmp/sys/${class##*/}"
	done
	mount --rbind /tmp/sys /sys
	exec "$@"'
# stressed NAME USER OPTION...
stressed() {
	log=/tmp/stressed/$1 user=$2
	shift 2
	unshare -m sh -c "$only_our_sysfs" sh su -s /bin/sh "$user" -c "cd /tmp && exec stress-ng --metrics $*" >"$log" 2>&1
}
has_stressed() {
	grep -q ' passed: 1: ' "$1" && grep -qE ' 1 of 1 devices opened| [1-9][0-9.]* sysfs files exercised' "$1" && return
	sed 's/^/# /' "$1"
	return 1
}
stress() {
	mkdir -p /etc /tmp/sys /tmp/stressed
	printf '%s\\n' 'root:x:0:0::/:/bin/sh' 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
	chmod 666 /dev/accel/accel*
	stressed sysfs "$2" --sysfs 1 --timeout "$1"
	stressors=
	for node in /dev/accel/*; do
		stressed "${node##*/}" "$2" --dev 1 --dev-file "$node" --timeout "$1" &
		stressors="$stressors $!"
	done
	wait $stressors
	who=$2
	set -- /tmp/stressed/*
	plan $#
	for log; do check "stress_ng_as_${who}_on_${log##*/}" has_stressed "$log"; done
	rm -r /tmp/stressed
}
"""
