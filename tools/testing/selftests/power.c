// SPDX-License-Identifier: GPL-2.0
/* Sleep of the system with cards whose driver knows nothing of that. */
#include "memcard.h"
#include "monitor.h"
#include "power.h"

#define SIZE	(4 * PAGE)

TEST(a_device_whose_driver_cannot_wake_it_is_reset)
{
	struct accel_info_status before, after;
	struct accel_buffer_create buffer;
	struct accel_event event;
	unsigned char *memory;
	int fd = open_card(2), monitor;

	ASSERT_LE(0, fd);
	monitor = open_reader(card_index(2));
	ASSERT_EQ(0, set_filter(monitor, 1ULL << ACCEL_EVENT_RESET, 0));
	read_all(monitor);
	ASSERT_EQ(0, create_in(fd, ACCEL_MEMCARD_LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, fill_card(fd, buffer.handle, 0, SIZE, 0x5a));
	before = status_of(fd);
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	after = status_of(fd);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, after.health);
	EXPECT_EQ(before.epoch + 1, after.epoch);
	EXPECT_EQ(before.resets + 1, after.resets);
	ASSERT_EQ(0, next_event(monitor, &event));
	EXPECT_EQ((__u64)ACCEL_RESET_WAKE, event.data[2]);
	EXPECT_EQ(0ULL, event.data[0]);
	close(monitor);
	EXPECT_TRUE(all_bytes(memory, 0x5a, SIZE));
	EXPECT_EQ(0, fill_card(fd, buffer.handle, 0, SIZE, 0xa5));
	EXPECT_TRUE(all_bytes(memory, 0xa5, SIZE));
	munmap(memory, SIZE);
	close(fd);
}

TEST_HARNESS_MAIN
