# SPDX-License-Identifier: GPL-2.0
# What every set-up script shares: where things live, and how one step is run, timed and remembered.

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${ACCEL_CACHE:-$HOME/.cache/accel}
ROOT=${ACCEL_ROOT:-$CACHE/root}
SUITE=trixie

# A kernel tree of one's own has builds of its own; WORLD is the suffix that tells them apart.
WORLD=
if [[ ${KDIR-} ]]; then
	KDIR=$(cd "$KDIR" && pwd)
	WORLD=-$(sha256sum <<<"$KDIR" | cut -c1-12)
fi
LINUX=${KDIR:-$CACHE/linux}
BUILD=$CACHE/build$WORLD
STAMPS=$CACHE/stamps
LOGS=$CACHE/logs
mkdir -p "$BUILD" "$STAMPS" "$LOGS" "$CACHE/user"

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# digest FILE...: one short key for the content of files.
digest() {
	cat "$@" | sha256sum | cut -c1-16
}

minutes() {
	printf '%dm%02ds' $(($1 / 60)) $(($1 % 60))
}

# quietly NAME COMMAND...: run COMMAND, its output to a log; print name and time, and the log's end if it fails.
quietly() {
	local name=$1 start=$SECONDS log=$LOGS/$1.log time=$STAMPS/$1.time last=
	shift
	[[ -f $time ]] && last=" (last time $(minutes "$(<"$time")"))"
	printf '  %-16s ...%s\n' "$name" "$last"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		die "step $name failed; its whole output: $log"
	fi
	echo $((SECONDS - start)) >"$time"
	printf '  %-16s %s\n' "$name" "$(minutes $((SECONDS - start)))"
}

# step NAME KEY COMMAND...: run COMMAND quietly, unless it succeeded before under the same KEY.
step() {
	local name=$1 key=$2
	if [[ -f $STAMPS/$name && $(<"$STAMPS/$name") == "$key" ]]; then
		printf '  %-16s ready\n' "$name"
		return
	fi
	rm -f "$STAMPS/$name"
	quietly "$name" "${@:3}"
	echo "$key" >"$STAMPS/$name"
}
