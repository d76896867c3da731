// SPDX-License-Identifier: GPL-2.0
/* Buffers of both sides, by their handles. */
#include <sys/ioctl.h>

#include <drm/drm.h>

#include "bench.h"
#include "handles.h"

#define PAGE	4096

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
