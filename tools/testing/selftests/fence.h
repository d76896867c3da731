/* SPDX-License-Identifier: GPL-2.0 */
/* Fences of others, and those of dma-bufs. */
#ifndef _ACCEL_SELFTESTS_FENCE_H
#define _ACCEL_SELFTESTS_FENCE_H

#include <linux/sync_file.h>
#include <poll.h>

#include "share.h"

/* The kernel has no header for user space of these (drivers/dma-buf/sw_sync.c). */
struct sw_sync_create_fence_data {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW('W', 1, __u32)

/* Opens a new timeline of sw_sync; closing it signals all of its fences, with an error. */
static inline int open_timeline(void)
{
	return open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
}

/* Returns a sync_file that is signalled when the timeline reaches @value. */
static inline int timeline_fence(int timeline, __u32 value)
{
	struct sw_sync_create_fence_data argument = { .value = value };
	int error = call(timeline, SW_SYNC_IOC_CREATE_FENCE, &argument);

	return error ? error : argument.fence;
}

static inline int advance(int timeline)
{
	__u32 by = 1;

	return call(timeline, SW_SYNC_IOC_INC, &by);
}

/* Puts a fence on a dma-buf, as one of DMA_BUF_SYNC_READ or WRITE; closes its descriptor. */
static inline int attach_fence(int buf, int fence, __u32 flags)
{
	struct dma_buf_import_sync_file argument = { .flags = flags, .fd = fence };
	int error = call(buf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &argument);

	close(fence);
	return error;
}

/* Returns a sync_file of what DMA_BUF_SYNC_READ or WRITE of a dma-buf waits for. */
static inline int detach_fence(int buf, __u32 flags)
{
	struct dma_buf_export_sync_file argument = { .flags = flags };
	int error = call(buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &argument);

	return error ? error : argument.fd;
}

/* What a sync_file of one fence says. */
static inline struct sync_fence_info fence_info(int fence)
{
	struct sync_fence_info fences[4] = { 0 };
	struct sync_file_info info = { .num_fences = 4, .sync_fence_info = user(fences) };
	int error = call(fence, SYNC_IOC_FILE_INFO, &info);

	if (error || info.num_fences != 1)
		return (struct sync_fence_info){ .status = error ?: -ERANGE };
	return fences[0];
}

#endif /* _ACCEL_SELFTESTS_FENCE_H */
