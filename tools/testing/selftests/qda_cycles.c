// SPDX-License-Identifier: GPL-2.0
/* accel_qda: what a card does wrong, again and again. */

/* A packet that hangs is looked at twice, and its queue is asked to give it up before a reset. */
#define LIMIT_MS	100
/* Who looks after the engines every second may be first. */
#define LOST_MS		0

#include "fault_cycle.h"
#include "qda.h"
#include "watchers.h"

static int device_index(void)
{
	return qda_index(0);
}

static int set_up(struct client *client)
{
	__u32 space = create_space(client->fd);
	__s64 queue = create_queue_in(client->fd, space);

	client->queue = queue;
	client->from = map_anywhere(client->fd, space, client->in.handle, 0, PAGE, READ_WRITE);
	client->to = map_anywhere(client->fd, space, client->out.handle, 0, PAGE, READ_WRITE);
	/* Faults are for packets of this client, not for those that scrub. */
	settled_region(client->fd, LOCAL);
	return queue < 0 ? queue : client->from && client->to ? 0 : -ENOMEM;
}

static __s64 begin_job(struct client *client, bool copies)
{
	struct accel_qda_packet packet = copies ? move(client->from, client->to, COPY_BYTES) :
						  nop();

	return submit_packets(client->fd, client->queue, &packet, 1);
}

static bool tell(const char *command)
{
	return qda_model(0, command);
}

/* While its queue is asked to. */
FIXTURE_VARIANT_ADD(fault, late_completion) {
	.before = "late 700",
	.error = -ETIME,
	.kind = ACCEL_FAULT_TIMEOUT,
	.timeout_ms = LIMIT_MS,
	.least_ms = LIMIT_MS,
};

/* Of the first of the engines, which is idle, or has the job. */
FIXTURE_VARIANT_ADD(fault, spurious_interrupt) {
	.before = "slow 50",
	.during = "spurious-irq 3",
	.after = "slow 0",
	.least_ms = 50,
};

FIXTURE(watched)
{
	int fd;
};

FIXTURE_SETUP(watched)
{
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(watched)
{
	close(self->fd);
}

TEST_F_TIMEOUT(watched, monitors_come_and_go_in_resets, 1200)
{
	struct watchers watchers;

	/* Both cards. */
	ASSERT_EQ(0, start_watching(&watchers, 2));
	for (int i = 0; is_watched(&watchers); i++) {
		EXPECT_EQ(0, reset_device(device_index()));
		if (i % 100 == 0)
			TH_LOG("%d left", watchers.left);
	}
	EXPECT_EQ(0, end_watching(&watchers));
	EXPECT_EQ(0U, clients_of(self->fd).monitors);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->fd).health);
}

TEST_HARNESS_MAIN
