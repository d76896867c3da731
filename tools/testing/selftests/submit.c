// SPDX-License-Identifier: GPL-2.0
/* ACCEL_IOCTL_SUBMIT: what jobs do, their order and number, and every refusal. */
#include "buffer.h"
#include "fixture.h"
#include "job.h"

#define MAX_BUFFERS	ACCEL_SUBMIT_MAX_BUFFERS

TEST_F(fake, jobs_are_numbered_from_1_in_each_file)
{
	int other = open_fake(SHARED);

	for (__s64 number = 1; number <= 20; number++)
		EXPECT_EQ(number, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(1LL, submit(other, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_job(self->fd, 20));
	EXPECT_EQ(0, wait_job(other, 1));
	close(other);
}

TEST_F(fake, jobs_run_in_the_order_of_submission)
{
	struct accel_job_status before = { 0 }, status;

	for (int i = 0; i < 100; i++)
		ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	for (__u64 number = 1; number <= 100; number++) {
		ASSERT_EQ(0, wait_until(self->fd, number, FOREVER, &status));
		EXPECT_LE(before.submit_ns, status.submit_ns);
		EXPECT_LE(before.end_ns, status.start_ns);
		before = status;
	}
}

TEST_F(fake, the_last_of_a_hundred_fills_wins)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (int byte = 1; byte <= 100; byte++)
		ASSERT_LT(0LL, submit_with(self->fd, ACCEL_FAKE_FILL, byte, buffer.handle));
	EXPECT_EQ(0, wait_job(self->fd, 100));
	EXPECT_TRUE(all_bytes(memory, 100, PAGE));
}

TEST_F(fake, a_finished_job_has_a_true_status)
{
	__s64 before = now_ns(), number = submit(self->fd, ACCEL_FAKE_DELAY, 20);
	struct accel_job_status status;

	ASSERT_LT(0LL, number);
	memset(&status, UNTOUCHED, sizeof(status));
	ASSERT_EQ(0, wait_until(self->fd, number, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ(0U, status.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_NONE, status.fault);
	EXPECT_EQ(0U, status.engine);
	EXPECT_EQ(0ULL, status.fault_address);
	EXPECT_LE((__u64)before, status.submit_ns);
	EXPECT_LE(status.submit_ns, status.start_ns);
	/* The fake device counts ticks, which may be late themselves. */
	EXPECT_LE(status.start_ns + 10 * NSEC_PER_MSEC, status.end_ns);
	EXPECT_GE((__u64)now_ns(), status.end_ns);
}

TEST_F(fake, a_fill_is_seen_through_the_mapping)
{
	const size_t size = 16 * PAGE;
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, size, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (int byte = 0; byte < 256; byte += 51) {
		__s64 number = submit_with(self->fd, ACCEL_FAKE_FILL, byte, buffer.handle);

		EXPECT_EQ(0, wait_job(self->fd, number));
		EXPECT_TRUE(all_bytes(memory, byte, size));
	}
}

TEST_F(fake, a_fill_of_an_untouched_buffer_is_seen)
{
	struct accel_buffer_create buffer;

	ASSERT_EQ(0, create(self->fd, 4 * PAGE, &buffer));
	ASSERT_EQ(1LL, submit_with(self->fd, ACCEL_FAKE_FILL, 0x77, buffer.handle));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_TRUE(all_bytes(map(self->fd, &buffer), 0x77, 4 * PAGE));
}

TEST_F(fake, a_buffer_closed_after_submit_is_still_filled)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	struct accel_buffer_info answer;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	ASSERT_EQ(2LL, submit_with(self->fd, ACCEL_FAKE_FILL, 0x66, buffer.handle));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(-ENOENT, buffer_info(self->fd, buffer.handle, &answer));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_TRUE(all_bytes(memory, 0x66, PAGE));
}

TEST_F(fake, a_job_keeps_a_closed_unmapped_buffer_until_it_ends)
{
	__u32 handle = handle_of(self->fd, 2 * PAGE);

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	ASSERT_EQ(2LL, submit_with(self->fd, ACCEL_FAKE_FILL, 1, handle));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, engine_counts_jobs_by_their_end)
{
	struct accel_info_engine before = engine_of(self->fd), after;

	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 20, NULL));
	EXPECT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	after = engine_of(self->fd);
	EXPECT_EQ(before.completed + 1, after.completed);
	EXPECT_EQ(before.failed + 1, after.failed);
	EXPECT_LE(before.busy_ns + 20 * NSEC_PER_MSEC, after.busy_ns);
	EXPECT_EQ(0U, after.queued);

	for (int i = 0; i < 2; i++)
		ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	EXPECT_LE(1U, engine_of(self->fd).queued);
	EXPECT_GE(2U, engine_of(self->fd).queued);
	EXPECT_EQ(-ETIME, wait_job(self->fd, 4));
	EXPECT_EQ(0U, engine_of(self->fd).queued);
}

TEST_F(fake, the_device_refuses_a_bad_payload_and_says_why)
{
	static const struct {
		__u32 op, arg, reason, at;
	} refused[] = {
		{ 7, 0, ACCEL_FAKE_BAD_OP, 0 },
		{ UINT32_MAX, 0, ACCEL_FAKE_BAD_OP, 0 },
		{ ACCEL_FAKE_NOP, 1, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_HANG, 1, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_FAIL_START, 1, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_FAULT, 0, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_FAULT, ACCEL_FAULT_GONE, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_FAULT, 8, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_DELAY, UINT32_MAX, ACCEL_FAKE_BAD_ARG, 4 },
		{ ACCEL_FAKE_FILL, 256, ACCEL_FAKE_BAD_ARG, 4 },
	};
	__u32 handle = handle_of(self->fd, PAGE);
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
		prepare(&job, refused[i].op, refused[i].arg,
			refused[i].op == ACCEL_FAKE_FILL ? handle : 0);
		EXPECT_EQ(-EINVAL, submit_prepared(self->fd, &job));
		EXPECT_EQ(refused[i].reason, job.submit.refused_reason)
			TH_LOG("op %u, arg %u", refused[i].op, refused[i].arg);
		EXPECT_EQ(refused[i].at, job.submit.refused_at);
		EXPECT_EQ(0ULL, job.entry.job);
	}
	EXPECT_EQ(1LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
}

TEST_F(fake, a_payload_of_another_size_is_refused)
{
	static const __u32 sizes[] = { 0, 1, 4, 7, 9, 12, 16 };
	static char payload[64];
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, 0);
		job.entry.payload = user(payload);
		job.entry.payload_size = sizes[i];
		EXPECT_EQ(-EINVAL, submit_prepared(self->fd, &job));
		EXPECT_EQ((__u32)ACCEL_FAKE_BAD_SIZE, job.submit.refused_reason);
	}
}

TEST_F(fake, a_payload_too_long_is_e2big)
{
	static const __u32 sizes[] = { 0x10000001, 0x7fffffff, 0x80000000, UINT32_MAX };
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, 0);
		job.entry.payload_size = sizes[i];
		EXPECT_EQ(-E2BIG, submit_prepared(self->fd, &job));
	}
}

TEST_F(fake, bad_pointers_are_efault)
{
	const __u64 bad[] = { 0, 1, 1ULL << 47, 1ULL << 56, UINT64_MAX, user(before_hole(4)) };
	__u32 handle = handle_of(self->fd, PAGE);
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, handle);
		job.entry.payload = bad[i];
		EXPECT_EQ(-EFAULT, submit_prepared(self->fd, &job));
		prepare(&job, ACCEL_FAKE_NOP, 0, handle);
		job.entry.buffers = bad[i];
		EXPECT_EQ(-EFAULT, submit_prepared(self->fd, &job));
	}
	EXPECT_EQ(1LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
}

TEST_F(fake, payload_and_buffers_may_end_at_a_hole)
{
	struct accel_submit_buffer *buffer = before_hole(sizeof(*buffer));
	struct accel_fake_job *payload = before_hole(sizeof(*payload));
	struct job job;

	*buffer = (struct accel_submit_buffer){ handle_of(self->fd, PAGE), ACCEL_BUFFER_WRITE };
	*payload = (struct accel_fake_job){ ACCEL_FAKE_FILL, 3 };
	prepare(&job, 0, 0, buffer->handle);
	job.entry.payload = user(payload);
	job.entry.buffers = user(buffer);
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
	job.entry.nr_buffers = 2;
	EXPECT_EQ(-EFAULT, submit_prepared(self->fd, &job));
}

TEST_F(fake, unknown_queues_are_enoent)
{
	static const __u32 queues[] = { 1, 2, 255, 0x80000000, UINT32_MAX };
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(queues); i++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, 0);
		job.submit.queue = queues[i];
		EXPECT_EQ(-ENOENT, submit_prepared(self->fd, &job));
	}
}

TEST_F(fake, every_flag_is_eopnotsupp)
{
	struct job job;

	for (int bit = 0; bit < 32; bit++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, 0);
		job.submit.flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, submit_prepared(self->fd, &job));
		job.submit.flags = 0;
		job.entry.flags = 1U << bit;
		if (job.entry.flags == ACCEL_SUBMIT_REPEATABLE)
			continue;
		EXPECT_EQ(-EOPNOTSUPP, submit_prepared(self->fd, &job));
	}
}

TEST_F(fake, a_buffer_may_be_named_more_than_once)
{
	__u32 handle = handle_of(self->fd, PAGE);
	struct accel_submit_buffer thrice[3] = {
		{ handle, ACCEL_BUFFER_WRITE }, { handle, ACCEL_BUFFER_READ },
		{ handle, ACCEL_BUFFER_WRITE },
	};
	struct job job;

	prepare(&job, ACCEL_FAKE_NOP, 0, handle);
	job.entry.buffers = user(thrice);
	job.entry.nr_buffers = 3;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
	EXPECT_EQ(0, wait_job(self->fd, job.entry.job));
	/* Each index has the use that it was named with. */
	thrice[0].flags = ACCEL_BUFFER_READ;
	job.payload.op = ACCEL_FAKE_FILL;
	EXPECT_EQ(-EINVAL, submit_prepared(self->fd, &job));
	job.entry.nr_buffers = 1;
	EXPECT_EQ(-EACCES, submit_prepared(self->fd, &job));
}

TEST_F(fake, buffers_are_named_with_a_use_that_exists)
{
	__u32 handle = handle_of(self->fd, PAGE);
	struct job job;

	prepare(&job, ACCEL_FAKE_NOP, 0, handle);
	job.buffer.flags = 0;
	EXPECT_EQ(-EINVAL, submit_prepared(self->fd, &job));
	job.buffer.flags = ACCEL_BUFFER_NO_SYNC;
	EXPECT_EQ(-EINVAL, submit_prepared(self->fd, &job));
	job.buffer.flags = ACCEL_BUFFER_NO_SYNC | ACCEL_BUFFER_READ;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));

	for (int bit = 3; bit < 32; bit++) {
		job.buffer.flags = ACCEL_BUFFER_READ | 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, submit_prepared(self->fd, &job));
	}
}

TEST_F(fake, unknown_buffers_are_enoent)
{
	__u32 handle = handle_of(self->fd, PAGE);
	const __u32 unknown[] = { 0, handle + 1, 0x7fffffff, UINT32_MAX };
	struct job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		prepare(&job, ACCEL_FAKE_NOP, 0, handle);
		job.buffer.handle = unknown[i];
		EXPECT_EQ(-ENOENT, submit_prepared(self->fd, &job));
	}
	close_buffer(self->fd, handle);
	EXPECT_EQ(-ENOENT, submit_with(self->fd, ACCEL_FAKE_NOP, 0, handle));
}

TEST_F(fake, a_buffer_of_another_file_is_enoent)
{
	int other = open_fake(SHARED);
	__u32 handle = handle_of(other, PAGE);

	ASSERT_NE(0U, handle);
	EXPECT_EQ(-ENOENT, submit_with(self->fd, ACCEL_FAKE_FILL, 1, handle));
	close(other);
}

TEST_F(fake, as_many_buffers_as_documented)
{
	static struct accel_submit_buffer buffers[MAX_BUFFERS + 1];
	struct job job;

	for (int i = 0; i <= MAX_BUFFERS; i++)
		buffers[i] = (struct accel_submit_buffer){ handle_of(self->fd, 1),
							   ACCEL_BUFFER_READ };
	prepare(&job, ACCEL_FAKE_NOP, 0, 0);
	job.entry.buffers = user(buffers);
	job.entry.nr_buffers = MAX_BUFFERS;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
	EXPECT_EQ(0, wait_job(self->fd, job.entry.job));
	job.entry.nr_buffers = MAX_BUFFERS + 1;
	EXPECT_EQ(-E2BIG, submit_prepared(self->fd, &job));
	job.entry.nr_buffers = UINT32_MAX;
	EXPECT_EQ(-E2BIG, submit_prepared(self->fd, &job));
	job.entry.nr_buffers = MAX_BUFFERS;
	for (int i = 0; i < MAX_BUFFERS; i++)
		buffers[i].handle = buffers[0].handle;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
	EXPECT_EQ(0, wait_job(self->fd, job.entry.job));
}

TEST_F(fake, a_write_to_a_buffer_named_for_reading_is_eacces)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	struct job job;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	prepare(&job, ACCEL_FAKE_FILL, 1, buffer.handle);
	job.buffer.flags = ACCEL_BUFFER_READ;
	EXPECT_EQ(-EACCES, submit_prepared(self->fd, &job));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	job.buffer.flags = ACCEL_BUFFER_READ | ACCEL_BUFFER_WRITE;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
}

TEST_F(fake, a_fill_without_a_buffer_is_einval)
{
	EXPECT_EQ(-EINVAL, submit(self->fd, ACCEL_FAKE_FILL, 1));
}

TEST_F(fake, the_queue_is_as_deep_as_documented)
{
	__s64 last = 0, ended = 0, number;

	while ((number = submit(self->fd, ACCEL_FAKE_DELAY, 150)) > 0)
		last = number;
	EXPECT_EQ(-EDQUOT, number);
	EXPECT_LE((__s64)ACCEL_QUEUE_DEPTH, last);
	while (ended < last && !wait_until(self->fd, ended + 1, 0, NULL))
		ended++;
	EXPECT_GE(ACCEL_QUEUE_DEPTH + ended, last);
	EXPECT_EQ(0, wait_job(self->fd, ended + 1));
	EXPECT_EQ(last + 1, submit(self->fd, ACCEL_FAKE_NOP, 0));
}

TEST_HARNESS_MAIN
