/* SPDX-License-Identifier: GPL-2.0 */
/* Submitting and awaiting jobs of accel_fake. */
#ifndef _ACCEL_SELFTESTS_JOB_H
#define _ACCEL_SELFTESTS_JOB_H

#include "common.h"

#define FOREVER		INT64_MAX
#define FAKE_TIMEOUT_NS	(200 * NSEC_PER_MSEC)

/* A submission and everything it points to. */
struct job {
	struct accel_fake_job payload;
	struct accel_submit_buffer buffer;
	struct accel_submit_job entry;
	struct accel_submit submit;
};

/* Fills in a submission of @op without buffers, or with @handle for writing. */
static inline void prepare(struct job *job, __u32 op, __u32 arg, __u32 handle)
{
	job->payload = (struct accel_fake_job){ .op = op, .arg = arg };
	job->buffer = (struct accel_submit_buffer){ handle, ACCEL_BUFFER_WRITE };
	job->submit = (struct accel_submit){ .queue = 0 };
	job->entry = (struct accel_submit_job){
		.buffers = handle ? user(&job->buffer) : 0,
		.nr_buffers = handle ? 1 : 0,
		.payload = user(&job->payload),
		.payload_size = sizeof(job->payload),
	};
}

static inline int submit_prepared(int fd, struct job *job)
{
	return submit_entry(fd, &job->submit, &job->entry);
}

/* Submits @op; returns the number of the job or -errno. */
static inline __s64 submit_with(int fd, __u32 op, __u32 arg, __u32 handle)
{
	struct job job;
	int error;

	prepare(&job, op, arg, handle);
	error = submit_prepared(fd, &job);
	return error ? error : (__s64)job.entry.job;
}

static inline __s64 submit(int fd, __u32 op, __u32 arg)
{
	return submit_with(fd, op, arg, 0);
}

static inline int wait_until(int fd, __u64 number, __s64 deadline, struct accel_job_status *status)
{
	struct accel_wait argument = { .job = number, .deadline_ns = deadline };
	int error = call(fd, ACCEL_IOCTL_WAIT, &argument);

	if (status)
		*status = argument.status;
	return error;
}

static inline int wait_job(int fd, __u64 number)
{
	return wait_until(fd, number, FOREVER, NULL);
}

/* Submits @op and waits for its end; @status may be NULL. */
static inline int run(int fd, __u32 op, __u32 arg, struct accel_job_status *status)
{
	__s64 number = submit(fd, op, arg);

	if (status)
		*status = (struct accel_job_status){ 0 };
	return number < 0 ? number : wait_until(fd, number, FOREVER, status);
}

static inline int run_nop(int fd)
{
	return run(fd, ACCEL_FAKE_NOP, 0, NULL);
}

/* A wait of its own thread. */
struct waiter {
	pthread_t thread;
	pid_t id;
	int fd;
	__u64 job;
	int error;
	struct accel_job_status status;
	__s64 end_ns;
};

static inline void *waiter_main(void *argument)
{
	struct waiter *waiter = argument;

	tell_thread(&waiter->id);
	waiter->error = wait_until(waiter->fd, waiter->job, FOREVER, &waiter->status);
	waiter->end_ns = now_ns();
	return NULL;
}

static inline int start_waiter(struct waiter *waiter, int fd, __u64 job)
{
	*waiter = (struct waiter){ .fd = fd, .job = job };
	return -pthread_create(&waiter->thread, NULL, waiter_main, waiter);
}

#endif /* _ACCEL_SELFTESTS_JOB_H */
