// SPDX-License-Identifier: GPL-2.0
/* Address spaces when their device goes away. */
#include "address_space.h"
#include "binding.h"

#define LOCAL	ACCEL_MEMCARD_LOCAL
#define CARD	2	/* the one at a root port */
#define SIZE	(4UL << 20)

FIXTURE(unbound)
{
	int fd;
	struct accel_buffer_create buffer;
	char address[48];
};

FIXTURE_SETUP(unbound)
{
	self->fd = reopen(CARD);
	ASSERT_LE(0, self->fd);
	address_of(self->fd, self->address);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &self->buffer));
}

FIXTURE_TEARDOWN(unbound)
{
	close(self->fd);
}

TEST_F_TIMEOUT(unbound, what_is_mapped_is_free, 120)
{
	struct accel_address_space_create create = { .flags = 0 };
	struct accel_wait wait = { .deadline_ns = INT64_MAX };
	__u32 space = create_space(self->fd), lost = create_space(self->fd);
	__u64 address = map_anywhere(self->fd, space, self->buffer.handle, 0, SIZE, READ_WRITE);
	__s64 queue = create_queue_in(self->fd, space);
	int error, fd;

	ASSERT_NE(0ULL, address);
	ASSERT_LT(0, queue);
	wait.queue = queue;
	EXPECT_EQ(0, map_zeroes(self->fd, space, 1 << 30, 1ULL << 32));
	/* The device may still reach what is mapped there, so it is kept. */
	EXPECT_EQ(0, map_fixed(self->fd, lost, self->buffer.handle, 0, SIZE, 1ULL << 32,
			       READ_WRITE));
	ASSERT_EQ(0, fail_flushes(self->fd, 1));
	EXPECT_EQ(0, destroy_space(self->fd, lost));
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	for (int i = 0; i < 20; i++)
		wait.job = submit_to(self->fd, queue, fill_job(0, address, SIZE, i).job);
	ASSERT_LT(0, (__s64)wait.job);
	ASSERT_EQ(0, unbind(self->address));
	error = call(self->fd, ACCEL_IOCTL_WAIT, &wait);
	EXPECT_TRUE(error == 0 || error == -ENODEV)
		TH_LOG("job: %d", error);
	EXPECT_EQ(-ENODEV, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	EXPECT_EQ(-ENODEV, map_zeroes(self->fd, space, PAGE, 1ULL << 33));
	EXPECT_EQ(-ENODEV, unmap(self->fd, space, address, SIZE));
	EXPECT_EQ(-ENODEV, protect(self->fd, space, address, SIZE, 0));
	EXPECT_EQ(-ENODEV, destroy_space(self->fd, space));
	ASSERT_EQ(0, come_back(self->address));
	fd = reopen(CARD);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0ULL, settled_region(fd, LOCAL));
	close(fd);
}

struct mapper {
	pthread_t thread;
	int fd;
	__u32 handle;
	int error;
};

/* Maps, uses and unmaps until something fails. */
static void *map_and_unmap(void *argument)
{
	struct mapper *mapper = argument;
	int fd = mapper->fd;

	while (!mapper->error) {
		__u32 space = create_space(fd);

		mapper->error = map_fixed(fd, space, mapper->handle, 0, SIZE, 1ULL << 32,
					  READ_WRITE) ?:
			fill_at(fd, space, (1ULL << 32) + SIZE - PAGE, PAGE, 1) ?:
			unmap(fd, space, (1ULL << 32) + PAGE, PAGE) ?:
			protect(fd, space, 1ULL << 32, SIZE, ACCEL_MAP_READ) ?:
			destroy_space(fd, space);
	}
	return NULL;
}

TEST_F_TIMEOUT(unbound, nobody_minds_in_the_middle_of_a_change, 600)
{
	int fd = self->fd;

	for (int round = 0; round < times(40); round++) {
		struct mapper mapper = { .fd = fd, .handle = self->buffer.handle };

		ASSERT_EQ(0, pthread_create(&mapper.thread, NULL, map_and_unmap, &mapper));
		sleep_ms(10 + 7 * round);
		ASSERT_EQ(0, unbind(self->address));
		ASSERT_EQ(0, pthread_join(mapper.thread, NULL));
		/* No handle, if the device was gone when the space was to be made. */
		EXPECT_TRUE(mapper.error == -ENODEV || mapper.error == -ENOENT)
			TH_LOG("round %d: %d", round, mapper.error);
		if (fd != self->fd)
			close(fd);
		ASSERT_EQ(0, come_back(self->address));
		fd = reopen(CARD);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0ULL, settled_region(fd, LOCAL));
		ASSERT_EQ(0, create_in(fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &self->buffer));
	}
	if (fd != self->fd)
		close(fd);
}

TEST_HARNESS_MAIN
