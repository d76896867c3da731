/* SPDX-License-Identifier: GPL-2.0 */
/* dma-bufs: ours and those of others. */
#ifndef _ACCEL_SELFTESTS_SHARE_H
#define _ACCEL_SELFTESTS_SHARE_H

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "buffer.h"

/* Returns a dma-buf of a buffer, or -errno. */
static inline int export_buffer(int fd, __u32 handle)
{
	struct accel_buffer_export argument = { .handle = handle };
	int error = call(fd, ACCEL_IOCTL_BUFFER_EXPORT, &argument);

	return error ? error : argument.fd;
}

static inline int import_buffer(int fd, int buf, struct accel_buffer_import *buffer)
{
	*buffer = (struct accel_buffer_import){ .fd = buf };
	return call(fd, ACCEL_IOCTL_BUFFER_IMPORT, buffer);
}

/* Returns a dma-buf of @size bytes of a memfd, or -errno. */
static inline int udmabuf(size_t size)
{
	int driver = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING);
	struct udmabuf_create argument = { .memfd = memfd, .size = size };
	int buf = -1;

	if (driver >= 0 && !ftruncate(memfd, size) && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		buf = ioctl(driver, UDMABUF_CREATE, &argument);
	if (buf < 0)
		buf = -errno;
	close(memfd);
	close(driver);
	return buf;
}

/* Returns a dma-buf of the system heap, or -errno. */
static inline int heap_buffer(size_t size)
{
	struct dma_heap_allocation_data argument = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int error = call(heap, DMA_HEAP_IOCTL_ALLOC, &argument);

	close(heap);
	return error ? error : (int)argument.fd;
}

/* Opens vgem, the DRM driver without hardware. */
static inline int open_vgem(void)
{
	for (int card = 0; card < 4; card++) {
		char path[32], name[16] = "";
		struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/card%d", card);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !call(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "vgem"))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* Returns a dma-buf of @size bytes of vgem, or -errno. */
static inline int vgem_buffer(size_t size)
{
	struct drm_mode_create_dumb dumb = { .width = size / 4, .height = 1, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int vgem = open_vgem();
	int error = call(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);

	prime.handle = dumb.handle;
	if (!error)
		error = call(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	close(vgem);
	return error ? error : prime.fd;
}

/* Begins (@flags 0) or ends (DMA_BUF_SYNC_END) an access of the CPU. */
static inline int sync_buffer(int buf, __u64 flags)
{
	struct dma_buf_sync argument = { .flags = DMA_BUF_SYNC_RW | flags };

	return call(buf, DMA_BUF_IOCTL_SYNC, &argument);
}

#endif /* _ACCEL_SELFTESTS_SHARE_H */
