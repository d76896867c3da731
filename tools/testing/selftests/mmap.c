// SPDX-License-Identifier: GPL-2.0
/* Mappings of buffers: ranges, sharing, splitting, moving, forking, files' modes. */
#include <sys/resource.h>
#include <sys/uio.h>

#include "buffer.h"
#include "device.h"
#include "job.h"

#define PARTS	8
#define UNIT	(variant->unit)
#define SIZE	(PARTS * UNIT)

FIXTURE(mapping)
{
	int fd;
	struct accel_buffer_create buffer;
	unsigned char *memory;	/* part i is filled with i + 1 */
};

FIXTURE_VARIANT(mapping)
{
	size_t unit;	/* bytes of a part */
	bool is_huge;
	int rounds;	/* at most, of a test with many */
};

FIXTURE_VARIANT_ADD(mapping, of_pages)
{
	.unit = PAGE,
	.rounds = 1000,
};

/* Two parts to a huge page, which is split by nearly everything that is done to a part. */
FIXTURE_VARIANT_ADD(mapping, of_huge_pages)
{
	.unit = HUGE_PAGE / 2,
	.is_huge = true,
	.rounds = 20,
};

FIXTURE_SETUP(mapping)
{
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	self->memory = create_mapped(self->fd, SIZE, &self->buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->memory);
	for (int part = 0; part < PARTS; part++)
		memset(self->memory + part * UNIT, part + 1, UNIT);
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->fd);
}

/* Whether memory holds @count parts as the fixture filled them, from part @first on. */
static bool holds_parts(const unsigned char *memory, int first, int count, size_t unit)
{
	for (int part = 0; part < count; part++)
		if (!all_bytes(memory + part * unit, first + part + 1, unit))
			return false;
	return true;
}

#define holds(memory, first, count)	holds_parts(memory, first, count, UNIT)

/* Whether an access to @at is a SIGSEGV; tried in a child. */
static bool faults(unsigned char *at, bool write)
{
	pid_t child = fork();

	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		if (write)
			__atomic_store_n(at, 1, __ATOMIC_RELAXED);
		else
			(void)__atomic_load_n(at, __ATOMIC_RELAXED);
		_exit(0);
	}
	return death_signal(child) == SIGSEGV;
}

TEST_F(mapping, any_range_inside_can_be_mapped)
{
	const __u64 offset = self->buffer.mmap_offset;

	for (int first = 0; first < PARTS; first++) {
		for (int count = 1; count <= PARTS - first; count++) {
			void *part = map_at(self->fd, offset + first * UNIT, count * UNIT);

			ASSERT_NE(MAP_FAILED, part);
			EXPECT_TRUE(holds(part, first, count));
			munmap(part, count * UNIT);
		}
	}
}

TEST_F(mapping, a_range_beyond_the_end_is_einval)
{
	const __u64 offset = self->buffer.mmap_offset;

	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, SIZE + 1, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, 2 * SIZE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + UNIT, SIZE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + SIZE, UNIT, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + SIZE - UNIT, 2 * UNIT, PROT_READ,
				     MAP_SHARED));
}

TEST_F(mapping, an_offset_of_no_buffer_is_einval)
{
	struct accel_buffer_create closed;

	ASSERT_EQ(0, create(self->fd, UNIT, &closed));
	ASSERT_EQ(0, close_buffer(self->fd, closed.handle));
	EXPECT_EQ(-EINVAL, map_error(self->fd, closed.mmap_offset, UNIT, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, 1ULL << 42, UNIT, PROT_READ, MAP_SHARED));
}

TEST_F(mapping, private_mappings_are_einval)
{
	const __u64 offset = self->buffer.mmap_offset;

	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, SIZE, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE));
}

TEST_F(mapping, two_mappings_see_the_same_memory)
{
	unsigned char *second = map(self->fd, &self->buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)second);
	EXPECT_TRUE(holds(second, 0, PARTS));
	second[3 * UNIT + 5] = 99;
	EXPECT_EQ(99, self->memory[3 * UNIT + 5]);
	munmap(self->memory, SIZE);
	EXPECT_EQ(99, second[3 * UNIT + 5]);
}

TEST_F(mapping, populated_and_locked_mappings_work)
{
	unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_POPULATE | MAP_LOCKED, self->fd,
				     self->buffer.mmap_offset);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_TRUE(holds(memory, 0, PARTS));
}

TEST_F(mapping, contents_survive_the_handle)
{
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_TRUE(holds(self->memory, 0, PARTS));
	memset(self->memory, 0x5a, SIZE);
	EXPECT_TRUE(all_bytes(self->memory, 0x5a, SIZE));
}

TEST_F(mapping, contents_survive_the_file)
{
	close(self->fd);
	EXPECT_TRUE(holds(self->memory, 0, PARTS));
	memset(self->memory, 0x5a, SIZE);
	EXPECT_TRUE(all_bytes(self->memory, 0x5a, SIZE));
	munmap(self->memory, SIZE);
	self->fd = open_fake(SHARED);
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, untouched_pages_survive_the_file)
{
	unsigned char *second = map(self->fd, &self->buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)second);
	munmap(self->memory, SIZE);
	close(self->fd);
	EXPECT_TRUE(holds(second, 0, PARTS));
}

TEST_F(mapping, a_split_mapping_keeps_both_ends)
{
	EXPECT_EQ(0, munmap(self->memory + 3 * UNIT, 2 * UNIT));
	EXPECT_TRUE(holds(self->memory, 0, 3));
	EXPECT_TRUE(holds(self->memory + 5 * UNIT, 5, 3));
	EXPECT_TRUE(faults(self->memory + 3 * UNIT, false));
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_EQ(0, munmap(self->memory, 3 * UNIT));
	EXPECT_TRUE(holds(self->memory + 5 * UNIT, 5, 3));
	EXPECT_EQ((__u64)SIZE, settled_memory(self->fd, SIZE));
	EXPECT_EQ(0, munmap(self->memory + 5 * UNIT, 3 * UNIT));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, a_moved_mapping_keeps_its_memory)
{
	unsigned char *room = anonymous(SIZE);
	unsigned char *moved = mremap(self->memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				      room);

	ASSERT_EQ((void *)room, (void *)moved);
	EXPECT_TRUE(holds(moved, 0, PARTS));
	EXPECT_TRUE(faults(self->memory, false));
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_EQ(0, munmap(moved, SIZE));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, a_part_can_be_moved)
{
	unsigned char *room = anonymous(2 * UNIT);
	unsigned char *moved = mremap(self->memory + 2 * UNIT, 2 * UNIT, 2 * UNIT,
				      MREMAP_MAYMOVE | MREMAP_FIXED, room);

	ASSERT_EQ((void *)room, (void *)moved);
	EXPECT_TRUE(holds(moved, 2, 2));
	EXPECT_TRUE(holds(self->memory, 0, 2));
	EXPECT_TRUE(holds(self->memory + 4 * UNIT, 4, 4));
}

TEST_F(mapping, a_mapping_can_shrink)
{
	EXPECT_EQ((void *)self->memory, mremap(self->memory, SIZE, 2 * UNIT, 0));
	EXPECT_TRUE(holds(self->memory, 0, 2));
	EXPECT_TRUE(faults(self->memory + 2 * UNIT, false));
}

TEST_F(mapping, a_mapping_cannot_grow)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, SIZE, SIZE + UNIT, 0));
	EXPECT_TRUE(holds(self->memory, 0, PARTS));
}

TEST_F(mapping, a_shrunk_mapping_cannot_grow_past_its_buffer)
{
	ASSERT_EQ((void *)self->memory, mremap(self->memory, SIZE, UNIT, 0));
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, UNIT, SIZE + UNIT, MREMAP_MAYMOVE));
	EXPECT_TRUE(holds(self->memory, 0, 1));
}

TEST_F(mapping, a_duplicate_by_mremap_is_refused_or_the_same_memory)
{
	unsigned char *twin = mremap(self->memory, 0, SIZE, MREMAP_MAYMOVE);

	if (twin != MAP_FAILED) {
		EXPECT_TRUE(holds(twin, 0, PARTS));
		twin[0] = 77;
		EXPECT_EQ(77, self->memory[0]);
		munmap(twin, SIZE);
	}
	EXPECT_TRUE(holds(self->memory + UNIT, 1, PARTS - 1));
}

TEST_F(mapping, protection_can_be_taken_and_given_back)
{
	EXPECT_EQ(0, mprotect(self->memory + UNIT, UNIT, PROT_READ));
	EXPECT_TRUE(faults(self->memory + UNIT, true));
	EXPECT_FALSE(faults(self->memory + UNIT, false));
	EXPECT_FALSE(faults(self->memory, true));
	EXPECT_EQ(0, mprotect(self->memory + UNIT, UNIT, PROT_NONE));
	EXPECT_TRUE(faults(self->memory + UNIT, false));
	EXPECT_EQ(0, mprotect(self->memory, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(holds(self->memory + UNIT, 1, PARTS - 1));
}

TEST_F(mapping, a_forked_child_shares_the_memory)
{
	pid_t child = fork();

	if (!child) {
		bool right = holds(self->memory, 0, PARTS);

		memset(self->memory + UNIT, 0x33, UNIT);
		_exit(right ? 42 : 1);
	}
	EXPECT_EQ(42, exit_code(child));
	EXPECT_TRUE(all_bytes(self->memory + UNIT, 0x33, UNIT));
}

TEST_F(mapping, a_forked_child_keeps_the_memory_alive)
{
	int gate[2];
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = fork();
	if (!child) {
		char byte;

		close(gate[1]);
		close(self->fd);
		if (read(gate[0], &byte, 1) < 0)
			_exit(2);
		_exit(holds(self->memory, 0, PARTS) ? 42 : 1);
	}
	munmap(self->memory, SIZE);
	close_buffer(self->fd, self->buffer.handle);
	EXPECT_EQ((__u64)SIZE, settled_memory(self->fd, SIZE));
	close(gate[1]);
	EXPECT_EQ(42, exit_code(child));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, dropped_pages_come_back_with_their_contents)
{
	EXPECT_EQ(0, madvise(self->memory, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(holds(self->memory, 0, PARTS));
}

TEST_F(mapping, the_device_and_the_mapping_agree_after_any_advice)
{
	static const int advices[] = {
		MADV_REMOVE, MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE,
		MADV_COLLAPSE, MADV_MERGEABLE, MADV_WIPEONFORK, MADV_DONTFORK, MADV_DOFORK,
		MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(advices); i++) {
		__s64 job;

		madvise(self->memory, SIZE, advices[i]);
		job = submit_with(self->fd, ACCEL_FAKE_FILL, i + 1, self->buffer.handle);
		ASSERT_LT(0LL, job);
		EXPECT_EQ(0, wait_job(self->fd, job));
		EXPECT_TRUE(all_bytes(self->memory, i + 1, SIZE))
			TH_LOG("madvise %d", advices[i]);
	}
}

TEST_F(mapping, the_kernel_can_read_and_write_it)
{
	unsigned char copy[PAGE];
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ((ssize_t)PAGE, write(ends[1], self->memory + UNIT, PAGE));
	EXPECT_EQ((ssize_t)PAGE, read(ends[0], copy, PAGE));
	EXPECT_TRUE(all_bytes(copy, 2, PAGE));
	EXPECT_EQ((ssize_t)PAGE, write(ends[1], copy, PAGE));
	EXPECT_EQ((ssize_t)PAGE, read(ends[0], self->memory + 4 * UNIT, PAGE));
	EXPECT_TRUE(all_bytes(self->memory + 4 * UNIT, 2, PAGE));
}

TEST_F(mapping, its_pages_can_be_pinned)
{
	struct iovec page = { self->memory + 2 * UNIT, PAGE };
	unsigned char copy[PAGE];
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ((ssize_t)PAGE, vmsplice(ends[1], &page, 1, 0));
	munmap(self->memory, SIZE);
	close_buffer(self->fd, self->buffer.handle);
	close(self->fd);
	EXPECT_EQ((ssize_t)PAGE, read(ends[0], copy, PAGE));
	EXPECT_TRUE(all_bytes(copy, 3, PAGE));
}

/* How many page faults it takes to write to each page. */
static long faults_of(unsigned char *memory, size_t size)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	for (size_t at = 0; at < size; at += PAGE)
		__atomic_store_n(memory + at, memory[at], __ATOMIC_RELAXED);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_minflt - before.ru_minflt;
}

/* Address space for @size bytes, at a multiple of a huge page; one such page in front is free. */
static unsigned char *huge_room(size_t size)
{
	unsigned long room = (unsigned long)anonymous(size + 2 * HUGE_PAGE) + HUGE_PAGE;

	return (void *)((room + HUGE_PAGE - 1) & -HUGE_PAGE);
}

TEST_F(mapping, a_huge_page_takes_one_fault)
{
	/* The kernel finds addresses that suit, but not for 32-bit programs. */
	bool chosen = sizeof(void *) == 8;
	unsigned char *memory = mmap(chosen ? NULL : huge_room(SIZE), SIZE,
				     PROT_READ | PROT_WRITE, MAP_SHARED | (chosen ? 0 : MAP_FIXED),
				     self->fd, self->buffer.mmap_offset);
	long expected = variant->is_huge ? SIZE / HUGE_PAGE : 0;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_EQ(expected, faults_of(memory, SIZE));
	EXPECT_EQ(0, munmap(memory + SIZE - UNIT, UNIT));
	EXPECT_TRUE(holds(memory, 0, PARTS - 1));
	EXPECT_EQ(0, munmap(memory, SIZE - UNIT));
}

TEST_F(mapping, an_address_that_does_not_suit_huge_pages_works)
{
	unsigned char *at = huge_room(SIZE) - PAGE;
	unsigned char *memory = mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				     self->fd, self->buffer.mmap_offset);
	long expected = variant->is_huge ? SIZE / PAGE : 0;

	ASSERT_EQ((void *)at, (void *)memory);
	EXPECT_EQ(expected, faults_of(memory, SIZE));
	EXPECT_TRUE(holds(memory, 0, PARTS));
	EXPECT_EQ(0, munmap(memory, SIZE));
}

TEST_F(mapping, a_read_only_file_maps_for_reading_only)
{
	int fd = open_node("accel", fake_index(SHARED), O_RDONLY);
	struct accel_buffer_create buffer;
	void *memory;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, create(fd, UNIT, &buffer));
	EXPECT_EQ(-EACCES, map_error(fd, buffer.mmap_offset, UNIT, PROT_READ | PROT_WRITE,
				     MAP_SHARED));
	memory = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, buffer.mmap_offset);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_TRUE(all_bytes(memory, 0, UNIT));
	EXPECT_EQ(-1, mprotect(memory, UNIT, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	close(fd);
}

TEST_F(mapping, the_monitor_has_no_memory)
{
	int monitor = open_fake_monitor(SHARED);

	ASSERT_LE(0, monitor);
	EXPECT_EQ(-ENODEV, map_error(monitor, 0, UNIT, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENODEV, map_error(monitor, self->buffer.mmap_offset, UNIT, PROT_READ,
				     MAP_SHARED));
	close(monitor);
}

struct map_work {
	int fd;
	__u64 offset;
	size_t unit;
	int rounds;
};

/* Maps, touches and unmaps. */
static void *map_and_touch(void *argument)
{
	const struct map_work *work = argument;

	for (int i = 0; i < work->rounds; i++) {
		unsigned char *memory = map_at(work->fd, work->offset, PARTS * work->unit);

		if (memory == MAP_FAILED || !holds_parts(memory, 0, PARTS, work->unit))
			return argument;
		munmap(memory, PARTS * work->unit);
	}
	return NULL;
}

TEST_F_TIMEOUT(mapping, threads_map_the_same_buffer, 600)
{
	struct map_work work = {
		self->fd, self->buffer.mmap_offset, UNIT, times(variant->rounds),
	};
	pthread_t threads[3];
	void *failed;

	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_touch, &work));
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
}

TEST_HARNESS_MAIN
