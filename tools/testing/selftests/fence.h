/* SPDX-License-Identifier: GPL-2.0 */
/* Fences of others, and those of dma-bufs. */
#ifndef _ACCEL_SELFTESTS_FENCE_H
#define _ACCEL_SELFTESTS_FENCE_H

#include "share.h"
#include "sw_sync.h"

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
