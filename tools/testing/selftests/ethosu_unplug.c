// SPDX-License-Identifier: GPL-2.0
/* accel_ethosu when its device goes away: taken out, unbound, and gone without a word. */
#include <pthread.h>

#include "ethosu.h"
#include "share.h"
#include "slot.h"

#define VICTIM		"victim"
#define PLUG_MS		20000

/* Has the host do something with the victim. */
static bool victim(const char *command, const char *argument)
{
	char line[128];

	snprintf(line, sizeof(line), "%s " VICTIM " %s", command, argument);
	return host(line);
}

/* Plugs a new device and opens it. */
static int plug(void)
{
	__s64 deadline = in_ms(PLUG_MS);
	int fd = -1;

	if (!victim("plug", "256"))
		return -1;
	while (fd < 0 && now_ns() < deadline) {
		sleep_ms(20);
		fd = open_driver(ETHOSU_DRIVER);
	}
	return fd;
}

static bool take_out(const struct accel_info_device *device)
{
	(void)device;
	return victim("unplug", "");
}

static bool unbind(const struct accel_info_device *device)
{
	return write_file("/sys/bus/pci/drivers/accel_ethosu/unbind", device->address) == 0;
}

/* What an administrator does who is about to pull it out. */
static bool cut_off(const struct accel_info_device *device)
{
	return power_off(VICTIM, device->address);
}

/* All-ones, no DMA, no interrupts; the slot notices later. */
static bool surprise(const struct accel_info_device *device)
{
	(void)device;
	return victim("model", "surprise-remove") && victim("unplug", "");
}

FIXTURE(removal)
{
	struct accel_info_device device;
	bool plugged;
	int fd, monitor;
};

FIXTURE_VARIANT(removal)
{
	bool (*remove)(const struct accel_info_device *device);
	bool stays;	/* in its slot */
};

FIXTURE_VARIANT_ADD(removal, taken_out) { .remove = take_out };
FIXTURE_VARIANT_ADD(removal, powered_off) { .remove = cut_off };
FIXTURE_VARIANT_ADD(removal, unbound) { .remove = unbind, .stays = true };
FIXTURE_VARIANT_ADD(removal, surprise) { .remove = surprise };

FIXTURE_SETUP(removal)
{
	self->fd = plug();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &self->device, sizeof(self->device)));
	self->monitor = open_monitor(self->device.index);
	ASSERT_LE(0, self->monitor);
	ASSERT_EQ(0, run_stop(self->fd));
}

FIXTURE_TEARDOWN(removal)
{
	close(self->fd);
	close(self->monitor);
	if (variant->stays)
		EXPECT_TRUE(victim("unplug", ""));
}

TEST_F_TIMEOUT(removal, of_an_idle_device_leaves_files_that_say_enodev, 120)
{
	struct accel_info_status status;
	struct accel_buffer_create buffer;
	struct ethosu_job job;

	ASSERT_TRUE(variant->remove(&self->device));
	stop_only(&job);
	EXPECT_EQ(-ENODEV, submit_ethosu(self->fd, &job));
	EXPECT_EQ(-ENODEV, create(self->fd, PAGE, &buffer));
	EXPECT_EQ(-ENODEV, info(self->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENODEV, info(self->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENOENT, open_compute(self->device.index));
}

static void *poll_monitor(void *argument)
{
	return (void *)(intptr_t)poll_for(*(int *)argument, 0, PLUG_MS);
}

TEST_F_TIMEOUT(removal, of_a_busy_device_wakes_everybody_and_keeps_memory, 120)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, 4 * PAGE, &buffer);
	struct waiter running, queued;
	struct ethosu_job first, second;
	pthread_t poller;
	void *events;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	memset(memory, 0x24, 4 * PAGE);
	ASSERT_TRUE(victim("model", "hang on"));
	stop_only(&first);
	stop_only(&second);
	ASSERT_EQ(0, submit_ethosu(self->fd, &first));
	ASSERT_EQ(0, submit_ethosu(self->fd, &second));
	ASSERT_EQ(0, start_waiter(&running, self->fd, first.entry.job));
	ASSERT_EQ(0, start_waiter(&queued, self->fd, second.entry.job));
	ASSERT_EQ(0, pthread_create(&poller, NULL, poll_monitor, &self->monitor));

	ASSERT_TRUE(variant->remove(&self->device));
	pthread_join(poller, &events);
	pthread_join(running.thread, NULL);
	pthread_join(queued.thread, NULL);
	EXPECT_EQ(POLLHUP | POLLERR, (intptr_t)events & (POLLHUP | POLLERR));
	/* The time-out, or the reset that fails after it, may have been faster. */
	EXPECT_TRUE(running.error == -ENODEV || running.error == -ETIME);
	EXPECT_TRUE(queued.error == -ENODEV || queued.error == -ETIME || queued.error == -ENODATA);
	EXPECT_TRUE(all_bytes(memory, 0x24, 4 * PAGE));
	memset(memory, 0x42, 4 * PAGE);
	EXPECT_TRUE(all_bytes(memory, 0x42, 4 * PAGE));
}

TEST_F_TIMEOUT(removal, of_a_device_that_shares_memory_keeps_it, 120)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	unsigned char *ours = create_mapped(self->fd, PAGE, &buffer), *theirs;
	int exported = export_buffer(self->fd, buffer.handle), imported = udmabuf(PAGE);

	ASSERT_LE(0, exported);
	ASSERT_EQ(0, import_buffer(self->fd, imported, &import));
	theirs = map_at(self->fd, import.mmap_offset, PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)theirs);
	close(imported);
	memset(ours, 0x24, PAGE);
	memset(theirs, 0x42, PAGE);
	ASSERT_TRUE(variant->remove(&self->device));
	EXPECT_EQ(-ENODEV, import_buffer(self->fd, exported, &import));
	EXPECT_TRUE(all_bytes(ours, 0x24, PAGE));
	EXPECT_TRUE(all_bytes(theirs, 0x42, PAGE));
	munmap(ours, PAGE);
	ours = map_at(exported, 0, PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)ours);
	EXPECT_TRUE(all_bytes(ours, 0x24, PAGE));
	munmap(ours, PAGE);
	munmap(theirs, PAGE);
	close(exported);
}

TEST_HARNESS_MAIN
