/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dumps of devices that failed: /sys/class/accel/accelN/device/devcoredump, or debugfs in a kernel
 * without CONFIG_DEV_COREDUMP.
 */
#ifndef _ACCEL_SELFTESTS_COREDUMP_H
#define _ACCEL_SELFTESTS_COREDUMP_H

#include "common.h"

#define DUMP_BYTES	(64 * 1024)

static inline bool has_coredumps(void)
{
	return !access("/sys/class/devcoredump", F_OK);
}

static inline void dump_path(unsigned int index, char *path, size_t size)
{
	if (has_coredumps())
		snprintf(path, size, "/sys/class/accel/accel%u/device/devcoredump/data", index);
	else
		snprintf(path, size, "/sys/kernel/debug/accel_core/%u/dump", index);
}

/* Waits until there is a file, or none; returns whether it came to that. */
static inline bool comes_to_be(const char *path, bool is_there)
{
	__s64 end = now_ns() + 20 * NSEC_PER_SEC;

	while (!access(path, F_OK) != is_there && now_ns() < end)
		sleep_ms(1);
	return !access(path, F_OK) == is_there;
}

/* Lets go of the dump that is there: until somebody does, there is no other one. */
static inline bool forget_dump(unsigned int index)
{
	char path[80];

	dump_path(index, path, sizeof(path));
	return !has_coredumps() || access(path, F_OK) ||
	       (!write_file(path, "1") && comes_to_be(path, false));
}

/* Waits for the dump; returns its text, "" if there is none. */
static inline const char *dump_of(unsigned int index)
{
	static char text[DUMP_BYTES + 1];
	ssize_t size, end = 0;
	char path[80];
	int fd;

	dump_path(index, path, sizeof(path));
	fd = comes_to_be(path, true) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	while ((size = read(fd, text + end, DUMP_BYTES - end)) > 0)
		end += size;
	text[end] = 0;
	close(fd);
	return text;
}

#endif /* _ACCEL_SELFTESTS_COREDUMP_H */
