// SPDX-License-Identifier: GPL-2.0
/* Making a buffer, using its memory, closing it. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "handles.h"

#define PAGE	4096
#define LARGE	(64 << 20)
#define MANY	100000
#define FEW	10

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

	touch_buffer(&buffer);
	close_buffer(buffer.handle);
}

static void vgem_large(void)
{
	__u32 handle = create_dumb(LARGE);

	touch_dumb(handle, LARGE);
	destroy_dumb(handle);
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
