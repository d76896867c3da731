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

# tree_digest PATH...: one short key for what is below folders of the checkout.
tree_digest() {
	(cd "$TREE" && find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | digest
}

# kernel_part: one short key for what of this checkout goes into a kernel.
kernel_part() {
	tree_digest Kbuild Kconfig scripts/{accel.mk,apply-to-tree} rust accel_core drivers uapi tools/testing/{fake,memcard}
}

# product NAME KEY COMMAND...: have COMMAND make build/NAME, unless the cache has it. KEY is a command: one short
# key for all that goes into it. Only what was made from nothing is kept, so that no mistake of a tool that looks at
# the times of files is kept with it.
product() {
	local folder=$TREE/build/$1 kept=$CACHE/products/$1 key lock new=
	key=$($2)
	mkdir -p "$kept"
	exec {lock}>"$kept.lock"
	flock $lock
	if [[ -d $kept/$key ]]; then
		if [[ ! -f $folder/key || $(<"$folder/key") != "$key" ]]; then
			mkdir -p "${folder%/*}"
			rm -rf "$folder"
			cp -a "$kept/$key" "$folder"
		fi
		exec {lock}>&-
		return
	fi
	flock --unlock $lock
	[[ -d $folder ]] || new=1
	mkdir -p "$folder"
	rm -f "$folder/key"
	"${@:3}"
	if [[ $new && $($2) == "$key" ]]; then
		echo "$key" >"$folder/key"
		flock $lock
		rm -rf "$kept"/*
		cp -a "$folder" "$kept/$key"
	fi
	exec {lock}>&-
}
