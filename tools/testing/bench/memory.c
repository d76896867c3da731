// SPDX-License-Identifier: GPL-2.0
/* How much of the kernel's memory things take. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "bench.h"
#include "handles.h"

#define PAGE	4096

static double free_memory(void)
{
	struct sysinfo info;

	must(!sysinfo(&info), "sysinfo");
	return (double)info.freeram * info.mem_unit;
}

/*
 * What @calls of @call take for good. As many before them use up what the allocators have set
 * aside, which does not count as free.
 */
static double taken(const struct row *row, void (*call)(void))
{
	double before;

	for (unsigned int i = 0; i < row->calls; i++)
		call();
	before = free_memory();
	for (unsigned int i = 0; i < row->calls; i++)
		call();
	return (before - free_memory()) / row->calls;
}

static void accel_buffer(void)
{
	create_buffer(PAGE);
}

/* Its page is there only when it was used. */
static void vgem_buffer(void)
{
	touch_dumb(create_dumb(PAGE), PAGE);
}

static void open_many(const char *path)
{
	const struct rlimit most = { 1 << 17, 1 << 17 };

	must(!setrlimit(RLIMIT_NOFILE, &most), "setrlimit");
	must(open(path, O_RDWR | O_CLOEXEC) >= 0, path);
}

static void accel_open(void)
{
	open_many("/dev/accel/accel0");
}

static void vgem_open(void)
{
	open_many("/dev/dri/card0");
}

const struct row buffer_bytes = {
	.name = "buffer_bytes", .unit = "bytes", .measure = taken,
	.ours = accel_buffer, .peer = vgem_buffer,
	.calls = 20000, .parts = 1,
};

const struct row file_bytes = {
	.name = "file_bytes", .unit = "bytes", .measure = taken,
	.ours = accel_open, .peer = vgem_open,
	.calls = 10000, .parts = 1,
};
