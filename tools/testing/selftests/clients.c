// SPDX-License-Identifier: GPL-2.0
/* Clients that leave with jobs unfinished, and many clients at once. */
#include "buffer.h"
#include "fixture.h"
#include "job.h"

#define JOBS_PER_CLIENT	times(1000)

/* Waits until nobody's job is left on the device. */
static bool becomes_idle(int fd)
{
	__s64 end = now_ns() + SLACK_NS;

	while (engine_of(fd).queued && now_ns() < end)
		sleep_ms(1);
	return engine_of(fd).queued == 0;
}

TEST_F(fake, a_file_can_be_closed_with_queued_jobs)
{
	for (int round = 0; round < 5; round++) {
		int other = open_fake(SHARED);
		__u32 handle = handle_of(other, PAGE);

		ASSERT_LE(0, other);
		for (int i = 0; i < 20; i++)
			ASSERT_LT(0LL, submit_with(other, ACCEL_FAKE_FILL, i, handle));
		close(other);
		EXPECT_EQ(0, run_nop(self->fd));
	}
	EXPECT_TRUE(becomes_idle(self->fd));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_file_can_be_closed_with_a_hung_job)
{
	int other = open_fake(SHARED);
	__s64 start = now_ns();

	ASSERT_EQ(1LL, submit(other, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(2LL, submit_with(other, ACCEL_FAKE_FILL, 1, handle_of(other, PAGE)));
	close(other);
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_TRUE(becomes_idle(self->fd));
	EXPECT_GT(start + FAKE_TIMEOUT_NS + SLACK_NS, now_ns());
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->monitor).health);
}

/* A client with a mapping, a hang, jobs behind it, and one that waits for all. */
static void leave_much_behind(bool wait)
{
	int fd = open_fake(SHARED);
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(fd, 4 * PAGE, &buffer);

	if (memory == MAP_FAILED)
		_exit(1);
	memset(memory, 1, PAGE);
	submit(fd, ACCEL_FAKE_HANG, 0);
	for (int i = 0; i < 10; i++)
		submit_with(fd, ACCEL_FAKE_FILL, i, buffer.handle);
	if (wait)
		wait_job(fd, 11);
	_exit(0);
}

TEST_F(fake, a_process_can_exit_with_jobs)
{
	pid_t child = fork();

	if (!child)
		leave_much_behind(false);
	EXPECT_EQ(0, exit_code(child));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_TRUE(becomes_idle(self->fd));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_process_can_be_killed_while_it_waits)
{
	for (int round = 0; round < 5; round++) {
		pid_t child = fork();

		if (!child)
			leave_much_behind(true);
		sleep_ms(20 * round);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_TRUE(becomes_idle(self->fd));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	EXPECT_EQ(1U, clients_of(self->fd).clients);
}

TEST_F(fake, a_file_can_be_closed_under_a_waiting_thread)
{
	struct waiter waiter;
	int other = open_fake(SHARED);

	ASSERT_LE(0, other);
	ASSERT_EQ(1LL, submit(other, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(0, start_waiter(&waiter, other, 1));
	sleep_ms(50);
	close(other);
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(-ETIME, waiter.error);
	EXPECT_EQ(1U, clients_of(self->fd).clients);
}

/* Submits jobs and checks each end; returns 0 if all were as they should be. */
static int work(int fd, int count)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(fd, PAGE, &buffer);

	if (memory == MAP_FAILED)
		return 1;
	for (int i = 0; i < count; i++) {
		__s64 job = submit_with(fd, ACCEL_FAKE_FILL, i & 0xff, buffer.handle);

		if (job < 0 || wait_job(fd, job) || !all_bytes(memory, i & 0xff, PAGE))
			return 2;
	}
	munmap(memory, PAGE);
	return close_buffer(fd, buffer.handle) ? 3 : 0;
}

TEST_F_TIMEOUT(fake, four_processes_run_many_jobs, 600)
{
	pid_t children[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (!children[i])
			_exit(work(open_fake(SHARED), JOBS_PER_CLIENT));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(children); i++)
		EXPECT_EQ(0, exit_code(children[i]));
	EXPECT_TRUE(becomes_idle(self->fd));
}

static void *work_in_thread(void *argument)
{
	return (void *)(intptr_t)work(*(int *)argument, JOBS_PER_CLIENT);
}

TEST_F_TIMEOUT(fake, four_threads_of_one_file_run_many_jobs, 600)
{
	struct accel_info_engine before = engine_of(self->fd);
	pthread_t threads[4];
	void *result;

	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work_in_thread, &self->fd));
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &result);
		EXPECT_EQ(NULL, result);
	}
	EXPECT_EQ(before.completed + 4 * JOBS_PER_CLIENT, engine_of(self->fd).completed);
}

TEST_F_TIMEOUT(fake, two_devices_work_side_by_side, 120)
{
	int others[2] = { add_shared_fake(), add_shared_fake() };
	pid_t children[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_LE(0, others[i]);
		children[i] = fork();
		if (!children[i])
			_exit(work(open_fake(others[i]), 100));
	}
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, exit_code(children[i]));
		EXPECT_EQ(0, remove_fake(others[i]));
	}
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_HARNESS_MAIN
