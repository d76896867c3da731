// SPDX-License-Identifier: GPL-2.0
/* Removal of a device in use: files, mappings, jobs, waiters, monitors, opens. */
#include <stdatomic.h>
#include <sys/sysmacros.h>

#include "buffer.h"
#include "device.h"
#include "job_points.h"
#include "prepared.h"

/* How long a removal may take that waits for nobody. */
#define PROMPT_NS	SLACK_NS

FIXTURE(victim)
{
	int number;
	int index;
	int fd;
	int monitor;
};

FIXTURE_SETUP(victim)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	ASSERT_LE(0, self->index);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
}

FIXTURE_TEARDOWN(victim)
{
	int survivor;

	close(self->fd);
	close(self->monitor);
	remove_fake(self->number);
	survivor = open_fake(0);
	EXPECT_EQ(0, run_nop(survivor));
	close(survivor);
}

/* Removes the device; returns whether that worked and did not wait. */
static bool remove_promptly(int number)
{
	__s64 start = now_ns();

	return !remove_fake(number) && now_ns() < start + PROMPT_NS;
}

TEST_F(victim, every_command_is_enodev_afterwards)
{
	struct accel_fake_echo echo = { .value = 1 };
	struct accel_fake_fail_resets failures = { .count = 1 };
	struct accel_info_status status;
	struct accel_buffer_create buffer;
	struct accel_buffer_info answer;
	__u32 handle = handle_of(self->fd, PAGE);

	ASSERT_EQ(0, run_nop(self->fd));
	ASSERT_TRUE(remove_promptly(self->number));
	EXPECT_EQ(-ENODEV, info(self->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENODEV, info(self->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENODEV, info(self->monitor, ACCEL_INFO_LIST, NULL, 0));
	EXPECT_EQ(-ENODEV, create(self->fd, PAGE, &buffer));
	EXPECT_EQ(-ENODEV, buffer_info(self->fd, handle, &answer));
	EXPECT_EQ(-ENODEV, close_buffer(self->fd, handle));
	EXPECT_EQ(-ENODEV, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0U, prepared(self->fd, ACCEL_FAKE_NOP, 0, 0));
	EXPECT_EQ(-ENODEV, release(self->fd, 1));
	EXPECT_EQ(-ENODEV, wait_job(self->fd, 1));
	EXPECT_EQ(-ENODEV, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
	EXPECT_EQ(-ENODEV, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &failures));
}

TEST_F(victim, mmap_is_enodev_afterwards)
{
	struct accel_buffer_create buffer;

	ASSERT_EQ(0, create(self->fd, PAGE, &buffer));
	ASSERT_TRUE(remove_promptly(self->number));
	EXPECT_EQ(-ENODEV, map_error(self->fd, buffer.mmap_offset, PAGE, PROT_READ, MAP_SHARED));
}

TEST_F(victim, nodes_are_gone_and_their_numbers_open_nothing)
{
	char path[64];
	struct stat node;
	int fd;

	snprintf(path, sizeof(path), "/dev/accel/accel%d", self->index);
	ASSERT_EQ(0, stat(path, &node));
	ASSERT_TRUE(remove_promptly(self->number));
	EXPECT_EQ(-ENOENT, open_compute(self->index));
	EXPECT_EQ(-ENOENT, open_monitor(self->index));
	ASSERT_EQ(0, mknod("/dev/accel-stale", S_IFCHR | 0600, node.st_rdev));
	fd = open("/dev/accel-stale", O_RDWR);
	EXPECT_EQ(-1, fd);
	EXPECT_TRUE(errno == ENXIO || errno == ENODEV);
	unlink("/dev/accel-stale");
}

TEST_F(victim, mappings_keep_their_contents)
{
	struct accel_buffer_create touched, untouched;
	unsigned char *used = create_mapped(self->fd, 4 * PAGE, &touched);
	unsigned char *fresh = create_mapped(self->fd, 4 * PAGE, &untouched);

	ASSERT_NE((void *)MAP_FAILED, (void *)used);
	ASSERT_NE((void *)MAP_FAILED, (void *)fresh);
	memset(used, 0x24, 4 * PAGE);
	ASSERT_TRUE(remove_promptly(self->number));
	EXPECT_TRUE(all_bytes(used, 0x24, 4 * PAGE));
	EXPECT_TRUE(all_bytes(fresh, 0, 4 * PAGE));
	memset(used, 0x42, 4 * PAGE);
	memset(fresh, 0x42, 4 * PAGE);
	close(self->fd);
	EXPECT_TRUE(all_bytes(used, 0x42, 4 * PAGE));
	EXPECT_TRUE(all_bytes(fresh, 0x42, 4 * PAGE));
	EXPECT_EQ(0, munmap(used + PAGE, PAGE));
	EXPECT_TRUE(all_bytes(used + 2 * PAGE, 0x42, 2 * PAGE));
}

TEST_F_TIMEOUT(victim, waiters_of_running_and_queued_jobs_wake, 120)
{
	struct waiter waiters[16];

	/* None of them is over before the device is. */
	ASSERT_EQ(0, limit_jobs(self->index, 60 * 1000));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		ASSERT_EQ(i + 1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		ASSERT_EQ(0, start_waiter(&waiters[i], self->fd, i + 1));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		until_asleep(&waiters[i].id);
	EXPECT_TRUE(remove_promptly(self->number));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++) {
		struct accel_job_status *status = &waiters[i].status;

		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(-ENODEV, waiters[i].error);
		EXPECT_EQ((__u32)ACCEL_JOB_DONE, status->state);
		EXPECT_EQ((__u32)ENODEV, status->error);
		EXPECT_EQ((__u32)ACCEL_FAULT_GONE, status->fault);
		EXPECT_EQ(i == 0, status->start_ns != 0);
	}
}

/* The first one waits for what the second one would bring about. */
TEST_F(victim, jobs_that_wait_for_points_that_nothing_backs_end)
{
	__u32 line = timeline_at(self->fd, 0), out = timeline_at(self->fd, 0);
	struct waiter waiters[3];
	struct point_waiter sleeper = {
		.fd = self->fd, .points = { { .handle = line, .value = 1 } }, .count = 1,
	};

	ASSERT_EQ(1LL, submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, WAIT, 1));
	ASSERT_EQ(2LL, submit_point(self->fd, ACCEL_FAKE_NOP, 0, line, SIGNAL, 1));
	ASSERT_EQ(3LL, submit_point(self->fd, ACCEL_FAKE_NOP, 0, out, WAIT, 7));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		ASSERT_EQ(0, start_waiter(&waiters[i], self->fd, i + 1));
	ASSERT_EQ(0, start_point_waiter(&sleeper));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		until_asleep(&waiters[i].id);
	until_asleep(&sleeper.id);
	EXPECT_TRUE(remove_promptly(self->number));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(-ENODEV, waiters[i].error);
		EXPECT_EQ((__u32)ACCEL_JOB_DONE, waiters[i].status.state);
		EXPECT_EQ((__u32)ACCEL_FAULT_GONE, waiters[i].status.fault);
		EXPECT_EQ(0ULL, waiters[i].status.start_ns);
	}
	EXPECT_EQ(-ENODEV, end_point_waiter(&sleeper));
}

TEST_F_TIMEOUT(victim, removal_while_kept_jobs_go_on_is_safe, 600)
{
	for (int i = 0; i < times(50); i++) {
		int number = add_shared_fake(), fd = open_fake(number);
		__u32 line = timeline_at(fd, 0);

		ASSERT_LE(0, fd);
		for (__u64 job = 1; job <= 50; job++)
			ASSERT_LT(0LL, submit_point(fd, ACCEL_FAKE_NOP, 0, line, WAIT, job));
		ASSERT_EQ(0, signal_point(fd, line, 40));
		EXPECT_TRUE(remove_promptly(number));
		EXPECT_EQ(-ENODEV, submit(fd, ACCEL_FAKE_NOP, 0));
		close(fd);
	}
}

TEST_F(victim, removal_during_a_reset_or_timeout_is_safe)
{
	for (int delay = 190; delay < 215; delay += 5) {
		int number = add_shared_fake(), fd = open_fake(number);

		ASSERT_LE(0, fd);
		ASSERT_EQ(1LL, submit(fd, ACCEL_FAKE_HANG, 0));
		ASSERT_EQ(2LL, submit(fd, ACCEL_FAKE_NOP, 0));
		sleep_ms(delay);
		EXPECT_TRUE(remove_promptly(number));
		EXPECT_EQ(-ENODEV, submit(fd, ACCEL_FAKE_NOP, 0));
		close(fd);
	}
}

TEST_F(victim, removal_with_a_delayed_completion_pending_is_safe)
{
	for (int i = 0; i < 10; i++) {
		int number = add_shared_fake(), fd = open_fake(number);

		ASSERT_LE(0, fd);
		for (int job = 0; job < 20; job++)
			ASSERT_LT(0LL, submit(fd, ACCEL_FAKE_DELAY, 1));
		sleep_ms(i);
		EXPECT_TRUE(remove_promptly(number));
		close(fd);
	}
	sleep_ms(100);
}

static void *poll_monitor(void *argument)
{
	return (void *)(intptr_t)poll_for(*(int *)argument, POLLPRI, 20000);
}

TEST_F(victim, a_monitor_in_poll_wakes_with_hangup)
{
	pthread_t thread;
	void *events;

	status_of(self->monitor);
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_monitor, &self->monitor));
	sleep_ms(50);
	ASSERT_TRUE(remove_promptly(self->number));
	pthread_join(thread, &events);
	EXPECT_EQ(POLLHUP | POLLERR, (intptr_t)events & (POLLHUP | POLLERR));
	EXPECT_EQ(POLLHUP | POLLERR, poll_for(self->monitor, 0, 0) & (POLLHUP | POLLERR));
}

TEST_F(victim, an_index_is_not_reused_while_a_file_is_open)
{
	int others[4], monitor_only;

	ASSERT_TRUE(remove_promptly(self->number));
	close(self->monitor);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = add_fake();
		ASSERT_LE(0, others[i]);
		EXPECT_NE(self->index, fake_index(others[i]));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT_EQ(0, remove_fake(others[i]));

	others[0] = add_fake();
	monitor_only = open_fake_monitor(others[0]);
	self->index = fake_index(others[0]);
	EXPECT_EQ(0, remove_fake(others[0]));
	others[1] = add_fake();
	EXPECT_NE(self->index, fake_index(others[1]));
	EXPECT_EQ(0, remove_fake(others[1]));
	close(monitor_only);
	self->monitor = open_fake_monitor(0);
}

TEST_F(victim, an_index_is_not_reused_while_a_mapping_is_left)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	int other;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_TRUE(remove_promptly(self->number));
	close(self->fd);
	close(self->monitor);
	other = add_fake();
	ASSERT_LE(0, other);
	EXPECT_NE(self->index, fake_index(other));
	EXPECT_EQ(0, remove_fake(other));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	self->fd = open_fake(0);
	self->monitor = open_fake_monitor(0);
}

TEST_F(victim, old_files_do_not_reach_a_new_device)
{
	int other;

	ASSERT_TRUE(remove_promptly(self->number));
	other = add_shared_fake();
	ASSERT_LE(0, other);
	EXPECT_EQ(-ENODEV, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, run_nop(open_fake(other)));
	EXPECT_EQ(0, remove_fake(other));
}

static atomic_bool stop_opening;

/* Uses whatever node is there, until told to stop; returns the first odd errno. */
static void *use_any_node(void *argument)
{
	intptr_t odd = 0;

	(void)argument;
	for (unsigned int index = 0; !stop_opening && !odd; index = (index + 1) % 16) {
		struct accel_info_status status;
		struct accel_buffer_create buffer;
		int monitor = open_monitor(index), fd = open_compute(index);
		int errors[] = {
			monitor < 0 ? monitor : 0,
			fd < 0 ? fd : 0,
			monitor < 0 ? 0 : info(monitor, ACCEL_INFO_STATUS, &status, sizeof(status)),
			fd < 0 ? 0 : create(fd, PAGE, &buffer),
			fd < 0 ? 0 : run_nop(fd),
		};

		for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++)
			if (errors[i] && errors[i] != -ENOENT && errors[i] != -ENXIO &&
			    errors[i] != -ENODEV && errors[i] != -EBUSY)
				odd = errors[i];
		if (monitor >= 0)
			close(monitor);
		if (fd >= 0)
			close(fd);
	}
	return (void *)odd;
}

TEST_F_TIMEOUT(victim, devices_come_and_go_under_racing_users, 600)
{
	pthread_t threads[2];
	void *odd;

	stop_opening = false;
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_any_node, NULL));
	for (int i = 0; i < times(200); i++) {
		int number = add_fake();

		ASSERT_LE(0, number);
		EXPECT_EQ(0, remove_fake(number));
		if (i % 20 == 0)
			TH_LOG("%d", i);
	}
	stop_opening = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &odd);
		EXPECT_EQ(NULL, odd);
	}
}

TEST_F(victim, a_device_can_be_removed_once)
{
	ASSERT_TRUE(remove_promptly(self->number));
	EXPECT_GT(0, remove_fake(self->number));
	EXPECT_GT(0, remove_fake(-1));
	EXPECT_GT(0, remove_fake(1 << 20));
}

TEST_HARNESS_MAIN
