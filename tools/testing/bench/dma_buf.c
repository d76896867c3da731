// SPDX-License-Identifier: GPL-2.0
/* Exporting buffers as dma-bufs. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>

#include "bench.h"
#include "handles.h"

#define PAGE		4096
#define MOST_DUPS	64

static int export_accel(__u32 handle)
{
	struct accel_buffer_export export = { .handle = handle };

	must(!ioctl(accel_file, ACCEL_IOCTL_BUFFER_EXPORT, &export), "BUFFER_EXPORT");
	return export.fd;
}

static int export_vgem(__u32 handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };

	must(!ioctl(vgem_file, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), "PRIME_HANDLE_TO_FD");
	return prime.fd;
}

static int dups[MOST_DUPS];
static unsigned int unused;

static void make_dups(unsigned int calls)
{
	must(calls <= MOST_DUPS, "too many calls");
	for (unused = 0; unused < calls; unused++)
		must((dups[unused] = dup(null_file)) >= 0, "dup");
}

/* The least that an ioctl costs, and the end of a file that it returned. */
static void ioctl_and_close(void)
{
	must(ioctl(null_file, _IO('x', 0), NULL) < 0, "ioctl of /dev/null");
	must(!close(dups[--unused]), "close");
}

/* The first call exports for good. */
static void accel_again(void)
{
	static __u32 handle;

	if (!handle) {
		handle = create_buffer(PAGE).handle;
		export_accel(handle);
	}
	close(export_accel(handle));
}

static void vgem_again(void)
{
	static __u32 handle;

	if (!handle) {
		handle = create_dumb(PAGE);
		export_vgem(handle);
	}
	close(export_vgem(handle));
}

static void accel_first(void)
{
	__u32 handle = create_buffer(PAGE).handle;

	close(export_accel(handle));
	close_buffer(handle);
}

static void vgem_first(void)
{
	__u32 handle = create_dumb(PAGE);

	close(export_vgem(handle));
	destroy_dumb(handle);
}

const struct row floor_ioctl_close = {
	.name = "floor_ioctl_close", .unit = "instructions",
	.ours = ioctl_and_close, .peer = ioctl_and_close, .before = make_dups,
	.calls = MOST_DUPS, .batches = 128, .parts = 1,
};

const struct row dmabuf_reexport_close = {
	.name = "dmabuf_reexport_close", .unit = "instructions",
	.ours = accel_again, .peer = vgem_again, .above = &floor_ioctl_close,
	.calls = 64, .batches = 128, .parts = 1,
};

const struct row dmabuf_first_export = {
	.name = "dmabuf_first_export", .unit = "instructions",
	.ours = accel_first, .peer = vgem_first,
	.calls = 16, .batches = 128, .parts = 1,
};
