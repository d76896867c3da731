# SPDX-License-Identifier: GPL-2.0
# What the checks share. They run inside the build root, in the checkout.

# files [PATTERN...]: the files of the project (tracked, or new and not ignored) as git pathspecs name them.
files() {
	git -c safe.directory='*' ls-files --cached --others --exclude-standard --deduplicate -- "$@" |
		while read -r file; do
			[[ -f $file ]] && echo "$file"
		done
}

# forbid WHY COMMAND...: fail, after WHY, if COMMAND prints anything.
forbid() {
	local why=$1 found
	shift
	found=$("$@") || true
	[[ ! $found ]] || {
		echo "$why:"
		echo "$found"
		return 1
	}
}
