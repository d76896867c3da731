// SPDX-License-Identifier: GPL-2.0
/* What the monitor node tells a user without privileges of root's clients. */
#include "viewer.h"

#include "buffer.h"
#include "job.h"

/* A device of its own, with two clients of root, and two monitors. */
FIXTURE(viewer)
{
	int number;
	int index;
	int fd;
	int other;
	int root;
	int nobody;
};

FIXTURE_SETUP(viewer)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->root = open_reader(self->index);
	ASSERT_LE(0, self->root);
	self->nobody = open_as_nobody(self->index);
	ASSERT_LE(0, self->nobody);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->other = open_compute(self->index);
	ASSERT_LE(0, self->other);
	ASSERT_NE(0U, handle_of(self->fd, 3 * PAGE));
}

FIXTURE_TEARDOWN(viewer)
{
	close(self->nobody);
	close(self->root);
	close(self->other);
	close(self->fd);
	remove_fake(self->number);
}

TEST_F(viewer, every_kind_tells_nobody_of_clients_of_others)
{
	ASSERT_EQ(0, run_nop(self->fd));
	ASSERT_EQ(0, limit_jobs(self->index, 60 * 1000));
	ASSERT_LT(0, submit(self->other, ACCEL_FAKE_STALL, 0));
	compare_info(_metadata, self->root, self->nobody, 2);
}

TEST_F(viewer, every_event_tells_nobody_of_clients_of_others)
{
	/* The test device has no link, no memory that is full, and firmware that does not die. */
	const __u64 happens = 1ULL << ACCEL_EVENT_HEALTH | 1ULL << ACCEL_EVENT_RESET |
			      1ULL << ACCEL_EVENT_TIMEOUT | 1ULL << ACCEL_EVENT_FAULT |
			      1ULL << ACCEL_EVENT_THROTTLE | 1ULL << ACCEL_EVENT_CLIENT;
	struct accel_fake_set hot = { .what = ACCEL_FAKE_THROTTLE, .value = 1 };

	forget_events(self->root, self->nobody);
	close(open_compute(self->index));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	/* The engine goes on a moment after the job has ended. */
	ASSERT_EQ(0, run_nop(self->fd));
	ASSERT_EQ(0, reset_device(self->index));
	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_SET, &hot));
	EXPECT_EQ(happens, compare_events(_metadata, self->root, self->nobody));
}

TEST_F(viewer, for_every_kind_of_event_there_is_a_decision)
{
	compare_event_kinds(_metadata, self->nobody);
}

TEST_HARNESS_MAIN
