// SPDX-License-Identifier: GPL-2.0
/* Naming buffers in a job, from the submission to their release after the job has ended. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <accel/accel.h>
#include <accel_fake.h>

#include "bench.h"
#include "submit.h"

#define COUNT	1000
/* One of so many buffers is named. */
#define PART	10

/* A buffer of 4 KiB. */
static __u32 make_one(int file)
{
	struct accel_buffer_create buffer = { .size = 1 };

	must(!ioctl(file, ACCEL_IOCTL_BUFFER_CREATE, &buffer), "BUFFER_CREATE");
	return buffer.handle;
}

/* Buffers that are alternately read and written. */
static void make(struct accel_submit_buffer *list, bool is_shared)
{
	for (unsigned int i = 0; i < COUNT; i++) {
		struct accel_buffer_export export = { 0 };

		list[i].handle = make_one(accel_file);
		list[i].flags = i % 2 ? ACCEL_BUFFER_READ : ACCEL_BUFFER_WRITE;
		if (!is_shared)
			continue;
		export.handle = list[i].handle;
		must(!ioctl(accel_file, ACCEL_IOCTL_BUFFER_EXPORT, &export), "BUFFER_EXPORT");
		close(export.fd);
	}
}

/*
 * The job ends in an interrupt before the first call returns; what it used is released by the
 * second call, if not by a worker meanwhile.
 */
void submit_naming(int file, const struct accel_submit_buffer *list, unsigned int count)
{
	struct accel_fake_job nop = { .op = ACCEL_FAKE_NOP };
	struct accel_submit_job job = {
		.buffers = (uintptr_t)list, .nr_buffers = count,
		.payload = (uintptr_t)&nop, .payload_size = sizeof(nop),
	};
	struct accel_submit submit = { .jobs = (uintptr_t)&job, .nr_jobs = 1 };
	struct accel_wait wait = { 0 };

	must(!ioctl(file, ACCEL_IOCTL_SUBMIT, &submit), "SUBMIT");
	wait.job = job.job;
	must(!ioctl(file, ACCEL_IOCTL_WAIT, &wait), "WAIT: the job has not ended");
}

static void without(void)
{
	submit_naming(accel_file, NULL, 0);
}

static void with_private(void)
{
	static struct accel_submit_buffer list[COUNT];

	if (!list[0].handle)
		make(list, false);
	submit_naming(accel_file, list, COUNT);
}

static void with_shared(void)
{
	static struct accel_submit_buffer list[COUNT];

	if (!list[0].handle)
		make(list, true);
	submit_naming(accel_file, list, COUNT);
}

/* In a file of its own: other rows are not to find so many buffers. */
static void with_few_of_many(void)
{
	static struct accel_submit_buffer list[COUNT];
	static int file;

	if (!file) {
		file = open("/dev/accel/accel0", O_RDWR | O_CLOEXEC);
		must(file >= 0, "open");
		for (unsigned int i = 0; i < COUNT * PART; i++)
			list[i / PART].handle = make_one(file);
		for (unsigned int i = 0; i < COUNT; i++)
			list[i].flags = i % 2 ? ACCEL_BUFFER_READ : ACCEL_BUFFER_WRITE;
	}
	submit_naming(file, list, COUNT);
}

/* The share of one buffer in what a job costs anyhow. */
static const struct row submit_nothing = {
	.ours = without, .calls = 16, .batches = 64, .parts = COUNT,
};

const struct row submit_private_buffer = {
	.name = "submit_private_buffer", .unit = "instructions",
	.ours = with_private,
	.calls = 4, .batches = 32, .parts = COUNT, .above = &submit_nothing,
};

const struct row submit_shared_buffer = {
	.name = "submit_shared_buffer", .unit = "instructions",
	.ours = with_shared,
	.calls = 2, .batches = 32, .parts = COUNT, .above = &submit_nothing,
};

const struct row class2_submit = {
	.name = "class2_submit", .unit = "instructions",
	.ours = with_few_of_many, .peer = with_private,
	.calls = 4, .batches = 32, .parts = COUNT, .above = &submit_nothing,
};
