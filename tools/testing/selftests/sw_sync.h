/* SPDX-License-Identifier: GPL-2.0 */
/* Fences that the test signals, by sw_sync, and what can be asked of a sync_file. */
#ifndef _ACCEL_SELFTESTS_SW_SYNC_H
#define _ACCEL_SELFTESTS_SW_SYNC_H

#include <linux/sync_file.h>

#include "common.h"

/* What the kernel keeps to itself of drivers/dma-buf/sw_sync.c. */
struct sw_sync_create_fence_data {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW('W', 1, __u32)

/* Returns a counter whose fences we signal, or -errno. */
static inline int open_sw_sync(void)
{
	int counter = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

	return counter < 0 ? -errno : counter;
}

/* Returns a sync_file that is signalled when the counter is at @value, or -errno. */
static inline int sw_fence(int counter, __u32 value)
{
	struct sw_sync_create_fence_data argument = { .value = value, .name = "selftest" };

	return ioctl(counter, SW_SYNC_IOC_CREATE_FENCE, &argument) ? -errno : argument.fence;
}

static inline int sw_increase(int counter, __u32 by)
{
	return call(counter, SW_SYNC_IOC_INC, &by);
}

static inline bool is_signaled(int sync_file)
{
	return poll_for(sync_file, POLLIN, 0) & POLLIN;
}

/* 0 while a sync_file is not signalled, then 1 or -errno. */
static inline int sync_file_status(int sync_file)
{
	struct sync_file_info info = { .num_fences = 0 };

	return ioctl(sync_file, SYNC_IOC_FILE_INFO, &info) ? -errno : info.status;
}

/* Returns a sync_file of two, or -errno. */
static inline int merge(int one, int other)
{
	struct sync_merge_data argument = { .name = "merged", .fd2 = other };

	return ioctl(one, SYNC_IOC_MERGE, &argument) ? -errno : argument.fence;
}

#endif /* _ACCEL_SELFTESTS_SW_SYNC_H */
