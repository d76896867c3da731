// SPDX-License-Identifier: GPL-2.0
/* The eventfd of a file for what fails in it. */
#include <sys/eventfd.h>

#include "fixture.h"
#include "job.h"

static int set_eventfd(int fd, int event)
{
	struct accel_failure_eventfd argument = { .fd = event };

	return call(fd, ACCEL_IOCTL_FAILURE_EVENTFD, &argument);
}

/* Reads and clears the counter. */
static __u64 rung(int event)
{
	__u64 count;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int make_eventfd(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

TEST_F(fake, each_job_that_fails_rings)
{
	int event = make_eventfd();

	ASSERT_EQ(0, set_eventfd(self->fd, event));
	ASSERT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0ULL, rung(event));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	EXPECT_EQ(1ULL, rung(event));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(2ULL, rung(event));
	/* That was a reset. */
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_DEVICE, NULL));
	EXPECT_EQ(1ULL, rung(event));
	close(event);
}

TEST_F(fake, who_polls_is_woken)
{
	int event = make_eventfd();

	ASSERT_EQ(0, set_eventfd(self->fd, event));
	EXPECT_EQ(0, poll_for(event, POLLIN, 0));
	ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	EXPECT_EQ(POLLIN, poll_for(event, POLLIN, 10000));
	close(event);
}

TEST_F(fake, another_eventfd_takes_the_place)
{
	int first = make_eventfd(), second = make_eventfd();

	ASSERT_EQ(0, set_eventfd(self->fd, first));
	ASSERT_EQ(0, set_eventfd(self->fd, second));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	EXPECT_EQ(0ULL, rung(first));
	EXPECT_EQ(1ULL, rung(second));
	ASSERT_EQ(0, set_eventfd(self->fd, -1));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	EXPECT_EQ(0ULL, rung(second));
	/* It may be closed meanwhile. */
	ASSERT_EQ(0, set_eventfd(self->fd, first));
	close(first);
	EXPECT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	close(second);
}

TEST_F(fake, what_others_do_does_not_ring)
{
	int event = make_eventfd(), other = open_fake(SHARED);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, set_eventfd(self->fd, event));
	ASSERT_EQ(-EIO, run(other, ACCEL_FAKE_FAIL_START, 0, NULL));
	EXPECT_EQ(0ULL, rung(event));
	close(other);
	close(event);
}

TEST_F(fake, what_is_no_eventfd_is_refused)
{
	struct accel_failure_eventfd flagged = { .fd = -1, .flags = 1 };
	int event = make_eventfd();

	ASSERT_EQ(0, set_eventfd(self->fd, event));
	EXPECT_EQ(-EBADF, set_eventfd(self->fd, 9999));
	EXPECT_EQ(-EBADF, set_eventfd(self->fd, -2));
	EXPECT_EQ(-EINVAL, set_eventfd(self->fd, self->fd));
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_FAILURE_EVENTFD, &flagged));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_FAILURE_EVENTFD, NOWHERE));
	EXPECT_EQ(-ENOTTY, set_eventfd(self->monitor, event));
	/* What there was still is. */
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	EXPECT_EQ(1ULL, rung(event));
	close(event);
}

TEST_HARNESS_MAIN
