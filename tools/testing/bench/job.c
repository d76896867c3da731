// SPDX-License-Identifier: GPL-2.0
/*
 * A job that does nothing and writes one buffer, from its submission until it has ended and what
 * it used is released.
 *
 * Both sides leave some of that to workers, which run on the same CPU: the peer cannot even start
 * a job without. They go first (SCHED_IDLE): by the end of the first call they have done all of
 * it, and the second finds that the job has ended. So nobody sleeps, and what is left to a worker
 * is counted.
 */
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <accel/accel.h>
#include <accel_fake.h>
#include <drm/drm.h>

#include "bench.h"
#include "drm_peer.h"
#include "handles.h"
#include "job.h"

#define PAGE	4096
#define MANY	256

/* An open file and a private buffer of it. */
struct client {
	int file;
	__u32 handle;
};

static void open_client(struct client *client)
{
	struct accel_buffer_create buffer = { .size = PAGE };

	client->file = open("/dev/accel/accel0", O_RDWR | O_CLOEXEC);
	must(client->file >= 0, "open");
	must(!ioctl(client->file, ACCEL_IOCTL_BUFFER_CREATE, &buffer), "BUFFER_CREATE");
	client->handle = buffer.handle;
}

static void submit_and_wait(int file, struct accel_submit_job *job)
{
	struct accel_submit submit = { .jobs = (uintptr_t)job, .nr_jobs = 1 };
	struct accel_wait wait = { .deadline_ns = INT64_MAX };

	must(!ioctl(file, ACCEL_IOCTL_SUBMIT, &submit), "SUBMIT");
	wait.job = job->job;
	must(!ioctl(file, ACCEL_IOCTL_WAIT, &wait), "WAIT");
}

static void run(struct client *client)
{
	struct accel_submit_buffer list = { .flags = ACCEL_BUFFER_WRITE };
	struct accel_fake_job nop = { .op = ACCEL_FAKE_NOP };
	struct accel_submit_job job = {
		.buffers = (uintptr_t)&list, .nr_buffers = 1,
		.payload = (uintptr_t)&nop, .payload_size = sizeof(nop),
	};

	if (!client->handle)
		open_client(client);
	list.handle = client->handle;
	submit_and_wait(client->file, &job);
}

/* A prepared job that is like the others, and two buffers for it. */
static void prepare(__u32 handles[2], __u32 *handle)
{
	struct accel_submit_buffer list = { .flags = ACCEL_BUFFER_WRITE };
	struct accel_fake_job nop = { .op = ACCEL_FAKE_NOP };
	struct accel_job_prepare prepare = {
		.buffers = (uintptr_t)&list, .nr_buffers = 1,
		.payload = (uintptr_t)&nop, .payload_size = sizeof(nop),
	};

	for (int i = 0; i < 2; i++)
		handles[i] = create_buffer(PAGE).handle;
	list.handle = handles[0];
	must(!ioctl(accel_file, ACCEL_IOCTL_JOB_PREPARE, &prepare), "JOB_PREPARE");
	*handle = prepare.handle;
}

void accel_job(void)
{
	static struct client client;

	run(&client);
}

/* The clients take turns. */
static void job_of_many(void)
{
	static struct client clients[MANY];
	static unsigned int turn;

	run(&clients[turn++ % MANY]);
}

/* Each on the other one of two buffers. */
static void prepared_job(void)
{
	static __u32 handles[2], prepared;
	static unsigned int turn;
	struct accel_job_replace replace = { .buffer = 0, .handle = handles[turn++ % 2] };
	struct accel_submit_job job = {
		.prepared = prepared, .buffers = (uintptr_t)&replace, .nr_buffers = 1,
	};

	if (!prepared) {
		prepare(handles, &prepared);
		return;
	}
	submit_and_wait(accel_file, &job);
}

static __u32 create_syncobj(void)
{
	struct drm_syncobj_create create = { 0 };

	must(!ioctl(peer_file, DRM_IOCTL_SYNCOBJ_CREATE, &create), "SYNCOBJ_CREATE");
	return create.handle;
}

static __u32 create_bo(void)
{
	struct drm_peer_bo_create bo = { .size = PAGE };

	must(!ioctl(peer_file, DRM_IOCTL_PEER_BO_CREATE, &bo), "PEER_BO_CREATE");
	return bo.handle;
}

/* As Mesa does it: one syncobj, into which each job puts its fence. */
static void peer_job(void)
{
	static __u32 bo, syncobj;
	struct drm_peer_job job = { .written = 1 };
	struct drm_peer_submit submit = { .jobs = (uintptr_t)&job, .job_count = 1 };
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&syncobj, .count_handles = 1, .timeout_nsec = INT64_MAX,
	};

	if (!bo) {
		bo = create_bo();
		syncobj = create_syncobj();
	}
	job.bo_handles[0] = bo;
	job.out_sync = syncobj;
	must(!ioctl(peer_file, DRM_IOCTL_PEER_SUBMIT, &submit), "PEER_SUBMIT");
	must(!ioctl(peer_file, DRM_IOCTL_SYNCOBJ_WAIT, &wait), "SYNCOBJ_WAIT");
}

static void set_accounting(const char *value)
{
	int file = open("/sys/module/accel_core/parameters/accounting", O_WRONLY | O_CLOEXEC);

	must(file >= 0, "open accounting");
	must(write(file, value, 1) == 1, "write accounting");
	close(file);
}

/* By how much a job is dearer for being accounted for. */
static double accounting(const struct row *row, void (*call)(void))
{
	double off;

	set_accounting("N");
	off = instructions(row, call);
	set_accounting("Y");
	return instructions(row, call) - off;
}

const struct row kernel_submit_wait = {
	.name = "kernel_submit_wait", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = accel_job, .peer = peer_job,
	.calls = 32, .batches = 128, .parts = 1,
};

const struct row prepared_submit = {
	.name = "prepared_submit", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = prepared_job, .peer = accel_job,
	.calls = 32, .batches = 128, .parts = 1,
};

const struct row job_256_contexts = {
	.name = "job_256_contexts", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = job_of_many, .peer = accel_job,
	.calls = MANY, .batches = 64, .parts = 1,
};

const struct row job_accounting = {
	.name = "job_accounting", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = accel_job, .measure = accounting,
	.calls = 32, .batches = 128, .parts = 1,
};
