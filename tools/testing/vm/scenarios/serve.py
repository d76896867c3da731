# SPDX-License-Identifier: GPL-2.0
"""The inference service: 16 small clients and 2 large ones on a QDA card, judged by its model's log of packets.

accel-smi and accel-top watch it, the card beside it that nobody uses, and what becomes of both; what accel-top draws
is judged by a terminal of others (tools/testing/screen). gputop of igt finds the clients by their fdinfo.
"""

from vm.scenario import Scenario

PROGRAMS = ("accel-serve", "accel-smi", "accel-top", "terminal-screen")

FILES = {f"/bin/{program}": f"build/bin/{program}" for program in PROGRAMS} | {
    f"/training/{name}.npy": f"build/training/{name}.npy" for name in ("weights", "held_out", "answers")
}

PRELOADED = {"/lib/accel_as_drm.so": "build/selftests/preload/accel_as_drm.so"}

# What accel-smi says of cards that do nothing.
IDLE = """
card0=$(accel-smi -i 0 --query-accel=pci.bus_id --format=csv,noheader)
card1=$(accel-smi -i 1 --query-accel=pci.bus_id --format=csv,noheader)
mkdir -p /etc
echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
anybody() { start-stop-daemon -S -c nobody -x /bin/accel-smi -- "$@"; }
csv() { accel-smi --format=csv,noheader,nounits "$@"; }

lists_both() { [ "$(accel-smi -L | grep -c "^Accel [01]: .* (UUID: [0-9a-f-]*) (pci 0000:..:00.0)$")" = 2 ]; }
tells_devices_by_any_name() {
	uuid=$(csv -i 1 --query-accel=uuid)
	[ "$(csv -i "$card1" --query-accel=index,uuid)" = "1, $uuid" ] && [ "$(csv -i "$uuid" --query-accel=index)" = 1 ]
}
knows_memory() { [ "$(csv -i 0 --query-accel=memory.total)" -gt 0 ] && [ "$(csv -i 0 --query-accel=memory.used)" -ge 0 ]; }
who_is_not_there_is_named() {
	accel-smi -i 0,7 2>/tmp/why
	[ $? = 3 ] && grep -q "no device has the index, UUID or address 7; there are: 0 ($card0), 1 ($card1)" /tmp/why
}
documents_are_as_published() {
	[ "$(host valid snapshot $(accel-smi --json))" = 1 ] && [ "$(host valid topology $(accel-smi topo --json))" = 1 ] &&
		[ "$(host valid event $(accel-smi events --json))" -gt 0 ]
}
# The cards are cabled to each other, and below one switch.
knows_the_fabric() {
	accel-smi topo -m >/tmp/out && grep -q '^Accel0  X  *LK2 ' /tmp/out && accel-smi topo --json | grep -q '"path": "PIX"'
}
only_root_resets() {
	anybody reset -i 0 --yes 2>/tmp/why
	[ $? = 1 ] && grep -q 'only root (CAP_SYS_ADMIN) may reset devices' /tmp/why
}
anybody_may_look() { anybody -q >/tmp/out && grep -q 'State  *: operational' /tmp/out; }
resets() {
	epoch=$(csv -i 1 --query-accel=resets.epoch)
	[ "$(accel-smi reset -i 1 --yes)" = "Accel 1 was reset." ] &&
		[ "$(csv -i 1 --query-accel=resets.epoch)" = $((epoch + 1)) ] &&
		accel-smi events -i 1 --kind reset | tail -n 1 | grep -q "accel1 #[0-9]* .* reset: the device works, epoch $((epoch + 1))"
}
# says ANSWER: to the question of a reset, on a terminal.
says() { echo "$1" | script -q -c 'accel-smi reset -i 1' /tmp/asked >/dev/null; }
asks_before_a_reset() {
	epoch=$(csv -i 1 --query-accel=resets.epoch)
	says n
	grep -q "^Accel 1 ($card1) has 0 clients, which lose what it works on. Reset it? .y/N. " /tmp/asked &&
		[ "$(csv -i 1 --query-accel=resets.epoch)" = "$epoch" ] && says y && grep -q 'Accel 1 was reset[.]' /tmp/asked &&
		[ "$(csv -i 1 --query-accel=resets.epoch)" = $((epoch + 1)) ]
}
follows_events() {
	lines=$(accel-smi events -i 1 --kind reset | wc -l)
	accel-smi events --follow -i 1 --kind reset >/tmp/followed &
	has_lines() { [ "$(wc -l </tmp/followed)" = "$1" ]; }
	until_true 10 has_lines "$lines" && accel-smi reset -i 1 --yes >/dev/null && until_true 10 has_lines $((lines + 1))
	set -- $?
	kill $! && return "$1"
}
writes_a_file_again_and_again() {
	accel-smi -l 1 -f /tmp/file --query-accel=index,state --format=csv,noheader >/tmp/out &
	often() { [ "$(grep -cx '0, operational' /tmp/file)" -ge 3 ]; }
	until_true 15 often && [ ! -s /tmp/out ]
	set -- $?
	kill $! && return "$1"
}
has_pages() {
	while read -r page title; do
		accel-smi -q -d "$page" -i 0 >/tmp/out || return 1
		[ "$(grep -x '    [A-Z][A-Za-z ]*' /tmp/out)" = "    $title" ] || return 1
	done <<-EOF
		COMPUTE Compute
		MEMORY Memory
		UTILIZATION Utilization
		ECC ECC Errors
		ROW_REMAPPER Row Remapper
		TEMPERATURE Temperature
		POWER Power
		CLOCK Clocks
		PERFORMANCE Clocks Event Reasons
		FIRMWARE Firmware
		LINKS Links
		PIDS Processes
	EOF
}

# What the model of card 0 knows.
model() { host model qda0 telemetry "$1"; }
becomes() { [ "$(csv -i 0 --query-accel="$1")" = "$2" ]; }
knows_what_is_measured() {
	host model qda0 thermal 0 71250 && until_true 10 becomes temperature.die 71 || return 1
	set -- $(model sensors)
	[ "$1" = 71250 ] && accel-smi -i 0 --json | grep -q '"value": 71.25,' &&
		becomes temperature.die.high,power.limit "95, 150.00" && becomes power.draw $(($3 / 1000)).00 &&
		becomes voltage.core 0.$4 && becomes clocks.engine $5 && host model qda0 thermal 0 off
}
knows_why_clocks_are_lowered() {
	becomes clocks_event_reasons.brake "Not Active" && host model qda0 brake on &&
		until_true 10 becomes clocks_event_reasons.active,clocks_event_reasons.brake "0x0000000000000008, Active" || return 1
	accel-smi -i 0 | grep -q ' brake$' && accel-smi events -i 0 --kind throttle | tail -n 1 | grep -q 'lowered: brake$' &&
		host model qda0 brake off && until_true 10 becomes clocks_event_reasons.active 0x0000000000000000
}
knows_errors() {
	host model qda0 corrected 0 && host model qda0 corrected 2 || return 1
	until_true 10 becomes ecc.errors.corrected.memory,ecc.errors.corrected.copy0,ecc.errors.corrected.total "1, 1, 2" &&
		set -- $(model errors) && [ "$1 $3" = "1:0 1:0" ] && becomes ecc.errors.uncorrected.total 0 &&
		accel-smi events --kind error | tail -n 1 | grep -q ' warning error: 1 in copy0 at '
}
knows_rows_and_firmware() { becomes rows.pending,rows.spares,firmware.management.version "0, 16, 1.0.0"; }
check accel_smi_lists_both lists_both
check accel_smi_tells_devices_by_any_name tells_devices_by_any_name
check accel_smi_knows_memory knows_memory
check who_is_not_there_is_named who_is_not_there_is_named
check documents_are_as_published documents_are_as_published
check accel_smi_knows_the_fabric knows_the_fabric
check accel_smi_knows_what_is_measured knows_what_is_measured
check accel_smi_knows_why_clocks_are_lowered knows_why_clocks_are_lowered
check accel_smi_knows_errors knows_errors
check accel_smi_knows_rows_and_firmware knows_rows_and_firmware
check anybody_may_look anybody_may_look
check only_root_resets only_root_resets
check accel_smi_resets resets
check accel_smi_asks_before_a_reset asks_before_a_reset
check accel_smi_follows_events follows_events
check accel_smi_writes_a_file_again_and_again writes_a_file_again_and_again
check accel_smi_has_pages has_pages
"""

# What accel-smi says of a card that works.
WORK = """
sees_the_work() { [ "$(csv -i 0 --period 300 --query-accel=utilization.accel)" -gt 50 ]; }
check accel_smi_sees_the_work until_true 10 sees_the_work
# 18 clients, who share two tensor engines; who may not know them is told how many they are.
sees_who_works() {
	accel-smi --period 300 --format=csv,noheader,nounits --query-compute-apps=pid,process_name,used_memory,utilization >/tmp/who
	[ "$(grep -c '^[0-9]*, accel-serve, [1-9][0-9]*, [0-9]*$' /tmp/who)" = 18 ] || return 1
	[ "$(cat "/proc/$(head -n 1 /tmp/who | cut -d, -f1)/comm")" = accel-serve ] &&
		awk -F, '{ sum += $4 } END { exit !(sum > 50 && sum <= 220) }' /tmp/who &&
		[ "$(host valid snapshot $(accel-smi -q -d PIDS --json))" = 1 ]
}
check accel_smi_sees_who_works until_true 10 sees_who_works
counts_others() { anybody >/tmp/out && grep -q '^No processes' /tmp/out && grep -q '^Accel 0: 18 clients of other users' /tmp/out; }
check others_are_counted_but_not_named counts_others
"""

# What accel-top draws on a terminal of 100 columns and 36 lines while a card works, and how it leaves it.
TOP = """
mkfifo /tmp/keys
on_a_terminal() {
	SHELL=/bin/sh TERM=xterm-256color LANG=C.UTF-8 script -q -f -c 'stty rows 36 cols 100; accel-top; echo "status $?"; stty -a' \
		/tmp/shown </tmp/keys >/dev/null &
	exec 4>/tmp/keys
}
shown() { terminal-screen 100 36 "${1:-text}" </tmp/shown; }
# How much memory of card 0 is in use, as accel-smi tells programs, in the words of accel-top.
memory() {
	accel-smi -i 0 --json | awk -F '[:,]' '
		function mebibytes(bytes) { return sprintf(bytes % 1048576 ? "%.1f MiB" : "%d MiB", bytes / 1048576) }
		/"name": "local"/ { found = 1 }
		found && /"size_bytes"/ { size = $2 }
		found && /"used_bytes"/ { print mebibytes($2) " / " mebibytes(size); exit }'
}
shows_the_work() {
	shown >/tmp/out
	[ "$(sed -n '/^Accel 0 /,/^Accel 1 /p' /tmp/out | grep -cE ' tensor[01] .* ([5-9][0-9]|100) %')" = 2 ] &&
		[ "$(sed -n '/^Accel 1 /,/ PID /p' /tmp/out | grep -cE ' tensor[01] .*   0 %')" = 2 ] &&
		grep -qF " $(memory)" /tmp/out && [ "$(shown modes)" = "alternate hidden" ] || return 1
	first=$(sed -nE 's/^ *([0-9]+)  .* accel-serve$/\\1/p' /tmp/out | head -n 1)
	[ "$(cat "/proc/$first/comm")" = accel-serve ]
}
obeys_keys() {
	printf s >&4
	sorted() { shown | grep -q '^accel-top .* sorted by MEMORY$'; }
	printf 1 >&4
	alone() { ! shown | grep -q '^Accel 0 ' && shown | grep -q '^Accel 1 .* operational$' && shown | grep -q '^No processes'; }
	until_true 5 sorted && until_true 5 alone
}
# left STATUS: it ended so, and the terminal is as it was.
left() {
	until_true 5 grep -q "status $1" /tmp/shown && until_true 5 grep -q '^isig icanon iexten echo ' /tmp/shown &&
		[ "$(shown modes)" = "main shown" ]
}
quits() { printf q >&4 && left 0; }
drawn() { [ "$(shown modes)" = "alternate hidden" ] && shown | grep -q '^Accel 0 '; }
stops_and_goes_on() {
	on_a_terminal
	given_back() { [ "$(shown modes)" = "main shown" ]; }
	until_true 5 drawn && killall -TSTP accel-top && until_true 5 given_back && killall -CONT accel-top && until_true 5 drawn
}
is_killed() { killall accel-top && left 143; }
prints_the_same() {
	accel-top -b -n 1 -i 0 >/tmp/out && [ "$(grep -c ' accel-serve$' /tmp/out)" = 18 ] && grep -qF " $(memory)" /tmp/out &&
		! grep -q "$(printf '\\033')" /tmp/out && ! grep -q '^Accel 1 ' /tmp/out || return 1
	TERM=dumb accel-top -n 1 >/tmp/out 2>/tmp/why
	[ $? = 2 ] && grep -q 'the standard output is no terminal; -b prints text' /tmp/why && [ ! -s /tmp/out ]
}
on_a_terminal
check accel_top_shows_the_work until_true 10 shows_the_work
check accel_top_obeys_keys obeys_keys
check accel_top_gives_the_terminal_back quits
check accel_top_stops_and_goes_on stops_and_goes_on
check accel_top_gives_it_back_when_it_is_killed is_killed
check accel_top_prints_the_same prints_the_same
"""

# What gputop draws of the clients of a card that works: it takes them for those of a DRM device.
GPUTOP = """
# fdinfo PID: of the file of card 0 that it has open.
fdinfo() { cat /proc/$1/fdinfo/* 2>/dev/null | grep '^drm-'; }
# told_of PID: its line, as far as it tells of it and of its memory.
told_of() {
	fdinfo "$1" | awk -v pid="$1" '
		function size(kib) { return kib == 0 ? "0B" : kib < 1024 ? kib "K" : kib < 1048576 ? int(kib / 1024) "M" : int(kib / 1048576) "G" }
		/^drm-total-/ { total += $2 }
		/^drm-resident-/ { resident += $2 }
		END { print pid, size(total), size(resident) }'
}
busy() {
	awk -v engine="$1" '
		$1 == "PID" { for (i = 4; i < NF; i++) if ($i == engine) column = i - 3 }
		$NF == "accel-serve" { gsub("[|]", " "); seen = 0; for (i = 4; i < NF; i++) if ($i ~ /%$/ && ++seen == column) sum += $i }
		END { print int(sum) }' /tmp/out
}
shows_clients() {
	script -q -c 'stty rows 36 cols 160; LD_PRELOAD=/lib/accel_as_drm.so gputop -d 1 -n 2' /tmp/gputop </dev/null >/dev/null &&
		terminal-screen 160 36 text </tmp/gputop >/tmp/out || return 1
	clients=$(csv --query-compute-apps=pid)
	engines=$(fdinfo $(echo "$clients" | head -n 1) | awk -F '[-:]' '/^drm-engine-/ && !/capacity/ { print $3 }' | xargs)
	[ "$(head -n 1 /tmp/out)" = "DRM minor $((0x$(stat -c %T /dev/accel/accel0)))" ] &&
		[ "$(sed -n 2p /tmp/out | xargs)" = "PID MEM RSS $engines NAME" ] || return 1
	for client in $clients; do told_of "$client"; done | sort >/tmp/expected
	awk '$NF == "accel-serve" { print $1, $2, $3 }' /tmp/out | sort | cmp - /tmp/expected &&
		[ "$(busy tensor)" -gt 50 ] && [ "$(busy tensor)" -gt "$(busy copy)" ]
}
check gputop_shows_clients shows_clients
"""

# Of cards that sleep, go away, and are wedged.
CHANGES = """
killall -KILL accel-serve
check accel_smi_sees_them_go until_true 10 becomes clients,utilization.accel "0, 0"

falls_asleep() {
	echo auto >"/sys/bus/pci/devices/$card1/power/control"
	asleep() { [ "$(csv -i 1 --query-accel=state)" = asleep ]; }
	until_true 10 asleep && accel-top -b -n 1 -i 1 | grep -q '^Accel 1 .* asleep$' &&
		accel-smi -q -d LINKS -i 1 | grep -A1 Links | grep -q 'not available now' && asleep &&
		[ "$(csv -i 1 --query-accel=temperature.die,ecc.errors.corrected.total)" = "[N/A], 0" ] &&
		[ "$(host valid snapshot $(accel-smi --json))" = 1 ]
}
check who_sleeps_is_not_woken falls_asleep
echo on >"/sys/bus/pci/devices/$card1/power/control"

goes_away() {
	accel-smi -lms 100 --query-accel=index,state --format=csv,noheader >/tmp/loop 2>/tmp/why &
	until_true 10 grep -q '^1, operational' /tmp/loop || return 1
	echo "$card1" >/sys/bus/pci/drivers/accel_qda/unbind
	until_true 10 grep -q '^1, gone' /tmp/loop || return 1
	lines=$(grep -c '^0, operational' /tmp/loop)
	more() { [ "$(grep -c '^0, operational' /tmp/loop)" -gt $((lines + 2)) ]; }
	until_true 10 more || return 1
	kill $!
	[ "$(grep -c '^1, gone' /tmp/loop)" = 1 ] && [ ! -s /tmp/why ] && [ "$(csv --query-accel=index)" = 0 ]
}
check who_goes_away_is_told_of_once goes_away

wedges() {
	host model qda0 device-reset-fails on
	accel-smi reset -i 0 --yes 2>/tmp/why
	[ $? = 1 ] && grep -q 'the reset did not help: the device is wedged' /tmp/why || return 1
	becomes state wedged && accel-smi | grep -q ' wedged ' && [ "$(host valid snapshot $(accel-smi --json))" = 1 ]
}
check who_cannot_be_reset_is_wedged wedges
"""

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files=FILES | PRELOADED,
    programs=("gputop", "script"),
    cards=2,
    tests=35,
    timeout=300,
    # The model computes faster than the emulated guest asks: as it is, engines would often have nothing to do.
    guest=f"""
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
load
until_true 10 test -e /dev/accel/accel1 || exit 1
host model qda0 stretch 30
plan 35
check accel_serve_is_right_to_a_bit accel-serve /training 20 normal low
check small_requests_wait_for_one_large_packet host waits qda0 at-most 1
check answers_to_equals_are_right accel-serve /training 5 normal normal
check equals_wait_for_more host waits qda0 more-than 1
{IDLE}
# For as long as it takes.
accel-serve /training 1000000 normal low &
{WORK}
{TOP}
{GPUTOP}
{CHANGES}
unload accel_qda accel_core
exit $failures
""",
)
