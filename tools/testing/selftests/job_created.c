// SPDX-License-Identifier: GPL-2.0
/* Jobs that wait for points that nothing backs yet: they are kept, and nobody sees them. */
#include "fence.h"
#include "fixture.h"
#include "job_points.h"

#define BACKED	ACCEL_TIMELINE_BACKED
#define CHAIN	100

/* Submits @op, which writes to @buffer, waits for 1 of @line and brings 1 of @out about. */
static __s64 submit_writer(int fd, __u32 op, __u32 arg, __u32 buffer, __u32 line, __u32 out)
{
	struct accel_point points[] = { { line, WAIT, 1 }, { out, SIGNAL, 1 } };
	struct job job;
	int error;

	prepare(&job, op, arg, buffer);
	job.entry.points = user(points);
	job.entry.nr_points = 2;
	error = submit_prepared(fd, &job);
	return error ? error : (__s64)job.entry.job;
}

/* Submits a NOP that waits for @value of @line, and brings @out of @result about. */
static __s64 submit_link(int fd, __u32 line, __u64 value, __u32 result, __u64 out)
{
	struct accel_point points[] = { { line, WAIT, value }, { result, SIGNAL, out } };

	return submit_points(fd, ACCEL_FAKE_NOP, 0, points, 2);
}

/* Whether those who write to a dma-buf need not wait for anybody. */
static bool is_idle(int buf)
{
	int fence = detach_fence(buf, DMA_BUF_SYNC_WRITE);
	bool signaled = is_signaled(fence);

	close(fence);
	return signaled && poll_for(buf, POLLOUT, 0) == POLLOUT;
}

TEST_F(fake, a_job_waits_for_a_point_of_the_cpu)
{
	__u32 line = timeline_at(self->fd, 0);
	struct accel_job_status status;
	int other = open_fake(SHARED);
	__s64 job = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 3), signaled;

	ASSERT_LT(0LL, job);
	EXPECT_TRUE(is_queued(self->fd, job));
	EXPECT_EQ(0ULL, last_of(self->fd, line));
	/* Nobody else is kept back. */
	EXPECT_EQ(0, run_nop(other));
	ASSERT_EQ(0, signal_point(self->fd, line, 2));
	EXPECT_EQ(0, run_nop(other));
	EXPECT_TRUE(is_queued(self->fd, job));
	EXPECT_EQ(0U, engine_of(self->monitor).queued);
	signaled = now_ns();
	ASSERT_EQ(0, signal_point(self->fd, line, 4));
	EXPECT_EQ(0, wait_until(self->fd, job, FOREVER, &status));
	EXPECT_GT((__u64)signaled, status.submit_ns);
	EXPECT_LE((__u64)signaled, status.start_ns);
	close(other);
}

TEST_F(fake, a_kept_job_waits_for_what_backs_its_point)
{
	__u32 line = timeline_at(self->fd, 0);
	__s64 job = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 1);
	int counter = open_sw_sync();

	ASSERT_LT(0LL, job);
	ASSERT_EQ(0, import_sw(self->fd, line, 1, counter, 1));
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, job, in_ms(20), NULL));
	EXPECT_TRUE(is_queued(self->fd, job));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, job));
	close(counter);
}

TEST_F(fake, a_kept_job_waits_for_all_of_its_points)
{
	__u32 cpu[2] = { timeline_at(self->fd, 0), timeline_at(self->fd, 5) };
	__u32 fences = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	struct accel_point points[] = {
		{ cpu[0], WAIT, 1 }, { fences, WAIT, 1 }, { out, SIGNAL, 1 }, { cpu[1], WAIT, 5 },
		{ cpu[1], WAIT, 7 }, { cpu[1], WAIT, 6 }, { fences, WAIT, 2 },
	};
	int counter = open_sw_sync();
	__s64 job;

	ASSERT_EQ(0, import_sw(self->fd, fences, 1, counter, 1));
	job = submit_points(self->fd, ACCEL_FAKE_NOP, 0, points, ARRAY_SIZE(points));
	ASSERT_LT(0LL, job);
	ASSERT_EQ(0, signal_point(self->fd, cpu[1], 7));
	ASSERT_EQ(0, import_sw(self->fd, fences, 2, counter, 2));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, out, 1, BACKED, in_ms(20)));
	ASSERT_EQ(0, signal_point(self->fd, cpu[0], 1));
	EXPECT_EQ(0, wait_point(self->fd, out, 1, BACKED, FOREVER));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_TRUE(is_queued(self->fd, job));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, job));
	close(counter);
}

TEST_F(fake, later_jobs_of_the_queue_wait_and_keep_their_order)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	struct accel_job_status before = { 0 }, status;
	__s64 jobs[] = {
		submit_point(self->fd, ACCEL_FAKE_DELAY, 10, line, WAIT, 1),
		submit(self->fd, ACCEL_FAKE_NOP, 0),
		submit_point(self->fd, ACCEL_FAKE_NOP, 0, out, SIGNAL, 1),
		submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 2),
		submit(self->fd, ACCEL_FAKE_NOP, 0),
	};

	EXPECT_EQ(0ULL, backed_of(self->fd, out));
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		ASSERT_EQ(i + 1LL, jobs[i]);
		EXPECT_TRUE(is_queued(self->fd, jobs[i]));
	}
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_job(self->fd, jobs[2]));
	EXPECT_EQ(1ULL, value_of(self->fd, out));
	EXPECT_TRUE(is_queued(self->fd, jobs[3]));
	EXPECT_TRUE(is_queued(self->fd, jobs[4]));
	ASSERT_EQ(0, signal_point(self->fd, line, 2));
	EXPECT_EQ(0, wait_job(self->fd, jobs[4]));
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		EXPECT_EQ(0, wait_until(self->fd, jobs[i], LOOK, &status));
		EXPECT_LE(before.end_ns, status.start_ns);
		before = status;
	}
}

TEST_F(fake, a_point_of_a_kept_job_is_not_backed)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	__u32 copy = timeline_at(self->fd, 0);
	int fence;

	ASSERT_LT(0LL, submit_link(self->fd, line, 1, out, 5));
	EXPECT_EQ(5ULL, last_of(self->fd, out));
	EXPECT_EQ(0ULL, backed_of(self->fd, out));
	EXPECT_EQ(-EINVAL, export_point(self->fd, out, 5));
	EXPECT_EQ(-EINVAL, transfer(self->fd, out, 5, copy, 1));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, out, 5, BACKED, LOOK));
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_point(self->fd, out, 5, BACKED, FOREVER));
	fence = export_point(self->fd, out, 5);
	ASSERT_LE(0, fence);
	EXPECT_EQ(POLLIN, poll_for(fence, POLLIN, -1));
	EXPECT_EQ(1, sync_file_status(fence));
	EXPECT_EQ(5ULL, value_of(self->fd, out));
	close(fence);
}

TEST_F(fake, a_chain_of_kept_jobs_resolves_in_order)
{
	__u32 start = timeline_at(self->fd, 0), line = timeline_at(self->fd, 0);

	ASSERT_EQ(1LL, submit_link(self->fd, start, 1, line, 1));
	for (__u64 i = 2; i <= CHAIN; i++)
		ASSERT_EQ((__s64)i, submit_link(self->fd, line, i - 1, line, i));
	EXPECT_EQ(0ULL, backed_of(self->fd, line));
	EXPECT_TRUE(is_queued(self->fd, CHAIN));
	ASSERT_EQ(0, signal_point(self->fd, start, 1));
	EXPECT_EQ(0, wait_point(self->fd, line, CHAIN, 0, FOREVER));
	for (__u64 i = 1; i <= CHAIN; i++)
		EXPECT_EQ(0, wait_until(self->fd, i, LOOK, NULL));
}

/* From one file to the other and back, each time when the point is backed. */
TEST_F(fake, a_chain_goes_through_files_and_devices)
{
	int fds[] = { self->fd, open_fake(EXCLUSIVE), open_fake(SHARED) };
	__u32 in[ARRAY_SIZE(fds)], out[ARRAY_SIZE(fds)];

	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]);
		in[i] = timeline_at(fds[i], 0);
		out[i] = timeline_at(fds[i], 0);
		for (__u64 round = 1; round <= 5; round++)
			ASSERT_LT(0LL, submit_link(fds[i], in[i], round, out[i], round));
	}
	for (__u64 round = 1; round <= 5; round++) {
		ASSERT_EQ(0, signal_point(fds[0], in[0], round));
		for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
			int fence;

			ASSERT_EQ(0, wait_point(fds[i], out[i], round, BACKED, FOREVER));
			fence = export_point(fds[i], out[i], round);
			ASSERT_LE(0, fence);
			if (i + 1 < ARRAY_SIZE(fds))
				ASSERT_EQ(0, import_point(fds[i + 1], in[i + 1], round, fence));
			close(fence);
		}
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_EQ(0, wait_job(fds[i], 5));
	close(fds[1]);
	close(fds[2]);
}

/* The first job waits for what the second, behind it, would bring about: their program's fault. */
TEST_F(fake, a_cycle_ends_with_its_file_and_holds_up_nobody)
{
	int fd = open_fake(SHARED);
	__u32 line = timeline_at(fd, 0), out = timeline_at(fd, 0);
	__u32 other = timeline_at(self->fd, 0);
	__u64 used = memory_of(self->monitor).used;
	struct accel_info_engine before = engine_of(self->monitor);
	struct accel_buffer_create buffer;
	int buf, counter = open_sw_sync();

	ASSERT_EQ(0, create(fd, PAGE, &buffer));
	buf = export_buffer(fd, buffer.handle);
	ASSERT_LT(0LL, submit_writer(fd, ACCEL_FAKE_NOP, 0, buffer.handle, line, out));
	ASSERT_LT(0LL, submit_point(fd, ACCEL_FAKE_NOP, 0, line, SIGNAL, 1));
	ASSERT_LT(0LL, submit_point(fd, ACCEL_FAKE_NOP, 0, out, WAIT, 9));
	ASSERT_EQ(0, close_buffer(fd, buffer.handle));
	EXPECT_TRUE(is_queued(fd, 1));
	EXPECT_TRUE(is_queued(fd, 2));
	EXPECT_TRUE(is_idle(buf));
	EXPECT_EQ(0, run_nop(self->fd));
	ASSERT_EQ(0, import_sw(self->fd, other, 1, counter, 1));
	ASSERT_LT(0LL, submit_point(self->fd, ACCEL_FAKE_NOP, 0, other, WAIT, 1));
	close(fd);
	EXPECT_TRUE(is_idle(buf));
	close(buf);
	EXPECT_EQ(used, settled_memory(self->monitor, used));
	EXPECT_EQ(before.failed + 3, engine_of(self->monitor).failed);
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, run_nop(self->fd));
	close(counter);
}

TEST_F(fake, a_kept_job_ends_if_nobody_can_bring_its_point_about)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	struct accel_point points[] = {
		{ timeline_at(self->fd, 0), WAIT, 1 }, { line, WAIT, 1 }, { out, SIGNAL, 3 },
	};
	__s64 job = submit_points(self->fd, ACCEL_FAKE_NOP, 0, points, 3);
	__s64 next = submit(self->fd, ACCEL_FAKE_NOP, 0);
	struct accel_job_status status;

	ASSERT_LT(0LL, job);
	ASSERT_LT(job, next);
	ASSERT_EQ(0, close_timeline(self->fd, line));
	EXPECT_EQ(0, wait_point(self->fd, out, 3, 0, FOREVER));
	EXPECT_EQ(-ECANCELED, wait_until(self->fd, job, LOOK, &status));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ((__u32)ECANCELED, status.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_CANCELED, status.fault);
	EXPECT_EQ(0ULL, status.start_ns);
	EXPECT_LT(0ULL, status.end_ns);
	EXPECT_EQ(0, wait_job(self->fd, next));
}

/* It takes its turn: the job before it ends first, and so do its points. */
TEST_F(fake, a_kept_job_that_fails_ends_behind_earlier_ones)
{
	__u32 fences = timeline_at(self->fd, 0), line = timeline_at(self->fd, 0);
	__u32 out = timeline_at(self->fd, 0);
	int counter = open_sw_sync(), fence;
	__s64 first, second;

	ASSERT_EQ(0, import_sw(self->fd, fences, 1, counter, 1));
	first = submit_point(self->fd, ACCEL_FAKE_NOP, 0, fences, WAIT, 1);
	second = submit_link(self->fd, line, 1, out, 1);
	ASSERT_LT(first, second);
	ASSERT_EQ(0, close_timeline(self->fd, line));
	EXPECT_EQ(0, wait_point(self->fd, out, 1, BACKED, FOREVER));
	fence = export_point(self->fd, out, 1);
	ASSERT_LE(0, fence);
	EXPECT_TRUE(is_queued(self->fd, second));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(POLLIN, poll_for(fence, POLLIN, -1));
	EXPECT_EQ(-ECANCELED, sync_file_status(fence));
	EXPECT_EQ(0, wait_until(self->fd, first, LOOK, NULL));
	EXPECT_EQ(-ECANCELED, wait_until(self->fd, second, LOOK, NULL));
	close(fence);
	close(counter);
}

TEST_F(fake, a_closed_timeline_goes_on_for_those_who_wait)
{
	__u32 start = timeline_at(self->fd, 0), line = timeline_at(self->fd, 0);
	__s64 first = submit_link(self->fd, start, 1, line, 5), second, third;

	second = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 4);
	third = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 6);
	ASSERT_LT(0LL, first);
	ASSERT_LT(first, second);
	ASSERT_LT(second, third);
	ASSERT_EQ(0, close_timeline(self->fd, line));
	EXPECT_TRUE(is_queued(self->fd, second));
	ASSERT_EQ(0, signal_point(self->fd, start, 1));
	EXPECT_EQ(-ECANCELED, wait_job(self->fd, third));
	EXPECT_EQ(0, wait_until(self->fd, first, LOOK, NULL));
	EXPECT_EQ(0, wait_until(self->fd, second, LOOK, NULL));
}

TEST_F(fake, the_points_of_a_failed_job_let_others_go_on)
{
	__u32 lost = timeline_at(self->fd, 0), line = timeline_at(self->fd, 0);
	__s64 first = submit_link(self->fd, lost, 1, line, 1);
	__s64 second = submit_link(self->fd, line, 1, line, 2);

	ASSERT_LT(0LL, first);
	ASSERT_LT(first, second);
	ASSERT_EQ(0, close_timeline(self->fd, lost));
	EXPECT_EQ(0, wait_point(self->fd, line, 2, 0, FOREVER));
	EXPECT_EQ(-ECANCELED, wait_job(self->fd, first));
	EXPECT_EQ(0, wait_job(self->fd, second));
}

TEST_F(fake, a_buffer_has_no_fence_of_a_kept_job)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	__u32 handle = handle_of(self->fd, PAGE);
	int buf = export_buffer(self->fd, handle), counter = open_sw_sync(), fence;

	ASSERT_LE(0, buf);
	ASSERT_EQ(1LL, submit_writer(self->fd, ACCEL_FAKE_FILL, 0x24, handle, line, out));
	/* One behind it: plain, but kept as well. */
	ASSERT_EQ(2LL, submit_with(self->fd, ACCEL_FAKE_NOP, 0, handle));
	EXPECT_TRUE(is_idle(buf));
	ASSERT_EQ(0, import_sw(self->fd, line, 1, counter, 1));
	EXPECT_EQ(0, wait_point(self->fd, out, 1, BACKED, FOREVER));
	EXPECT_FALSE(is_idle(buf));
	fence = detach_fence(buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	EXPECT_FALSE(is_signaled(fence));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(POLLIN, poll_for(fence, POLLIN, -1));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_TRUE(is_idle(buf));
	close(fence);
	close(buf);
	close(counter);
}

/* Implicit fences order jobs as they are armed, not as they are submitted. */
TEST_F(fake, a_kept_job_waits_for_fences_that_came_later)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	__u32 handle = handle_of(self->fd, PAGE);
	int buf = export_buffer(self->fd, handle), counter = open_sw_sync();
	__s64 job = submit_writer(self->fd, ACCEL_FAKE_NOP, 0, handle, line, out);

	ASSERT_LT(0LL, job);
	ASSERT_EQ(0, attach_fence(buf, sw_fence(counter, 1), DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_point(self->fd, out, 1, BACKED, FOREVER));
	EXPECT_TRUE(is_queued(self->fd, job));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, job));
	close(buf);
	close(counter);
}

TEST_F(fake, a_buffer_may_be_shared_while_its_job_is_kept)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	__u32 handle = handle_of(self->fd, PAGE);
	__s64 job = submit_writer(self->fd, ACCEL_FAKE_NOP, 0, handle, line, out);
	int buf = export_buffer(self->fd, handle), counter = open_sw_sync();
	int other = open_fake(EXCLUSIVE);
	struct accel_buffer_import import;
	__s64 theirs;

	ASSERT_LT(0LL, job);
	ASSERT_LE(0, buf);
	EXPECT_TRUE(is_idle(buf));
	ASSERT_EQ(0, import_buffer(other, buf, &import));
	/* Others are not kept back by it ... */
	theirs = submit_with(other, ACCEL_FAKE_NOP, 0, import.handle);
	EXPECT_EQ(0, wait_job(other, theirs));
	/* ... until it is armed, as it waits for a fence then. */
	ASSERT_EQ(0, attach_fence(buf, sw_fence(counter, 1), DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_point(self->fd, out, 1, BACKED, FOREVER));
	theirs = submit_with(other, ACCEL_FAKE_NOP, 0, import.handle);
	EXPECT_TRUE(is_queued(other, theirs));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_job(other, theirs));
	EXPECT_EQ(0, wait_until(self->fd, job, LOOK, NULL));
	close(other);
	close(buf);
	close(counter);
}

TEST_F(fake, a_kept_job_keeps_its_buffers)
{
	__u32 line = timeline_at(self->fd, 0);
	__u32 out = timeline_at(self->fd, 0);
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(1LL, submit_writer(self->fd, ACCEL_FAKE_FILL, 0x42, buffer.handle, line, out));
	ASSERT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_TRUE(all_bytes(memory, 0x42, PAGE));
	munmap(memory, PAGE);
}

TEST_F(fake, kept_jobs_are_bounded)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);

	for (__u64 i = 1; i <= ACCEL_QUEUE_DEPTH; i++)
		ASSERT_EQ((__s64)i, submit_link(self->fd, line, i, out, i));
	EXPECT_EQ(-EDQUOT, submit_link(self->fd, line, 1, out, 1000));
	EXPECT_EQ(-EDQUOT, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ((__u64)ACCEL_QUEUE_DEPTH, last_of(self->fd, out));
	ASSERT_EQ(0, signal_point(self->fd, line, 1));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_LT(0LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	ASSERT_EQ(0, signal_point(self->fd, line, ACCEL_QUEUE_DEPTH));
	EXPECT_EQ(0, wait_job(self->fd, ACCEL_QUEUE_DEPTH + 1));
}

/* Work that arms jobs may be at it, or about to begin. */
TEST_F(fake, a_file_may_be_closed_while_its_jobs_go_on)
{
	for (int round = 0; round < 50; round++) {
		int fd = open_fake(SHARED);
		__u32 line = timeline_at(fd, 0), out = timeline_at(fd, 0);

		for (__u64 i = 1; i <= 20; i++)
			ASSERT_EQ((__s64)i, submit_link(fd, line, i, out, i));
		ASSERT_EQ(0, signal_point(fd, line, 10));
		close(fd);
	}
	EXPECT_EQ(0, run_nop(self->fd));
}

#define ROUNDS	200

/* Brings about what the other thread submits for. */
static void *signal_all(void *argument)
{
	const struct point_waiter *what = argument;

	for (__u64 i = 1; i <= ROUNDS; i++)
		signal_point(what->fd, what->points[0].handle, i);
	return NULL;
}

/* A point may be backed at any moment of the submission. */
TEST_F(fake, no_wake_is_lost)
{
	__u32 line = timeline_at(self->fd, 0);
	struct point_waiter what = { .fd = self->fd, .points = { { .handle = line } } };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_all, &what));
	for (__u64 i = 1; i <= ROUNDS; i++) {
		__s64 job = submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, i);

		ASSERT_LT(0LL, job);
		if (i % 8 == 0)
			ASSERT_EQ(0, wait_job(self->fd, job));
	}
	EXPECT_EQ(0, wait_job(self->fd, ROUNDS));
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
