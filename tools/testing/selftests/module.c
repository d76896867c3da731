// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading accel_fake and accel_core, in use and not. Needs both as modules. */
#include <sys/syscall.h>

#include "account.h"
#include "buffer.h"
#include "device.h"
#include "job.h"

#define MODULES	"/modules/"

/* Returns 0 or -errno as delete_module(2) of a module that is not to be waited for. */
static int unload(const char *name)
{
	return syscall(__NR_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int load(const char *name, const char *parameters)
{
	char path[128];
	int fd, error;

	snprintf(path, sizeof(path), MODULES "%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = syscall(__NR_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return error;
}

/* Unloads accel_fake once its last user's file is really gone. */
static int unload_soon(void)
{
	__s64 end = now_ns() + SLACK_NS;
	int error;

	while ((error = unload(FAKE_DRIVER)) == -EWOULDBLOCK && now_ns() < end)
		sleep_ms(5);
	return error;
}

static int count_fakes(void)
{
	bool present[MAX_FAKES] = { false };
	int count = 0;

	visit_devices(note_fake, present);
	for (int number = 0; number < MAX_FAKES; number++)
		count += present[number];
	return count;
}

/* Whatever a test does, the module is there before and after it. */
FIXTURE(module)
{
	int unused;
};

FIXTURE_SETUP(module)
{
	int error = load(FAKE_DRIVER, "");

	ASSERT_TRUE(error == 0 || error == -EEXIST);
}

FIXTURE_TEARDOWN(module)
{
	int error = load(FAKE_DRIVER, ""), fd = open_fake(0);

	EXPECT_TRUE(error == 0 || error == -EEXIST);
	EXPECT_EQ(0, run_nop(fd));
	close(fd);
}

TEST_F(module, an_unused_driver_unloads)
{
	EXPECT_EQ(0, unload(FAKE_DRIVER));
	EXPECT_EQ(0, count_fakes());
	EXPECT_EQ(-ENOENT, unload(FAKE_DRIVER));
}

TEST_F(module, an_open_compute_node_holds_the_driver)
{
	int fd = open_fake(0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, unload(FAKE_DRIVER));
	EXPECT_EQ(0, run_nop(fd));
	close(fd);
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, an_open_monitor_holds_the_driver)
{
	int fd = open_fake_monitor(0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, unload(FAKE_DRIVER));
	close(fd);
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, a_mapping_holds_the_driver)
{
	int fd = open_fake(0);
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(fd, 2 * PAGE, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, unload(FAKE_DRIVER));
	memset(memory, 1, 2 * PAGE);
	munmap(memory, PAGE);
	EXPECT_EQ(-EWOULDBLOCK, unload(FAKE_DRIVER));
	EXPECT_EQ(1, list_buffers_of(fake_index(0), NULL, 0));
	munmap(memory + PAGE, PAGE);
	EXPECT_EQ(0, list_buffers_of(fake_index(0), NULL, 0));
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, a_file_of_a_removed_device_holds_the_driver)
{
	int number = add_fake(), fd = open_fake(number);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, remove_fake(number));
	EXPECT_EQ(-EWOULDBLOCK, unload(FAKE_DRIVER));
	close(fd);
	EXPECT_EQ(0, unload_soon());
}

TEST_F(module, a_driver_with_an_abandoned_job_unloads_soon)
{
	int fd = open_fake(0);

	ASSERT_EQ(1LL, submit(fd, ACCEL_FAKE_HANG, 0));
	ASSERT_EQ(2LL, submit_with(fd, ACCEL_FAKE_FILL, 1, handle_of(fd, PAGE)));
	close(fd);
	EXPECT_EQ(0, unload_soon());
}

TEST_F_TIMEOUT(module, a_driver_unloads_right_after_a_job, 600)
{
	for (int i = 0; i < times(50); i++) {
		int fd = open_fake(0);

		ASSERT_LE(0, fd);
		ASSERT_LT(0LL, submit(fd, ACCEL_FAKE_NOP, 0));
		close(fd);
		EXPECT_EQ(0, unload_soon());
		ASSERT_EQ(0, load(FAKE_DRIVER, ""));
	}
}

TEST_F(module, an_open_attribute_does_not_hold_the_driver)
{
	char path[64], text[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/health", fake_index(0));
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, unload(FAKE_DRIVER));
	EXPECT_EQ(-1, read(fd, text, sizeof(text)));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
}

TEST_F_TIMEOUT(module, it_loads_and_unloads_again_and_again, 600)
{
	ASSERT_EQ(0, unload(FAKE_DRIVER));
	for (int i = 0; i < times(50); i++) {
		ASSERT_EQ(0, load(FAKE_DRIVER, ""));
		ASSERT_EQ(0, unload_soon());
	}
}

TEST_F_TIMEOUT(module, thirty_devices_at_load_work, 300)
{
	int fd;

	ASSERT_EQ(0, unload(FAKE_DRIVER));
	ASSERT_EQ(0, load(FAKE_DRIVER, "devices=30"));
	EXPECT_EQ(30, count_fakes());
	fd = open_fake(29);
	EXPECT_EQ(0, run_nop(fd));
	close(fd);
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(0, count_fakes());
}

TEST_F(module, no_devices_is_a_number_too)
{
	ASSERT_EQ(0, unload(FAKE_DRIVER));
	EXPECT_EQ(0, load(FAKE_DRIVER, "devices=0"));
	EXPECT_EQ(0, count_fakes());
	EXPECT_EQ(0, unload(FAKE_DRIVER));
}

TEST_F(module, a_driver_holds_the_core)
{
	EXPECT_EQ(-EWOULDBLOCK, unload("accel_core"));
	EXPECT_EQ(0, unload(FAKE_DRIVER));
	EXPECT_EQ(0, unload("accel_core"));
	EXPECT_EQ(-1, access("/sys/class/accel", F_OK));
	EXPECT_EQ(-1, access("/sys/class/accel_monitor", F_OK));
	EXPECT_EQ(-ENOENT, load(FAKE_DRIVER, ""));
	EXPECT_EQ(0, load("accel-core", ""));
	EXPECT_EQ(0, access("/sys/class/accel", F_OK));
}

TEST_HARNESS_MAIN
