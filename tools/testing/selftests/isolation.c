// SPDX-License-Identifier: GPL-2.0
/* A device that finds too many errors in itself, or that an administrator takes out of service. */
#include "administrator.h"
#include "job.h"
#include "monitor.h"
#include "queue.h"
#include "uevent.h"

/* Bytes of a path in sysfs. */
#define PATH	96

/* A device of its own, with a client, a monitor that has read so far, and a socket for uevents. */
FIXTURE(isolation)
{
	int number;
	int index;
	int fd;
	int monitor;
	int uevents;
	char isolated[PATH];
	char corrected[PATH];
	char uncorrected[PATH];
};

FIXTURE_SETUP(isolation)
{
	const char *folder = "/sys/class/accel/accel";

	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_reader(self->index);
	ASSERT_LE(0, self->monitor);
	read_all(self->monitor);
	self->uevents = open_uevents();
	ASSERT_LE(0, self->uevents);
	snprintf(self->isolated, PATH, "%s%d/isolated", folder, self->index);
	snprintf(self->corrected, PATH, "%s%d/error_limits/corrected", folder, self->index);
	snprintf(self->uncorrected, PATH, "%s%d/error_limits/uncorrected", folder, self->index);
}

FIXTURE_TEARDOWN(isolation)
{
	close(self->uevents);
	close(self->monitor);
	close(self->fd);
	remove_fake(self->number);
}

/* Has the device find errors, so that it has found @count. */
static int find_errors(int fd, __u32 what, __s64 count)
{
	struct accel_fake_set argument = { .what = what, .value = count };

	return call(fd, ACCEL_FAKE_IOCTL_SET, &argument);
}

static struct accel_info_error_limits limits(int fd)
{
	struct accel_info_error_limits answer = { .reserved = 1 };

	info(fd, ACCEL_INFO_ERROR_LIMITS, &answer, sizeof(answer));
	return answer;
}

static __u32 health(int fd)
{
	return status_of(fd).health;
}

/* Waits until the device is isolated, which it is a moment after its errors. */
static bool becomes_isolated(int fd)
{
	for (__s64 end = now_ns() + SLACK_NS; now_ns() < end; sleep_ms(1))
		if (health(fd) == ACCEL_HEALTH_ISOLATED)
			return true;
	return false;
}

TEST_F(isolation, there_are_no_limits_at_first)
{
	struct accel_info_error_limits answer = limits(self->fd);
	struct accel_event event;
	char text[32];

	EXPECT_EQ(24U * 3600, answer.period_s);
	EXPECT_EQ(0U, answer.reserved | answer.corrected_limit | answer.uncorrected_limit);
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_UNCORRECTED, 1LL << 62));
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_ERROR, &event));
	EXPECT_EQ(-EAGAIN, next_event(self->monitor, &event));
	EXPECT_EQ(0U, limits(self->monitor).uncorrected);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, health(self->fd));
	ASSERT_EQ(0, read_file(self->uncorrected, text, sizeof(text)));
	EXPECT_STREQ("0", text);
}

TEST_F(isolation, too_many_corrected_errors_are_told_once)
{
	struct accel_event event;

	ASSERT_EQ(0, write_file(self->corrected, "3"));
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_CORRECTED, 3));
	EXPECT_EQ(3U, limits(self->monitor).corrected);
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_CORRECTED, 4));
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_LIMIT, &event));
	EXPECT_EQ((__u32)ACCEL_SEVERITY_WARNING, event.severity);
	EXPECT_EQ(0ULL, event.data[0]);
	EXPECT_EQ(4ULL, event.data[1]);
	EXPECT_EQ(3ULL, event.data[2]);
	EXPECT_EQ((__u32)ACCEL_EVENT_NONE, event.engine);
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_CORRECTED, 5));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_ERROR, event.kind);
	EXPECT_EQ(-EAGAIN, next_event(self->monitor, &event));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, health(self->fd));
	EXPECT_EQ(0, run_nop(self->fd));
	/* It is another limit, and no error is known of. */
	ASSERT_EQ(0, write_file(self->corrected, "7"));
	EXPECT_EQ(0U, limits(self->monitor).corrected);
	EXPECT_EQ(7U, limits(self->monitor).corrected_limit);
}

TEST_F(isolation, too_many_uncorrected_errors_isolate)
{
	struct accel_event event;

	ASSERT_EQ(0, write_file(self->uncorrected, "2\n"));
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_UNCORRECTED, 2));
	EXPECT_EQ(0, run_nop(self->fd));
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_UNCORRECTED, 9));
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_LIMIT, &event));
	EXPECT_EQ((__u32)ACCEL_SEVERITY_FATAL, event.severity);
	EXPECT_EQ(1ULL, event.data[0]);
	EXPECT_EQ(2ULL, event.data[2]);
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_HEALTH, &event));
	EXPECT_EQ((__u32)ACCEL_SEVERITY_FATAL, event.severity);
	EXPECT_EQ((__u64)ACCEL_HEALTH_ISOLATED, event.data[0]);
	EXPECT_EQ((__u64)ACCEL_HEALTH_OPERATIONAL, event.data[1]);
	EXPECT_STREQ("1", uevent_of(self->uevents, self->index, "ISOLATED"));
	EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	/* No more is kept than twice the limit. */
	EXPECT_EQ(4U, limits(self->monitor).uncorrected);

	ASSERT_EQ(0, write_file(self->isolated, "0"));
	EXPECT_STREQ("0", uevent_of(self->uevents, self->index, "ISOLATED"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, health(self->fd));
	EXPECT_EQ(0U, limits(self->monitor).uncorrected);
	EXPECT_EQ(0, run_nop(self->fd));
	/* All over again. */
	ASSERT_EQ(0, find_errors(self->fd, ACCEL_FAKE_UNCORRECTED, 12));
	EXPECT_TRUE(becomes_isolated(self->fd));
}

TEST_F(isolation, what_runs_ends_and_what_waits_is_canceled)
{
	struct accel_context_create context = { .flags = 0 };
	struct accel_queue_create queue = { .flags = 0 };
	struct accel_job_status status;
	char text[32];

	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_DELAY, 100));
	ASSERT_EQ(2LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	ASSERT_EQ(0, write_file(self->isolated, "1"));
	ASSERT_EQ(0, read_file(self->isolated, text, sizeof(text)));
	EXPECT_STREQ("1", text);
	EXPECT_EQ(0, wait_until(self->fd, 1, FOREVER, &status));
	EXPECT_EQ(-ECANCELED, wait_until(self->fd, 2, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_CANCELED, status.fault);
	EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(-EIO, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
	EXPECT_EQ(-EIO, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	/* Monitors and questions go on. */
	EXPECT_EQ((__u32)ACCEL_HEALTH_ISOLATED, health(self->monitor));
	ASSERT_EQ(0, write_file(self->isolated, "0"));
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(isolation, a_reset_does_not_take_it_back)
{
	char reset[PATH];

	snprintf(reset, PATH, "/sys/class/accel/accel%d/reset", self->index);
	ASSERT_EQ(0, write_file(self->isolated, "1"));
	EXPECT_EQ(0, write_file(reset, "1"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_ISOLATED, health(self->fd));
	EXPECT_EQ(1U, status_of(self->fd).epoch);
	EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	/* Once more changes nothing. */
	read_all(self->monitor);
	ASSERT_EQ(0, write_file(self->isolated, "1"));
	EXPECT_EQ(0, read_all(self->monitor));
	ASSERT_EQ(0, write_file(self->isolated, "0"));
	EXPECT_EQ(0, run_nop(self->fd));
}

/* Whatever the health is called meanwhile. */
TEST_F(isolation, a_wedged_device_is_isolated_too)
{
	struct accel_fake_fail_resets once = { .count = 1 };
	char reset[PATH];

	snprintf(reset, PATH, "/sys/class/accel/accel%d/reset", self->index);
	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &once));
	ASSERT_EQ(-EIO, write_file(reset, "1"));
	ASSERT_EQ(0, write_file(self->isolated, "1"));
	EXPECT_STREQ("1", uevent_of(self->uevents, self->index, "ISOLATED"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, health(self->fd));
	EXPECT_EQ(0, write_file(reset, "1"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_ISOLATED, health(self->fd));
	EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	ASSERT_EQ(0, write_file(self->isolated, "0"));
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(isolation, it_races_with_jobs_errors_and_removal)
{
	pid_t child = fork();

	if (!child) {
		bool is_wanted = false;

		while (write_file(self->isolated, is_wanted ? "1" : "0") != -ENOENT)
			is_wanted = !is_wanted;
		_exit(42);
	}
	ASSERT_EQ(0, write_file(self->uncorrected, "1"));
	for (int i = 0; i < 200; i++) {
		int error = run(self->fd, ACCEL_FAKE_NOP, 0, NULL);

		EXPECT_TRUE(error == 0 || error == -EIO || error == -ECANCELED);
		EXPECT_EQ(0, find_errors(self->fd, ACCEL_FAKE_UNCORRECTED, i));
	}
	EXPECT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(42, exit_code(child));
}

TEST_F(isolation, anything_else_is_einval)
{
	static const char *const texts[] = { "2", "on", " ", "00", "-1" };
	static const char *const numbers[] = { "-1", "x", " ", "4294967296", "1.5", "0x10" };

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		EXPECT_EQ(-EINVAL, write_file(self->isolated, texts[i]));
	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(-EINVAL, write_file(self->corrected, numbers[i]));
		EXPECT_EQ(-EINVAL, write_file(self->uncorrected, numbers[i]));
	}
	EXPECT_EQ(0, write_file(self->uncorrected, "4294967295"));
	EXPECT_EQ(UINT32_MAX, limits(self->fd).uncorrected_limit);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, health(self->fd));
}

TEST_F(isolation, only_administrators_may)
{
	EXPECT_EQ(0644U, mode_of(self->isolated));
	EXPECT_EQ(0644U, mode_of(self->corrected));
	EXPECT_TRUE(is_for_administrators(self->isolated, "1"));
	EXPECT_TRUE(is_for_administrators(self->corrected, "1"));
	EXPECT_TRUE(is_for_administrators(self->uncorrected, "1"));
	EXPECT_EQ(0U, limits(self->fd).uncorrected_limit);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, health(self->fd));
}

TEST_HARNESS_MAIN
