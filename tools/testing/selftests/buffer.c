// SPDX-License-Identifier: GPL-2.0
/* Buffers: sizes, contents, handles, accounting and every refusal. */
#include "buffer.h"
#include "fixture.h"
#include "job.h"

#define MANY	10000

TEST_F(fake, sizes_are_rounded_to_pages)
{
	static const __u64 sizes[] = { 1, 2, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE - 7, 64ULL << 20 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct accel_buffer_create buffer;

		EXPECT_EQ(0, create(self->fd, sizes[i], &buffer));
		EXPECT_EQ((sizes[i] + PAGE - 1) & ~(__u64)(PAGE - 1), buffer.size);
		EXPECT_EQ((__u32)ACCEL_PLACEMENT_SYSTEM, buffer.placement);
		EXPECT_NE(0U, buffer.handle);
		EXPECT_EQ(0ULL, buffer.mmap_offset % PAGE);
		EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	}
}

TEST_F(fake, impossible_sizes_are_refused)
{
	static const __u64 unroundable[] = { 0, UINT64_MAX, UINT64_MAX - PAGE + 2 };
	static const __u64 too_much[] = { 1ULL << 50, 1ULL << 60, 1ULL << 63, -(__u64)PAGE };
	struct accel_buffer_create buffer;

	for (unsigned int i = 0; i < ARRAY_SIZE(unroundable); i++)
		EXPECT_EQ(-EINVAL, create(self->fd, unroundable[i], &buffer));
	for (unsigned int i = 0; i < ARRAY_SIZE(too_much); i++)
		EXPECT_EQ(-ENOMEM, create(self->fd, too_much[i], &buffer));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, out_fields_are_ignored_as_input)
{
	struct accel_buffer_create buffer = {
		.size = 1,
		.handle = UINT32_MAX,
		.mmap_offset = UINT64_MAX,
	};
	struct accel_buffer_info answer;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	answer = (struct accel_buffer_info){
		.handle = buffer.handle,
		.size = UINT64_MAX,
		.mmap_offset = UINT64_MAX,
		.placement = UINT32_MAX,
	};
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_INFO, &answer));
	EXPECT_EQ((__u64)PAGE, answer.size);
}

TEST_F(fake, a_failed_create_writes_nothing)
{
	struct accel_buffer_create buffer = { .size = 0, .handle = 7, .mmap_offset = 7 };

	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	EXPECT_EQ(7U, buffer.handle);
	EXPECT_EQ(7ULL, buffer.mmap_offset);
}

TEST_F(fake, a_create_that_cannot_answer_leaves_no_buffer)
{
	struct accel_buffer_create *argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	argument->size = PAGE;
	mprotect(argument, PAGE, PROT_READ);
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, argument));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, info_repeats_what_create_said)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_info answer;

	ASSERT_EQ(0, create(self->fd, 5 * PAGE, &buffer));
	EXPECT_EQ(0, buffer_info(self->fd, buffer.handle, &answer));
	EXPECT_EQ(buffer.size, answer.size);
	EXPECT_EQ(buffer.mmap_offset, answer.mmap_offset);
	EXPECT_EQ(buffer.placement, answer.placement);
	EXPECT_EQ(0U, answer.region);
}

TEST_F(fake, every_flag_is_eopnotsupp)
{
	__u32 handle = handle_of(self->fd, PAGE);

	ASSERT_NE(0U, handle);
	for (int bit = 0; bit < 32; bit++) {
		struct accel_buffer_create create = { .size = PAGE, .flags = 1U << bit };
		struct accel_buffer_info info = { .handle = handle, .flags = 1U << bit };
		struct accel_buffer_close close = { .handle = handle, .flags = 1U << bit };

		EXPECT_EQ(create.flags == ACCEL_CREATE_WRITE_COMBINED ? 0 : -EOPNOTSUPP,
			  call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &create));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_INFO, &info));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_CLOSE, &close));
	}
	EXPECT_EQ(0, close_buffer(self->fd, handle));
}

TEST_F(fake, regions_are_einval)
{
	for (int bit = 0; bit < 32; bit++) {
		struct accel_buffer_create create = { .size = PAGE, .region = 1U << bit };

		EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &create));
	}
}

TEST_F(fake, other_placements_are_eopnotsupp)
{
	static const __u32 placements[] = {
		ACCEL_PLACEMENT_CONTIGUOUS, ACCEL_PLACEMENT_IMPORTED, ACCEL_PLACEMENT_DEVICE,
		ACCEL_PLACEMENT_USER, 6, 0x100, 0x80000000, 0x80000001, UINT32_MAX,
	};
	struct accel_buffer_create buffer = { .size = 1, .placement = ACCEL_PLACEMENT_SYSTEM };

	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	for (unsigned int i = 0; i < ARRAY_SIZE(placements); i++) {
		buffer = (struct accel_buffer_create){ .size = 1, .placement = placements[i] };
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	}
}

TEST_F(fake, unknown_handles_are_enoent)
{
	__u32 handle = handle_of(self->fd, PAGE);
	const __u32 unknown[] = { 0, handle + 1, handle + 0x10000, 0x7fffffff, UINT32_MAX };
	struct accel_buffer_info answer;

	ASSERT_NE(0U, handle);
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-ENOENT, buffer_info(self->fd, unknown[i], &answer));
		EXPECT_EQ(-ENOENT, close_buffer(self->fd, unknown[i]));
	}
}

TEST_F(fake, a_closed_handle_is_enoent)
{
	__u32 handle = handle_of(self->fd, PAGE);
	struct accel_buffer_info answer;

	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(-ENOENT, close_buffer(self->fd, handle));
	EXPECT_EQ(-ENOENT, buffer_info(self->fd, handle, &answer));
}

TEST_F(fake, files_do_not_see_each_others_handles)
{
	int other = open_fake(SHARED);
	struct accel_buffer_create mine, theirs;
	struct accel_buffer_info answer;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, create(self->fd, PAGE, &mine));
	EXPECT_EQ(-ENOENT, buffer_info(other, mine.handle, &answer));
	EXPECT_EQ(-ENOENT, close_buffer(other, mine.handle));
	EXPECT_EQ(-EINVAL, map_error(other, mine.mmap_offset, PAGE, PROT_READ, MAP_SHARED));

	ASSERT_EQ(0, create(other, 2 * PAGE, &theirs));
	EXPECT_EQ(0, buffer_info(self->fd, mine.handle, &answer));
	EXPECT_EQ((__u64)PAGE, answer.size);
	close(other);
	EXPECT_EQ(0, close_buffer(self->fd, mine.handle));
}

TEST_F(fake, a_new_buffer_is_zeroed_even_on_used_memory)
{
	const size_t size = 64 * PAGE;
	struct accel_buffer_create buffer;

	for (int round = 0; round < 30; round++) {
		void *memory = create_mapped(self->fd, size, &buffer);

		ASSERT_NE(MAP_FAILED, memory);
		EXPECT_TRUE(all_bytes(memory, 0, size));
		memset(memory, 0xff, size);
		munmap(memory, size);
		EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	}
}

TEST_F(fake, a_large_buffer_is_zeroed_and_whole)
{
	const size_t size = 64UL << 20;
	struct accel_buffer_create buffer;
	unsigned int *memory = create_mapped(self->fd, size, &buffer);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (size_t page = 0; page < size / PAGE; page++) {
		EXPECT_EQ(0U, memory[page * PAGE / sizeof(*memory)]);
		memory[page * PAGE / sizeof(*memory)] = page;
	}
	for (size_t page = 0; page < size / PAGE; page++)
		EXPECT_EQ((unsigned int)page, memory[page * PAGE / sizeof(*memory)]);
	munmap(memory, size);
}

TEST_F(fake, write_combined_memory_holds_what_is_written)
{
	struct accel_buffer_create buffer = {
		.size = HUGE_PAGE + 3 * PAGE, .flags = ACCEL_CREATE_WRITE_COMBINED,
	};
	unsigned char *memory;
	__s64 job;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE(MAP_FAILED, (void *)memory);
	EXPECT_TRUE(all_bytes(memory, 0, buffer.size));
	memset(memory, 1, buffer.size);
	EXPECT_TRUE(all_bytes(memory, 1, buffer.size));
	job = submit_with(self->fd, ACCEL_FAKE_FILL, 2, buffer.handle);
	ASSERT_LT(0LL, job);
	EXPECT_EQ(0, wait_job(self->fd, job));
	EXPECT_TRUE(all_bytes(memory, 2, buffer.size));
	munmap(memory, buffer.size);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

static int sync_handle(int fd, __u32 handle, __u32 flags)
{
	struct accel_buffer_sync argument = { .handle = handle, .flags = flags };

	return call(fd, ACCEL_IOCTL_BUFFER_SYNC, &argument);
}

TEST_F(fake, what_the_cpu_does_can_be_framed)
{
	static const __u32 accesses[] = {
		ACCEL_BUFFER_SYNC_READ, ACCEL_BUFFER_SYNC_WRITE,
		ACCEL_BUFFER_SYNC_READ | ACCEL_BUFFER_SYNC_WRITE,
	};
	__u32 handle = handle_of(self->fd, PAGE);

	ASSERT_NE(0U, handle);
	for (unsigned int i = 0; i < ARRAY_SIZE(accesses); i++) {
		EXPECT_EQ(0, sync_handle(self->fd, handle, accesses[i]));
		EXPECT_EQ(0, sync_handle(self->fd, handle, accesses[i] | ACCEL_BUFFER_SYNC_END));
	}
	EXPECT_EQ(-EINVAL, sync_handle(self->fd, handle, 0));
	EXPECT_EQ(-EINVAL, sync_handle(self->fd, handle, ACCEL_BUFFER_SYNC_END));
	for (int bit = 3; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, sync_handle(self->fd, handle,
						   ACCEL_BUFFER_SYNC_READ | 1U << bit));
	EXPECT_EQ(-ENOENT, sync_handle(self->fd, handle + 1, ACCEL_BUFFER_SYNC_READ));
}

static int set_label(int fd, __u32 handle, __u32 flags, const char *text, size_t size)
{
	struct accel_buffer_label argument = { .handle = handle, .flags = flags };

	memcpy(argument.label, text, size);
	return call(fd, ACCEL_IOCTL_BUFFER_LABEL, &argument);
}

TEST_F(fake, a_label_is_printable_and_ends)
{
	__u32 handle = handle_of(self->fd, PAGE);
	char full[48];

	ASSERT_NE(0U, handle);
	memset(full, 'x', sizeof(full));
	EXPECT_EQ(0, set_label(self->fd, handle, 0, "weights ~1", 11));
	EXPECT_EQ(0, set_label(self->fd, handle, 0, "", 1));
	EXPECT_EQ(0, set_label(self->fd, handle, 0, full, sizeof(full) - 1));
	EXPECT_EQ(-EINVAL, set_label(self->fd, handle, 0, full, sizeof(full)));
	EXPECT_EQ(-EINVAL, set_label(self->fd, handle, 0, "a\nb", 4));
	EXPECT_EQ(-EINVAL, set_label(self->fd, handle, 0, "\x7f", 2));
	EXPECT_EQ(-EINVAL, set_label(self->fd, handle, 0, "\xc3\xa4", 3));
	EXPECT_EQ(-ENOENT, set_label(self->fd, handle + 1, 0, "a", 2));
	for (int bit = 0; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, set_label(self->fd, handle, 1U << bit, "a", 2));
}

TEST_F_TIMEOUT(fake, thousands_of_create_and_close, 600)
{
	struct accel_buffer_create buffer;

	for (int i = 0; i < times(MANY); i++) {
		ASSERT_EQ(0, create(self->fd, PAGE, &buffer));
		ASSERT_NE(0U, buffer.handle);
		ASSERT_EQ(0, close_buffer(self->fd, buffer.handle));
	}
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

static int compare_handles(const void *a, const void *b)
{
	const __u32 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

TEST_F_TIMEOUT(fake, thousands_of_live_handles_differ, 600)
{
	static __u32 handles[MANY];
	const int many = times(MANY);

	for (int i = 0; i < many; i++) {
		handles[i] = handle_of(self->fd, 1);
		ASSERT_NE(0U, handles[i]);
	}
	EXPECT_EQ((__u64)many * PAGE, settled_memory(self->fd, many * PAGE));
	qsort(handles, many, sizeof(*handles), compare_handles);
	for (int i = 1; i < many; i++)
		ASSERT_NE(handles[i - 1], handles[i]);
	for (int i = 0; i < many; i += 2)
		ASSERT_EQ(0, close_buffer(self->fd, handles[i]));
	EXPECT_EQ((__u64)many / 2 * PAGE, memory_of(self->fd).used);
}

TEST_F(fake, closing_the_file_frees_its_buffers)
{
	int other = open_fake(SHARED);
	struct accel_buffer_create buffer;

	ASSERT_LE(0, other);
	ASSERT_EQ(0ULL, settled_memory(self->fd, 0));
	for (int i = 1; i <= 10; i++) {
		ASSERT_EQ(0, create(other, PAGE, &buffer));
		EXPECT_EQ((__u64)i * PAGE, memory_of(self->fd).used);
	}
	close(other);
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_mapping_keeps_its_buffer_accounted)
{
	struct accel_buffer_create buffer;
	void *memory = create_mapped(self->fd, 3 * PAGE, &buffer);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(3ULL * PAGE, memory_of(self->fd).used);
	munmap(memory, 3 * PAGE);
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

/* Puts the caller into a memory cgroup with a limit of @bytes. */
static int limit_memory(const char *bytes)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file("/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir("/cgroup/accel-selftest", 0755) && errno != EEXIST)
		return -errno;
	return write_file("/cgroup/accel-selftest/memory.max", bytes) ?:
	       write_file("/cgroup/accel-selftest/cgroup.procs", pid);
}

TEST_F(fake, a_memory_cgroup_bounds_buffers)
{
	pid_t child = fork();

	if (!child) {
		struct accel_buffer_create buffer;

		if (limit_memory("16M"))
			_exit(1);
		_exit(create(self->fd, 64 << 20, &buffer) == -ENOMEM ? 42 : 2);
	}
	EXPECT_EQ(42, exit_code(child));
	rmdir("/cgroup/accel-selftest");
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

/* Creates, looks at and closes until told to stop. */
static void *churn(void *argument)
{
	int fd = *(int *)argument;

	for (int i = 0; i < times(2000); i++) {
		struct accel_buffer_info answer;
		__u32 handle = handle_of(fd, PAGE);

		if (!handle || buffer_info(fd, handle, &answer) || close_buffer(fd, handle))
			return argument;
	}
	return NULL;
}

TEST_F_TIMEOUT(fake, threads_share_the_handles_of_a_file, 600)
{
	pthread_t threads[4];
	void *failed;

	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, churn, &self->fd));
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

/* Closes one handle again and again; counts how often that worked. */
static void *close_same(void *argument)
{
	struct accel_buffer_close *close = argument;
	intptr_t closed = 0;

	for (int i = 0; i < 100; i++)
		closed += !close_buffer(close->flags, close->handle);
	return (void *)closed;
}

TEST_F(fake, a_handle_is_closed_once_whoever_races)
{
	for (int round = 0; round < 20; round++) {
		struct accel_buffer_close close = { handle_of(self->fd, PAGE), self->fd };
		pthread_t thread;
		intptr_t here, there;
		void *result;

		ASSERT_EQ(0, pthread_create(&thread, NULL, close_same, &close));
		here = (intptr_t)close_same(&close);
		pthread_join(thread, &result);
		there = (intptr_t)result;
		EXPECT_EQ((intptr_t)1, here + there);
	}
}

TEST_HARNESS_MAIN
