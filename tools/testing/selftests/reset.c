// SPDX-License-Identifier: GPL-2.0
/* Jobs that hang: timeout, reset, the jobs behind them, and resets that fail. */
#include "buffer.h"
#include "fixture.h"
#include "job.h"
#include "queue.h"

/* Engines of the fake. */
#define PAIR	1
#define DEEP	3

/* As often a reset fails before the device is given up: once of the engine, then of the device. */
#define ATTEMPTS	4

#define HEALTHY		((__u32)ACCEL_HEALTH_OPERATIONAL)

/* Submits @op to @queue, with a flag; returns 0 or -errno. */
static int submit_flagged(int fd, __u32 queue, __u32 op, __u32 arg, __u32 flags)
{
	struct job job;

	prepare(&job, op, arg, 0);
	job.submit.queue = queue;
	job.entry.flags = flags;
	return submit_prepared(fd, &job);
}

TEST_F(fake, a_hung_job_ends_with_etime)
{
	struct accel_job_status status;
	__s64 start = now_ns();

	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, &status));
	EXPECT_LE(start + FAKE_TIMEOUT_NS, now_ns());
	EXPECT_GT(start + FAKE_TIMEOUT_NS + SLACK_NS, now_ns());
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ((__u32)ETIME, status.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_LE(status.start_ns + FAKE_TIMEOUT_NS, status.end_ns);
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(fake, a_hang_resets_the_engine_once)
{
	struct accel_info_status before = status_of(self->monitor), after;
	__s64 start = now_ns();

	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(0, run_nop(self->fd));
	after = status_of(self->monitor);
	EXPECT_EQ(HEALTHY, after.health);
	EXPECT_EQ(before.resets + 1, after.resets);
	EXPECT_EQ(before.changes + 2, after.changes);
	EXPECT_LE((__u64)start, after.since_ns);
	EXPECT_GE((__u64)now_ns(), after.since_ns);
}

TEST_F(fake, a_job_without_a_hang_resets_nothing)
{
	struct accel_info_status before = status_of(self->monitor), after;

	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 20, NULL));
	EXPECT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	sleep_ms(300);
	after = status_of(self->monitor);
	EXPECT_EQ(before.resets, after.resets);
	EXPECT_EQ(before.since_ns, after.since_ns);
}

TEST_F(fake, the_jobs_behind_a_hang_run)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	for (int i = 1; i <= 20; i++)
		ASSERT_LT(0LL, submit_with(self->fd, ACCEL_FAKE_FILL, i, buffer.handle));
	for (__u64 job = 2; job <= 21; job++)
		EXPECT_EQ(0, wait_job(self->fd, job));
	EXPECT_EQ(-ETIME, wait_job(self->fd, 1));
	EXPECT_TRUE(all_bytes(memory, 20, PAGE));
}

TEST_F(fake, the_jobs_of_others_survive_a_hang)
{
	struct accel_job_status guilty, innocent;
	int other = open_fake(SHARED);

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(1LL, submit(other, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_until(other, 1, FOREVER, &innocent));
	EXPECT_EQ(-ETIME, wait_until(self->fd, 1, FOREVER, &guilty));
	EXPECT_LE(guilty.end_ns, innocent.start_ns);
	close(other);
}

TEST_F(fake, each_hang_is_a_reset)
{
	struct accel_info_status before = status_of(self->monitor), after;

	for (int i = 0; i < 2; i++)
		ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	for (__u64 job = 1; job <= 2; job++)
		EXPECT_EQ(-ETIME, wait_job(self->fd, job));
	EXPECT_EQ(0, run_nop(self->fd));
	after = status_of(self->monitor);
	EXPECT_EQ(before.resets + 2, after.resets);
}

TEST_F(fake, a_job_that_can_be_stopped_costs_no_reset)
{
	struct accel_info_status before, after;
	struct accel_job_status status;

	ASSERT_EQ(0, run_nop(self->fd));
	before = status_of(self->monitor);
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_STALL, 0, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(0, run_nop(self->fd));
	after = status_of(self->monitor);
	EXPECT_EQ(before.resets, after.resets);
	EXPECT_EQ(before.changes, after.changes);
}

TEST_F(fake, others_in_flight_do_not_notice_that_a_job_is_stopped)
{
	__u32 bad = create_queue(self->fd, DEEP, 0), good = create_queue(self->fd, DEEP, 0);
	struct job job;

	ASSERT_EQ(0, run_in(self->fd, good, ACCEL_FAKE_NOP, 0));
	prepare(&job, ACCEL_FAKE_STALL, 0, 0);
	job.submit.queue = bad;
	ASSERT_EQ(0, submit_prepared(self->fd, &job));
	sleep_ms(100);
	EXPECT_EQ(0, run_in(self->fd, good, ACCEL_FAKE_DELAY, 150));
	EXPECT_EQ(-ETIME, wait_in(self->fd, bad, 1, FOREVER, NULL));
}

TEST_F(fake, everything_answers_during_a_hang)
{
	struct accel_info_device device;
	__u32 handle;

	for (__s64 job = 1; job <= 2; job++)
		ASSERT_EQ(job, submit(self->fd, ACCEL_FAKE_HANG, 0));
	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_EQ(0, info(self->monitor, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	handle = handle_of(self->fd, PAGE);
	EXPECT_NE(0U, handle);
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, 2, 0, NULL));
	EXPECT_EQ(-ETIME, wait_job(self->fd, 2));
}

TEST_F(fake, a_finish_that_races_with_the_timeout_is_one_end)
{
	for (int i = 0; i < 6; i++) {
		struct accel_job_status status;
		/* Who hangs the device too often may not do so any more. */
		int fd = open_fake(SHARED);
		int error = run(fd, ACCEL_FAKE_DELAY, 199 + i % 3, &status);

		EXPECT_TRUE(error == 0 || error == -ETIME);
		EXPECT_EQ((__u32)-error, status.error);
		EXPECT_EQ((__u32)(error ? ACCEL_FAULT_TIMEOUT : ACCEL_FAULT_NONE), status.fault);
		EXPECT_EQ(0, run_nop(fd));
		close(fd);
	}
	EXPECT_EQ(HEALTHY, status_of(self->monitor).health);
}

TEST_F(fake, a_reset_wakes_the_monitor)
{
	status_of(self->monitor);
	EXPECT_EQ(0, poll_for(self->monitor, POLLPRI, 0));
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(POLLPRI, poll_for(self->monitor, POLLPRI, 5000));
	EXPECT_EQ(POLLPRI, poll_for(self->monitor, POLLPRI, 0));
	EXPECT_EQ(0, run_nop(self->fd));
	status_of(self->monitor);
	EXPECT_EQ(0, poll_for(self->monitor, POLLPRI, 0));
}

TEST_F(fake, reading_the_status_rearms_only_the_file_that_reads)
{
	int second = open_fake_monitor(SHARED);

	status_of(self->monitor);
	status_of(second);
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(0, run_nop(self->fd));
	status_of(self->monitor);
	EXPECT_EQ(0, poll_for(self->monitor, POLLPRI, 0));
	EXPECT_EQ(POLLPRI, poll_for(second, POLLPRI, 0));
	close(second);
}

/* Returns NULL if every status that is read makes sense by itself and after the one before. */
static void *watch_status(void *argument)
{
	int fd = *(int *)argument;
	struct accel_info_status before = status_of(fd);

	for (int i = 0; i < 3000; i++) {
		struct accel_info_status now = status_of(fd);
		__u64 begun = now.health == ACCEL_HEALTH_RESETTING;
		bool later = now.since_ns != before.since_ns;
		bool changed = now.changes != before.changes;

		/* A reset is counted before its end is. */
		if (now.changes + begun < 2 * now.resets || now.changes > 2 * now.resets + begun ||
		    now.epoch < before.epoch || now.resets < before.resets ||
		    now.since_ns < before.since_ns || later != changed)
			return argument;
		before = now;
	}
	return NULL;
}

TEST_F_TIMEOUT(fake, a_status_is_never_torn, 120)
{
	pthread_t threads[2];
	void *torn;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, watch_status, &self->fd));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, watch_status, &self->monitor));
	for (int i = 0; i < 5; i++) {
		int fd = open_fake(SHARED);

		EXPECT_EQ(-ETIME, run(fd, ACCEL_FAKE_HANG, 0, NULL));
		close(fd);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &torn);
		EXPECT_EQ(NULL, torn);
	}
}

TEST_F(fake, a_context_whose_jobs_hang_comes_to_its_end)
{
	__u32 contexts[2] = { create_context(self->fd), create_context(self->fd) };
	__u32 bad = create_queue_of(self->fd, contexts[0]);
	__u32 good = create_queue_of(self->fd, contexts[1]);
	struct accel_queue_create more = { .context = contexts[0] };
	struct accel_info_status before;
	struct accel_job_status status;

	/* Who hung before is forgotten. */
	ASSERT_EQ(0, run_nop(self->fd));
	before = status_of(self->monitor);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, submit_flagged(self->fd, bad, ACCEL_FAKE_STALL, 0, 0));
	ASSERT_EQ(0, submit_flagged(self->fd, bad, ACCEL_FAKE_NOP, 0, 0));
	for (int i = 1; i <= 2; i++)
		EXPECT_EQ(-ETIME, wait_in(self->fd, bad, i, FOREVER, NULL));
	EXPECT_EQ(-ECANCELED, wait_in(self->fd, bad, 3, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_CANCELED, status.fault);
	EXPECT_EQ(-ECANCELED, run_in(self->fd, bad, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ECANCELED, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &more));
	EXPECT_EQ(0, run_in(self->fd, good, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0, destroy_queue(self->fd, bad));
	EXPECT_EQ(0, destroy_context(self->fd, contexts[0]));
	EXPECT_EQ(before.resets, status_of(self->monitor).resets);
}

TEST_F(fake, a_context_with_jobs_that_end_well_goes_on)
{
	ASSERT_EQ(0, run_nop(self->fd));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_STALL, 0, NULL));
		EXPECT_EQ(0, run_nop(self->fd));
	}
}

TEST_F(fake, who_hangs_the_device_again_and_again_is_banned)
{
	enum { HANGS = 3 };
	struct accel_context_create context = { .flags = 0 };
	struct accel_queue_create queue = { .engine = PAIR };
	__u32 pair = create_queue(self->fd, PAIR, 0);
	int other = open_fake(SHARED);

	for (int i = 0; i < HANGS; i++)
		ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	for (int i = 1; i <= HANGS; i++)
		EXPECT_EQ(-ETIME, wait_job(self->fd, i));
	EXPECT_EQ(-ECANCELED, wait_job(self->fd, HANGS + 1));
	EXPECT_EQ(-ECANCELED, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ECANCELED, run_in(self->fd, pair, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ECANCELED, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
	EXPECT_EQ(-ECANCELED, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	/* The rest works, and others do not notice. */
	EXPECT_NE(0U, handle_of(self->fd, PAGE));
	EXPECT_EQ(0, run_nop(other));
	close(other);
}

/* A device of its own, whose next resets fail. */
FIXTURE(failing)
{
	int number;
	int fd;
	int monitor;
};

FIXTURE_SETUP(failing)
{
	struct accel_fake_fail_resets failures = { .count = ATTEMPTS };

	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->fd = open_fake(self->number);
	ASSERT_LE(0, self->fd);
	self->monitor = open_fake_monitor(self->number);
	ASSERT_LE(0, self->monitor);
	status_of(self->monitor);
	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &failures));
}

FIXTURE_TEARDOWN(failing)
{
	close(self->fd);
	close(self->monitor);
	remove_fake(self->number);
}

/* Waits until the device is no longer being reset; returns its health. */
static __u32 settled_health(int fd)
{
	__s64 end = now_ns() + SLACK_NS;

	while (status_of(fd).health == ACCEL_HEALTH_RESETTING && now_ns() < end)
		sleep_ms(1);
	return status_of(fd).health;
}

TEST_F(failing, a_failed_reset_wedges_the_device)
{
	struct accel_info_status status;

	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(POLLPRI, poll_for(self->monitor, POLLPRI, 5000));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, settled_health(self->fd));
	status = status_of(self->monitor);
	EXPECT_EQ((__u64)ATTEMPTS, status.resets);
	EXPECT_EQ(0U, status.epoch);
	EXPECT_EQ(2ULL, status.changes);
	EXPECT_EQ(0, poll_for(self->monitor, POLLPRI, 0));
}

TEST_F(failing, a_wedged_device_takes_no_jobs)
{
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ((__u32)ACCEL_HEALTH_WEDGED, settled_health(self->fd));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ETIME, wait_job(self->fd, 1));
}

TEST_F(failing, the_jobs_behind_the_hang_are_lost_to_the_reset)
{
	struct accel_job_status status;
	int other = open_fake(self->number);

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(2LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	ASSERT_EQ(1LL, submit(other, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-ENODATA, wait_until(self->fd, 2, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	EXPECT_EQ(0ULL, status.start_ns);
	EXPECT_EQ(-ENODATA, wait_until(other, 1, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	EXPECT_EQ(-ETIME, wait_job(self->fd, 1));
	EXPECT_EQ(0U, engine_of(self->fd).queued);
	close(other);
}

TEST_F(failing, a_wedged_device_still_answers_and_keeps_memory)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	struct accel_info_device device;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	memset(memory, 0x42, PAGE);
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ((__u32)ACCEL_HEALTH_WEDGED, settled_health(self->fd));
	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_TRUE(all_bytes(memory, 0x42, PAGE));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
}

TEST_F(failing, a_wedged_device_can_be_removed_with_its_files_open)
{
	struct accel_info_status status;

	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ((__u32)ACCEL_HEALTH_WEDGED, settled_health(self->fd));
	EXPECT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(-ENODEV, info(self->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
}

TEST_F(failing, only_as_many_resets_fail_as_asked)
{
	struct accel_fake_fail_resets none = { .count = 0 };

	EXPECT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &none));
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(HEALTHY, settled_health(self->fd));
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(failing, if_an_engine_does_not_come_back_the_device_is_reset)
{
	struct accel_fake_fail_resets once = { .count = 1 };
	struct accel_info_status status;

	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &once));
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(0, run_nop(self->fd));
	status = status_of(self->monitor);
	EXPECT_EQ(HEALTHY, status.health);
	EXPECT_EQ(1U, status.epoch);
	EXPECT_EQ(2ULL, status.resets);
	EXPECT_EQ(2ULL, status.changes);
}

TEST_F(failing, a_reset_of_the_device_hits_all_engines)
{
	struct accel_fake_fail_resets twice = { .count = 2 };
	__u32 pair = create_queue(self->fd, PAIR, 0), deep = create_queue(self->fd, DEEP, 0);
	struct accel_job_status lost, repeated;
	int other = open_fake(self->number);
	__s64 start = now_ns();

	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &twice));
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(1LL, submit(other, ACCEL_FAKE_NOP, 0));
	sleep_ms(120);
	ASSERT_EQ(0, submit_flagged(self->fd, pair, ACCEL_FAKE_HANG, 0, 0));
	ASSERT_EQ(0, submit_flagged(self->fd, pair, ACCEL_FAKE_NOP, 0, 0));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, submit_flagged(self->fd, deep, ACCEL_FAKE_DELAY, 150,
					    ACCEL_SUBMIT_REPEATABLE));
	EXPECT_EQ(-ETIME, wait_job(self->fd, 1));
	/* In flight: it did nothing wrong yet. */
	EXPECT_EQ(-ENODATA, wait_in(self->fd, pair, 1, FOREVER, &lost));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, lost.fault);
	/* In flight, and may run again: both, in their order. */
	EXPECT_EQ(0, wait_in(self->fd, deep, 1, FOREVER, &repeated));
	EXPECT_LE((__u64)start + FAKE_TIMEOUT_NS, repeated.start_ns);
	EXPECT_LE(repeated.start_ns + 150 * NSEC_PER_MSEC, repeated.end_ns);
	EXPECT_EQ(0, wait_in(self->fd, deep, 2, FOREVER, NULL));
	/* Not started: they did not notice. */
	EXPECT_EQ(0, wait_in(self->fd, pair, 2, FOREVER, NULL));
	EXPECT_EQ(0, wait_job(other, 1));
	EXPECT_EQ(1U, status_of(self->fd).epoch);
	EXPECT_EQ(0U, engine_of(self->fd).queued);
	close(other);
}

TEST_HARNESS_MAIN
