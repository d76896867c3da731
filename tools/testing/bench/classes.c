// SPDX-License-Identifier: GPL-2.0
/*
 * Data of class 1, few large buffers, and of class 2, very many small ones: all are there at the
 * same time.
 */
#include "bench.h"
#include "handles.h"
#include "submit.h"

#define MIB	0x100000
#define FEW	8
#define LARGE	(32 * MIB)
#define MANY	10000
#define SMALL	4096

/* A job names all of them. */
static void accel_few_large(void)
{
	struct accel_submit_buffer list[FEW] = { 0 };

	for (unsigned int i = 0; i < FEW; i++) {
		struct accel_buffer_create buffer = create_buffer(LARGE);

		touch_buffer(&buffer);
		list[i].handle = buffer.handle;
		list[i].flags = i % 2 ? ACCEL_BUFFER_READ : ACCEL_BUFFER_WRITE;
	}
	submit_naming(accel_file, list, FEW);
	for (unsigned int i = 0; i < FEW; i++)
		close_buffer(list[i].handle);
}

/* Nobody takes a job of dumb buffers. */
static void vgem_few_large(void)
{
	__u32 handles[FEW];

	for (unsigned int i = 0; i < FEW; i++) {
		handles[i] = create_dumb(LARGE);
		touch_dumb(handles[i], LARGE);
	}
	for (unsigned int i = 0; i < FEW; i++)
		destroy_dumb(handles[i]);
}

static __u32 small[MANY];

static void accel_many_small(void)
{
	for (unsigned int i = 0; i < MANY; i++)
		small[i] = create_buffer(SMALL).handle;
	for (unsigned int i = 0; i < MANY; i++)
		close_buffer(small[i]);
}

static void vgem_many_small(void)
{
	for (unsigned int i = 0; i < MANY; i++)
		small[i] = create_dumb(SMALL);
	for (unsigned int i = 0; i < MANY; i++)
		destroy_dumb(small[i]);
}

/* Per MiB. */
const struct row class1_buffers = {
	.name = "class1_buffers", .unit = "instructions",
	.ours = accel_few_large, .peer = vgem_few_large,
	.calls = 1, .batches = 2, .parts = FEW * LARGE / MIB,
};

const struct row class2_buffers = {
	.name = "class2_buffers", .unit = "instructions",
	.ours = accel_many_small, .peer = vgem_many_small,
	.calls = 1, .batches = 4, .parts = MANY,
};
