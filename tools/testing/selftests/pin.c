// SPDX-License-Identifier: GPL-2.0
/* Buffers made of the program's own memory. */
#include <sys/resource.h>
#include <sys/uio.h>

#include "fixture.h"
#include "job.h"
#include "share.h"

#define SIZE	(4 * PAGE)

static int pin(int fd, const void *memory, __u64 size, __u32 flags, __u32 *handle)
{
	struct accel_buffer_pin argument = {
		.address = user(memory), .size = size, .flags = flags,
	};
	int error = call(fd, ACCEL_IOCTL_BUFFER_PIN, &argument);

	if (handle)
		*handle = argument.handle;
	return error;
}

/* Has the device fill a buffer; returns what the submission or the job says. */
static int fill(int fd, __u32 handle, __u8 value)
{
	__s64 job = submit_with(fd, ACCEL_FAKE_FILL, value, handle);

	return job < 0 ? job : wait_job(fd, job);
}

TEST_F(fake, the_device_writes_to_the_memory_of_the_program)
{
	unsigned char *memory = anonymous(SIZE);
	struct accel_buffer_info answer;
	__u32 handle;

	ASSERT_EQ(0, pin(self->fd, memory + PAGE, 2 * PAGE, 0, &handle));
	ASSERT_NE(0U, handle);
	ASSERT_EQ(0, buffer_info(self->fd, handle, &answer));
	EXPECT_EQ(2ULL * PAGE, answer.size);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_USER, answer.placement);
	EXPECT_EQ(0, fill(self->fd, handle, 7));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE));
	EXPECT_TRUE(all_bytes(memory + PAGE, 7, 2 * PAGE));
	EXPECT_TRUE(all_bytes(memory + 3 * PAGE, 0, PAGE));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, a_buffer_keeps_pages_that_are_unmapped)
{
	unsigned char *memory = anonymous(SIZE), *again;
	int ends[2];
	struct iovec all = { memory, SIZE };
	unsigned char copy[SIZE];
	__u32 handle;

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, 0, &handle));
	/* The pipe shows what is in the pages once nobody has them mapped. */
	ASSERT_EQ((ssize_t)SIZE, vmsplice(ends[1], &all, 1, 0));
	munmap(memory, SIZE);
	again = mmap(memory, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ((void *)memory, (void *)again);
	EXPECT_EQ(0, fill(self->fd, handle, 9));
	EXPECT_TRUE(all_bytes(again, 0, SIZE));
	EXPECT_EQ((ssize_t)SIZE, read(ends[0], copy, SIZE));
	EXPECT_TRUE(all_bytes(copy, 9, SIZE));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
}

TEST_F(fake, files_in_memory_and_huge_pages_can_be_pinned)
{
	int file = memfd_create("pin", MFD_CLOEXEC);
	unsigned char *memory;
	__u32 handle;

	ASSERT_EQ(0, ftruncate(file, 2 * HUGE_PAGE));
	memory = map_at(file, 0, 2 * HUGE_PAGE);
	ASSERT_NE(MAP_FAILED, (void *)memory);
	madvise(memory, 2 * HUGE_PAGE, MADV_HUGEPAGE);
	ASSERT_EQ(0, pin(self->fd, memory, 2 * HUGE_PAGE, 0, &handle));
	EXPECT_EQ(0, fill(self->fd, handle, 3));
	EXPECT_TRUE(all_bytes(memory, 3, 2 * HUGE_PAGE));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	munmap(memory, 2 * HUGE_PAGE);
	close(file);
}

TEST_F(fake, the_memory_of_another_buffer_can_be_pinned)
{
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, SIZE, &buffer);
	__u32 handle;

	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, 0, &handle));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0, fill(self->fd, handle, 4));
	EXPECT_TRUE(all_bytes(memory, 4, SIZE));
	munmap(memory, SIZE);
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, it_cannot_be_mapped)
{
	struct accel_buffer_info answer;
	__u32 handle;

	ASSERT_EQ(0, pin(self->fd, anonymous(SIZE), SIZE, 0, &handle));
	ASSERT_EQ(0, buffer_info(self->fd, handle, &answer));
	EXPECT_EQ(-EOPNOTSUPP, map_error(self->fd, answer.mmap_offset, SIZE, PROT_READ,
					 MAP_SHARED));
}

TEST_F(fake, it_can_be_exported)
{
	unsigned char *memory = anonymous(SIZE);
	struct accel_buffer_import imported;
	int buf, other = open_fake(EXCLUSIVE);
	__u32 handle;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, 0, &handle));
	buf = export_buffer(self->fd, handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(-EOPNOTSUPP, map_error(buf, 0, SIZE, PROT_READ, MAP_SHARED));
	ASSERT_EQ(0, import_buffer(other, buf, &imported));
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_USER, imported.placement);
	EXPECT_EQ(0, fill(other, imported.handle, 5));
	EXPECT_TRUE(all_bytes(memory, 5, SIZE));
	close(buf);
	close(other);
}

TEST_F(fake, what_is_read_only_is_not_written_to)
{
	unsigned char *memory = anonymous(SIZE);
	struct job job;
	__u32 handle;

	memset(memory, 1, SIZE);
	ASSERT_EQ(0, mprotect(memory, SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, pin(self->fd, memory, SIZE, 0, NULL));
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, ACCEL_BUFFER_PIN_READ_ONLY, &handle));
	EXPECT_EQ(-EACCES, fill(self->fd, handle, 2));
	EXPECT_EQ(-EACCES, export_buffer(self->fd, handle));
	prepare(&job, ACCEL_FAKE_NOP, 0, handle);
	job.buffer.flags = ACCEL_BUFFER_READ;
	EXPECT_EQ(0, submit_prepared(self->fd, &job));
	EXPECT_EQ(0, wait_job(self->fd, job.entry.job));
	EXPECT_TRUE(all_bytes(memory, 1, SIZE));
}

TEST_F(fake, bad_ranges_are_refused)
{
	unsigned char *memory = anonymous(SIZE);

	EXPECT_EQ(-EINVAL, pin(self->fd, memory, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, pin(self->fd, memory, PAGE - 1, 0, NULL));
	EXPECT_EQ(-EINVAL, pin(self->fd, memory, PAGE + 1, 0, NULL));
	EXPECT_EQ(-EINVAL, pin(self->fd, memory + 1, PAGE, 0, NULL));
	EXPECT_EQ(-EINVAL, pin(self->fd, memory, -(__u64)PAGE, 0, NULL));
	EXPECT_EQ(-EFAULT, pin(self->fd, NULL, PAGE, 0, NULL));
	munmap(memory + 2 * PAGE, PAGE);
	EXPECT_EQ(-EFAULT, pin(self->fd, memory, SIZE, 0, NULL));
	EXPECT_EQ(-EFAULT, pin(self->fd, memory + 2 * PAGE, PAGE, 0, NULL));
	EXPECT_EQ(0, pin(self->fd, memory, 2 * PAGE, 0, NULL));
	for (int bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, pin(self->fd, memory, PAGE, 1U << bit, NULL));
}

/* What the kernel counts as pinned by this process, bytes. */
static long pinned_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmPin: %ld kB", &kib) == 1)
			break;
	fclose(status);
	return kib << 10;
}

TEST_F(fake, it_counts_as_pinned_until_it_is_closed)
{
	unsigned char *memory = anonymous(SIZE);
	__u32 handle;

	ASSERT_EQ(0, pinned_bytes());
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, 0, &handle));
	EXPECT_EQ((long)SIZE, pinned_bytes());
	munmap(memory, SIZE);
	EXPECT_EQ((long)SIZE, pinned_bytes());
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(0, pinned_bytes());
	EXPECT_EQ(-EFAULT, pin(self->fd, memory, SIZE, 0, NULL));
	EXPECT_EQ(0, pinned_bytes());
}

TEST_F(fake, the_limit_for_locked_memory_holds)
{
	const struct rlimit limit = { SIZE, SIZE };
	unsigned char *memory = anonymous(2 * SIZE);
	pid_t child = fork();

	if (!child) {
		__u32 handle;

		if (setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(NOBODY) ||
		    pin(self->fd, memory, SIZE + PAGE, 0, NULL) != -ENOMEM ||
		    pin(self->fd, memory, SIZE, 0, &handle) ||
		    pin(self->fd, memory + SIZE, PAGE, 0, NULL) != -ENOMEM ||
		    close_buffer(self->fd, handle) ||
		    pin(self->fd, memory + SIZE, PAGE, 0, NULL))
			_exit(1);
		_exit(42);
	}
	EXPECT_EQ(42, exit_code(child));
	EXPECT_EQ(0, pin(self->fd, memory, 2 * SIZE, 0, NULL));
}

TEST_F(fake, a_fork_does_not_take_the_pages_away)
{
	unsigned char *memory = anonymous(SIZE);
	pid_t child;
	__u32 handle;

	memset(memory, 1, SIZE);
	ASSERT_EQ(0, pin(self->fd, memory, SIZE, 0, &handle));
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	memset(memory, 2, PAGE);
	EXPECT_EQ(0, fill(self->fd, handle, 6));
	EXPECT_TRUE(all_bytes(memory, 6, SIZE));
	kill(child, SIGKILL);
	EXPECT_EQ(SIGKILL, death_signal(child));
}

TEST_HARNESS_MAIN
