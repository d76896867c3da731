// SPDX-License-Identifier: GPL-2.0
/* Buffers of both sides, by their handles. */
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm/drm.h>

#include "bench.h"
#include "handles.h"

#define PAGE	4096

/* Writes to each page of a mapping made and undone for it. */
static void touch(int file, __u64 offset, __u64 size)
{
	volatile char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);

	must(memory != MAP_FAILED, "mmap");
	for (__u64 i = 0; i < size; i += PAGE)
		memory[i] = 1;
	must(!munmap((void *)memory, size), "munmap");
}

struct accel_buffer_create create_buffer(__u64 size)
{
	struct accel_buffer_create buffer = { .size = size };

	must(!ioctl(accel_file, ACCEL_IOCTL_BUFFER_CREATE, &buffer), "BUFFER_CREATE");
	return buffer;
}

void close_buffer(__u32 handle)
{
	struct accel_buffer_close close = { .handle = handle };

	must(!ioctl(accel_file, ACCEL_IOCTL_BUFFER_CLOSE, &close), "BUFFER_CLOSE");
}

void touch_buffer(const struct accel_buffer_create *buffer)
{
	touch(accel_file, buffer->mmap_offset, buffer->size);
}

/* A dumb buffer is an image. */
__u32 create_dumb(__u64 size)
{
	struct drm_mode_create_dumb dumb = {
		.width = PAGE / 4,
		.height = size / PAGE,
		.bpp = 32,
	};

	must(!ioctl(vgem_file, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) && dumb.size == size,
	     "MODE_CREATE_DUMB");
	return dumb.handle;
}

void destroy_dumb(__u32 handle)
{
	struct drm_mode_destroy_dumb destroy = { .handle = handle };

	must(!ioctl(vgem_file, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy), "MODE_DESTROY_DUMB");
}

void touch_dumb(__u32 handle, __u64 size)
{
	struct drm_mode_map_dumb map = { .handle = handle };

	must(!ioctl(vgem_file, DRM_IOCTL_MODE_MAP_DUMB, &map), "MODE_MAP_DUMB");
	touch(vgem_file, map.offset, size);
}
