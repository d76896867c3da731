// SPDX-License-Identifier: GPL-2.0
/* ACCEL_IOCTL_JOB_PREPARE: jobs that are checked once and run again and again. */
#include "account.h"
#include "advise.h"
#include "buffer.h"
#include "fence.h"
#include "fixture.h"
#include "prepared.h"
#include "queue.h"
#include "share.h"
#include "sw_sync.h"
#include "timeline.h"

#define ENGINE	0
#define DEEP	3

/* Returns the handle of a prepared FILL of the whole of a buffer. */
static __u32 prepared_fill(int fd, __u8 byte, __u32 handle)
{
	return prepared(fd, ACCEL_FAKE_FILL, byte, handle);
}

TEST_F(fake, a_prepared_job_runs_on_one_buffer_after_the_other)
{
	struct accel_buffer_create buffers[3];
	unsigned char *memory[3];
	__u32 job;

	for (int i = 0; i < 3; i++) {
		memory[i] = create_mapped(self->fd, (i + 1) * PAGE, &buffers[i]);
		ASSERT_NE((void *)MAP_FAILED, (void *)memory[i]);
	}
	job = prepared_fill(self->fd, 7, buffers[0].handle);
	ASSERT_NE(0U, job);
	for (int round = 0; round < 20; round++) {
		int i = round % 3;

		ASSERT_EQ(round * 2 + 1LL, again(self->fd, job, buffers[i].handle));
		ASSERT_EQ(0, wait_job(self->fd, round * 2 + 1));
		EXPECT_TRUE(all_bytes(memory[i], 7, (i + 1) * PAGE));
		memset(memory[i], 0, (i + 1) * PAGE);
		/* The one that took the place has it still. */
		EXPECT_EQ(0, run_again(self->fd, job, 0));
		EXPECT_TRUE(all_bytes(memory[i], 7, (i + 1) * PAGE));
		memset(memory[i], 0, (i + 1) * PAGE);
	}
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(all_bytes(memory[i], 0, (i + 1) * PAGE));
	EXPECT_EQ(0, release(self->fd, job));
}

TEST_F(fake, prepared_jobs_and_others_have_one_order)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	__u32 jobs[2];

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (int i = 0; i < 2; i++)
		jobs[i] = prepared_fill(self->fd, 20 + i, buffer.handle);
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	ASSERT_EQ(2LL, again(self->fd, jobs[0], 0));
	ASSERT_EQ(3LL, submit_with(self->fd, ACCEL_FAKE_FILL, 5, buffer.handle));
	ASSERT_EQ(4LL, again(self->fd, jobs[1], 0));
	EXPECT_EQ(0, wait_job(self->fd, 4));
	EXPECT_TRUE(all_bytes(memory, 21, PAGE));
}

TEST_F(fake, a_prepared_job_is_queued_once_at_a_time)
{
	__u32 job = prepared(self->fd, ACCEL_FAKE_DELAY, 20, 0);
	struct accel_submit_job twice[2] = { { .prepared = job }, { .prepared = job } };
	struct accel_submit submit = { .jobs = user(twice), .nr_jobs = 2 };

	ASSERT_NE(0U, job);
	EXPECT_EQ(1LL, again(self->fd, job, 0));
	EXPECT_EQ(-EBUSY, again(self->fd, job, 0));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_EQ(-EBUSY, call(self->fd, ACCEL_IOCTL_SUBMIT, &submit));
	EXPECT_EQ(1U, submit.nr_submitted);
	EXPECT_EQ(2ULL, twice[0].job);
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_EQ(3LL, again(self->fd, job, 0));
}

/* Whoever knows by its point that it has ended can submit it again at once. */
TEST_F(fake, a_prepared_job_is_back_when_its_point_is_there)
{
	__u32 line = timeline_at(self->fd, 0), jobs[2];

	jobs[0] = prepared(self->fd, ACCEL_FAKE_NOP, 0, 0);
	jobs[1] = prepared_fill(self->fd, 1, handle_of(self->fd, PAGE));
	for (__u64 value = 1; value <= 200; value++) {
		struct accel_point point = { line, ACCEL_POINT_SIGNAL, value };
		struct accel_submit submit = { .queue = 0 };
		struct accel_submit_job entry = {
			.prepared = jobs[value % 2],
			.points = user(&point),
			.nr_points = 1,
		};

		ASSERT_EQ(0, submit_entry(self->fd, &submit, &entry));
		ASSERT_EQ(0, wait_point(self->fd, line, value, 0, FOREVER));
	}
}

TEST_F(fake, what_cannot_be_prepared_is_refused)
{
	struct preparation good, bad;

	plan(&good, 0, ACCEL_FAKE_FILL, 1, handle_of(self->fd, PAGE));
	bad = good;
	bad.payload.arg = 256;
	bad.prepare.payload = user(&bad.payload);
	EXPECT_EQ(-EINVAL, prepare_planned(self->fd, &bad));
	EXPECT_EQ((__u32)ACCEL_FAKE_BAD_ARG, bad.prepare.refused_reason);
	EXPECT_EQ(4U, bad.prepare.refused_at);
	EXPECT_EQ(0U, bad.prepare.handle);
#define EXPECT_REFUSED(error, field, value) do {			\
	bad = good;							\
	bad.prepare.field = value;					\
	EXPECT_EQ(-(error), prepare_planned(self->fd, &bad));		\
	EXPECT_EQ(0U, bad.prepare.handle);				\
} while (0)
	for (int bit = 0; bit < 32; bit++)
		EXPECT_REFUSED(EOPNOTSUPP, flags, 1U << bit);
	EXPECT_REFUSED(EINVAL, reserved, 1);
	EXPECT_REFUSED(EINVAL, nr_buffers, 0);
	EXPECT_REFUSED(EINVAL, payload_size, 4);
	EXPECT_REFUSED(ENOENT, queue, 1);
	EXPECT_REFUSED(E2BIG, nr_buffers, ACCEL_SUBMIT_MAX_BUFFERS + 1);
	EXPECT_REFUSED(E2BIG, payload_size, UINT32_MAX);
	EXPECT_REFUSED(EFAULT, buffers, 1);
	EXPECT_REFUSED(EFAULT, payload, 0);
	good.buffer.flags = ACCEL_BUFFER_READ;
	EXPECT_EQ(-EACCES, prepare_planned(self->fd, &good));
	good.buffer.handle++;
	EXPECT_EQ(-ENOENT, prepare_planned(self->fd, &good));
	good.buffer.handle--;
	good.buffer.flags = ACCEL_BUFFER_WRITE;
	EXPECT_EQ(0, prepare_planned(self->fd, &good));
}

static int pin(int fd, const void *memory, __u32 flags, __u32 *handle)
{
	struct accel_buffer_pin argument = {
		.address = user(memory), .size = PAGE, .flags = flags,
	};
	int error = call(fd, ACCEL_IOCTL_BUFFER_PIN, &argument);

	*handle = argument.handle;
	return error;
}

TEST_F(fake, a_buffer_that_does_not_fit_is_refused)
{
	unsigned char *pages = anonymous(2 * PAGE), *memory;
	__u32 pinned, fixed, job, of_user, small = handle_of(self->fd, PAGE);
	struct accel_buffer_create buffer;

	memory = create_mapped(self->fd, 2 * PAGE, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, pin(self->fd, pages, 0, &pinned));
	ASSERT_EQ(0, mprotect(pages + PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, pin(self->fd, pages + PAGE, ACCEL_BUFFER_PIN_READ_ONLY, &fixed));
	job = prepared_fill(self->fd, 3, buffer.handle);
	of_user = prepared_fill(self->fd, 4, pinned);
	ASSERT_NE(0U, job);
	ASSERT_NE(0U, of_user);
	EXPECT_EQ(-EINVAL, again(self->fd, job, small));
	EXPECT_EQ(-EINVAL, again(self->fd, job, pinned));
	EXPECT_EQ(-EINVAL, again(self->fd, of_user, buffer.handle));
	EXPECT_EQ(-EACCES, again(self->fd, of_user, fixed));
	EXPECT_EQ(-ENOENT, again(self->fd, job, 1U << 30));
	/* Nothing has changed. */
	EXPECT_EQ(0, run_again(self->fd, job, 0));
	EXPECT_EQ(0, run_again(self->fd, of_user, 0));
	EXPECT_TRUE(all_bytes(memory, 3, 2 * PAGE));
	EXPECT_TRUE(all_bytes(pages, 4, PAGE));
	EXPECT_TRUE(all_bytes(pages + PAGE, 0, PAGE));
}

/* What a larger one made room for is not needed by the next one. */
TEST_F(fake, a_buffer_must_be_as_large_as_the_first)
{
	__u32 small = handle_of(self->fd, PAGE), large = handle_of(self->fd, 4 * PAGE);
	__u32 job = prepared_fill(self->fd, 3, small);

	EXPECT_EQ(0, run_again(self->fd, job, large));
	EXPECT_EQ(0, run_again(self->fd, job, small));
}

TEST_F(fake, a_bad_submission_of_a_prepared_job_is_refused)
{
	struct accel_job_replace replace[3] = { { 0, handle_of(self->fd, PAGE) } };
	__u32 job = prepared_fill(self->fd, 1, replace[0].handle);
	const struct accel_submit_job good = {
		.prepared = job, .buffers = user(replace), .nr_buffers = 1,
	};
	struct accel_submit submit = { .queue = 0 };
	struct accel_submit_job bad;

#define EXPECT_NOT_SUBMITTED(error, field, value) do {			\
	bad = good;							\
	bad.field = value;						\
	EXPECT_EQ(-(error), submit_entry(self->fd, &submit, &bad));	\
	EXPECT_EQ(0U, submit.nr_submitted);				\
} while (0)
	EXPECT_NOT_SUBMITTED(ENOENT, prepared, job + 1);
	EXPECT_NOT_SUBMITTED(ENOENT, prepared, UINT32_MAX);
	EXPECT_NOT_SUBMITTED(EINVAL, payload_size, 1);
	EXPECT_NOT_SUBMITTED(EINVAL, reserved, 1);
	EXPECT_NOT_SUBMITTED(EINVAL, nr_buffers, 2);
	EXPECT_NOT_SUBMITTED(EINVAL, nr_buffers, UINT32_MAX);
	EXPECT_NOT_SUBMITTED(EFAULT, buffers, 1);
	EXPECT_NOT_SUBMITTED(EOPNOTSUPP, flags, 2);
	EXPECT_NOT_SUBMITTED(E2BIG, nr_points, UINT32_MAX);
	replace[0].buffer = 1;
	EXPECT_NOT_SUBMITTED(EINVAL, reserved, 0);
	replace[0].buffer = UINT32_MAX;
	EXPECT_NOT_SUBMITTED(EINVAL, reserved, 0);
	replace[0].buffer = 0;
	bad = good;
	EXPECT_EQ(0, submit_entry(self->fd, &submit, &bad));
	EXPECT_EQ(1ULL, bad.job);
}

TEST_F(fake, a_place_that_is_named_twice_has_the_last_one)
{
	struct accel_buffer_create buffers[3];
	struct accel_submit submit = { .queue = 0 };
	struct accel_job_replace replace[2];
	struct accel_submit_buffer list[2];
	struct accel_submit_job entry;
	struct preparation both;
	unsigned char *memory[3];

	for (int i = 0; i < 3; i++)
		memory[i] = create_mapped(self->fd, PAGE, &buffers[i]);
	/* Not a FILL: that takes one buffer, so it is seen by who keeps which memory. */
	plan(&both, 0, ACCEL_FAKE_NOP, 0, buffers[0].handle);
	for (int i = 0; i < 2; i++) {
		list[i] = (struct accel_submit_buffer){ buffers[0].handle, ACCEL_BUFFER_WRITE };
		replace[i] = (struct accel_job_replace){ 1, buffers[i + 1].handle };
	}
	both.prepare.buffers = user(list);
	both.prepare.nr_buffers = 2;
	ASSERT_EQ(0, prepare_planned(self->fd, &both));
	entry = (struct accel_submit_job){
		.prepared = both.prepare.handle, .buffers = user(replace), .nr_buffers = 2,
	};
	ASSERT_EQ(0, submit_entry(self->fd, &submit, &entry));
	ASSERT_EQ(0, wait_job(self->fd, entry.job));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, munmap(memory[i], PAGE));
		EXPECT_EQ(0, close_buffer(self->fd, buffers[i].handle));
	}
	EXPECT_EQ(2ULL * PAGE, settled_memory(self->fd, 2 * PAGE));
	EXPECT_EQ(0, release(self->fd, both.prepare.handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_prepared_job_is_released_at_any_time)
{
	struct accel_job_release bad = { .handle = 1, .flags = 1 };
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	__u32 job = prepared_fill(self->fd, 9, buffer.handle);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_JOB_RELEASE, &bad));
	bad = (struct accel_job_release){ .handle = job, .reserved = 1 };
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_JOB_RELEASE, &bad));
	EXPECT_EQ(-ENOENT, release_from(self->fd, 1, job));
	EXPECT_EQ(-ENOENT, release(self->fd, job + 1));
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	ASSERT_EQ(2LL, again(self->fd, job, 0));
	EXPECT_EQ(0, release(self->fd, job));
	EXPECT_EQ(-ENOENT, release(self->fd, job));
	EXPECT_EQ(-ENOENT, again(self->fd, job, 0));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_TRUE(all_bytes(memory, 9, PAGE));
	munmap(memory, PAGE);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_prepared_job_keeps_its_buffers)
{
	__u32 handle = handle_of(self->fd, PAGE), job = prepared_fill(self->fd, 9, handle);

	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ((__u64)PAGE, settled_memory(self->fd, PAGE));
	EXPECT_EQ(0, run_again(self->fd, job, 0));
	/* Until another one is there. */
	handle = handle_of(self->fd, 2 * PAGE);
	EXPECT_EQ(0, run_again(self->fd, job, handle));
	EXPECT_EQ(2ULL * PAGE, settled_memory(self->fd, 2 * PAGE));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(0, run_again(self->fd, job, 0));
	EXPECT_EQ(0, release(self->fd, job));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_queue_has_as_many_prepared_jobs_as_documented)
{
	__u32 queue = create_queue(self->fd, ENGINE, 0), last = 0;
	struct preparation more;

	for (int i = 0; i < ACCEL_QUEUE_PREPARED_MAX; i++)
		ASSERT_NE(0U, last = prepared(self->fd, ACCEL_FAKE_NOP, 0, 0));
	plan(&more, 0, ACCEL_FAKE_NOP, 0, 0);
	EXPECT_EQ(-EDQUOT, prepare_planned(self->fd, &more));
	/* They are of their queue only. */
	EXPECT_EQ(-ENOENT, again_in(self->fd, queue, last, 0, 0));
	more.prepare.queue = queue;
	EXPECT_EQ(0, prepare_planned(self->fd, &more));
	EXPECT_EQ(0, release(self->fd, last));
	more.prepare.queue = 0;
	EXPECT_EQ(0, prepare_planned(self->fd, &more));
	EXPECT_EQ(0, run_again(self->fd, more.prepare.handle, 0));
}

/* Idle, in flight, behind another one, and kept. */
static void prepare_in_all_states(struct __test_metadata *_metadata, int fd, __u32 queue)
{
	struct accel_point never = { timeline_at(fd, 0), ACCEL_POINT_WAIT, 1 };
	struct accel_submit submit = { .queue = queue };
	struct accel_submit_job kept = { .points = user(&never), .nr_points = 1 };
	__u32 jobs[4];

	for (int i = 0; i < 4; i++) {
		__u32 handle = handle_of(fd, PAGE);

		jobs[i] = prepared_in(fd, queue, i == 1 ? ACCEL_FAKE_DELAY : ACCEL_FAKE_FILL,
				      i == 1 ? 50 : 1, handle);
		ASSERT_NE(0U, jobs[i]);
		ASSERT_EQ(0, close_buffer(fd, handle));
	}
	ASSERT_LT(0LL, again_in(fd, queue, jobs[1], 0, 0));
	ASSERT_LT(0LL, again_in(fd, queue, jobs[2], 0, 0));
	kept.prepared = jobs[3];
	ASSERT_EQ(0, submit_entry(fd, &submit, &kept));
	for (int i = 1; i < 4; i++)
		EXPECT_EQ(-EBUSY, again_in(fd, queue, jobs[i], 0, 0));
}

TEST_F(fake, prepared_jobs_go_with_their_queue)
{
	__u32 queue = create_queue(self->fd, ENGINE, 0);

	prepare_in_all_states(_metadata, self->fd, queue);
	EXPECT_EQ(0, destroy_queue(self->fd, queue));
	EXPECT_EQ(-ENOENT, again_in(self->fd, queue, 1, 0, 0));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, prepared_jobs_go_with_their_file)
{
	int fd = open_fake(SHARED);

	prepare_in_all_states(_metadata, fd, 0);
	close(fd);
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_prepared_job_needs_its_buffers)
{
	__u32 handle = handle_of(self->fd, PAGE), job = prepared_fill(self->fd, 1, handle);

	EXPECT_EQ(0, run_again(self->fd, job, 0));
	ASSERT_EQ(1, advise(self->fd, handle, ACCEL_ADVICE_DONTNEED));
	EXPECT_EQ(-EINVAL, again(self->fd, job, 0));
	EXPECT_EQ(-EINVAL, again(self->fd, job, handle));
	ASSERT_EQ(1, advise(self->fd, handle, ACCEL_ADVICE_WILLNEED));
	EXPECT_EQ(0, run_again(self->fd, job, 0));
}

/* That it ended badly says nothing of the next time. */
TEST_F(fake, a_prepared_job_that_failed_can_run_again)
{
	__u32 jobs[] = {
		prepared(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, 0),
		prepared(self->fd, ACCEL_FAKE_FAIL_START, 0, 0),
		prepared(self->fd, ACCEL_FAKE_HANG, 0, 0),
	};

	for (int round = 0; round < 5; round++)
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(-EIO, run_again(self->fd, jobs[i], 0));
	EXPECT_EQ(-ETIME, run_again(self->fd, jobs[2], 0));
	EXPECT_LT(0LL, again(self->fd, jobs[2], 0));
	EXPECT_EQ(0, release(self->fd, jobs[2]));
}

/* As if it had been submitted otherwise. */
TEST_F(fake, prepared_jobs_end_with_their_context)
{
	__u32 context = create_context(self->fd), queue, job;

	queue = create_queue_of(self->fd, context);
	job = prepared_in(self->fd, queue, ACCEL_FAKE_STALL, 0, 0);
	for (__u64 number = 1; number <= 2; number++) {
		ASSERT_EQ((__s64)number, again_in(self->fd, queue, job, 0, 0));
		EXPECT_EQ(-ETIME, wait_in(self->fd, queue, number, FOREVER, NULL));
	}
	EXPECT_EQ(-ECANCELED, again_in(self->fd, queue, job, 0, 0));
	EXPECT_EQ(0U, prepared_in(self->fd, queue, ACCEL_FAKE_NOP, 0, 0));
	EXPECT_EQ(0, release_from(self->fd, queue, job));
}

TEST_F(fake, a_prepared_job_waits_for_others_on_each_buffer)
{
	int counter = open_sw_sync(), buf = udmabuf(PAGE);
	struct accel_buffer_import shared, idle;
	__u32 job;

	ASSERT_LE(0, counter);
	ASSERT_EQ(0, import_buffer(self->fd, udmabuf(PAGE), &idle));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &shared));
	job = prepared(self->fd, ACCEL_FAKE_NOP, 0, idle.handle);
	ASSERT_NE(0U, job);
	for (int round = 1; round <= 3; round++) {
		__s64 number;

		ASSERT_EQ(0, attach_fence(buf, sw_fence(counter, round), DMA_BUF_SYNC_WRITE));
		ASSERT_EQ(0, run_again(self->fd, job, idle.handle));
		number = again(self->fd, job, shared.handle);
		EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, number, in_ms(20), NULL));
		EXPECT_EQ(-EBUSY, again(self->fd, job, idle.handle));
		EXPECT_EQ(0, sw_increase(counter, 1));
		EXPECT_EQ(0, wait_job(self->fd, number));
	}
	close(counter);
	close(buf);
}

TEST_F(fake, a_prepared_job_may_be_kept)
{
	__u32 line = timeline_at(self->fd, 0), job;
	struct accel_submit submit = { .queue = 0 };
	struct accel_buffer_create buffers[2];
	unsigned char *memory[2];

	for (int i = 0; i < 2; i++)
		memory[i] = create_mapped(self->fd, PAGE, &buffers[i]);
	job = prepared_fill(self->fd, 6, buffers[0].handle);
	for (__u64 value = 1; value <= 5; value++) {
		struct accel_point point = { line, ACCEL_POINT_WAIT, value };
		struct accel_job_replace replace = { 0, buffers[value % 2].handle };
		struct accel_submit_job entry = {
			.prepared = job, .buffers = user(&replace), .nr_buffers = 1,
			.points = user(&point), .nr_points = 1,
		};

		ASSERT_EQ(0, submit_entry(self->fd, &submit, &entry));
		EXPECT_EQ(-EBUSY, again(self->fd, job, 0));
		EXPECT_TRUE(all_bytes(memory[value % 2], 0, PAGE));
		EXPECT_EQ(0, value == 5 ? close_timeline(self->fd, line) :
					  signal_point(self->fd, line, value));
		EXPECT_EQ(value == 5 ? -ECANCELED : 0, wait_job(self->fd, entry.job));
		EXPECT_TRUE(all_bytes(memory[value % 2], value == 5 ? 0 : 6, PAGE));
		memset(memory[value % 2], 0, PAGE);
	}
	EXPECT_EQ(0, run_again(self->fd, job, 0));
	EXPECT_TRUE(all_bytes(memory[1], 6, PAGE));
}

/* A device that goes, or is reset with jobs in flight. */
FIXTURE(own)
{
	int number;
	int fd;
};

FIXTURE_SETUP(own)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->fd = open_fake(self->number);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(own)
{
	close(self->fd);
	remove_fake(self->number);
}

TEST_F(own, a_prepared_job_is_repeated_after_a_reset_of_others)
{
	struct accel_fake_fail_resets twice = { .count = 2 };
	__u32 deep = create_queue(self->fd, DEEP, 0);
	__u32 job = prepared_in(self->fd, deep, ACCEL_FAKE_DELAY, 150, 0);
	struct accel_job_status status;

	ASSERT_NE(0U, job);
	for (int repeatable = 1; repeatable >= 0; repeatable--) {
		__u64 number = 2 - repeatable;
		__s64 hung;

		ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &twice));
		hung = submit(self->fd, ACCEL_FAKE_HANG, 0);
		ASSERT_LT(0LL, hung);
		sleep_ms(120);
		ASSERT_EQ((__s64)number, again_in(self->fd, deep, job, 0,
						  repeatable ? ACCEL_SUBMIT_REPEATABLE : 0));
		EXPECT_EQ(-ETIME, wait_job(self->fd, hung));
		EXPECT_EQ(repeatable ? 0 : -ENODATA,
			  wait_in(self->fd, deep, number, FOREVER, &status));
	}
}

TEST_F(own, prepared_jobs_go_with_their_device)
{
	prepare_in_all_states(_metadata, self->fd, 0);
	EXPECT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(-ENODEV, again(self->fd, 1, 0));
	EXPECT_EQ(-ENODEV, release(self->fd, 1));
	EXPECT_EQ(0U, prepared(self->fd, ACCEL_FAKE_NOP, 0, 0));
}

TEST_HARNESS_MAIN
