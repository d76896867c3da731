// SPDX-License-Identifier: GPL-2.0
/* Contexts and queues: several engines, who comes first, and every refusal. */
#include "buffer.h"
#include "fixture.h"
#include "job_points.h"
#include "queue.h"

/* The engines of the fake: one, two that are alike, one with four jobs in flight. */
#define SINGLE	0
#define PAIR	1
#define DEEP	3

#define DEPTH	4	/* of the last one */
#define LIMIT	(50ULL * NSEC_PER_MSEC)	/* the time-out of a queue that has its own */
#define SHORT	10	/* how long a job takes that is compared with others, milliseconds */

static __s64 submit_to(int fd, __u32 queue, __u32 op, __u32 arg)
{
	struct job job;
	int error;

	prepare(&job, op, arg, 0);
	job.submit.queue = queue;
	error = submit_prepared(fd, &job);
	return error ? error : (__s64)job.entry.job;
}

/* Submits @count short jobs, which begin when @timeline is at 1; returns 0 or -errno. */
static int line_up(int fd, __u32 queue, __u32 timeline, int count)
{
	struct accel_point point = { timeline, WAIT, 1 };
	struct job job;
	int error = 0;

	prepare(&job, ACCEL_FAKE_DELAY, SHORT, 0);
	job.submit.queue = queue;
	job.entry.points = user(&point);
	for (int number = 1; number <= count && !error; number++) {
		job.entry.nr_points = number == 1;
		error = submit_prepared(fd, &job);
	}
	return error;
}

/* How many of the first @count jobs of a queue have ended. */
static int ended(int fd, __u32 queue, int count)
{
	int ended = 0;

	for (int number = 1; number <= count; number++)
		ended += wait_in(fd, queue, number, 0, NULL) == 0;
	return ended;
}

TEST_F(fake, a_new_queue_runs_jobs_with_numbers_of_its_own)
{
	__u32 queue = create_queue(self->fd, SINGLE, 0), other = create_queue(self->fd, PAIR, 0);
	struct accel_job_status status;

	ASSERT_NE(0U, queue);
	ASSERT_NE(0U, other);
	EXPECT_NE(queue, other);
	for (__s64 number = 1; number <= 10; number++) {
		EXPECT_EQ(number, submit_to(self->fd, queue, ACCEL_FAKE_NOP, 0));
		EXPECT_EQ(number, submit_to(self->fd, other, ACCEL_FAKE_NOP, 0));
	}
	EXPECT_EQ(1LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_in(self->fd, queue, 10, FOREVER, &status));
	EXPECT_EQ((__u32)SINGLE, status.engine);
	EXPECT_EQ(0, wait_in(self->fd, other, 10, FOREVER, &status));
	EXPECT_TRUE(status.engine == PAIR || status.engine == PAIR + 1);
	EXPECT_EQ(-ENOENT, wait_in(self->fd, queue, 11, FOREVER, NULL));
}

TEST_F(fake, alike_engines_work_side_by_side_and_a_queue_stays_in_order)
{
	__u32 queues[] = { create_queue(self->fd, PAIR, 0), create_queue(self->fd, PAIR + 1, 0) };
	struct accel_job_status first[2], second[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(1, submit_to(self->fd, queues[i], ACCEL_FAKE_DELAY, 100));
		ASSERT_EQ(2, submit_to(self->fd, queues[i], ACCEL_FAKE_DELAY, SHORT));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, wait_in(self->fd, queues[i], 1, FOREVER, &first[i]));
		EXPECT_EQ(0, wait_in(self->fd, queues[i], 2, FOREVER, &second[i]));
		EXPECT_LE(first[i].end_ns, second[i].start_ns);
	}
	EXPECT_NE(first[0].engine, first[1].engine);
	EXPECT_LT(first[1].start_ns, first[0].end_ns);
}

TEST_F(fake, queues_do_not_wait_for_each_other)
{
	__u32 queue = create_queue(self->fd, DEEP, 0);
	__s64 slow = submit(self->fd, ACCEL_FAKE_DELAY, 150), quick;

	quick = submit_to(self->fd, queue, ACCEL_FAKE_NOP, 0);
	EXPECT_EQ(0, wait_in(self->fd, queue, quick, FOREVER, NULL));
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, slow, 0, NULL));
	EXPECT_EQ(0, wait_job(self->fd, slow));
}

TEST_F(fake, an_engine_has_as_many_jobs_in_flight_as_it_has_credits)
{
	struct accel_job_status status[2 * DEPTH];
	__u64 end = UINT64_MAX;

	for (int i = 0; i < 2 * DEPTH; i++) {
		__u32 queue = create_queue(self->fd, DEEP, 0);

		ASSERT_EQ(1, submit_to(self->fd, queue, ACCEL_FAKE_DELAY, 100));
	}
	for (int i = 0; i < 2 * DEPTH; i++) {
		ASSERT_EQ(0, wait_in(self->fd, i + 1, 1, FOREVER, &status[i]));
		end = status[i].end_ns < end ? status[i].end_ns : end;
	}
	for (int i = 0; i < 2 * DEPTH; i++) {
		EXPECT_EQ(i < DEPTH, status[i].start_ns < end)
			TH_LOG("job %d", i);
	}
}

TEST_F(fake, one_that_hangs_is_guilty_and_those_lost_with_it_are_not)
{
	__u32 queues[2] = { create_queue(self->fd, DEEP, 0), create_queue(self->fd, DEEP, 0) };
	__u32 pair = create_queue(self->fd, PAIR, 0);
	struct accel_job_status status;

	ASSERT_EQ(1, submit_to(self->fd, queues[0], ACCEL_FAKE_HANG, 0));
	sleep_ms(20);
	ASSERT_EQ(1, submit_to(self->fd, queues[1], ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(2, submit_to(self->fd, queues[1], ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ETIME, wait_in(self->fd, queues[0], 1, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(-ENODATA, wait_in(self->fd, queues[1], 1, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	/* What had not been started goes on, and other engines never stopped. */
	EXPECT_EQ(0, wait_in(self->fd, queues[1], 2, FOREVER, NULL));
	EXPECT_EQ(1, submit_to(self->fd, pair, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_in(self->fd, pair, 1, FOREVER, NULL));
}

TEST_F(fake, a_queue_can_give_its_jobs_less_time)
{
	__u32 hasty = create_hasty_queue(self->fd, SINGLE, LIMIT);
	struct accel_job_status status;
	__u64 took;

	ASSERT_NE(0U, hasty);
	ASSERT_EQ(1, submit_to(self->fd, hasty, ACCEL_FAKE_HANG, 0));
	EXPECT_EQ(-ETIME, wait_in(self->fd, hasty, 1, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	took = status.end_ns - status.start_ns;
	EXPECT_LE(LIMIT, took);
	EXPECT_GT((__u64)FAKE_TIMEOUT_NS, took);
	/* Not those of other queues, nor those that are in time. */
	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 2 * LIMIT / NSEC_PER_MSEC, NULL));
	EXPECT_EQ(0, run_in(self->fd, hasty, ACCEL_FAKE_DELAY, 1));
}

TEST_F(fake, who_has_less_time_is_looked_at_first)
{
	__u32 patient = create_queue(self->fd, DEEP, 0);
	__u32 hasty = create_hasty_queue(self->fd, DEEP, LIMIT);
	struct accel_job_status status;

	/* The first one has had the timer set. */
	ASSERT_EQ(1, submit_to(self->fd, patient, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(1, submit_to(self->fd, hasty, ACCEL_FAKE_HANG, 0));
	EXPECT_EQ(-ETIME, wait_in(self->fd, hasty, 1, FOREVER, &status));
	EXPECT_LE(LIMIT, status.end_ns - status.start_ns);
	EXPECT_GT((__u64)FAKE_TIMEOUT_NS, status.end_ns - status.start_ns);
	EXPECT_EQ(-ENODATA, wait_in(self->fd, patient, 1, FOREVER, NULL));
	/* And is set again after that. */
	ASSERT_EQ(2, submit_to(self->fd, patient, ACCEL_FAKE_HANG, 0));
	EXPECT_EQ(-ETIME, wait_in(self->fd, patient, 2, FOREVER, &status));
	EXPECT_LE((__u64)FAKE_TIMEOUT_NS, status.end_ns - status.start_ns);
}

TEST_F(fake, a_queue_gets_no_more_time_than_its_engine_has)
{
	EXPECT_EQ((__u64)FAKE_TIMEOUT_NS, engine_of(self->fd).timeout_ns);
	EXPECT_NE(0U, create_hasty_queue(self->fd, SINGLE, 1));
	EXPECT_NE(0U, create_hasty_queue(self->fd, SINGLE, FAKE_TIMEOUT_NS));
	for (int bit = 0; bit < 64; bit++) {
		struct accel_queue_create queue = { .timeout_ns = FAKE_TIMEOUT_NS | 1ULL << bit };

		if (queue.timeout_ns != FAKE_TIMEOUT_NS)
			EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	}
}

TEST_F(fake, who_has_hung_an_engine_gets_less_of_it)
{
	enum { JOBS = 20 };
	int other = open_fake(SHARED), hanging;
	__u32 mine = timeline_at(self->fd, 0), theirs = timeline_at(other, 0);

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(0, line_up(self->fd, 0, mine, JOBS));
	ASSERT_EQ(0, line_up(other, 0, theirs, JOBS));
	EXPECT_EQ(0, signal_point(self->fd, mine, 1));
	EXPECT_EQ(0, signal_point(other, theirs, 1));
	EXPECT_EQ(0, wait_job(other, JOBS));
	/* The first two are those that hung. An eighth, and what the engine had when both began. */
	hanging = ended(self->fd, 0, JOBS + 2);
	EXPECT_GT(JOBS / 2, hanging)
		TH_LOG("%d", hanging);
	close(other);
}

TEST_F(fake, a_file_has_a_limit_of_unfinished_jobs)
{
	enum {
		COUNTED = ACCEL_QUEUE_DEPTH - ACCEL_QUEUE_FREE_JOBS,
		FULL = ACCEL_CLIENT_JOBS_MAX / COUNTED,
		REST = ACCEL_CLIENT_JOBS_MAX % COUNTED + ACCEL_QUEUE_FREE_JOBS,
	};
	__u32 line = timeline_at(self->fd, 0), queues[FULL + 1];

	for (int i = 0; i <= FULL; i++) {
		queues[i] = create_queue(self->fd, DEEP, 0);
		ASSERT_EQ(0, line_up(self->fd, queues[i], line,
				     i < FULL ? ACCEL_QUEUE_DEPTH : REST));
	}
	EXPECT_EQ(-EDQUOT, submit_to(self->fd, queues[FULL], ACCEL_FAKE_NOP, 0));
	/* The first ones of each queue are for free. */
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0, destroy_queue(self->fd, queues[0]));
	EXPECT_EQ(REST + 1LL, submit_to(self->fd, queues[FULL], ACCEL_FAKE_NOP, 0));
}

TEST_F(fake, files_share_an_engine_however_many_queues_they_have)
{
	enum { JOBS = 30, GREEDY = 3 };
	int other = open_fake(SHARED), greedy = 0;
	__u32 mine = timeline_at(self->fd, 0), theirs = timeline_at(other, 0);
	__u32 queues[GREEDY];

	for (int i = 0; i < GREEDY; i++) {
		queues[i] = create_queue(self->fd, SINGLE, 0);
		ASSERT_EQ(0, line_up(self->fd, queues[i], mine, JOBS));
	}
	ASSERT_EQ(0, line_up(other, 0, theirs, JOBS));
	EXPECT_EQ(0, signal_point(self->fd, mine, 1));
	EXPECT_EQ(0, signal_point(other, theirs, 1));
	EXPECT_EQ(0, wait_job(other, JOBS));
	for (int i = 0; i < GREEDY; i++)
		greedy += ended(self->fd, queues[i], JOBS);
	/* Half of the time each; first come, first served would be all of the greedy ones. */
	EXPECT_LE(JOBS / 2, greedy);
	EXPECT_GE(JOBS * 3 / 2, greedy);
	close(other);
}

TEST_F(fake, a_more_important_queue_gets_more)
{
	enum { JOBS = 40 };
	__u32 high = create_queue(self->fd, SINGLE, ACCEL_PRIORITY_HIGH);
	__u32 normal = create_queue(self->fd, SINGLE, ACCEL_PRIORITY_NORMAL);
	__u32 low = create_queue(self->fd, SINGLE, ACCEL_PRIORITY_LOW);
	__u32 timeline = timeline_at(self->fd, 0);
	int others[2];

	ASSERT_EQ(0, line_up(self->fd, low, timeline, JOBS));
	ASSERT_EQ(0, line_up(self->fd, normal, timeline, JOBS));
	ASSERT_EQ(0, line_up(self->fd, high, timeline, JOBS));
	EXPECT_EQ(0, signal_point(self->fd, timeline, 1));
	EXPECT_EQ(0, wait_in(self->fd, high, JOBS, FOREVER, NULL));
	others[0] = ended(self->fd, normal, JOBS);
	others[1] = ended(self->fd, low, JOBS);
	/* A quarter of 40, and an eighth of that. */
	EXPECT_LE(JOBS / 8, others[0]);
	EXPECT_GE(JOBS / 2, others[0]);
	EXPECT_GE(JOBS / 8, others[1]);
	EXPECT_LT(0, others[1]);
}

TEST_F(fake, realtime_comes_first)
{
	enum { JOBS = 20 };
	__u32 realtime = create_queue(self->fd, SINGLE, ACCEL_PRIORITY_REALTIME);
	struct accel_job_status status, other;
	int before = 0, after = 0;

	ASSERT_NE(0U, realtime);
	for (int number = 1; number <= JOBS; number++)
		ASSERT_EQ(number, submit(self->fd, ACCEL_FAKE_DELAY, SHORT));
	ASSERT_EQ(1, submit_to(self->fd, realtime, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_in(self->fd, realtime, 1, FOREVER, &status));
	for (int number = 1; number <= JOBS; number++) {
		EXPECT_EQ(0, wait_until(self->fd, number, FOREVER, &other));
		before += other.start_ns > status.submit_ns && other.start_ns < status.start_ns;
		after += other.start_ns > status.start_ns;
	}
	/* One may have been started between number and queue. */
	EXPECT_GE(1, before);
	EXPECT_LE(1, after);
}

TEST_F(fake, more_than_others_get_needs_a_capability)
{
	static const int errors[] = {
		[ACCEL_PRIORITY_NORMAL] = 0,
		[ACCEL_PRIORITY_LOW] = 0,
		[ACCEL_PRIORITY_HIGH] = EPERM,
		[ACCEL_PRIORITY_REALTIME] = EPERM,
	};

	for (unsigned int priority = 0; priority < ARRAY_SIZE(errors); priority++) {
		pid_t child = fork();

		if (!child) {
			struct accel_queue_create queue = { .priority = priority };
			int fd = open_fake(SHARED);

			if (fd < 0 || setresuid(NOBODY, NOBODY, NOBODY))
				_exit(100);
			_exit(-call(fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
		}
		EXPECT_EQ(errors[priority], exit_code(child));
	}
}

TEST_F(fake, a_destroyed_queue_runs_nothing_more)
{
	__u32 queue = create_queue(self->fd, SINGLE, 0);
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	struct job job;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(1, submit_to(self->fd, queue, ACCEL_FAKE_DELAY, 100));
	prepare(&job, ACCEL_FAKE_FILL, 1, buffer.handle);
	job.submit.queue = queue;
	ASSERT_EQ(0, submit_prepared(self->fd, &job));
	EXPECT_EQ(0, destroy_queue(self->fd, queue));
	EXPECT_EQ(-ENOENT, destroy_queue(self->fd, queue));
	EXPECT_EQ(-ENOENT, submit_prepared(self->fd, &job));
	EXPECT_EQ(-ENOENT, wait_in(self->fd, queue, 1, FOREVER, NULL));
	/* Behind the one that runs. */
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	EXPECT_EQ(0U, engine_of(self->fd).queued);
}

TEST_F(fake, a_context_may_go_before_its_queues)
{
	struct accel_queue_create queue = { .context = create_context(self->fd) };

	ASSERT_NE(0U, queue.context);
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	EXPECT_EQ(0, destroy_context(self->fd, queue.context));
	EXPECT_EQ(-ENOENT, destroy_context(self->fd, queue.context));
	EXPECT_EQ(-ENOENT, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	EXPECT_EQ(1, submit_to(self->fd, queue.handle, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_in(self->fd, queue.handle, 1, FOREVER, NULL));
}

TEST_F(fake, there_may_be_so_many_contexts_and_queues)
{
	for (int i = 0; i < ACCEL_CONTEXT_MAX; i++)
		ASSERT_NE(0U, create_context(self->fd));
	EXPECT_EQ(-EDQUOT, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE,
				&(struct accel_context_create){ .flags = 0 }));
	EXPECT_EQ(0, destroy_context(self->fd, 7));
	EXPECT_EQ(7U, create_context(self->fd));

	for (int i = 0; i < ACCEL_QUEUE_MAX; i++)
		ASSERT_NE(0U, create_queue(self->fd, i % (DEEP + 1), 0));
	EXPECT_EQ(-EDQUOT, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE,
				&(struct accel_queue_create){ .flags = 0 }));
	EXPECT_EQ(0, destroy_queue(self->fd, 7));
	EXPECT_EQ(7U, create_queue(self->fd, 0, 0));
	for (int queue = 1; queue <= ACCEL_QUEUE_MAX; queue++)
		ASSERT_EQ(1, submit_to(self->fd, queue, ACCEL_FAKE_NOP, 0));
	for (int queue = 1; queue <= ACCEL_QUEUE_MAX; queue++)
		ASSERT_EQ(0, wait_in(self->fd, queue, 1, FOREVER, NULL));
}

TEST_F(fake, bad_contexts_and_queues_are_refused)
{
	struct accel_context_create context = { .flags = 0 };
	struct accel_queue_create queue = { .flags = 0 };
	struct accel_queue_destroy end = { .handle = create_queue(self->fd, 0, 0) };
	struct accel_context_destroy leave = { .handle = create_context(self->fd) };

	for (int bit = 0; bit < 32; bit++) {
		context.flags = 1U << bit;
		queue.flags = 1U << bit;
		end.flags = 1U << bit;
		leave.flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_QUEUE_DESTROY, &end));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_CONTEXT_DESTROY, &leave));
	}
	/* The fake has no MMU. */
	context = (struct accel_context_create){ .address_space = 1 };
	EXPECT_EQ(-ENOENT, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
	queue = (struct accel_queue_create){ .context = leave.handle + 1 };
	EXPECT_EQ(-ENOENT, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	queue = (struct accel_queue_create){ .engine = DEEP + 1 };
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	queue.engine = UINT32_MAX;
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	queue = (struct accel_queue_create){ .priority = ACCEL_PRIORITY_REALTIME + 1 };
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	queue = (struct accel_queue_create){ .payload = user(&queue), .payload_size = 1 };
	EXPECT_EQ(-E2BIG, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	EXPECT_EQ(-ENOENT, destroy_queue(self->fd, 0));
	EXPECT_EQ(-ENOENT, destroy_context(self->fd, 0));
	EXPECT_EQ(-ENOENT, destroy_queue(self->fd, end.handle + 1));
	/* None of it took a handle. */
	EXPECT_EQ(end.handle + 1, create_queue(self->fd, 0, 0));
	EXPECT_EQ(leave.handle + 1, create_context(self->fd));
}

TEST_HARNESS_MAIN
