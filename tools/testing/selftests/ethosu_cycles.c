// SPDX-License-Identifier: GPL-2.0
/* accel_ethosu: what an NPU does wrong, again and again. */
#include "ethosu.h"

#define LIMIT_MS	200
#define LOST_MS		LIMIT_MS

#include "fault_cycle.h"

static int device_index(void)
{
	return visit_devices(is_driver, ETHOSU_DRIVER);
}

static int set_up(struct client *client)
{
	/* Queue 0 is there, and the NPU finds buffers by the job that names them. */
	client->queue = 0;
	return 0;
}

static __s64 begin_job(struct client *client, bool copies)
{
	struct ethosu_job job;
	int error;

	if (copies)
		copy(&job, client->in.handle, 0, client->out.handle, 0);
	else
		stop_only(&job);
	error = submit_ethosu(client->fd, &job);
	return error ? error : (__s64)job.entry.job;
}

static bool tell(const char *command)
{
	return model(command);
}

/* The job comes to its end after all when it has been given up. */
FIXTURE_VARIANT_ADD(fault, completion_at_reset) {
	.before = "late reset 20",
	.error = -ETIME,
	.kind = ACCEL_FAULT_TIMEOUT,
	.timeout_ms = LIMIT_MS,
	.least_ms = LIMIT_MS,
};

/* Likewise, and the next job must not be taken for it, which runs for a while yet. */
FIXTURE_VARIANT_ADD(fault, completion_in_next_job) {
	.before = "late next-job 50",
	.error = -ETIME,
	.kind = ACCEL_FAULT_TIMEOUT,
	.timeout_ms = LIMIT_MS,
	.least_ms = LIMIT_MS,
};

FIXTURE_VARIANT_ADD(fault, spurious_interrupt) {
	.before = "slow 50",
	.during = "spurious-irq",
	.after = "slow 0",
	.least_ms = 50,
};

TEST_HARNESS_MAIN
