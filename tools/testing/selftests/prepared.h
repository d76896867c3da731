/* SPDX-License-Identifier: GPL-2.0 */
/* Prepared jobs of accel_fake. */
#ifndef _ACCEL_SELFTESTS_PREPARED_H
#define _ACCEL_SELFTESTS_PREPARED_H

#include "job.h"

/* A preparation and everything it points to. */
struct preparation {
	struct accel_fake_job payload;
	struct accel_submit_buffer buffer;
	struct accel_job_prepare prepare;
};

/* Fills in @op of @queue without buffers, or with @handle for writing. */
static inline void plan(struct preparation *plan, __u32 queue, __u32 op, __u32 arg, __u32 handle)
{
	plan->payload = (struct accel_fake_job){ .op = op, .arg = arg };
	plan->buffer = (struct accel_submit_buffer){ handle, ACCEL_BUFFER_WRITE };
	plan->prepare = (struct accel_job_prepare){
		.queue = queue,
		.buffers = handle ? user(&plan->buffer) : 0,
		.nr_buffers = handle ? 1 : 0,
		.payload = user(&plan->payload),
		.payload_size = sizeof(plan->payload),
	};
}

static inline int prepare_planned(int fd, struct preparation *plan)
{
	return call(fd, ACCEL_IOCTL_JOB_PREPARE, &plan->prepare);
}

/* Returns the handle, 0 if that fails. */
static inline __u32 prepared_in(int fd, __u32 queue, __u32 op, __u32 arg, __u32 handle)
{
	struct preparation preparation;

	plan(&preparation, queue, op, arg, handle);
	return prepare_planned(fd, &preparation) ? 0 : preparation.prepare.handle;
}

static inline __u32 prepared(int fd, __u32 op, __u32 arg, __u32 handle)
{
	return prepared_in(fd, 0, op, arg, handle);
}

static inline int release_from(int fd, __u32 queue, __u32 handle)
{
	struct accel_job_release argument = { .queue = queue, .handle = handle };

	return call(fd, ACCEL_IOCTL_JOB_RELEASE, &argument);
}

static inline int release(int fd, __u32 handle)
{
	return release_from(fd, 0, handle);
}

/* Submits to @queue, with @buffer, unless 0, in place of the first one: the number or -errno. */
static inline __s64 again_in(int fd, __u32 queue, __u32 handle, __u32 buffer, __u32 flags)
{
	struct accel_job_replace replace = { .buffer = 0, .handle = buffer };
	struct accel_submit submit = { .queue = queue };
	struct accel_submit_job entry = {
		.flags = flags,
		.prepared = handle,
		.buffers = user(&replace),
		.nr_buffers = buffer ? 1 : 0,
	};
	int error = submit_entry(fd, &submit, &entry);

	return error ? error : (__s64)entry.job;
}

static inline __s64 again(int fd, __u32 handle, __u32 buffer)
{
	return again_in(fd, 0, handle, buffer, 0);
}

/* Likewise, and waits for the end. */
static inline int run_again(int fd, __u32 handle, __u32 buffer)
{
	__s64 number = again(fd, handle, buffer);

	return number < 0 ? number : wait_job(fd, number);
}

#endif /* _ACCEL_SELFTESTS_PREPARED_H */
