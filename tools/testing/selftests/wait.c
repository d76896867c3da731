// SPDX-License-Identifier: GPL-2.0
/* ACCEL_IOCTL_WAIT: deadlines, signals, numbers, kept statuses and failed jobs. */
#include <sys/time.h>

#include "fixture.h"
#include "job.h"

#define HANGS	2	/* who has more is stopped */

/* Submits as many hung jobs as keep the engine busy for a while: that of two timeouts. */
static void hang_for_a_while(struct __test_metadata *_metadata, int fd)
{
	for (__s64 job = 1; job <= HANGS; job++)
		ASSERT_EQ(job, submit(fd, ACCEL_FAKE_HANG, 0));
}

TEST_F(fake, a_past_deadline_only_looks)
{
	struct accel_job_status status;
	__u64 job = 1;

	hang_for_a_while(_metadata, self->fd);
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, HANGS, 0, &status));
	EXPECT_EQ((__u32)ACCEL_JOB_QUEUED, status.state);
	EXPECT_EQ(0ULL, status.start_ns);
	EXPECT_EQ(0ULL, status.end_ns);
	EXPECT_LT(0ULL, status.submit_ns);

	do {
		if (wait_until(self->fd, job, now_ns(), &status) == -ETIME)
			job++;
	} while (status.state != ACCEL_JOB_RUNNING && job <= HANGS);
	EXPECT_EQ((__u32)ACCEL_JOB_RUNNING, status.state);
	EXPECT_LE(status.submit_ns, status.start_ns);
	EXPECT_EQ(0ULL, status.end_ns);
	EXPECT_EQ(0U, status.error);
}

TEST_F(fake, a_past_deadline_sees_a_finished_job)
{
	struct accel_job_status status;

	ASSERT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0, wait_until(self->fd, 1, 0, &status));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ(0, wait_until(self->fd, 1, 1, NULL));
}

TEST_F(fake, a_deadline_passes_while_the_job_goes_on)
{
	struct accel_job_status status;
	__s64 deadline;

	hang_for_a_while(_metadata, self->fd);
	deadline = in_ms(30);
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, HANGS, deadline, &status));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GT(deadline + SLACK_NS, now_ns());
	EXPECT_NE((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ(-ETIME, wait_job(self->fd, HANGS));
}

TEST_F(fake, a_far_deadline_does_not_delay_the_answer)
{
	__s64 before = now_ns();

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	EXPECT_EQ(0, wait_until(self->fd, 1, before + 3600 * NSEC_PER_SEC, NULL));
	EXPECT_LE(before + 20 * NSEC_PER_MSEC, now_ns());
	EXPECT_GT(before + SLACK_NS, now_ns());
	EXPECT_EQ(0, wait_until(self->fd, 1, INT64_MAX - 1, NULL));
}

TEST_F(fake, a_negative_deadline_is_einval)
{
	static const __s64 deadlines[] = { -1, -NSEC_PER_SEC, INT64_MIN };

	ASSERT_EQ(0, run_nop(self->fd));
	for (unsigned int i = 0; i < ARRAY_SIZE(deadlines); i++)
		EXPECT_EQ(-EINVAL, wait_until(self->fd, 1, deadlines[i], NULL));
}

TEST_F(fake, every_flag_is_eopnotsupp)
{
	ASSERT_EQ(0, run_nop(self->fd));
	for (int bit = 0; bit < 32; bit++) {
		struct accel_wait argument = { .job = 1, .flags = 1U << bit };

		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_WAIT, &argument));
	}
}

TEST_F(fake, unknown_queues_and_jobs_are_enoent)
{
	static const __u64 jobs[] = { 0, 2, 257, 1ULL << 32, (1ULL << 32) + 1, UINT64_MAX };
	struct accel_wait argument = { .queue = 1, .job = 1, .deadline_ns = FOREVER };
	struct accel_job_status status;

	ASSERT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(-ENOENT, call(self->fd, ACCEL_IOCTL_WAIT, &argument));
	for (unsigned int i = 0; i < ARRAY_SIZE(jobs); i++) {
		EXPECT_EQ(-ENOENT, wait_until(self->fd, jobs[i], FOREVER, &status));
		EXPECT_EQ(0U, status.state);
	}
}

TEST_F(fake, jobs_of_another_file_are_enoent)
{
	int other = open_fake(SHARED);

	ASSERT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(-ENOENT, wait_until(other, 1, FOREVER, NULL));
	close(other);
}

TEST_F(fake, a_status_can_be_read_again)
{
	struct accel_job_status first, second;

	ASSERT_EQ(0, run(self->fd, ACCEL_FAKE_NOP, 0, &first));
	EXPECT_EQ(0, wait_until(self->fd, 1, FOREVER, &second));
	EXPECT_EQ(0, memcmp(&first, &second, sizeof(first)));
}

TEST_F(fake, statuses_are_kept_as_long_as_documented)
{
	const __u64 last = ACCEL_QUEUE_HISTORY + ACCEL_QUEUE_DEPTH + 44;

	for (__u64 job = 1; job <= last; job++)
		ASSERT_EQ(0, run_nop(self->fd));
	for (__u64 job = 1; job <= 44; job += 43) {
		struct accel_wait wait = { .job = job };

		EXPECT_EQ(-EOVERFLOW, call(self->fd, ACCEL_IOCTL_WAIT, &wait));
		EXPECT_EQ(0U, wait.status.state);
		EXPECT_LE(44ULL, wait.overwritten);
		EXPECT_GE(last - ACCEL_QUEUE_HISTORY, wait.overwritten);
		wait.job = wait.overwritten;
		EXPECT_EQ(-EOVERFLOW, call(self->fd, ACCEL_IOCTL_WAIT, &wait));
		wait.job = wait.overwritten + 1;
		EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_WAIT, &wait));
		EXPECT_EQ(0ULL, wait.overwritten);
	}
	for (__u64 job = last - ACCEL_QUEUE_HISTORY + 1; job <= last; job++)
		EXPECT_EQ(0, wait_job(self->fd, job));
	EXPECT_EQ(-ENOENT, wait_job(self->fd, last + 1));
}

TEST_F(fake, every_fault_has_its_errno_and_status)
{
	static const struct {
		__u32 fault;
		int error;
	} faults[] = {
		{ ACCEL_FAULT_COMMAND, EIO }, { ACCEL_FAULT_BUS, EIO },
		{ ACCEL_FAULT_DEVICE, EIO }, { ACCEL_FAULT_RESET, ENODATA },
	};
	struct accel_job_status status;

	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++) {
		EXPECT_EQ(-faults[i].error,
			  run(self->fd, ACCEL_FAKE_FAULT, faults[i].fault, &status));
		EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
		EXPECT_EQ((__u32)faults[i].error, status.error);
		EXPECT_EQ(faults[i].fault, status.fault);
		EXPECT_EQ(0xfa17ULL, status.fault_address);
		EXPECT_LE(status.start_ns, status.end_ns);
		EXPECT_EQ(0, run_nop(self->fd));
	}
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->monitor).health);
}

TEST_F(fake, a_job_that_cannot_start_fails)
{
	struct accel_job_status status;

	EXPECT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, &status));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
	EXPECT_EQ((__u32)EIO, status.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_DEVICE, status.fault);
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(fake, a_failed_job_does_not_stop_the_ones_behind_it)
{
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	ASSERT_EQ(2LL, submit(self->fd, ACCEL_FAKE_FAIL_START, 0));
	ASSERT_EQ(3LL, submit(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS));
	ASSERT_EQ(4LL, submit(self->fd, ACCEL_FAKE_FAIL_START, 0));
	ASSERT_EQ(5LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, wait_job(self->fd, 5));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_EQ(-EIO, wait_job(self->fd, 2));
	EXPECT_EQ(-EIO, wait_job(self->fd, 3));
	EXPECT_EQ(-EIO, wait_job(self->fd, 4));
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Has a SIGALRM arrive in 30 ms, handled with @flags. */
static void arm_alarm(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { .it_value.tv_usec = 30000 };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

TEST_F(fake, a_signal_interrupts_a_wait)
{
	struct accel_job_status status;

	hang_for_a_while(_metadata, self->fd);
	arm_alarm(0);
	EXPECT_EQ(-EINTR, wait_until(self->fd, HANGS, FOREVER, &status));
	EXPECT_EQ(0U, status.state);
	EXPECT_EQ(-ETIME, wait_job(self->fd, HANGS));
}

TEST_F(fake, a_restarting_signal_does_not_end_a_wait)
{
	hang_for_a_while(_metadata, self->fd);
	arm_alarm(SA_RESTART);
	EXPECT_EQ(-ETIME, wait_until(self->fd, HANGS, FOREVER, NULL));
}

TEST_F(fake, a_killed_waiter_dies_at_once)
{
	__s64 start = now_ns();
	pid_t child = fork();

	if (!child) {
		int fd = open_fake(SHARED);

		for (int i = 0; i < 100; i++)
			submit(fd, ACCEL_FAKE_HANG, 0);
		_exit(wait_job(fd, 100) ? 1 : 0);
	}
	sleep_ms(50);
	kill(child, SIGKILL);
	EXPECT_EQ(SIGKILL, death_signal(child));
	EXPECT_GT(start + SLACK_NS, now_ns());
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(fake, all_waiters_of_a_job_wake)
{
	struct waiter waiters[8];

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		ASSERT_EQ(0, start_waiter(&waiters[i], self->fd, 1));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(0, waiters[i].error);
		EXPECT_EQ((__u32)ACCEL_JOB_DONE, waiters[i].status.state);
		EXPECT_EQ(0, memcmp(&waiters[0].status, &waiters[i].status,
				    sizeof(waiters[i].status)));
	}
}

TEST_F(fake, a_child_can_wait_for_its_parents_job)
{
	pid_t child;

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 20));
	child = fork();
	if (!child)
		_exit(wait_job(self->fd, 1) ? 1 : 42);
	EXPECT_EQ(42, exit_code(child));
}

TEST_HARNESS_MAIN
