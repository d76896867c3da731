// SPDX-License-Identifier: GPL-2.0
/* Mappings of buffers: ranges, sharing, splitting, moving, forking, files' modes. */
#include <sys/uio.h>

#include "buffer.h"
#include "device.h"
#include "job.h"

#define PAGES	8
#define SIZE	(PAGES * PAGE)

FIXTURE(mapping)
{
	int fd;
	struct accel_buffer_create buffer;
	unsigned char *memory;	/* page i is filled with i + 1 */
};

FIXTURE_SETUP(mapping)
{
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	self->memory = create_mapped(self->fd, SIZE, &self->buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->memory);
	for (int page = 0; page < PAGES; page++)
		memset(self->memory + page * PAGE, page + 1, PAGE);
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->fd);
}

/* Whether memory holds @count pages as the fixture filled them, from page @first on. */
static bool holds(const unsigned char *memory, int first, int count)
{
	for (int page = 0; page < count; page++)
		if (!all_bytes(memory + page * PAGE, first + page + 1, PAGE))
			return false;
	return true;
}

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

	for (int first = 0; first < PAGES; first++) {
		for (int count = 1; count <= PAGES - first; count++) {
			void *part = map_at(self->fd, offset + first * PAGE, count * PAGE);

			ASSERT_NE(MAP_FAILED, part);
			EXPECT_TRUE(holds(part, first, count));
			munmap(part, count * PAGE);
		}
	}
}

TEST_F(mapping, a_range_beyond_the_end_is_einval)
{
	const __u64 offset = self->buffer.mmap_offset;

	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, SIZE + 1, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, 2 * SIZE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + PAGE, SIZE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + SIZE, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + SIZE - PAGE, 2 * PAGE, PROT_READ,
				     MAP_SHARED));
}

TEST_F(mapping, an_offset_of_no_buffer_is_einval)
{
	struct accel_buffer_create closed;

	ASSERT_EQ(0, create(self->fd, PAGE, &closed));
	ASSERT_EQ(0, close_buffer(self->fd, closed.handle));
	EXPECT_EQ(-EINVAL, map_error(self->fd, closed.mmap_offset, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, 1ULL << 42, PAGE, PROT_READ, MAP_SHARED));
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
	EXPECT_TRUE(holds(second, 0, PAGES));
	second[3 * PAGE + 5] = 99;
	EXPECT_EQ(99, self->memory[3 * PAGE + 5]);
	munmap(self->memory, SIZE);
	EXPECT_EQ(99, second[3 * PAGE + 5]);
}

TEST_F(mapping, populated_and_locked_mappings_work)
{
	unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_POPULATE | MAP_LOCKED, self->fd,
				     self->buffer.mmap_offset);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_TRUE(holds(memory, 0, PAGES));
}

TEST_F(mapping, contents_survive_the_handle)
{
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_TRUE(holds(self->memory, 0, PAGES));
	memset(self->memory, 0x5a, SIZE);
	EXPECT_TRUE(all_bytes(self->memory, 0x5a, SIZE));
}

TEST_F(mapping, contents_survive_the_file)
{
	close(self->fd);
	EXPECT_TRUE(holds(self->memory, 0, PAGES));
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
	EXPECT_TRUE(holds(second, 0, PAGES));
}

TEST_F(mapping, a_split_mapping_keeps_both_ends)
{
	EXPECT_EQ(0, munmap(self->memory + 3 * PAGE, 2 * PAGE));
	EXPECT_TRUE(holds(self->memory, 0, 3));
	EXPECT_TRUE(holds(self->memory + 5 * PAGE, 5, 3));
	EXPECT_TRUE(faults(self->memory + 3 * PAGE, false));
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_EQ(0, munmap(self->memory, 3 * PAGE));
	EXPECT_TRUE(holds(self->memory + 5 * PAGE, 5, 3));
	EXPECT_EQ((__u64)SIZE, settled_memory(self->fd, SIZE));
	EXPECT_EQ(0, munmap(self->memory + 5 * PAGE, 3 * PAGE));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, a_moved_mapping_keeps_its_memory)
{
	unsigned char *room = anonymous(SIZE);
	unsigned char *moved = mremap(self->memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				      room);

	ASSERT_EQ((void *)room, (void *)moved);
	EXPECT_TRUE(holds(moved, 0, PAGES));
	EXPECT_TRUE(faults(self->memory, false));
	EXPECT_EQ(0, close_buffer(self->fd, self->buffer.handle));
	EXPECT_EQ(0, munmap(moved, SIZE));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(mapping, a_part_can_be_moved)
{
	unsigned char *room = anonymous(2 * PAGE);
	unsigned char *moved = mremap(self->memory + 2 * PAGE, 2 * PAGE, 2 * PAGE,
				      MREMAP_MAYMOVE | MREMAP_FIXED, room);

	ASSERT_EQ((void *)room, (void *)moved);
	EXPECT_TRUE(holds(moved, 2, 2));
	EXPECT_TRUE(holds(self->memory, 0, 2));
	EXPECT_TRUE(holds(self->memory + 4 * PAGE, 4, 4));
}

TEST_F(mapping, a_mapping_can_shrink)
{
	EXPECT_EQ((void *)self->memory, mremap(self->memory, SIZE, 2 * PAGE, 0));
	EXPECT_TRUE(holds(self->memory, 0, 2));
	EXPECT_TRUE(faults(self->memory + 2 * PAGE, false));
}

TEST_F(mapping, a_mapping_cannot_grow)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, SIZE, SIZE + PAGE, 0));
	EXPECT_TRUE(holds(self->memory, 0, PAGES));
}

TEST_F(mapping, a_shrunk_mapping_cannot_grow_past_its_buffer)
{
	ASSERT_EQ((void *)self->memory, mremap(self->memory, SIZE, PAGE, 0));
	EXPECT_EQ(MAP_FAILED, mremap(self->memory, PAGE, SIZE + PAGE, MREMAP_MAYMOVE));
	EXPECT_TRUE(holds(self->memory, 0, 1));
}

TEST_F(mapping, a_duplicate_by_mremap_is_refused_or_the_same_memory)
{
	unsigned char *twin = mremap(self->memory, 0, SIZE, MREMAP_MAYMOVE);

	if (twin != MAP_FAILED) {
		EXPECT_TRUE(holds(twin, 0, PAGES));
		twin[0] = 77;
		EXPECT_EQ(77, self->memory[0]);
		munmap(twin, SIZE);
	}
	EXPECT_TRUE(holds(self->memory + PAGE, 1, PAGES - 1));
}

TEST_F(mapping, protection_can_be_taken_and_given_back)
{
	EXPECT_EQ(0, mprotect(self->memory + PAGE, PAGE, PROT_READ));
	EXPECT_TRUE(faults(self->memory + PAGE, true));
	EXPECT_FALSE(faults(self->memory + PAGE, false));
	EXPECT_FALSE(faults(self->memory, true));
	EXPECT_EQ(0, mprotect(self->memory + PAGE, PAGE, PROT_NONE));
	EXPECT_TRUE(faults(self->memory + PAGE, false));
	EXPECT_EQ(0, mprotect(self->memory, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(holds(self->memory + PAGE, 1, PAGES - 1));
}

TEST_F(mapping, a_forked_child_shares_the_memory)
{
	pid_t child = fork();

	if (!child) {
		bool right = holds(self->memory, 0, PAGES);

		memset(self->memory + PAGE, 0x33, PAGE);
		_exit(right ? 42 : 1);
	}
	EXPECT_EQ(42, exit_code(child));
	EXPECT_TRUE(all_bytes(self->memory + PAGE, 0x33, PAGE));
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
		_exit(holds(self->memory, 0, PAGES) ? 42 : 1);
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
	EXPECT_TRUE(holds(self->memory, 0, PAGES));
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
	EXPECT_EQ((ssize_t)PAGE, write(ends[1], self->memory + PAGE, PAGE));
	EXPECT_EQ((ssize_t)PAGE, read(ends[0], copy, PAGE));
	EXPECT_TRUE(all_bytes(copy, 2, PAGE));
	EXPECT_EQ((ssize_t)PAGE, write(ends[1], copy, PAGE));
	EXPECT_EQ((ssize_t)PAGE, read(ends[0], self->memory + 4 * PAGE, PAGE));
	EXPECT_TRUE(all_bytes(self->memory + 4 * PAGE, 2, PAGE));
}

TEST_F(mapping, its_pages_can_be_pinned)
{
	struct iovec page = { self->memory + 2 * PAGE, PAGE };
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

TEST_F(mapping, a_read_only_file_maps_for_reading_only)
{
	int fd = open_node("accel", fake_index(SHARED), O_RDONLY);
	struct accel_buffer_create buffer;
	void *memory;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, create(fd, PAGE, &buffer));
	EXPECT_EQ(-EACCES, map_error(fd, buffer.mmap_offset, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED));
	memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, buffer.mmap_offset);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	EXPECT_EQ(-1, mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	close(fd);
}

TEST_F(mapping, the_monitor_has_no_memory)
{
	int monitor = open_fake_monitor(SHARED);

	ASSERT_LE(0, monitor);
	EXPECT_EQ(-ENODEV, map_error(monitor, 0, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENODEV, map_error(monitor, self->buffer.mmap_offset, PAGE, PROT_READ,
				     MAP_SHARED));
	close(monitor);
}

struct map_work {
	int fd;
	__u64 offset;
};

/* Maps, touches and unmaps. */
static void *map_and_touch(void *argument)
{
	const struct map_work *work = argument;

	for (int i = 0; i < 200; i++) {
		unsigned char *memory = map_at(work->fd, work->offset, SIZE);

		if (memory == MAP_FAILED || !holds(memory, 0, PAGES))
			return argument;
		munmap(memory, SIZE);
	}
	return NULL;
}

TEST_F_TIMEOUT(mapping, threads_map_the_same_buffer, 120)
{
	struct map_work work = { self->fd, self->buffer.mmap_offset };
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
