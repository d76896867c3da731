// SPDX-License-Identifier: GPL-2.0
/* Reset by an administrator, and what udev hears of resets: WEDGED=. */
#include "administrator.h"
#include "device.h"
#include "job.h"
#include "queue.h"
#include "uevent.h"

/* As often a reset fails before the device is given up: once of the engine, then of the device. */
#define ATTEMPTS	4

/* A device of its own, and a socket that hears uevents. */
FIXTURE(admin)
{
	int number;
	int index;
	int fd;
	int uevents;
	char reset[64];
};

FIXTURE_SETUP(admin)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	snprintf(self->reset, sizeof(self->reset), "/sys/class/accel/accel%d/reset", self->index);
	self->uevents = open_uevents();
	ASSERT_LE(0, self->uevents);
}

FIXTURE_TEARDOWN(admin)
{
	close(self->uevents);
	close(self->fd);
	remove_fake(self->number);
}

/* Has the device given up. */
static int wedge(int fd)
{
	struct accel_fake_fail_resets failures = { .count = ATTEMPTS };
	int error = call(fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &failures);
	__s64 end = now_ns() + SLACK_NS;

	if (error)
		return error;
	error = run(fd, ACCEL_FAKE_HANG, 0, NULL);
	while (status_of(fd).health == ACCEL_HEALTH_RESETTING && now_ns() < end)
		sleep_ms(1);
	return error == -ETIME && status_of(fd).health == ACCEL_HEALTH_WEDGED ? 0 : -EINVAL;
}

TEST_F(admin, a_reset_brings_a_wedged_device_back)
{
	struct accel_info_status status;

	ASSERT_EQ(0, wedge(self->fd));
	EXPECT_STREQ("rebind", uevent_of(self->uevents, self->index, "WEDGED"));
	EXPECT_EQ(-EIO, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, write_file(self->reset, "1\n"));
	status = status_of(self->fd);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status.health);
	EXPECT_EQ(1U, status.epoch);
	EXPECT_EQ(ATTEMPTS + 1ULL, status.resets);
	EXPECT_STREQ("none", uevent_of(self->uevents, self->index, "WEDGED"));
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(admin, a_reset_that_fails_is_eio)
{
	struct accel_fake_fail_resets once = { .count = 1 };

	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &once));
	EXPECT_EQ(-EIO, write_file(self->reset, "1"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(self->fd).health);
	EXPECT_STREQ("rebind", uevent_of(self->uevents, self->index, "WEDGED"));
	EXPECT_EQ(0, write_file(self->reset, "1"));
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(admin, a_reset_hits_what_is_in_flight)
{
	char epoch[64], text[32];

	snprintf(epoch, sizeof(epoch), "/sys/class/accel/accel%d/reset_epoch", self->index);
	ASSERT_EQ(1LL, submit(self->fd, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(2LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, write_file(self->reset, "1"));
	EXPECT_EQ(-ENODATA, wait_job(self->fd, 1));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	ASSERT_EQ(0, read_file(epoch, text, sizeof(text)));
	EXPECT_STREQ("1", text);
}

TEST_F(admin, resets_race_with_jobs_and_removal)
{
	pid_t child = fork();

	if (!child) {
		while (write_file(self->reset, "1") != -ENOENT)
			continue;
		_exit(42);
	}
	for (int i = 0; i < 200; i++) {
		int error = run(self->fd, ACCEL_FAKE_NOP, 0, NULL);

		EXPECT_TRUE(error == 0 || error == -ENODATA);
	}
	EXPECT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(42, exit_code(child));
}

TEST_F(admin, anything_but_1_is_einval)
{
	static const char *const texts[] = { "0", "2", "", "1 1", "reset", "\n" };

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		EXPECT_EQ(texts[i][0] ? -EINVAL : 0, write_file(self->reset, texts[i]));
	EXPECT_EQ(0U, status_of(self->fd).epoch);
}

TEST_F(admin, only_administrators_may)
{
	EXPECT_EQ(0200U, mode_of(self->reset));
	EXPECT_TRUE(is_for_administrators(self->reset, "1"));
	EXPECT_EQ(0U, status_of(self->fd).epoch);
}

TEST_HARNESS_MAIN
