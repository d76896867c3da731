/* SPDX-License-Identifier: GPL-2.0 */
/* Saying that buffers are not needed, and having their memory taken. */
#ifndef _ACCEL_SELFTESTS_ADVISE_H
#define _ACCEL_SELFTESTS_ADVISE_H

#include "account.h"

#define WILL	ACCEL_ADVICE_WILLNEED
#define DONT	ACCEL_ADVICE_DONTNEED

/* Returns whether the contents are there (1, 0), or -errno. */
static inline int advise(int fd, __u32 handle, __u32 advice)
{
	struct accel_buffer_advise argument = {
		.handle = handle, .advice = advice, .retained = UNTOUCHED,
	};

	return call(fd, ACCEL_IOCTL_BUFFER_ADVISE, &argument) ?: (int)argument.retained;
}

/* Asks the kernel for all memory that shrinkers can give back. */
static inline int shrink(void)
{
	return write_file("/proc/sys/vm/drop_caches", "2");
}

/* Has it asked until the memory of a buffer that is not needed is taken. */
static inline bool purged(int fd, __u32 handle)
{
	__s64 end = now_ns() + SLACK_NS;
	struct accel_info_client_memory memory[MAX_REGIONS];
	__u64 before;

	if (advise(fd, handle, DONT) != 1)
		return false;
	client_memory(fd, memory);
	before = memory[0].resident;
	do {
		shrink();
		client_memory(fd, memory);
	} while (memory[0].resident == before && now_ns() < end);
	return !advise(fd, handle, WILL);
}

#endif /* _ACCEL_SELFTESTS_ADVISE_H */
