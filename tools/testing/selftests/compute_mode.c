// SPDX-License-Identifier: GPL-2.0
/* How many clients a device has at a time: what an administrator says. */
#include "administrator.h"
#include "device.h"
#include "job.h"

/* A device of its own for any number of clients, which has one. */
FIXTURE(mode)
{
	int number;
	int index;
	int fd;
	char file[64];
};

FIXTURE_SETUP(mode)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	snprintf(self->file, sizeof(self->file), "/sys/class/accel/accel%d/compute_mode",
		 self->index);
}

FIXTURE_TEARDOWN(mode)
{
	close(self->fd);
	remove_fake(self->number);
}

/* Whether sysfs and INFO say so. */
static bool is_mode(int fd, const char *file, __u32 mode)
{
	char text[16];

	if (clients_of(fd).mode != mode || read_file(file, text, sizeof(text)))
		return false;
	return !strcmp(text, mode == ACCEL_COMPUTE_SHARED ? "shared" : "exclusive");
}

TEST_F(mode, exclusive_refuses_who_comes_until_it_is_shared_again)
{
	int other;

	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_SHARED));
	ASSERT_EQ(0, write_file(self->file, "exclusive\n"));
	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_EXCLUSIVE));
	EXPECT_EQ(-EBUSY, open_compute(self->index));
	EXPECT_EQ(1ULL, clients_of(self->fd).refused);
	EXPECT_EQ(0, run_nop(self->fd));
	other = open_monitor(self->index);
	EXPECT_LE(0, other);
	close(other);

	close(self->fd);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, write_file(self->file, "shared"));
	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_SHARED));
	other = open_compute(self->index);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, run_nop(other));
	close(other);
}

TEST_F(mode, exclusive_is_ebusy_while_there_are_more)
{
	int other = open_compute(self->index);

	ASSERT_LE(0, other);
	EXPECT_EQ(-EBUSY, write_file(self->file, "exclusive"));
	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_SHARED));
	EXPECT_EQ(0, write_file(self->file, "shared"));
	close(other);
	EXPECT_EQ(0, write_file(self->file, "exclusive"));
}

TEST_F(mode, anything_else_is_einval)
{
	static const char *const texts[] = { "0", "Shared", "exclusive process", "1", " , " };

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		EXPECT_EQ(-EINVAL, write_file(self->file, texts[i]));
	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_SHARED));
}

TEST_F(mode, a_device_made_for_one_is_not_shared)
{
	int index = fake_index(EXCLUSIVE), fd = open_compute(index);
	char file[64];

	ASSERT_LE(0, fd);
	snprintf(file, sizeof(file), "/sys/class/accel/accel%d/compute_mode", index);
	EXPECT_EQ(-EOPNOTSUPP, write_file(file, "shared"));
	EXPECT_EQ(0, write_file(file, "exclusive"));
	EXPECT_TRUE(is_mode(fd, file, ACCEL_COMPUTE_EXCLUSIVE));
	close(fd);
}

TEST_F(mode, only_administrators_may)
{
	EXPECT_EQ(0644U, mode_of(self->file));
	EXPECT_TRUE(is_for_administrators(self->file, "exclusive"));
	EXPECT_TRUE(is_mode(self->fd, self->file, ACCEL_COMPUTE_SHARED));
}

TEST_HARNESS_MAIN
