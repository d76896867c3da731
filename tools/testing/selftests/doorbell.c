// SPDX-License-Identifier: GPL-2.0
/* Doorbells: pages of a card that one owner at a time has mapped. */
#include "inject.h"
#include "memcard.h"

#define ALL	ACCEL_MEMCARD_DOORBELLS
#define MOST	ACCEL_DOORBELL_MAX

FIXTURE(doorbell)
{
	int fd, other;
	struct accel_doorbell_create doorbell;
	volatile __u64 *page;
};

static volatile __u64 *map_doorbell(int fd, const struct accel_doorbell_create *doorbell)
{
	return map_at(fd, doorbell->mmap_offset, PAGE);
}

FIXTURE_SETUP(doorbell)
{
	self->fd = open_card(0);
	ASSERT_LE(0, self->fd);
	self->other = open_card(0);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, create_doorbell(self->fd, &self->doorbell));
	self->page = map_doorbell(self->fd, &self->doorbell);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
}

FIXTURE_TEARDOWN(doorbell)
{
	munmap((void *)self->page, PAGE);
	close(self->other);
	close(self->fd);
}

TEST_F(doorbell, ringing_reaches_the_card)
{
	EXPECT_LT(0U, self->doorbell.handle);
	EXPECT_EQ((__u64)PAGE, self->doorbell.size);
	EXPECT_EQ(0U, self->doorbell.reserved);
	EXPECT_GT((__u32)ALL, self->doorbell.index);
	for (__u64 value = 1; value < 4; value++) {
		*self->page = value << 32 | 0x1234;
		EXPECT_EQ(value << 32 | 0x1234, rung(self->fd, self->doorbell.index));
	}
}

TEST_F(doorbell, each_owner_has_one_for_itself)
{
	struct accel_doorbell_create second, theirs;
	volatile __u64 *second_page, *their_page;

	ASSERT_EQ(0, create_doorbell(self->fd, &second));
	ASSERT_EQ(0, create_doorbell(self->other, &theirs));
	EXPECT_NE(self->doorbell.index, second.index);
	EXPECT_NE(self->doorbell.index, theirs.index);
	EXPECT_NE(second.index, theirs.index);
	second_page = map_doorbell(self->fd, &second);
	their_page = map_doorbell(self->other, &theirs);
	*self->page = 1;
	*second_page = 2;
	*their_page = 3;
	EXPECT_EQ(1ULL, rung(self->fd, self->doorbell.index));
	EXPECT_EQ(2ULL, rung(self->fd, second.index));
	EXPECT_EQ(3ULL, rung(self->fd, theirs.index));
}

TEST_F(doorbell, a_closed_one_is_in_no_mapping_when_its_next_owner_gets_it)
{
	struct accel_doorbell_create next;
	volatile __u64 *moved, *fresh;

	moved = mremap((void *)map_doorbell(self->fd, &self->doorbell), PAGE, PAGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, anonymous(PAGE));
	ASSERT_NE(MAP_FAILED, (void *)moved);
	*moved = 7;
	*self->page = 8;
	ASSERT_EQ(0, close_doorbell(self->fd, self->doorbell.handle));
	EXPECT_TRUE(is_bus_error((void *)self->page));
	EXPECT_TRUE(is_bus_error((void *)moved));

	ASSERT_EQ(0, create_doorbell(self->other, &next));
	/* The same one: else this shows nothing. */
	ASSERT_EQ(self->doorbell.index, next.index);
	fresh = map_doorbell(self->other, &next);
	*fresh = 9;
	EXPECT_TRUE(is_bus_error((void *)self->page));
	EXPECT_TRUE(is_bus_error((void *)moved));
	EXPECT_EQ(9ULL, rung(self->other, next.index));
	EXPECT_EQ(-EINVAL, map_error(self->fd, self->doorbell.mmap_offset, PAGE, PROT_WRITE,
				     MAP_SHARED));
}

TEST_F(doorbell, it_ends_with_its_file)
{
	struct accel_doorbell_create theirs, next;
	volatile __u64 *page;

	ASSERT_EQ(0, create_doorbell(self->other, &theirs));
	page = map_doorbell(self->other, &theirs);
	*page = 5;
	close(self->other);
	self->other = -1;
	EXPECT_TRUE(is_bus_error((void *)page));
	ASSERT_EQ(0, create_doorbell(self->fd, &next));
	EXPECT_EQ(theirs.index, next.index);
	EXPECT_TRUE(is_bus_error((void *)page));
}

TEST_F(doorbell, mappings_stay_inside)
{
	__u64 offset = self->doorbell.mmap_offset;

	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, 2 * PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + PAGE, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset - PAGE, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, PAGE, PROT_WRITE, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, map_error(self->other, offset, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, mremap((void *)self->page, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
}

TEST_F(doorbell, wrong_arguments_are_refused)
{
	struct accel_doorbell_create create = { .flags = 1 };
	struct accel_doorbell_close close = { .handle = self->doorbell.handle, .flags = 1 };

	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_DOORBELL_CREATE, &create));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_DOORBELL_CREATE, NOWHERE));
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_DOORBELL_CLOSE, &close));
	EXPECT_EQ(-ENOENT, close_doorbell(self->fd, 0));
	EXPECT_EQ(-ENOENT, close_doorbell(self->fd, self->doorbell.handle + 1));
	EXPECT_EQ(-ENOENT, close_doorbell(self->fd, UINT32_MAX));
	EXPECT_EQ(-ENOENT, close_doorbell(self->other, self->doorbell.handle));
	EXPECT_EQ(0, close_doorbell(self->fd, self->doorbell.handle));
	EXPECT_EQ(-ENOENT, close_doorbell(self->fd, self->doorbell.handle));
}

TEST_F(doorbell, there_are_so_many)
{
	struct accel_doorbell_create doorbell;
	int taken = 1;

	for (; taken < MOST; taken++)
		ASSERT_EQ(0, create_doorbell(self->fd, &doorbell));
	EXPECT_EQ(-EDQUOT, create_doorbell(self->fd, &doorbell));
	for (; taken < ALL; taken++)
		ASSERT_EQ(0, create_doorbell(self->other, &doorbell));
	EXPECT_EQ(-ENOSPC, create_doorbell(self->other, &doorbell));
	EXPECT_EQ(0, close_doorbell(self->fd, self->doorbell.handle));
	EXPECT_EQ(0, create_doorbell(self->other, &doorbell));
	EXPECT_EQ(self->doorbell.index, doorbell.index);
}

static int create_and_map(int fd, struct accel_doorbell_create *doorbell)
{
	int error = create_doorbell(fd, doorbell);
	void *page;

	if (error)
		return error;
	page = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, doorbell->mmap_offset);
	if (page == MAP_FAILED)
		return -errno;
	return munmap(page, PAGE) ? -errno : 0;
}

TEST_F_TIMEOUT(doorbell, none_is_lost_by_failures, 120)
{
	int nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	bool hit = true;

	ASSERT_EQ(0, set_up_injection());
	for (unsigned int nth = 1; hit && nth < 1000; nth++) {
		struct accel_doorbell_create doorbell;
		int error;

		arm(nth_file, nth);
		error = create_and_map(self->other, &doorbell);
		hit = disarm(nth_file);
		EXPECT_TRUE(!error || error == -ENOMEM || error == -EFAULT)
			TH_LOG("error %d at %u", error, nth);
		close(self->other);
		self->other = open_card(0);
		ASSERT_LE(0, self->other);
	}
	EXPECT_FALSE(hit);
	for (int taken = 1; taken < MOST; taken++)
		ASSERT_EQ(0, create_doorbell(self->fd, &self->doorbell));
	for (int taken = MOST; taken < ALL; taken++)
		ASSERT_EQ(0, create_doorbell(self->other, &self->doorbell));
}

TEST_HARNESS_MAIN
