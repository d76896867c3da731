// SPDX-License-Identifier: GPL-2.0
/* Making a buffer, using its memory, closing it. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>

#include "bench.h"
#include "handles.h"

#define PAGE	4096
#define LARGE	(64 << 20)
#define MANY	100000
#define FEW	10

/* Writes to each page of a mapping made and undone for it. */
static void touch(int file, __u64 offset)
{
	volatile char *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);

	must(memory != MAP_FAILED, "mmap");
	for (unsigned int i = 0; i < LARGE; i += PAGE)
		memory[i] = 1;
	must(!munmap((void *)memory, LARGE), "munmap");
}

static void accel_small(void)
{
	close_buffer(create_buffer(PAGE).handle);
}

static void vgem_small(void)
{
	destroy_dumb(create_dumb(PAGE));
}

static void accel_large(void)
{
	struct accel_buffer_create buffer = create_buffer(LARGE);

	touch(accel_file, buffer.mmap_offset);
	close_buffer(buffer.handle);
}

static void vgem_large(void)
{
	struct drm_mode_map_dumb map = { .handle = create_dumb(LARGE) };

	must(!ioctl(vgem_file, DRM_IOCTL_MODE_MAP_DUMB, &map), "MODE_MAP_DUMB");
	touch(vgem_file, map.offset);
	destroy_dumb(map.handle);
}

/* A file with @count handles, which are all of one memory. */
struct handles {
	int file;
	__u32 handles[MANY];
	unsigned int next;
};

static void open_handles(struct handles *handles, unsigned int count)
{
	struct accel_buffer_create buffer = create_buffer(PAGE);
	struct accel_buffer_export export = { .handle = buffer.handle };

	handles->file = open("/dev/accel/accel0", O_RDWR | O_CLOEXEC);
	must(handles->file >= 0, "open");
	must(!ioctl(accel_file, ACCEL_IOCTL_BUFFER_EXPORT, &export), "BUFFER_EXPORT");
	for (unsigned int i = 0; i < count; i++) {
		struct accel_buffer_import import = { .fd = export.fd };

		must(!ioctl(handles->file, ACCEL_IOCTL_BUFFER_IMPORT, &import), "BUFFER_IMPORT");
		handles->handles[i] = import.handle;
	}
	close(export.fd);
	close_buffer(buffer.handle);
}

/* Asks about one of @count buffers, far from the one before. */
static void look_up(struct handles *handles, unsigned int count)
{
	struct accel_buffer_info info;

	if (!handles->file)
		open_handles(handles, count);
	handles->next = (handles->next + 7 * count / 10 + 1) % count;
	info = (struct accel_buffer_info){ .handle = handles->handles[handles->next] };
	must(!ioctl(handles->file, ACCEL_IOCTL_BUFFER_INFO, &info) && info.size == PAGE,
	     "BUFFER_INFO");
}

static void look_up_in_many(void)
{
	static struct handles handles;

	look_up(&handles, MANY);
}

static void look_up_in_few(void)
{
	static struct handles handles;

	look_up(&handles, FEW);
}

const struct row buffer_create_close = {
	.name = "buffer_create_close", .unit = "instructions",
	.ours = accel_small, .peer = vgem_small,
	.calls = 64, .batches = 128, .parts = 1,
};

const struct row buffer_touch_page = {
	.name = "buffer_touch_page", .unit = "instructions",
	.ours = accel_large, .peer = vgem_large,
	.calls = 1, .batches = 3, .parts = LARGE / PAGE,
};

const struct row handle_lookup_100k = {
	.name = "handle_lookup_100k", .unit = "instructions",
	.ours = look_up_in_many, .peer = look_up_in_few,
	.calls = 256, .batches = 128, .parts = 1,
};
