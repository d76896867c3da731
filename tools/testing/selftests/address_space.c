// SPDX-License-Identifier: GPL-2.0
/* Address spaces: what is mapped where, seen by jobs that work at addresses. */
#include "address_space.h"
#include "advise.h"
#include "inject.h"
#include "share.h"

#define LOCAL		ACCEL_MEMCARD_LOCAL
#define MIB		(1024 * 1024UL)
#define SOMEWHERE	0x100000000ULL
#define ENTRY_ADDRESS	(~0xfffULL)

/* Bytes in use once they are @expected, or still after SLACK_NS: jobs are dropped late. */
static __u64 settled_use(int fd, __u64 expected)
{
	__s64 end = now_ns() + SLACK_NS;

	while (settled_region(fd, LOCAL) != expected && now_ns() < end)
		sleep_ms(1);
	return settled_region(fd, LOCAL);
}

FIXTURE(space)
{
	int fd;
	__u32 space;
	struct accel_address_space_create info;
	struct window window;
	__u64 used;
};

FIXTURE_SETUP(space)
{
	self->fd = open_card(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0ULL, settled_region(self->fd, LOCAL));
	self->info = (struct accel_address_space_create){ .flags = 0 };
	ASSERT_EQ(0, call_settled(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &self->info));
	self->space = self->info.handle;
	ASSERT_EQ(0, open_window(self->fd, self->space, PAGE, READ_WRITE, &self->window));
	/* A page, and tables: a root, two for the page. */
	self->used = region_of(self->fd, LOCAL).used;
	ASSERT_EQ(4 * PAGE, self->used);
}

FIXTURE_TEARDOWN(space)
{
	int other = open_card(0);

	munmap(self->window.memory, PAGE);
	close(self->fd);
	/* Whatever a test left mapped is free now. */
	EXPECT_EQ(0ULL, settled_use(other, 0));
	close(other);
}

TEST_F(space, says_what_can_be_mapped)
{
	EXPECT_NE(0U, self->info.handle);
	EXPECT_EQ(PAGE | PAGE_64K | HUGE_PAGE, self->info.page_sizes);
	EXPECT_EQ(HUGE_PAGE, self->info.start);
	EXPECT_EQ(1ULL << 39, self->info.start + self->info.size);
}

TEST_F(space, jobs_and_the_cpu_see_the_same_memory)
{
	struct accel_buffer_create buffer;
	const __u64 address = SOMEWHERE + PAGE;
	unsigned char *memory;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, map_fixed(self->fd, self->space, buffer.handle, 2 * PAGE, 4 * PAGE, address,
			       READ_WRITE));
	EXPECT_EQ(0, fill_at(self->fd, self->space, address + PAGE - 7, 2 * PAGE, FILLED));
	EXPECT_TRUE(all_bytes(memory, 0, 3 * PAGE - 7));
	EXPECT_TRUE(all_bytes(memory + 3 * PAGE - 7, FILLED, 2 * PAGE));
	EXPECT_TRUE(all_bytes(memory + 5 * PAGE - 7, 0, 3 * PAGE + 7));
	memory[2 * PAGE] = 42;
	EXPECT_EQ(0, copy_at(self->fd, self->space, self->window.address, address, PAGE - 7));
	EXPECT_EQ(42, self->window.memory[0]);
	EXPECT_TRUE(all_bytes(self->window.memory + 1, 0, PAGE - 1));
	/* What is before and behind the part is not mapped. */
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, address - 1, 1, 1), address - 1));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, address + 4 * PAGE - 1, 2, 1),
			      address + 4 * PAGE));
	EXPECT_EQ(0, munmap(memory, 8 * PAGE));
}

TEST_F(space, one_buffer_can_be_in_many_places)
{
	__u64 first = self->window.address;

	for (int i = 1; i < 40; i++) {
		__u64 address = map_anywhere(self->fd, self->space, self->window.buffer.handle, 0,
					     PAGE, READ_WRITE);

		ASSERT_NE(0ULL, address);
		EXPECT_EQ(0, fill_at(self->fd, self->space, address, PAGE, i));
		EXPECT_TRUE(all_bytes(self->window.memory, i, PAGE));
		if (i % 2)
			EXPECT_EQ(0, unmap(self->fd, self->space, address, PAGE));
	}
	EXPECT_EQ(0, unmap(self->fd, self->space, first, PAGE));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, first, 1, 1), first));
}

TEST_F(space, two_spaces_know_nothing_of_each_other)
{
	__u32 other = create_space(self->fd);

	ASSERT_NE(0U, other);
	EXPECT_TRUE(faults_at(self->fd, fill_job(other, self->window.address, 1, 1),
			      self->window.address));
	EXPECT_EQ(0, map_zeroes(self->fd, other, PAGE, self->window.address));
	EXPECT_EQ(0, fill_at(self->fd, self->space, self->window.address, PAGE, 5));
	EXPECT_EQ(0, fill_at(self->fd, other, self->window.address, PAGE, 6));
	EXPECT_TRUE(all_bytes(self->window.memory, 5, PAGE));
	EXPECT_EQ(0, destroy_space(self->fd, other));
	EXPECT_EQ(0, fill_at(self->fd, self->space, self->window.address, PAGE, 7));
}

TEST_F(space, what_is_mapped_is_not_given_back)
{
	struct accel_buffer_create system = {
		.size = 2 * PAGE, .placement = ACCEL_PLACEMENT_CONTIGUOUS,
	};
	struct accel_memcard_translation found;
	__u64 address, at;
	unsigned char *memory;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &system));
	at = where(self->fd, system.handle);
	memory = map(self->fd, &system);
	ASSERT_NE(MAP_FAILED, (void *)memory);
	memset(memory, FILLED, 2 * PAGE);
	address = map_anywhere(self->fd, self->space, system.handle, 0, 2 * PAGE, READ_WRITE);
	ASSERT_NE(0ULL, address);
	ASSERT_EQ(1, advise(self->fd, system.handle, DONT));
	EXPECT_EQ(-EINVAL, map_fixed(self->fd, self->space, system.handle, 0, PAGE, SOMEWHERE,
				     READ_WRITE));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, shrink());
	/* The card still finds it, and nobody else has got it. */
	found = translate(self->fd, self->space, address, &self->window);
	EXPECT_EQ(at, found.entry & ENTRY_ADDRESS);
	EXPECT_TRUE(all_bytes(memory, FILLED, 2 * PAGE));
	/* A part of it holds it as well. */
	ASSERT_EQ(0, unmap(self->fd, self->space, address, PAGE));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, shrink());
	EXPECT_EQ(1, advise(self->fd, system.handle, WILL));
	ASSERT_EQ(0, unmap(self->fd, self->space, address + PAGE, PAGE));
	EXPECT_TRUE(purged(self->fd, system.handle));
	EXPECT_EQ(-EINVAL, map_fixed(self->fd, self->space, system.handle, 0, PAGE, SOMEWHERE,
				     READ_WRITE));
	EXPECT_EQ(0, close_buffer(self->fd, system.handle));
	munmap(memory, 2 * PAGE);
}

TEST_F(space, jobs_may_do_what_the_mapping_says)
{
	__u64 address = self->window.address;
	__u64 zeroes = SOMEWHERE;

	ASSERT_EQ(0, map_zeroes(self->fd, self->space, PAGE, zeroes));
	for (__u32 access = 0; access <= READ_WRITE; access++) {
		struct space_job from = copy_job(self->space, zeroes, address, PAGE);
		struct space_job to = copy_job(self->space, address, zeroes, PAGE);

		ASSERT_EQ(0, protect(self->fd, self->space, address, PAGE, access));
		EXPECT_EQ(!(access & ACCEL_MAP_READ), faults_at(self->fd, from, address));
		EXPECT_EQ(!(access & ACCEL_MAP_WRITE), faults_at(self->fd, to, address));
	}
}

TEST_F(space, sparse_ranges_read_zeroes_and_swallow_writes)
{
	__u64 size = 1ULL << 30;

	ASSERT_EQ(0, map_zeroes(self->fd, self->space, size, SOMEWHERE));
	for (__u64 at = 0; at < size; at += size / 4) {
		memset(self->window.memory, FILLED, PAGE);
		EXPECT_EQ(0, fill_at(self->fd, self->space, SOMEWHERE + at, PAGE, 1));
		EXPECT_EQ(0, copy_at(self->fd, self->space, self->window.address, SOMEWHERE + at,
				     PAGE));
		EXPECT_TRUE(all_bytes(self->window.memory, 0, PAGE));
		EXPECT_EQ(HUGE_PAGE, translate(self->fd, self->space, SOMEWHERE + at,
					       &self->window).size);
	}
	/* Something in the middle of it. */
	EXPECT_EQ(0, map_fixed(self->fd, self->space, self->window.buffer.handle, 0, PAGE,
			       SOMEWHERE + 5 * PAGE, READ_WRITE));
	EXPECT_EQ(0, fill_at(self->fd, self->space, SOMEWHERE + 4 * PAGE, 3 * PAGE, 9));
	EXPECT_TRUE(all_bytes(self->window.memory, 9, PAGE));
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, size));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, SOMEWHERE, 1, 1), SOMEWHERE));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
}

TEST_F(space, pages_are_as_large_as_can_be)
{
	struct accel_buffer_create buffer;
	__u64 address;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 2 * HUGE_PAGE + 5 * PAGE_64K + 3 * PAGE,
			       ACCEL_CREATE_CONTIGUOUS, &buffer));
	address = map_anywhere(self->fd, self->space, buffer.handle, 0, buffer.size, READ_WRITE);
	ASSERT_NE(0ULL, address);
	EXPECT_EQ(0ULL, address % HUGE_PAGE);
#define SIZE_AT(offset) translate(self->fd, self->space, address + (offset), &self->window).size
	EXPECT_EQ(HUGE_PAGE, SIZE_AT(0));
	EXPECT_EQ(HUGE_PAGE, SIZE_AT(2 * HUGE_PAGE - 1));
	EXPECT_EQ(PAGE_64K, SIZE_AT(2 * HUGE_PAGE));
	EXPECT_EQ(PAGE_64K, SIZE_AT(2 * HUGE_PAGE + 5 * PAGE_64K - 1));
	EXPECT_EQ(PAGE, SIZE_AT(2 * HUGE_PAGE + 5 * PAGE_64K));
	EXPECT_EQ(0ULL, SIZE_AT(buffer.size));
	/* A hole in the second of the huge pages. */
	EXPECT_EQ(0, unmap(self->fd, self->space, address + HUGE_PAGE + PAGE_64K + PAGE, PAGE));
	EXPECT_EQ(HUGE_PAGE, SIZE_AT(0));
	EXPECT_EQ(PAGE_64K, SIZE_AT(HUGE_PAGE));
	EXPECT_EQ(PAGE, SIZE_AT(HUGE_PAGE + PAGE_64K));
	EXPECT_EQ(0ULL, SIZE_AT(HUGE_PAGE + PAGE_64K + PAGE));
	EXPECT_EQ(PAGE, SIZE_AT(HUGE_PAGE + PAGE_64K + 2 * PAGE));
	EXPECT_EQ(PAGE_64K, SIZE_AT(2 * HUGE_PAGE - 1));
	/* Other rights in the first. */
	EXPECT_EQ(0, protect(self->fd, self->space, address + 3 * PAGE_64K, PAGE_64K,
			     ACCEL_MAP_READ));
	EXPECT_EQ(PAGE_64K, SIZE_AT(0));
	EXPECT_EQ(PAGE_64K, SIZE_AT(3 * PAGE_64K));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, address, HUGE_PAGE, 1),
			      address + 3 * PAGE_64K));
#undef SIZE_AT
	EXPECT_EQ(0, unmap(self->fd, self->space, address, buffer.size));
	/* Not aligned to each other: small pages only. */
	EXPECT_EQ(0, map_fixed(self->fd, self->space, buffer.handle, PAGE, HUGE_PAGE, SOMEWHERE,
			       READ_WRITE));
	EXPECT_EQ(PAGE, translate(self->fd, self->space, SOMEWHERE + PAGE_64K, &self->window).size);
}

TEST_F(space, a_hint_is_used_if_it_is_free)
{
	struct accel_address_space_map map = {
		.space = self->space,
		.flags = READ_WRITE,
		.buffer = self->window.buffer.handle,
		.size = PAGE,
		.address = SOMEWHERE + 5 * PAGE,
	};

	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	EXPECT_EQ(SOMEWHERE + 5 * PAGE, map.address);
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	EXPECT_NE(SOMEWHERE + 5 * PAGE, map.address);
	/* Nowhere in the space. */
	for (__u64 hint = 1ULL << 39; hint; hint <<= 1) {
		map.address = hint;
		EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
		EXPECT_LE(self->info.start, map.address);
		EXPECT_GT(1ULL << 39, map.address);
	}
	map.address = PAGE;
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	EXPECT_LE(self->info.start, map.address);
}

TEST_F(space, the_ends_of_the_space_can_be_mapped)
{
	__u64 end = self->info.start + self->info.size;

	EXPECT_EQ(0, map_fixed(self->fd, self->space, self->window.buffer.handle, 0, PAGE,
			       end - PAGE, READ_WRITE));
	EXPECT_EQ(0, fill_at(self->fd, self->space, end - PAGE, PAGE, 3));
	EXPECT_TRUE(all_bytes(self->window.memory, 3, PAGE));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, end - 1, 2, 1), end));
	EXPECT_EQ(0, map_fixed(self->fd, self->space, self->window.buffer.handle, 0, PAGE,
			       self->info.start, READ_WRITE));
	EXPECT_EQ(0, fill_at(self->fd, self->space, self->info.start, PAGE, 4));
	EXPECT_TRUE(all_bytes(self->window.memory, 4, PAGE));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, self->info.start - 1, 2, 1),
			      self->info.start - 1));
	/* All that is left, and nothing more. */
	EXPECT_EQ(0, unmap(self->fd, self->space, self->info.start, self->info.size));
	EXPECT_EQ(PAGE + PAGE, settled_region(self->fd, LOCAL));
}

TEST_F(space, what_it_cannot_be_is_refused)
{
	const struct accel_address_space_map good = {
		.space = self->space,
		.flags = READ_WRITE | ACCEL_MAP_FIXED,
		.buffer = self->window.buffer.handle,
		.size = PAGE,
		.address = SOMEWHERE,
	};
	__u64 end = self->info.start + self->info.size;
	struct accel_address_space_map map;

#define EXPECT_REFUSED(error, field, value) do {					\
	map = good;									\
	map.field = value;								\
	EXPECT_EQ(error, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));		\
} while (0)
	EXPECT_REFUSED(-ENOENT, space, 0);
	EXPECT_REFUSED(-ENOENT, space, self->space + 1);
	EXPECT_REFUSED(-ENOENT, space, UINT32_MAX);
	EXPECT_REFUSED(-ENOENT, buffer, 0);
	EXPECT_REFUSED(-ENOENT, buffer, self->window.buffer.handle + 1);
	for (int bit = 5; bit < 32; bit++)
		EXPECT_REFUSED(-EOPNOTSUPP, flags, good.flags | 1U << bit);
	EXPECT_REFUSED(-EINVAL, flags, good.flags | ACCEL_MAP_SPARSE);
	EXPECT_REFUSED(-EINVAL, flags, good.flags | ACCEL_MAP_USER);
	EXPECT_REFUSED(-EINVAL, reserved, 1);
	EXPECT_REFUSED(-EINVAL, size, 0);
	EXPECT_REFUSED(-EINVAL, size, 1);
	EXPECT_REFUSED(-EINVAL, size, PAGE - 1);
	EXPECT_REFUSED(-EINVAL, size, 2 * PAGE);
	EXPECT_REFUSED(-EINVAL, size, -(__u64)PAGE);
	EXPECT_REFUSED(-EINVAL, offset, 1);
	EXPECT_REFUSED(-EINVAL, offset, PAGE);
	EXPECT_REFUSED(-EINVAL, offset, -(__u64)PAGE);
	EXPECT_REFUSED(-EINVAL, address, SOMEWHERE + 1);
	EXPECT_REFUSED(-EINVAL, address, 0);
	EXPECT_REFUSED(-EINVAL, address, self->info.start - PAGE);
	EXPECT_REFUSED(-EINVAL, address, end);
	EXPECT_REFUSED(-EINVAL, address, -(__u64)PAGE);
#undef EXPECT_REFUSED
	map = good;
	map.flags = READ_WRITE;
	map.address = SOMEWHERE + 1;
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	/* Zeroes have no offset; and no hole is so large. */
	map = (struct accel_address_space_map){
		.space = self->space, .flags = ACCEL_MAP_SPARSE, .size = PAGE, .offset = PAGE,
	};
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	map.offset = 0;
	map.size = self->info.size;
	EXPECT_EQ(-ENOSPC, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	map.size = 1ULL << 62;
	EXPECT_EQ(-ENOSPC, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, SOMEWHERE, 1, 1), SOMEWHERE));
	EXPECT_EQ(0, map_fixed(self->fd, self->space, good.buffer, 0, PAGE, SOMEWHERE, READ_WRITE));
}

TEST_F(space, ranges_that_are_none_are_refused)
{
	static const struct {
		__u64 address, size;
	} ranges[] = {
		{ SOMEWHERE, 0 }, { SOMEWHERE, 1 }, { SOMEWHERE, PAGE + 1 },
		{ SOMEWHERE + 1, PAGE }, { 0, PAGE }, { 1ULL << 39, PAGE },
		{ (1ULL << 39) - PAGE, 2 * PAGE }, { -(__u64)PAGE, PAGE },
		{ -(__u64)PAGE, 2 * PAGE }, { SOMEWHERE, -(__u64)PAGE }, { 0, 1ULL << 39 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++) {
		EXPECT_EQ(-EINVAL, unmap(self->fd, self->space, ranges[i].address, ranges[i].size))
			TH_LOG("range %u", i);
		EXPECT_EQ(-EINVAL, protect(self->fd, self->space, ranges[i].address,
					   ranges[i].size, 0))
			TH_LOG("range %u", i);
	}
	EXPECT_EQ(-ENOENT, unmap(self->fd, 0, SOMEWHERE, PAGE));
	EXPECT_EQ(-ENOENT, protect(self->fd, self->space + 1, SOMEWHERE, PAGE, 0));
	EXPECT_EQ(-ENOENT, destroy_space(self->fd, self->space + 1));
	EXPECT_EQ(-ENOENT, destroy_space(self->fd, 0));
	/* Nothing is there, and that is fine. */
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, MIB));
	EXPECT_EQ(0, protect(self->fd, self->space, SOMEWHERE, MIB, ACCEL_MAP_READ));
	for (int bit = 0; bit < 32; bit++) {
		struct accel_address_space_unmap gone = {
			.space = self->space, .flags = 1U << bit, .address = SOMEWHERE,
			.size = PAGE,
		};
		struct accel_address_space_create space = { .flags = 1U << bit };
		struct accel_address_space_destroy end = {
			.handle = self->space, .flags = 1U << bit,
		};

		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_UNMAP, &gone));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &space));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_DESTROY, &end));
		EXPECT_EQ(bit < 2 ? 0 : -EOPNOTSUPP,
			  protect(self->fd, self->space, SOMEWHERE, PAGE, 1U << bit));
	}
}

TEST_F(space, jobs_that_make_no_sense_are_refused)
{
	struct space_job job = fill_job(self->space, SOMEWHERE, PAGE, 1);

	job.space = self->space + 1;
	EXPECT_EQ(-ENOENT, run_in_space(self->fd, job, NULL));
	job.space = 0;
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
	job.space = self->space;
	job.job.dst = 1;
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
	job = fill_job(self->space, UINT64_MAX, 2, 1);
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
	job = copy_job(self->space, self->window.address, UINT64_MAX, 2);
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
	job = fill_job(self->space, SOMEWHERE, 1, 1);
	job.job.value = 256;
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
	job.job.op = 7;
	EXPECT_EQ(-EINVAL, run_in_space(self->fd, job, NULL));
}

TEST_F(space, there_may_be_so_many)
{
	struct accel_address_space_create space = { .flags = 0 };
	__u32 handles[ACCEL_ADDRESS_SPACE_MAX];

	for (int i = 1; i < ACCEL_ADDRESS_SPACE_MAX; i++) {
		handles[i] = create_space(self->fd);
		ASSERT_NE(0U, handles[i]);
	}
	EXPECT_EQ(-EDQUOT, call_settled(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &space));
	EXPECT_EQ(0, destroy_space(self->fd, handles[7]));
	EXPECT_EQ(-ENOENT, destroy_space(self->fd, handles[7]));
	EXPECT_EQ(handles[7], create_space(self->fd));
	for (int i = 1; i < ACCEL_ADDRESS_SPACE_MAX; i++)
		EXPECT_EQ(0, destroy_space(self->fd, handles[i]));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
}

TEST_F(space, what_is_mapped_is_kept)
{
	struct accel_buffer_create buffer;
	__u64 address, all;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, MIB, ACCEL_CREATE_VISIBLE, &buffer));
	ASSERT_EQ(0, fill_card(self->fd, buffer.handle, 0, MIB, FILLED));
	address = map_anywhere(self->fd, self->space, buffer.handle, 0, MIB, READ_WRITE);
	ASSERT_NE(0ULL, address);
	all = settled_region(self->fd, LOCAL);
	EXPECT_LE(self->used + MIB, all);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(all, settled_region(self->fd, LOCAL));
	EXPECT_EQ(0, copy_at(self->fd, self->space, self->window.address, address + MIB - PAGE,
			     PAGE));
	EXPECT_TRUE(all_bytes(self->window.memory, FILLED, PAGE));
	/* Page by page, the last one lets go. */
	EXPECT_EQ(0, unmap(self->fd, self->space, address, MIB / 2));
	EXPECT_EQ(0, unmap(self->fd, self->space, address + MIB / 2 + PAGE, MIB / 2 - PAGE));
	EXPECT_EQ(all, settled_region(self->fd, LOCAL));
	EXPECT_EQ(0, copy_at(self->fd, self->space, self->window.address, address + MIB / 2,
			     PAGE));
	/* Something else in its place. */
	EXPECT_EQ(0, map_zeroes(self->fd, self->space, PAGE, address + MIB / 2));
	EXPECT_EQ(all - MIB, settled_use(self->fd, all - MIB));
}

TEST_F(space, a_buffer_of_the_host_is_at_its_dma_address)
{
	struct accel_buffer_create contiguous = {
		.size = 4 * PAGE, .placement = ACCEL_PLACEMENT_CONTIGUOUS,
	};
	struct accel_buffer_create scattered = {
		.size = MIB, .placement = ACCEL_PLACEMENT_SYSTEM,
	};
	struct accel_memcard_translation found;
	struct accel_job_status status;
	__u64 address, at;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &contiguous));
	at = where(self->fd, contiguous.handle);
	ASSERT_NE(0ULL, at);
	address = map_anywhere(self->fd, self->space, contiguous.handle, PAGE, 3 * PAGE,
			       READ_WRITE);
	ASSERT_NE(0ULL, address);
	for (__u64 page = 0; page < 3 * PAGE; page += PAGE) {
		found = translate(self->fd, self->space, address + page, &self->window);
		EXPECT_EQ(at + PAGE + page, found.entry & ENTRY_ADDRESS);
		EXPECT_TRUE(found.entry & ACCEL_MEMCARD_ENTRY_SYSTEM);
		EXPECT_EQ(PAGE, found.size);
	}
	/* The CPU, which runs this card's jobs, does not go there. */
	EXPECT_EQ(-EIO, run_in_space(self->fd, fill_job(self->space, address, 1, 1), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	EXPECT_EQ(address, status.fault_address);

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &scattered));
	address = map_anywhere(self->fd, self->space, scattered.handle, 0, MIB, READ_WRITE);
	ASSERT_NE(0ULL, address);
	for (__u64 page = 0; page < MIB; page += PAGE) {
		found = translate(self->fd, self->space, address + page, &self->window);
		EXPECT_TRUE(found.entry & ACCEL_MEMCARD_ENTRY_SYSTEM);
		EXPECT_NE(0ULL, found.size);
	}
	EXPECT_EQ(0, close_buffer(self->fd, scattered.handle));
	EXPECT_LE(MIB, memory_of(self->fd).used);
	EXPECT_EQ(0, unmap(self->fd, self->space, address, MIB));
	EXPECT_EQ(contiguous.size, settled_memory(self->fd, contiguous.size));
}

/* QDA's tests work there: this card's engine reaches nothing but its memory. */
TEST_F(space, memory_of_others_can_be_mapped)
{
	struct accel_buffer_import import;
	struct accel_job_status status;
	int buf = udmabuf(PAGE);

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	EXPECT_EQ(0, map_fixed(self->fd, self->space, import.handle, 0, PAGE, SOMEWHERE,
			       READ_WRITE));
	close(buf);
	EXPECT_EQ(0, close_buffer(self->fd, import.handle));
	EXPECT_EQ(-EIO, run_in_space(self->fd, fill_job(self->space, SOMEWHERE, 1, 1), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, PAGE));
}

TEST_F(space, what_is_read_only_stays_so)
{
	const void *memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_buffer_pin pin = {
		.address = user(memory), .size = PAGE, .flags = ACCEL_BUFFER_PIN_READ_ONLY,
	};

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_PIN, &pin));
	EXPECT_EQ(-EACCES, map_fixed(self->fd, self->space, pin.handle, 0, PAGE, SOMEWHERE,
				     READ_WRITE));
	EXPECT_EQ(0, map_fixed(self->fd, self->space, pin.handle, 0, PAGE, SOMEWHERE,
			       ACCEL_MAP_READ));
	EXPECT_EQ(0, map_zeroes(self->fd, self->space, PAGE, SOMEWHERE + PAGE));
	EXPECT_EQ(-EACCES, protect(self->fd, self->space, SOMEWHERE, 2 * PAGE, READ_WRITE));
	EXPECT_EQ(0, protect(self->fd, self->space, SOMEWHERE + PAGE, PAGE, READ_WRITE));
	EXPECT_EQ(0, protect(self->fd, self->space, SOMEWHERE, 2 * PAGE, ACCEL_MAP_READ));
}

TEST_F(space, out_of_memory_for_tables_changes_nothing)
{
	struct accel_buffer_create rest;
	__u32 handles[64];
	int count = 0;

	/* CPUs write the tables: all that they reach. */
	while (!create_in(self->fd, LOCAL, MIB, ACCEL_CREATE_VISIBLE, &rest))
		handles[count++] = rest.handle;
	while (!create_in(self->fd, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &rest))
		;
	EXPECT_EQ(-ENOSPC, map_zeroes(self->fd, self->space, PAGE, SOMEWHERE));
	EXPECT_EQ(0U, create_space(self->fd));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, SOMEWHERE, 1, 1), SOMEWHERE));
	ASSERT_LT(0, count);
	EXPECT_EQ(0, close_buffer(self->fd, handles[0]));
	EXPECT_EQ(0, map_zeroes(self->fd, self->space, PAGE, SOMEWHERE));
	EXPECT_EQ(0, fill_at(self->fd, self->space, SOMEWHERE, PAGE, 1));
}

TEST_F(space, a_device_that_does_not_answer_is_told)
{
	struct space_job job = fill_job(self->space, self->window.address, PAGE, 1);
	struct accel_job_status status;

	ASSERT_EQ(0, fail_flushes(self->fd, 1));
	EXPECT_EQ(-EIO, map_zeroes(self->fd, self->space, PAGE, SOMEWHERE));
	EXPECT_EQ(-EIO, run_in_space(self->fd, job, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_DEVICE, status.fault);
	/* The next one brings it in step: what failed was not done. */
	EXPECT_EQ(0, protect(self->fd, self->space, SOMEWHERE, PAGE, READ_WRITE));
	EXPECT_TRUE(faults_at(self->fd, fill_job(self->space, SOMEWHERE, 1, 1), SOMEWHERE));
	EXPECT_EQ(0, run_in_space(self->fd, job, NULL));
	EXPECT_TRUE(all_bytes(self->window.memory, 1, PAGE));

	/* Twice: the second one fails to bring it in step. */
	ASSERT_EQ(0, fail_flushes(self->fd, 2));
	EXPECT_EQ(-EIO, unmap(self->fd, self->space, self->window.address, PAGE));
	EXPECT_EQ(-EIO, unmap(self->fd, self->space, self->window.address, PAGE));
	EXPECT_EQ(-EIO, run_in_space(self->fd, job, NULL));
	EXPECT_EQ(0, close_buffer(self->fd, self->window.buffer.handle));
	EXPECT_LE(4 * PAGE, settled_region(self->fd, LOCAL));
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, PAGE));
	EXPECT_EQ(0, run_in_space(self->fd, job, NULL));
	EXPECT_EQ(0, unmap(self->fd, self->space, self->window.address, PAGE));
	EXPECT_TRUE(faults_at(self->fd, job, self->window.address));
}

TEST_F(space, a_buffer_that_failed_to_be_mapped_is_let_go)
{
	struct accel_buffer_create buffer;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, MIB, 0, &buffer));
	ASSERT_EQ(0, fail_flushes(self->fd, 1));
	EXPECT_EQ(-EIO, map_fixed(self->fd, self->space, buffer.handle, 0, MIB, SOMEWHERE,
				  READ_WRITE));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_LE(self->used + MIB, settled_region(self->fd, LOCAL));
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, PAGE));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
}

TEST_F(space, destroyed_it_serves_the_jobs_that_use_it)
{
	struct accel_wait wait = { .deadline_ns = INT64_MAX };
	__s64 queue = create_queue_in(self->fd, self->space), last = 0;
	struct window large;

	ASSERT_LT(0, queue);
	ASSERT_EQ(0, open_window(self->fd, self->space, MIB, READ_WRITE, &large));
	for (int i = 1; i <= 8; i++)
		last = submit_to(self->fd, queue, fill_job(0, large.address, MIB, i).job);
	ASSERT_LT(0, last);
	EXPECT_EQ(0, close_buffer(self->fd, large.buffer.handle));
	EXPECT_EQ(0, destroy_space(self->fd, self->space));
	EXPECT_EQ(-ENOENT, fill_at(self->fd, self->space, large.address, 1, 1));
	wait.queue = queue;
	wait.job = last;
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_WAIT, &wait));
	EXPECT_TRUE(all_bytes(large.memory, 8, MIB));
	munmap(large.memory, MIB);
	/* Now it ends. */
	EXPECT_EQ(0, destroy_queue(self->fd, queue));
	EXPECT_EQ(PAGE, settled_use(self->fd, PAGE));
}

/* What a job that runs writes to is taken away from under it, again and again. */
TEST_F_TIMEOUT(space, what_is_unmapped_is_not_reached_by_jobs_that_run, 600)
{
	__s64 queue = create_queue_in(self->fd, self->space);

	ASSERT_LT(0, queue);
	for (int round = 0; round < times(100); round++) {
		struct accel_wait wait = { .queue = queue, .deadline_ns = INT64_MAX };
		struct accel_buffer_create next;
		struct window large;
		int error;

		ASSERT_EQ(0, open_window(self->fd, self->space, 4 * MIB, READ_WRITE, &large));
		wait.job = submit_to(self->fd, queue,
				     fill_job(0, large.address, 4 * MIB, FILLED).job);
		ASSERT_LT(0, (__s64)wait.job);
		/* Somewhere in the middle. */
		while (!__atomic_load_n(large.memory + round % 4 * MIB, __ATOMIC_RELAXED))
			;
		EXPECT_EQ(0, munmap(large.memory, 4 * MIB));
		EXPECT_EQ(0, close_buffer(self->fd, large.buffer.handle));
		EXPECT_EQ(0, unmap(self->fd, self->space, large.address, 4 * MIB));
		/* The next owner of all of it finds zeroes, also at the end. */
		ASSERT_EQ(0, create_in(self->fd, LOCAL, 15 * MIB, ACCEL_CREATE_VISIBLE, &next));
		error = call(self->fd, ACCEL_IOCTL_WAIT, &wait);
		if (error) {
			EXPECT_EQ(-EIO, error);
			EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, wait.status.fault);
			EXPECT_LE(large.address, wait.status.fault_address);
			EXPECT_GT(large.address + 4 * MIB, wait.status.fault_address);
		}
		EXPECT_TRUE(card_sees(self->fd, next.handle, 15 * MIB, 0));
		EXPECT_EQ(0, close_buffer(self->fd, next.handle));
		/* The jobs that looked keep it a moment longer. */
		ASSERT_EQ(self->used, settled_use(self->fd, self->used));
	}
}

/* ---- Against a model ----------------------------------------------------- */

#define MODEL_PAGES	1536UL	/* three huge pages */
#define BUFFERS		3
#define BUFFER_PAGES	600UL

/* What a page of the space leads to. */
struct model_page {
	int buffer;		/* -1: zeroes; -2: nothing */
	unsigned int page;
	__u32 access;
};

struct model {
	struct model_page pages[MODEL_PAGES];
	struct accel_buffer_create buffers[BUFFERS];
	unsigned char *memory[BUFFERS];
	__u32 queue;		/* in the space */
	unsigned int seed;
};

static unsigned int draw(struct model *model, unsigned int below)
{
	model->seed = model->seed * 1103515245 + 12345;
	return (model->seed >> 8) % below;
}

static unsigned char *memory_of_page(struct model *model, const struct model_page *page)
{
	return model->memory[page->buffer] + page->page * PAGE;
}

/* Sets what a range of pages leads to. */
static void set_model(struct model *model, unsigned int first, unsigned int count, int buffer,
		      unsigned int page, __u32 access)
{
	for (unsigned int i = 0; i < count; i++)
		model->pages[first + i] = (struct model_page){ buffer, page + i, access };
}

/* Draws a range of pages; its ends are often aligned. */
static void draw_range(struct model *model, unsigned int most, unsigned int *first,
		       unsigned int *count)
{
	unsigned int unit = draw(model, 2) ? 1 : 16;

	*first = draw(model, MODEL_PAGES / unit) * unit;
	*count = (1 + draw(model, draw(model, 3) ? 40 : most) / unit) * unit;
	if (*first + *count > MODEL_PAGES)
		*count = MODEL_PAGES - *first;
	if (*count > most)
		*count = most;
}

/* Does one change to both; returns the kernel's answer. */
static int change(struct model *model, int fd, __u32 space)
{
	__u32 access = draw(model, 4) ? READ_WRITE : draw(model, 4);
	unsigned int first, count, page, kind = draw(model, 8);
	__u64 address, size;
	int buffer;

	draw_range(model, kind < 5 ? BUFFER_PAGES : MODEL_PAGES, &first, &count);
	address = SOMEWHERE + first * PAGE;
	size = count * PAGE;
	switch (kind) {
	case 0 ... 3:
		buffer = draw(model, BUFFERS);
		page = draw(model, BUFFER_PAGES - count + 1);
		/* Often aligned as the address is. */
		if (draw(model, 2) && first % 512 + count <= BUFFER_PAGES)
			page = first % 512;
		set_model(model, first, count, buffer, page, access);
		return map_fixed(fd, space, model->buffers[buffer].handle, page * PAGE, size,
				 address, access);
	case 4:
		set_model(model, first, count, -1, 0, access);
		return map_fixed(fd, space, 0, 0, size, address, access | ACCEL_MAP_SPARSE);
	case 5:
	case 6:
		set_model(model, first, count, -2, 0, 0);
		return unmap(fd, space, address, size);
	default:
		for (unsigned int i = first; i < first + count; i++)
			if (model->pages[i].buffer != -2)
				model->pages[i].access = access;
		return protect(fd, space, address, size, access);
	}
}

/* Whether the card reads at a page of the space what it should. */
static bool reads_right(struct model *model, int fd, __u32 space, unsigned int at,
			const struct window *window)
{
	__u64 address = SOMEWHERE + at * PAGE;
	struct space_job job = copy_job(space, window->address, address, PAGE);
	const struct model_page *page = &model->pages[at];

	job.queue = model->queue;
	if (!(page->access & ACCEL_MAP_READ))
		return faults_at(fd, job, address);
	if (run_in_space(fd, job, NULL))
		return false;
	if (page->buffer == -1)
		return all_bytes(window->memory, 0, PAGE);
	return !memcmp(window->memory, memory_of_page(model, page), PAGE);
}

/* Whether the card writes there what it should, where it should. */
static bool writes_right(struct model *model, int fd, __u32 space, unsigned int at)
{
	__u64 address = SOMEWHERE + at * PAGE;
	unsigned char value = 1 + draw(model, 255);
	struct space_job job = fill_job(space, address, PAGE, value);
	const struct model_page *page = &model->pages[at];

	job.queue = model->queue;
	if (!(page->access & ACCEL_MAP_WRITE))
		return faults_at(fd, job, address);
	if (run_in_space(fd, job, NULL))
		return false;
	return page->buffer == -1 || all_bytes(memory_of_page(model, page), value, PAGE);
}

/* Gives each page contents of its own. */
static void paint(struct model *model)
{
	for (int buffer = 0; buffer < BUFFERS; buffer++)
		for (unsigned int page = 0; page < BUFFER_PAGES; page++) {
			unsigned int *words = (void *)(model->memory[buffer] + page * PAGE);

			for (unsigned int i = 0; i < PAGE / sizeof(*words); i++)
				words[i] = buffer << 24 | page << 10 | i;
		}
}

TEST_F_TIMEOUT(space, whatever_is_done_it_is_as_the_model, 600)
{
	static struct model model;
	__s64 queue = create_queue_in(self->fd, self->space);

	ASSERT_LT(0, queue);
	model.queue = queue;
	model.seed = 42;
	for (int i = 0; i < BUFFERS; i++) {
		ASSERT_EQ(0, create_in(self->fd, LOCAL, BUFFER_PAGES * PAGE,
				       ACCEL_CREATE_VISIBLE | (i ? 0 : ACCEL_CREATE_CONTIGUOUS),
				       &model.buffers[i]));
		model.memory[i] = map(self->fd, &model.buffers[i]);
		ASSERT_NE((void *)MAP_FAILED, (void *)model.memory[i]);
	}
	paint(&model);
	set_model(&model, 0, MODEL_PAGES, -2, 0, 0);
	for (int step = 0; step < times(5000); step++) {
		ASSERT_EQ(0, change(&model, self->fd, self->space))
			TH_LOG("step %d", step);
		for (int probe = 0; probe < 3; probe++) {
			ASSERT_TRUE(reads_right(&model, self->fd, self->space,
						draw(&model, MODEL_PAGES), &self->window))
				TH_LOG("step %d", step);
		}
		ASSERT_TRUE(writes_right(&model, self->fd, self->space, draw(&model, MODEL_PAGES)))
			TH_LOG("step %d", step);
	}
	for (unsigned int at = 0; at < MODEL_PAGES; at++) {
		ASSERT_TRUE(reads_right(&model, self->fd, self->space, at, &self->window))
			TH_LOG("page %u", at);
	}
	for (int i = 0; i < BUFFERS; i++) {
		EXPECT_EQ(0, munmap(model.memory[i], BUFFER_PAGES * PAGE));
		EXPECT_EQ(0, close_buffer(self->fd, model.buffers[i].handle));
	}
	EXPECT_EQ(0, destroy_queue(self->fd, model.queue));
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, MODEL_PAGES * PAGE));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
}

/* ---- Failing allocations ------------------------------------------------- */

/* A call under injection, what goes before it, and what undoes both. */
struct step {
	int (*before)(int fd, __u32 space, __u32 buffer);
	int (*call)(int fd, __u32 space, __u32 buffer);
	int (*undo)(int fd, __u32 space, int error);
};

static struct accel_address_space_create made;
static struct accel_address_space_map mapped;

static int make(int fd, __u32 space, __u32 buffer)
{
	(void)space;
	(void)buffer;
	made = (struct accel_address_space_create){ .flags = 0 };
	return call(fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &made);
}

static int unmake(int fd, __u32 space, int error)
{
	(void)space;
	return error ? 0 : destroy_space(fd, made.handle);
}

static int make_mapping(int fd, __u32 space, __u32 buffer)
{
	mapped = (struct accel_address_space_map){
		.space = space,
		.flags = READ_WRITE,
		.buffer = buffer,
		.size = 3 * MIB,
	};
	return call(fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &mapped);
}

static int unmake_mapping(int fd, __u32 space, int error)
{
	return error ? 0 : unmap(fd, space, mapped.address, 3 * MIB);
}

static int map_huge(int fd, __u32 space, __u32 buffer)
{
	return map_fixed(fd, space, buffer, 0, HUGE_PAGE, SOMEWHERE, READ_WRITE);
}

/* A hole in a huge page takes a table. */
static int make_hole(int fd, __u32 space, __u32 buffer)
{
	struct accel_address_space_unmap hole = {
		.space = space,
		.address = SOMEWHERE + PAGE,
		.size = PAGE,
	};

	(void)buffer;
	return call(fd, ACCEL_IOCTL_ADDRESS_SPACE_UNMAP, &hole);
}

static int protect_a_part(int fd, __u32 space, __u32 buffer)
{
	struct accel_address_space_protect part = {
		.space = space,
		.address = SOMEWHERE + PAGE,
		.size = PAGE,
	};

	(void)buffer;
	return call(fd, ACCEL_IOCTL_ADDRESS_SPACE_PROTECT, &part);
}

static int unmap_huge(int fd, __u32 space, int error)
{
	(void)error;
	return unmap(fd, space, SOMEWHERE, HUGE_PAGE);
}

static int destroy_made(int fd, __u32 space, __u32 buffer)
{
	(void)space;
	(void)buffer;
	return destroy_space(fd, made.handle);
}

/* Destroying must not fail for want of memory; only the copy in can. */
static int destroy_again(int fd, __u32 space, int error)
{
	(void)space;
	return error ? destroy_space(fd, made.handle) : 0;
}

static int make_settled(int fd, __u32 space, __u32 buffer)
{
	(void)space;
	(void)buffer;
	made.handle = create_space(fd);
	return map_zeroes(fd, made.handle, PAGE, SOMEWHERE);
}

static bool is_documented(int error)
{
	return !error || error == -ENOMEM || error == -EFAULT || error == -EAGAIN;
}

/* Returns at how many points the call can fail; -1 if it went wrong. */
static int sweep(struct __test_metadata *_metadata, int fd, __u32 space, __u32 buffer,
		 const struct step *step)
{
	int nth = open("/proc/thread-self/fail-nth", O_RDWR);
	__u64 before = settled_region(fd, LOCAL);

	for (int point = 1; point < 3000; point++) {
		int error = step->before ? step->before(fd, space, buffer) : 0;
		bool hit;

		EXPECT_EQ(0, error);
		settled_region(fd, LOCAL);
		arm(nth, point);
		error = step->call(fd, space, buffer);
		hit = disarm(nth);
		EXPECT_TRUE(is_documented(error))
			TH_LOG("point %d: %d", point, error);
		EXPECT_EQ(0, step->undo(fd, space, error));
		ASSERT_EQ(before, settled_region(fd, LOCAL))
			TH_LOG("point %d: %d", point, error);
		if (!hit) {
			EXPECT_EQ(0, error);
			close(nth);
			return point - 1;
		}
	}
	return -1;
}

#define EXPECT_SWEPT(...) do {								\
	const struct step step = { __VA_ARGS__ };					\
	int points = sweep(_metadata, self->fd, self->space, buffer.handle, &step);	\
											\
	EXPECT_LT(0, points);								\
	TH_LOG("%d points", points);							\
} while (0)

TEST_F_TIMEOUT(space, failing_allocations_leave_nothing, 240)
{
	struct accel_buffer_create buffer;

	ASSERT_EQ(0, set_up_injection());
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 3 * MIB, ACCEL_CREATE_CONTIGUOUS, &buffer));
	EXPECT_SWEPT(.call = make, .undo = unmake);
	EXPECT_SWEPT(.before = make_settled, .call = destroy_made, .undo = destroy_again);
	EXPECT_SWEPT(.call = make_mapping, .undo = unmake_mapping);
	EXPECT_SWEPT(.before = map_huge, .call = make_hole, .undo = unmap_huge);
	EXPECT_SWEPT(.before = map_huge, .call = protect_a_part, .undo = unmap_huge);
}

TEST_F(space, many_mappings_make_it_grow)
{
	const unsigned int count = 1000;

	for (unsigned int i = 0; i < count; i++)
		ASSERT_EQ(0, map_fixed(self->fd, self->space, self->window.buffer.handle, 0, PAGE,
				       SOMEWHERE + 2 * i * PAGE, READ_WRITE));
	for (unsigned int i = 0; i < count; i += 97) {
		EXPECT_EQ(0, fill_at(self->fd, self->space, SOMEWHERE + 2 * i * PAGE, PAGE, i));
		EXPECT_TRUE(all_bytes(self->window.memory, i & 0xff, PAGE));
	}
	EXPECT_EQ(0, unmap(self->fd, self->space, SOMEWHERE, 2 * count * PAGE));
	EXPECT_EQ(self->used, settled_region(self->fd, LOCAL));
}

TEST_HARNESS_MAIN
