// SPDX-License-Identifier: GPL-2.0
/* What sysfs and debugfs show of a device, held against the nodes and INFO. */
#include <ftw.h>
#include <stdatomic.h>
#include <sys/sysmacros.h>

#include "coredump.h"
#include "device.h"
#include "job.h"

FIXTURE(sysfs)
{
	int fd;
	unsigned int index;
	char folder[64];	/* /sys/class/accel/accelN */
};

FIXTURE_SETUP(sysfs)
{
	int index = fake_index(SHARED);

	ASSERT_LE(0, index);
	self->index = index;
	self->fd = open_compute(index);
	ASSERT_LE(0, self->fd);
	snprintf(self->folder, sizeof(self->folder), "/sys/class/accel/accel%d", index);
}

FIXTURE_TEARDOWN(sysfs)
{
	close(self->fd);
}

/* Reads @folder/@name; "" if that fails. */
static const char *attribute(const char *folder, const char *name)
{
	static char text[4096];
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (read_file(path, text, sizeof(text)))
		text[0] = '\0';
	return text;
}

/* Checks that class folder, number and node are of the same character device. */
static bool node_matches_class(const char *class, const char *name, unsigned int index)
{
	char path[128], numbers[32];
	struct stat node;

	snprintf(path, sizeof(path), "/dev/accel/%s%u", name, index);
	if (stat(path, &node) || !S_ISCHR(node.st_mode))
		return false;
	snprintf(numbers, sizeof(numbers), "%u:%u", major(node.st_rdev), minor(node.st_rdev));
	snprintf(path, sizeof(path), "/sys/class/%s/%s%u", class, name, index);
	return !strcmp(numbers, attribute(path, "dev"));
}

TEST_F(sysfs, nodes_have_the_numbers_of_their_class_devices)
{
	EXPECT_TRUE(node_matches_class("accel", "accel", self->index));
	EXPECT_TRUE(node_matches_class("accel_monitor", "monitor", self->index));
}

TEST_F(sysfs, the_uevent_names_the_nodes)
{
	char monitor[64], line[64];

	snprintf(line, sizeof(line), "DEVNAME=accel/accel%u", self->index);
	EXPECT_NE(NULL, strstr(attribute(self->folder, "uevent"), line));
	snprintf(monitor, sizeof(monitor), "/sys/class/accel_monitor/monitor%u", self->index);
	snprintf(line, sizeof(line), "DEVNAME=accel/monitor%u", self->index);
	EXPECT_NE(NULL, strstr(attribute(monitor, "uevent"), line));
}

TEST_F(sysfs, the_monitor_may_be_opened_by_more_than_the_compute_node)
{
	struct stat compute, monitor;
	char path[64];

	snprintf(path, sizeof(path), "/dev/accel/accel%u", self->index);
	ASSERT_EQ(0, stat(path, &compute));
	snprintf(path, sizeof(path), "/dev/accel/monitor%u", self->index);
	ASSERT_EQ(0, stat(path, &monitor));
	EXPECT_EQ(0U, compute.st_mode & 0007);
	EXPECT_EQ(0U, compute.st_mode & 0111);
	EXPECT_EQ(0U, monitor.st_mode & 0111);
	EXPECT_EQ(0U, monitor.st_mode & 0002);
}

TEST_F(sysfs, both_class_devices_have_the_same_parent)
{
	char path[128], compute[PATH_MAX], monitor[PATH_MAX];

	snprintf(path, sizeof(path), "%s/device", self->folder);
	ASSERT_NE(NULL, realpath(path, compute));
	snprintf(path, sizeof(path), "/sys/class/accel_monitor/monitor%u/device", self->index);
	ASSERT_NE(NULL, realpath(path, monitor));
	EXPECT_STREQ(compute, monitor);
	EXPECT_STREQ("fake.0", strrchr(compute, '/') + 1);
}

TEST_F(sysfs, health_and_resets_repeat_the_status)
{
	struct accel_info_status status = status_of(self->fd);

	EXPECT_STREQ("operational", attribute(self->folder, "health"));
	EXPECT_EQ(status.resets, strtoull(attribute(self->folder, "resets"), NULL, 10));
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(status.resets + 1, strtoull(attribute(self->folder, "resets"), NULL, 10));
	EXPECT_STREQ("operational", attribute(self->folder, "health"));
}

TEST_F(sysfs, uuid_repeats_the_device_in_the_usual_form)
{
	struct accel_info_device device;
	const __u8 *u = device.uuid;
	char text[40];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	EXPECT_STREQ(text, attribute(self->folder, "uuid"));
}

TEST_F(sysfs, attributes_cannot_be_written)
{
	static const char *const names[] = { "health", "resets", "reset_epoch", "uuid" };
	char path[128];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat attribute;

		snprintf(path, sizeof(path), "%s/%s", self->folder, names[i]);
		ASSERT_EQ(0, stat(path, &attribute));
		EXPECT_EQ(0444U, attribute.st_mode & 07777);
	}
}

TEST_F(sysfs, a_hang_leaves_a_dump)
{
	char driver[64];
	const char *text;

	ASSERT_TRUE(forget_dump(self->index));
	EXPECT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(0, run_nop(self->fd));
	text = dump_of(self->index);
	snprintf(driver, sizeof(driver), "driver %s device fake.%d\n", FAKE_DRIVER, SHARED);
	EXPECT_NE(NULL, strstr(text, "accel coredump 1\n"));
	EXPECT_NE(NULL, strstr(text, driver));
	EXPECT_NE(NULL, strstr(text, "\njob 1 client "));
	EXPECT_NE(NULL, strstr(text, "\nengine engine0 queued 1 "));
	EXPECT_NE(NULL, strstr(text, " hangs\n"));
	/* What the driver says. */
	EXPECT_NE(NULL, strstr(text, "\njob HANG"));
}

static unsigned int files_read;

/* Reads a whole file, whatever it answers. */
static int read_whole(const char *path, const struct stat *stat, int type, struct FTW *position)
{
	char text[4096];
	int fd;

	(void)position;
	if (type != FTW_F || !(stat->st_mode & 0400))
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (read(fd, text, sizeof(text)) > 0)
		continue;
	close(fd);
	files_read++;
	return 0;
}

/* Reads every file below @path; returns how many. */
static unsigned int read_all(const char *path)
{
	files_read = 0;
	nftw(path, read_whole, 16, FTW_PHYS);
	return files_read;
}

TEST_F(sysfs, every_file_can_be_read)
{
	char folder[PATH_MAX];

	ASSERT_NE(NULL, realpath(self->folder, folder));
	EXPECT_LE(5U, read_all(folder));
	snprintf(folder, sizeof(folder), "/sys/kernel/debug/accel_core/%u", self->index);
	EXPECT_LE(1U, read_all(folder));
}

static atomic_bool stop_reading;

static void *read_forever(void *argument)
{
	(void)argument;
	while (!stop_reading) {
		read_all("/sys/devices/faux");
		read_all("/sys/kernel/debug/accel_core");
	}
	return NULL;
}

TEST_F_TIMEOUT(sysfs, every_file_can_be_read_while_devices_come_and_go, 120)
{
	pthread_t thread;

	stop_reading = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_forever, NULL));
	for (int i = 0; i < 20; i++) {
		int number = add_fake();

		ASSERT_LE(0, number);
		EXPECT_EQ(0, remove_fake(number));
	}
	stop_reading = true;
	pthread_join(thread, NULL);
}

TEST_F(sysfs, nothing_is_left_of_a_removed_device)
{
	int number = add_fake(), index = fake_index(number);
	char path[64];

	ASSERT_LE(0, index);
	ASSERT_EQ(0, remove_fake(number));
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d", index);
	EXPECT_EQ(-1, access(path, F_OK));
	snprintf(path, sizeof(path), "/sys/class/accel_monitor/monitor%d", index);
	EXPECT_EQ(-1, access(path, F_OK));
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel_core/%d", index);
	EXPECT_EQ(-1, access(path, F_OK));
	snprintf(path, sizeof(path), "/dev/accel/accel%d", index);
	EXPECT_EQ(-1, access(path, F_OK));
	snprintf(path, sizeof(path), "/dev/accel/monitor%d", index);
	EXPECT_EQ(-1, access(path, F_OK));
}

TEST_HARNESS_MAIN
