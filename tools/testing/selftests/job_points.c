// SPDX-License-Identifier: GPL-2.0
/* Jobs that wait for points of timelines, and bring them about. */
#include "fixture.h"
#include "job_points.h"

TEST_F(fake, a_job_brings_a_point_about)
{
	__u32 line = timeline_at(self->fd, 10);
	__s64 job = submit_point(self->fd, ACCEL_FAKE_DELAY, 50, line, SIGNAL, 20);

	ASSERT_LT(0LL, job);
	EXPECT_EQ(20ULL, last_of(self->fd, line));
	EXPECT_EQ(20ULL, backed_of(self->fd, line));
	EXPECT_EQ(10ULL, value_of(self->fd, line));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, line, 15, 0, LOOK));
	EXPECT_EQ(0, wait_point(self->fd, line, 15, 0, FOREVER));
	EXPECT_EQ(0, wait_until(self->fd, job, LOOK, NULL));
	EXPECT_EQ(20ULL, value_of(self->fd, line));
}

TEST_F(fake, a_job_waits_for_a_point_of_another_driver)
{
	__u32 line = timeline_at(self->fd, 0);
	int counter = open_sw_sync();
	__s64 job;

	ASSERT_LE(0, counter);
	ASSERT_EQ(0, import_sw(self->fd, line, 5, counter, 1));
	job = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 3);
	ASSERT_LT(0LL, job);
	EXPECT_TRUE(is_queued(self->fd, job));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, job));
	close(counter);
}

TEST_F(fake, a_job_does_not_wait_for_what_is_done)
{
	__u32 line = timeline_at(self->fd, 7);
	__s64 job;

	ASSERT_EQ(0, signal_point(self->fd, line, 9));
	for (__u64 value = 0; value <= 9; value += 3) {
		job = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, value);
		ASSERT_LT(0LL, job);
		EXPECT_EQ(0, wait_job(self->fd, job));
	}
}

TEST_F(fake, a_job_waits_for_all_of_its_points_and_brings_about_all)
{
	__u32 in[2] = { timeline_at(self->fd, 0), timeline_at(self->fd, 0) };
	__u32 out[2] = { timeline_at(self->fd, 0), timeline_at(self->fd, 0) };
	struct accel_point points[] = {
		{ out[0], SIGNAL, 1 }, { in[0], WAIT, 1 }, { out[1], SIGNAL, 4 },
		{ in[1], WAIT, 2 }, { in[1], SIGNAL, 3 },
	};
	int counters[2] = { open_sw_sync(), open_sw_sync() };
	__s64 job;

	ASSERT_EQ(0, import_sw(self->fd, in[0], 1, counters[0], 1));
	ASSERT_EQ(0, import_sw(self->fd, in[1], 2, counters[1], 1));
	job = submit_points(self->fd, ACCEL_FAKE_NOP, 0, points, ARRAY_SIZE(points));
	ASSERT_LT(0LL, job);
	ASSERT_EQ(0, sw_increase(counters[1], 1));
	EXPECT_EQ(0, wait_point(self->fd, in[1], 2, 0, FOREVER));
	EXPECT_TRUE(is_queued(self->fd, job));
	EXPECT_EQ(0ULL, value_of(self->fd, out[0]));
	ASSERT_EQ(0, sw_increase(counters[0], 1));
	EXPECT_EQ(0, wait_point(self->fd, out[0], 1, 0, FOREVER));
	EXPECT_EQ(0, wait_point(self->fd, out[1], 4, 0, FOREVER));
	EXPECT_EQ(0, wait_point(self->fd, in[1], 3, 0, FOREVER));
	EXPECT_EQ(0, wait_until(self->fd, job, LOOK, NULL));
	close(counters[0]);
	close(counters[1]);
}

TEST_F(fake, a_point_is_done_however_its_job_ended)
{
	static const struct {
		__u32 op, arg;
		int error;
	} ends[] = {
		{ ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, -EIO },
		{ ACCEL_FAKE_HANG, 0, -ETIME },
		{ ACCEL_FAKE_FAIL_START, 0, -EIO },
	};
	__u32 line = timeline_at(self->fd, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		__s64 job = submit_point(self->fd, ends[i].op, ends[i].arg, line, SIGNAL, i + 1);
		int fence = export_point(self->fd, line, i + 1);

		ASSERT_LT(0LL, job);
		ASSERT_LE(0, fence);
		EXPECT_EQ(0, wait_point(self->fd, line, i + 1, 0, FOREVER));
		EXPECT_EQ(ends[i].error, wait_job(self->fd, job));
		/* The others may have ended before they were exported. */
		if (ends[i].op == ACCEL_FAKE_HANG)
			EXPECT_EQ(ends[i].error, sync_file_status(fence));
		close(fence);
	}
}

TEST_F(fake, a_point_of_a_job_is_a_sync_file_for_others)
{
	__u32 line = timeline_at(self->fd, 0), gate = timeline_at(self->fd, 0), theirs;
	struct accel_point points[] = { { gate, WAIT, 1 }, { line, SIGNAL, 1 } };
	int other = open_fake(EXCLUSIVE), counter = open_sw_sync(), fence;
	__s64 job, behind;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, import_sw(self->fd, gate, 1, counter, 1));
	job = submit_points(self->fd, ACCEL_FAKE_NOP, 0, points, 2);
	ASSERT_LT(0LL, job);
	fence = export_point(self->fd, line, 1);
	ASSERT_LE(0, fence);
	EXPECT_FALSE(is_signaled(fence));
	theirs = timeline_at(other, 0);
	ASSERT_EQ(0, import_point(other, theirs, 1, fence));
	behind = submit_point(other, ACCEL_FAKE_NOP, 0, theirs, WAIT, 1);
	ASSERT_LT(0LL, behind);
	EXPECT_TRUE(is_queued(other, behind));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(other, behind));
	EXPECT_TRUE(is_signaled(fence));
	EXPECT_EQ(1, sync_file_status(fence));
	close(fence);
	close(counter);
	close(other);
}

TEST_F(fake, an_eventfd_tells_of_the_end_of_a_job)
{
	__u32 line = timeline_at(self->fd, 0);
	int event = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(0, eventfd_on(self->fd, line, 1, 0, event));
	ASSERT_LT(0LL, submit_point(self->fd, ACCEL_FAKE_DELAY, 20, line, SIGNAL, 1));
	EXPECT_TRUE(poll_for(event, POLLIN, -1) & POLLIN);
	close(event);
}

/* Expects that a submission is refused, and that nothing is left of it. */
#define EXPECT_REFUSED(error, handle, flags, value) do {			\
	__u64 last = last_of(self->fd, line);					\
										\
	EXPECT_EQ((__s64)(error), submit_point(self->fd, ACCEL_FAKE_NOP, 0,	\
					       handle, flags, value));		\
	EXPECT_EQ(last, last_of(self->fd, line));				\
} while (0)

TEST_F(fake, bad_points_are_refused)
{
	__u32 line = timeline_at(self->fd, 5);

	EXPECT_REFUSED(-EINVAL, line, 0, 6);
	EXPECT_REFUSED(-EINVAL, line, WAIT | SIGNAL, 6);
	for (int bit = 2; bit < 32; bit++)
		EXPECT_REFUSED(-EOPNOTSUPP, line, WAIT | 1U << bit, 5);
	EXPECT_REFUSED(-ENOENT, line + 1, WAIT, 1);
	EXPECT_REFUSED(-ENOENT, line + 1, SIGNAL, 1);
	EXPECT_REFUSED(-EINVAL, line, SIGNAL, 5);
	EXPECT_EQ(0, signal_point(self->fd, line, 8));
	EXPECT_REFUSED(-EINVAL, line, SIGNAL, 8);
	EXPECT_REFUSED(-EINVAL, line, SIGNAL, 7);
	EXPECT_LT(0LL, submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, SIGNAL, 9));
	EXPECT_EQ(0, close_timeline(self->fd, line));
	EXPECT_EQ(-ENOENT, submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, SIGNAL, 10));
}

TEST_F(fake, bad_lists_of_points_are_refused)
{
	static struct accel_point many[ACCEL_SUBMIT_MAX_POINTS + 1];
	__u32 line = timeline_at(self->fd, 0);
	struct accel_point twice[] = { { line, SIGNAL, 1 }, { line, SIGNAL, 1 } };
	struct accel_point itself[][2] = {
		{ { line, WAIT, 1 }, { line, SIGNAL, 1 } },
		{ { line, WAIT, 1 }, { line, SIGNAL, 2 } },
		{ { line, SIGNAL, 1 }, { line, WAIT, 2 } },
	};
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct accel_point){ line, SIGNAL, i + 1 };
	EXPECT_EQ(-E2BIG, submit_points(self->fd, ACCEL_FAKE_NOP, 0, many, ARRAY_SIZE(many)));
	EXPECT_EQ(-EINVAL, submit_points(self->fd, ACCEL_FAKE_NOP, 0, twice, 2));
	for (unsigned int i = 0; i < ARRAY_SIZE(itself); i++)
		EXPECT_EQ(-EINVAL, submit_points(self->fd, ACCEL_FAKE_NOP, 0, itself[i], 2));
	EXPECT_EQ(-EFAULT, submit_points(self->fd, ACCEL_FAKE_NOP, 0, NULL, 1));
	EXPECT_EQ(0ULL, last_of(self->fd, line));
	prepare(&job, ACCEL_FAKE_NOP, 0, 0);
	EXPECT_LT(0LL, submit_points(self->fd, ACCEL_FAKE_NOP, 0, many, ACCEL_SUBMIT_MAX_POINTS));
	EXPECT_EQ(0, wait_point(self->fd, line, ACCEL_SUBMIT_MAX_POINTS, 0, FOREVER));
}

TEST_F(fake, a_refused_job_leaves_no_point)
{
	__u32 line = timeline_at(self->fd, 0);

	EXPECT_EQ(-EINVAL, submit_point(self->fd, 999, 0, line, SIGNAL, 5));
	EXPECT_EQ(0ULL, last_of(self->fd, line));
	EXPECT_EQ(0, signal_point(self->fd, line, 1));
}

TEST_F(fake, a_job_that_waits_ends_with_its_file)
{
	int counter = open_sw_sync(), fd = open_fake(SHARED), fence;
	__u32 line = timeline_at(fd, 0);

	ASSERT_EQ(0, import_sw(fd, line, 1, counter, 1));
	ASSERT_LT(0LL, submit_point(fd, ACCEL_FAKE_NOP, 0, line, WAIT, 1));
	ASSERT_LT(0LL, submit_point(fd, ACCEL_FAKE_NOP, 0, line, SIGNAL, 2));
	fence = export_point(fd, line, 2);
	ASSERT_LE(0, fence);
	close(fd);
	EXPECT_FALSE(is_signaled(fence));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_TRUE(poll_for(fence, POLLIN, -1) & POLLIN);
	EXPECT_EQ(-ECANCELED, sync_file_status(fence));
	close(fence);
	close(counter);
}

TEST_HARNESS_MAIN
