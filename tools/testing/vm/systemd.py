# SPDX-License-Identifier: GPL-2.0
"""For scenarios: a systemd in the guest that runs services as they are packaged.

It is process 1 of a PID namespace. `start_systemd MODULE...` starts it, with nothing but its targets, where modprobe
knows these modules; `systemctl` talks to it.
"""

# Its targets, and what loads the modules that a service wants: none of the services that a system has besides.
_TARGETS = ("basic", "sysinit", "slices", "sockets", "paths", "timers", "local-fs", "swap", "network", "shutdown")
_FOLDER = "/usr/lib/systemd/system"
_UNITS = [f"{target}.target" for target in _TARGETS] + ["modprobe@.service"]

FILES = {f"{_FOLDER}/{unit}": f"{_FOLDER}/{unit}" for unit in _UNITS}
PROGRAMS = ("/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor", "systemctl")

SYSTEMD = """
# Only who it sees may talk to it.
systemctl() { nsenter -t "$(pidof systemd)" -p -m env TERM=dumb /bin/systemctl "$@"; }
start_systemd() {
	mkdir -p /run /var/tmp /etc "/lib/modules/$(uname -r)"
	mount -t tmpfs -o mode=755 run /run
	mkdir /run/lock
	mount -t tmpfs -o mode=1777 lock /run/lock
	chmod 1777 /tmp /var/tmp
	ln -s bin /sbin
	for module; do cp "/modules/$module.ko" "/lib/modules/$(uname -r)"; done
	depmod
	env container=guest TERM=dumb unshare --mount --pid --fork --mount-proc --propagation private \\
		/usr/lib/systemd/systemd --system --unit=basic.target --log-target=kmsg --show-status=no \\
		</dev/null >/tmp/systemd.log 2>&1 &
	is_running() { [ "$(systemctl is-system-running)" = running ]; }
	until_true 20 is_running
}
"""
