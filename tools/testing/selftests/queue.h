/* SPDX-License-Identifier: GPL-2.0 */
/* Contexts and queues. */
#ifndef _ACCEL_SELFTESTS_QUEUE_H
#define _ACCEL_SELFTESTS_QUEUE_H

#include "job.h"

/* Makes a context without address space; returns its handle, 0 if that fails. */
static inline __u32 create_context(int fd)
{
	struct accel_context_create context = { .flags = 0 };

	return call(fd, ACCEL_IOCTL_CONTEXT_CREATE, &context) ? 0 : context.handle;
}

static inline int destroy_context(int fd, __u32 handle)
{
	struct accel_context_destroy argument = { .handle = handle };

	return call(fd, ACCEL_IOCTL_CONTEXT_DESTROY, &argument);
}

/* Makes a queue of context 0; returns its handle, 0 if that fails. */
static inline __u32 create_queue(int fd, __u32 engine, __u32 priority)
{
	struct accel_queue_create queue = { .engine = engine, .priority = priority };

	return call(fd, ACCEL_IOCTL_QUEUE_CREATE, &queue) ? 0 : queue.handle;
}

/* As above, with less time for its jobs than the engine allows. */
static inline __u32 create_hasty_queue(int fd, __u32 engine, __u64 timeout_ns)
{
	struct accel_queue_create queue = { .engine = engine, .timeout_ns = timeout_ns };

	return call(fd, ACCEL_IOCTL_QUEUE_CREATE, &queue) ? 0 : queue.handle;
}

/* As create_queue(), for engine 0 and another context. */
static inline __u32 create_queue_of(int fd, __u32 context)
{
	struct accel_queue_create queue = { .context = context };

	return call(fd, ACCEL_IOCTL_QUEUE_CREATE, &queue) ? 0 : queue.handle;
}

static inline int destroy_queue(int fd, __u32 handle)
{
	struct accel_queue_destroy argument = { .handle = handle };

	return call(fd, ACCEL_IOCTL_QUEUE_DESTROY, &argument);
}

/* Waits for a job of @queue; @status may be NULL. */
static inline int wait_in(int fd, __u32 queue, __u64 number, __s64 deadline,
			  struct accel_job_status *status)
{
	struct accel_wait argument = {
		.queue = queue,
		.job = number,
		.deadline_ns = deadline,
	};
	int error = call(fd, ACCEL_IOCTL_WAIT, &argument);

	if (status)
		*status = argument.status;
	return error;
}

/* Submits a job of @queue and waits for its end. */
static inline int run_in(int fd, __u32 queue, __u32 op, __u32 arg)
{
	struct job job;
	int error;

	prepare(&job, op, arg, 0);
	job.submit.queue = queue;
	error = submit_prepared(fd, &job);
	return error ? error : wait_in(fd, queue, job.entry.job, FOREVER, NULL);
}

#endif /* _ACCEL_SELFTESTS_QUEUE_H */
