# SPDX-License-Identifier: GPL-2.0
"""The machine itself: the host channel and the share work; what accel-smi says where there is no device; and what
trace-cmd and perf say of jobs."""

from vm.scenario import Scenario, only, selftests

# Of one file, one after the other.
JOBS = only("jobs_run_in_the_order_of_submission")

SCENARIO = Scenario(
    kernels=("release",),
    share="tools/testing/vm",
    modules=("accel-core", "accel_fake"),
    programs=("perf", "trace-cmd"),
    files={"/bin/accel-smi": "build/bin/accel-smi"} | selftests("submit", callers=("x86_64",)),
    guest=f"""
plan 10
check channel test "$(host echo one 'two  three')" = "one two three"
check channel_refuses sh -c '! host nonsense 2>/dev/null'
check channel_keeps_order sh -c 'for i in 1 2 3 4 5 6 7 8; do [ "$(host echo $i)" = $i ] || exit 1; done'
check share grep -q SCENARIO /share/scenarios/boot.py
check hotplug_ports test "$(grep -lx 0x060400 /sys/bus/pci/devices/*/class | wc -l)" = 4
nothing_to_show() {{
	for arguments in "" -L -q "--query-accel=index" topo "events --follow" "reset -i 0 --yes" "-i 0"; do
		accel-smi $arguments >/tmp/out 2>/tmp/why
		[ $? = 3 ] && grep -q 'there is no device' /tmp/why || {{ echo "# $arguments: $(cat /tmp/why)"; return 1; }}
	done
}}
check no_device_is_said_so nothing_to_show
no_device_as_json() {{ [ "$(host valid snapshot $(accel-smi --json 2>/dev/null))" = 1 ]; }}
check no_device_is_a_document_too no_device_as_json
check cpus test "$(nproc)" = 2

load
mount -t tracefs none /sys/kernel/tracing
# Each job has ended, as number 1 to the last one, in this order.
told() {{ seq $(wc -l <"$1") >/tmp/numbers && [ $(wc -l <"$1") -ge 10 ] && cmp "$1" /tmp/numbers; }}
trace_cmd() {{
	trace-cmd record -e accel -o /tmp/trace /selftests/x86_64/submit {JOBS} >/dev/null 2>&1 &&
		trace-cmd report /tmp/trace 2>/dev/null | sed -n 's/.*accel_job_done: .* job=\\([0-9]*\\) state=3 .*/\\1/p' >/tmp/jobs
	told /tmp/jobs
}}
check trace_cmd_reads_what_happens_to_jobs trace_cmd
perf_trace() {{
	perf trace -e accel:accel_job_done -o /tmp/trace /selftests/x86_64/submit {JOBS} >/dev/null 2>&1 &&
		sed -n 's/.*accel:accel_job_done(.* job: \\([0-9]*\\), state: 3, .*/\\1/p' /tmp/trace >/tmp/jobs
	told /tmp/jobs
}}
check perf_trace_reads_what_happens_to_jobs perf_trace
unload accel_fake accel_core
""",
)
