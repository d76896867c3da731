# SPDX-License-Identifier: GPL-2.0
"""Monitoring: what accel-exporter, hwmon and udev tell of two QDA cards, judged by those who read it.

These are Prometheus and its promtool, lm-sensors, node_exporter, udev; what is told is held against what the model
of a card knows. Meanwhile cards work, break, sleep, come and go. systemd runs accel-exporter, as it is packaged.
"""

from vm import agreement, systemd
from vm.scenario import Scenario, selftests

JUDGES = ("prometheus", "prometheus-node-exporter", "promtool", "sensors", "udevadm")
# What tries the service's sandbox.
PROBED = ("bash", "nice", "unshare", "setarch")
RULES = ("50-udev-default", "80-drivers")

FILES = (
    selftests("qda_faults", callers=("x86_64",))
    | agreement.CARD
    | systemd.FILES
    | {f"/usr/lib/udev/rules.d/{name}.rules": f"/usr/lib/udev/rules.d/{name}.rules" for name in RULES}
    | {
        "/usr/lib/udev/rules.d/70-accel.rules": "tools/udev/70-accel.rules",
        "/etc/prometheus/accel.rules.yml": "tools/exporter/prometheus/accel.rules.yml",
        "/etc/sensors3.conf": "/etc/sensors3.conf",
        "/usr/lib/systemd/system/accel-exporter.service": "tools/exporter/accel-exporter.service",
    }
)

# Users, systemd, udev, and Prometheus, which takes seconds to start.
START = """
ip link set lo up
start_systemd accel-core || exit 1
printf '%s\\n' 'root:x:0:0::/:/bin/sh' 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
printf '%s\\n' 'root:x:0:' 'render:x:105:' 'nogroup:x:65534:' >/etc/group
cat >/etc/prometheus/prometheus.yml <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [accel.rules.yml]
scrape_configs:
  - {job_name: accel, static_configs: [{targets: ['127.0.0.1:29836']}]}
END
prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/tmp/tsdb \
	--web.listen-address=127.0.0.1:9090 2>/tmp/prometheus.log &
ln -s udevadm /bin/systemd-udevd
systemd-udevd --daemon 2>/tmp/udevd.log
udevadm monitor --kernel --udev --property >/tmp/uevents &

get() { wget -qO- "http://127.0.0.1:$1"; }
# status TEXT: what such a request is answered with.
status() { printf "$1\\r\\n\\r\\n" | nc -w 5 127.0.0.1 29836 | head -n 1 | cut -d ' ' -f 2; }
# sample METRIC [LABELS]: of card 0.
sample() { get 29836/metrics | sed -n "s/^accel_$1{device=\\"accel0\\"${2:+,$2}} //p"; }
is() { [ "$(sample "$1" "$3")" = "$2" ]; }
# thousandth NUMBER
thousandth() { awk "BEGIN { printf \\"%.10g\\", $1 / 1000 }"; }
model() { host model qda0 telemetry "$1"; }
csv() { accel-smi --format=csv,noheader,nounits "$@"; }
"""

# The service: it loads what it needs to know before it starts, but no driver.
SERVICE = """
mkdir -p /usr/bin
ln -s /bin/accel-exporter /usr/bin
is_active() { [ "$(systemctl is-active accel-exporter)" = active ]; }
systemd_starts_it() { systemctl start accel-exporter && is_active && grep -q '^accel_core ' /proc/modules; }
check systemd_starts_the_service systemd_starts_it
"""

# What its sandbox lets a process do, when nothing else is in the way; told by one that runs in it. Busybox is no such
# one: each program of it begins with setuid().
SANDBOX = """
cat >/probe <<'END'
PATH=/bin
shopt -s globstar nullglob
for file in /dev/accel/accel* /dev/accel/monitor* /dev/ttyS1; do
	: <"$file" && echo "reads $file"
	: >>"$file" && echo "writes $file"
done
for folder in / /{bin,dev,etc,root,run,tmp,usr,var}/**/ /sys/ /cgroup/; do
	: >"$folder/probe" && echo "writes in $folder"
done
nice -n 5 bash -c : && echo "changes its priority"
unshare -U bash -c : && echo "makes namespaces"
setarch i686 bash -c : && echo "changes its personality"
:
END
inside=/run/systemd/system/accel-exporter.service.d
sandbox_holds() {
	mkdir -p $inside
	printf '[Service]\\nExecStartPre=/bin/bash /probe\\nStandardOutput=append:/tmp/probed\\nStandardError=null\\n' >$inside/probe.conf
	chmod 666 /dev/accel/accel* /dev/accel/monitor* /dev/ttyS1
	systemctl daemon-reload && systemctl restart accel-exporter
	chmod 660 /dev/accel/accel*
	chmod 444 /dev/accel/monitor*
	is_active || return 1
	printf 'reads /dev/accel/monitor%d\\n' 0 1 | diff - /tmp/probed | sed '1,2d;s/^/# /' >/tmp/why
	cat /tmp/why
	[ ! -s /tmp/why ] || return 1
	status=/proc/$(pidof accel-exporter)/status
	user=$(awk '/^Uid:/ { print $2 }' "$status")
	[ "$user" -ge 61184 ] && [ "$user" -le 65519 ] && [ "$(grep -c '^Cap.*:.0000000000000000$' "$status")" = 5 ] &&
		grep -q '^NoNewPrivs:.1$' "$status" && grep -q '^Seccomp:.2$' "$status"
}
check its_sandbox_holds sandbox_holds
rm -r $inside
is_ready() { is_active && get 29836/-/ready; }
comes_back() {
	systemctl daemon-reload && systemctl restart accel-exporter && until_true 10 is_ready || return 1
	before=$(pidof accel-exporter)
	kill -KILL "$before"
	until_true 10 is_ready && [ "$(pidof accel-exporter)" != "$before" ] && get 29836/metrics | grep -q '^accel_up{device="accel1"} 1$'
}
check it_comes_back_when_it_dies comes_back
"""

EXPORTER = """
ready_without_devices() {
	until_true 10 get 29836/-/ready && get 29836/metrics >/tmp/metrics &&
		grep -q '^accel_exporter_scrape_success 1$' /tmp/metrics && ! grep -q '^accel_up' /tmp/metrics
}
check it_is_ready_without_devices ready_without_devices
load accel_qda
until_true 10 test -e /dev/accel/accel1 || exit 1
card0=$(csv -i 0 --query-accel=pci.bus_id)
card1=$(csv -i 1 --query-accel=pci.bus_id)
bad_requests_harm_nobody() {
	[ "$(status 'POST /metrics HTTP/1.1')" = 405 ] && [ "$(status 'GET /other HTTP/1.1')" = 404 ] &&
		[ "$(status nonsense)" = 400 ] && [ "$(status 'GET /metrics HTTP/1.0')" = 200 ] && get 29836/ | grep -q '"/metrics"'
}
check bad_requests_harm_nobody bad_requests_harm_nobody
promtool_agrees() { get 29836/metrics >/tmp/metrics && promtool check metrics </tmp/metrics 2>/tmp/why && [ ! -s /tmp/why ]; }
check promtool_has_nothing_to_say promtool_agrees

knows_who_it_is() {
	get 29836/metrics >/tmp/metrics
	uuid=$(csv -i 0 --query-accel=uuid)
	grep -q "^accel_device_info{device=\\"accel0\\",uuid=\\"$uuid\\",bus=\\"pci\\",address=\\"$card0\\"," /tmp/metrics &&
		grep -q '^accel_up{device="accel1"} 1$' /tmp/metrics && is device_state 1 'state="operational"' &&
		[ "$(grep -c '^accel_firmware_info' /tmp/metrics)" = 2 ] &&
		is firmware_info 1 'firmware="management",version="1.0.0"' && is firmware_running 1 'firmware="management"' &&
		is firmware_restarts_total 0 'firmware="management"'
}
check it_knows_who_a_card_is knows_who_it_is
knows_what_is_measured() {
	host model qda0 thermal 0 71250 && until_true 10 is temperature_celsius 71.25 'sensor="die"' || return 1
	set -- $(model sensors)
	is temperature_celsius "$(thousandth "$1")" 'sensor="die"' && is temperature_celsius "$(thousandth "$2")" 'sensor="memory"' &&
		is temperature_limit_celsius 95 'sensor="die"' && is temperature_critical_celsius 105 'sensor="die"' &&
		is power_watts "$(thousandth "$3")" 'sensor="board"' && is power_limit_watts 150 'sensor="board"' &&
		is voltage_volts "$(thousandth "$4")" 'sensor="core"' && is clock_hertz "${5}000000" 'sensor="engine"'
}
check it_knows_what_is_measured knows_what_is_measured
# Others read the same through hwmon, while card 0 is forced to 71.25 degrees.
hwmon_agrees() {
	accel-smi -i 0 --json >/tmp/smi && grep -q '"value": 71.25,' /tmp/smi || return 1
	sensors -j >/tmp/sensors 2>/tmp/why
	# tells TEXT: how often it is in what is told of both cards.
	tells() { grep -o "$1" /tmp/sensors | wc -l; }
	[ "$(tells 'temp1_input": *71.250')" = 1 ] && [ "$(tells '"board":')" = 2 ] && [ "$(tells '"board energy":')" = 2 ] || return 1
	prometheus-node-exporter --collector.disable-defaults --collector.hwmon --web.listen-address=127.0.0.1:9100 2>/tmp/node.log &
	until_true 20 get 9100/metrics
	get 9100/metrics >/tmp/node
	kill $!
	[ "$(grep -c '^node_hwmon_temp_celsius{.*sensor="temp1"} 71.25$' /tmp/node)" = 1 ] &&
		[ "$(grep '^node_hwmon_power_watt{' /tmp/node | head -n 1 | cut -d ' ' -f 2)" = "$(sample power_watts 'sensor="board"')" ]
}
check lm_sensors_and_node_exporter_agree hwmon_agrees
host model qda0 thermal 0 off
knows_energy_and_throttling() {
	joules() { set -- $(model power); awk "BEGIN { print $2 / 1e6 }"; }
	before=$(joules) it=$(sample energy_joules_total 'sensor="board"') after=$(joules)
	awk "BEGIN { exit !($before <= $it && $it <= $after && $it > 0) }" || return 1
	is throttle_active 0 'reason="brake",kind="external"' && host model qda0 brake on &&
		until_true 10 is throttle_active 1 'reason="brake",kind="external"' && [ "$(model power | cut -d ' ' -f 1)" = 8 ] &&
		is throttle_events_total 1 'reason="brake",kind="external"' && host model qda0 brake off
}
check it_knows_energy_and_throttling knows_energy_and_throttling
knows_links() {
	transferred() {
		for link in 0 1; do
			for what in transmit_bytes receive_bytes damaged_frames replays losses; do
				printf ':%s' "$(sample "link_${what}_total" "link=\\"$link\\"")"
			done
		done
	}
	[ "$(model links | sed 's/^[0-9]*//; s/ [0-9]*//')" = "$(transferred)" ] && is link_up 1 'link="0"' && is link_up 1 'link="1"'
}
check it_knows_links knows_links
"""

# Prometheus watches while cards work and break. Engines are slow, so that the work takes a while.
ALERTS = """
# asked EXPRESSION: what Prometheus says to it.
asked() { get "9090/api/v1/query?query=$1"; }
fires() { get 9090/api/v1/alerts | grep -q "\\"alertname\\":\\"$1\\"[^}]*\\"device\\":\\"accel0\\"[^}]*}[^}]*}[^}]*\\"state\\":\\"firing\\""; }
host model qda0 stretch 100
accel-train /training /tmp 40 1 >/tmp/train 2>&1 &
sees_work() { asked 'rate(accel_engine_busy_seconds_total{device="accel0",work="user_queues"}[10s])>0.2' | grep -q '"engine":"tensor0"'; }
check prometheus_sees_work until_true 10 sees_work
nothing_fires() { get 9090/api/v1/alerts | grep -q '"alerts":\\[\\]'; }
check nothing_fires_on_cards_that_work nothing_fires
killall -KILL accel-train
host model qda0 stretch 1

host model qda0 uncorrected 0 0x100000
host model qda0 corrected 2
knows_errors() {
	of() { get 29836/metrics | sed -n "s/^accel_errors_total{device=\\"accel0\\",.*severity=\\"$1\\"} //p"; }
	of corrected >/tmp/corrected
	of uncorrected >/tmp/uncorrected
	[ "$(paste -d : /tmp/corrected /tmp/uncorrected | tr '\\n' ' ')" = "$(model errors) " ] &&
		is errors_total 1 'block="memory",kind="memory",severity="uncorrected"'
}
check it_knows_errors until_true 10 knows_errors
knows_rows() {
	set -- $(model rows)
	rows() { model rows | tr ' ' '\\n' | grep -c ":$1$"; }
	is memory_spare_rows "$1" && is memory_rows "$(rows 1)" 'state="pending"' && is memory_rows "$(rows 2)" 'state="retired"' &&
		is memory_rows 1 'state="pending"'
}
check it_knows_rows knows_rows
check an_uncorrected_error_fires until_true 10 fires AccelUncorrectedErrors
check rows_that_are_pending_fire until_true 10 fires AccelRowsPending
resets=$(sample resets_total)
/selftests/x86_64/qda_faults -t a_packet_that_hangs_costs_its_job >/tmp/faults 2>&1
was_reset() { [ "$(sample resets_total)" -gt "$resets" ]; }
check it_counts_a_hang was_reset
check a_hang_fires until_true 10 fires AccelHangs
check all_exits_agree_with_the_model card_agrees
"""

# Cards that sleep, come, go and are wedged.
CHANGES = """
udev_knows_them() {
	udevadm settle
	[ "$(stat -c '%a %g' /dev/accel/accel0 /dev/accel/monitor0 | tr '\\n' ' ')" = "660 105 444 0 " ] &&
		[ "$(readlink -f "/dev/accel/by-path/pci-$card0-accel")" = /dev/accel/accel0 ] &&
		[ "$(readlink -f "/dev/accel/by-path/pci-$card1-monitor")" = /dev/accel/monitor1 ] &&
		udevadm info -q property -n /dev/accel/monitor0 | grep -q '^SUBSYSTEM=accel_monitor$' &&
		udevadm test-builtin path_id /sys/class/accel/accel0 2>/dev/null | grep -q "^ID_PATH=pci-$card0$" &&
		udevadm test /sys/class/accel_monitor/monitor1 2>&1 | grep -q "by-path/pci-$card1-monitor"
}
check udev_knows_where_they_are udev_knows_them
sleeps() {
	echo auto >"/sys/bus/pci/devices/$card1/power/control"
	asleep() { get 29836/metrics >/tmp/metrics && grep -q '^accel_device_state{device="accel1",state="asleep"} 1$' /tmp/metrics; }
	until_true 10 asleep && asleep && grep -q '^accel_up{device="accel1"} 1$' /tmp/metrics &&
		! grep -q '^accel_temperature_celsius{device="accel1"' /tmp/metrics &&
		grep -q '^accel_energy_joules_total{device="accel1",sensor="board"} [1-9]' /tmp/metrics &&
		[ "$(cat "/sys/bus/pci/devices/$card1/power/runtime_status")" = suspended ]
}
check who_sleeps_is_up_and_not_woken sleeps
echo on >"/sys/bus/pci/devices/$card1/power/control"
# uevent ACTION NODE [MORE]: udev has passed such a one on.
uevent() {
	awk -v RS= -v action="ACTION=$1\\n" -v node="DEVNAME=/dev/accel/$2\\n" -v more="${3:-ACTION}" \\
		'/^UDEV/ && index($0 "\\n", action) && index($0 "\\n", node) && index($0, more) { found = 1 } END { exit !found }' /tmp/uevents
}
comes_and_goes() {
	here() { get 29836/metrics | grep -q '^accel_up{device="accel2"} 1$'; }
	host plug qda2 card >/dev/null && until_true 20 here && until_true 10 uevent add accel2 && until_true 10 uevent add monitor2 &&
		host unplug qda2 || return 1
	away() { ! get 29836/metrics | grep -q 'accel2'; }
	until_true 10 away && until_true 10 uevent remove accel2 && until_true 10 uevent remove monitor2 && is up 1
}
check who_comes_and_goes_is_seen comes_and_goes
wedges() {
	host model qda0 device-reset-fails on
	! accel-smi reset -i 0 --yes 2>/tmp/why && is device_state 1 'state="wedged"' && is up 1 &&
		until_true 10 fires AccelWedged && until_true 10 uevent change accel0 WEDGED=rebind,bus-reset
}
check who_is_wedged_fires wedges
stops() {
	started=$(seconds)
	systemctl stop accel-exporter && [ $(($(seconds) - started)) -le 5 ] &&
		[ "$(systemctl show -P Result,ActiveState accel-exporter | xargs)" = "success inactive" ] && ! pidof accel-exporter
}
check the_service_stops stops
killall prometheus systemd-udevd udevadm
killall -KILL systemd
"""

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files=FILES,
    programs=(*JUDGES, *systemd.PROGRAMS, *PROBED),
    cards=2,
    memory="2G",
    tests=25,
    timeout=300,
    guest=f"""
plan 25
{agreement.AGREEMENT}
{systemd.SYSTEMD}
{START}
{SERVICE}
{EXPORTER}
{SANDBOX}
{ALERTS}
{CHANGES}
until_true 10 unload accel_qda accel_core
exit $failures
""",
)
