/* SPDX-License-Identifier: GPL-2.0 */
/* dma-bufs: ours and those of others. */
#ifndef _ACCEL_SELFTESTS_SHARE_H
#define _ACCEL_SELFTESTS_SHARE_H

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "buffer.h"

#define HUGE_PAGE	(2UL << 20)

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

/* Returns a sealed memfd of @size bytes, or -errno; @flags as of memfd_create(2). */
static inline int sealed_memfd(size_t size, unsigned int flags)
{
	int memfd = memfd_create("udmabuf", flags | MFD_ALLOW_SEALING | MFD_CLOEXEC), error;

	if (memfd >= 0 && !ftruncate(memfd, size) && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return memfd;
	error = -errno;
	close(memfd);
	return error;
}

/* Returns a dma-buf of the first @size bytes of @memfd, which is closed, or -errno. */
static inline int udmabuf_of(int memfd, size_t size)
{
	int driver = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create argument = {
		.memfd = memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size,
	};
	int buf = ioctl(driver, UDMABUF_CREATE, &argument);

	if (buf < 0)
		buf = -errno;
	close(memfd);
	close(driver);
	return buf;
}

/* Returns a dma-buf of @size bytes of a memfd, or -errno. */
static inline int udmabuf(size_t size)
{
	return udmabuf_of(sealed_memfd(size, 0), size);
}

/* Returns a memfd of @count huge pages, or -errno. */
static inline int huge_memfd(unsigned int count)
{
	write_file("/proc/sys/vm/nr_hugepages", "8");
	return sealed_memfd(count * HUGE_PAGE, MFD_HUGETLB);
}

/* Returns a dma-buf of the first @size bytes of a huge page, which are in one piece, or -errno. */
static inline int huge_udmabuf(size_t size)
{
	return udmabuf_of(huge_memfd(1), size);
}

/* Returns a dma-buf of pages, no two of which follow each other, or -errno. */
static inline int backward_udmabuf(size_t size)
{
	int driver = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), memfd = huge_memfd(1), buf;
	unsigned int pages = size / PAGE;
	struct udmabuf_create_list *list =
		calloc(1, sizeof(*list) + pages * sizeof(list->list[0]));

	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = pages;
	for (unsigned int i = 0; i < pages; i++)
		list->list[i] = (struct udmabuf_create_item){
			.memfd = memfd, .offset = (pages - 1 - i) * PAGE, .size = PAGE,
		};
	buf = ioctl(driver, UDMABUF_CREATE_LIST, list);
	if (buf < 0)
		buf = -errno;
	free(list);
	close(memfd);
	close(driver);
	return buf;
}

/* Returns a dma-buf of the system heap, whose descriptor has @mode, or -errno. */
static inline int heap_buffer_for(int mode, size_t size)
{
	struct dma_heap_allocation_data argument = { .len = size, .fd_flags = mode | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int error = call(heap, DMA_HEAP_IOCTL_ALLOC, &argument);

	close(heap);
	return error ? error : (int)argument.fd;
}

static inline int heap_buffer(size_t size)
{
	return heap_buffer_for(O_RDWR, size);
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
