// SPDX-License-Identifier: GPL-2.0
/* Who has which memory: INFO, fdinfo and debugfs agree with each other and with what was done. */
#include <stdatomic.h>
#include <sys/prctl.h>

#include "account.h"
#include "device.h"
#include "job.h"
#include "share.h"

#define SIZE	(4 * PAGE)
#define MOST	16	/* buffers that a test has */

static int set_label(int fd, __u32 handle, const char *text)
{
	struct accel_buffer_label argument = { .handle = handle };

	snprintf(argument.label, sizeof(argument.label), "%s", text);
	return call(fd, ACCEL_IOCTL_BUFFER_LABEL, &argument);
}

static struct accel_info_client_memory system_memory(int fd)
{
	struct accel_info_client_memory memory[MAX_REGIONS];

	client_memory(fd, memory);
	return memory[0];
}

#define EXPECT_MEMORY(fd, bytes, bytes_shared) do { \
	struct accel_info_client_memory memory = system_memory(fd); \
	\
	EXPECT_STREQ("memory", memory.name); \
	EXPECT_EQ((__u64)(bytes), memory.total); \
	EXPECT_EQ((__u64)(bytes), memory.resident); \
	EXPECT_EQ((__u64)(bytes_shared), memory.shared); \
	EXPECT_EQ(0ULL, memory.active); \
	EXPECT_EQ(0ULL, memory.purgeable); \
	EXPECT_TRUE(fdinfo_agrees(fd, &memory)); \
} while (0)

FIXTURE(account)
{
	int fd, second, other;
};

FIXTURE_SETUP(account)
{
	self->fd = open_fake(SHARED);
	self->second = open_fake(SHARED);
	self->other = open_fake(EXCLUSIVE);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->second);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, settled_buffers(self->fd, 0));
	ASSERT_EQ(0, settled_buffers(self->other, 0));
}

FIXTURE_TEARDOWN(account)
{
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
	EXPECT_EQ(0, settled_buffers(self->other, 0));
	EXPECT_EQ(0ULL, memory_of(self->fd).used);
	close(self->fd);
	close(self->second);
	close(self->other);
}

TEST_F(account, a_buffer_is_listed_from_its_creation_to_its_end)
{
	struct accel_buffer_create first, second = {
		.size = PAGE, .flags = ACCEL_CREATE_WRITE_COMBINED,
	};
	struct listed list[MOST];

	ASSERT_EQ(0, prctl(PR_SET_NAME, "who am\tI", 0, 0, 0));
	close(self->second);
	self->second = open_fake(SHARED);
	ASSERT_EQ(0, create(self->second, SIZE, &first));
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_EQ(getpid(), list[0].pid);
	EXPECT_STREQ("who_am_I", list[0].process);
	EXPECT_EQ((__u64)SIZE, list[0].bytes);
	EXPECT_STREQ("pages", list[0].placement);
	EXPECT_STREQ("cached", list[0].caching);
	EXPECT_STREQ("handle", list[0].held_by);
	EXPECT_STREQ("-", list[0].label);
	ASSERT_EQ(0, call(self->second, ACCEL_IOCTL_BUFFER_CREATE, &second));
	ASSERT_EQ(0, set_label(self->second, second.handle, "two words"));
	ASSERT_EQ(2, list_buffers(self->fd, list, MOST));
	EXPECT_EQ((__u64)PAGE, list[0].bytes);
	EXPECT_STREQ("combined", list[0].caching);
	EXPECT_STREQ("two words", list[0].label);
	EXPECT_EQ((__u64)SIZE + PAGE, memory_of(self->fd).used);
	EXPECT_MEMORY(self->second, SIZE + PAGE, 0);
	EXPECT_MEMORY(self->fd, 0, 0);
	ASSERT_EQ(0, set_label(self->second, second.handle, ""));
	EXPECT_EQ(0, close_buffer(self->second, first.handle));
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_EQ((__u64)PAGE, list[0].bytes);
	EXPECT_STREQ("-", list[0].label);
	EXPECT_EQ(0, close_buffer(self->second, second.handle));
	EXPECT_EQ(0, list_buffers(self->fd, list, MOST));
	EXPECT_MEMORY(self->second, 0, 0);
}

TEST_F(account, what_only_a_mapping_holds_is_listed)
{
	struct accel_buffer_create small, huge;
	unsigned char *first = create_mapped(self->second, SIZE, &small);
	unsigned char *second = create_mapped(self->second, 2 * HUGE_PAGE, &huge);
	struct listed list[MOST];

	ASSERT_NE(MAP_FAILED, (void *)first);
	ASSERT_NE(MAP_FAILED, (void *)second);
	ASSERT_EQ(0, set_label(self->second, small.handle, "kept"));
	EXPECT_EQ(0, close_buffer(self->second, small.handle));
	EXPECT_EQ(0, close_buffer(self->second, huge.handle));
	EXPECT_MEMORY(self->second, 0, 0);
	ASSERT_EQ(2, list_buffers(self->fd, list, MOST));
	EXPECT_EQ((__u64)2 * HUGE_PAGE, list[0].bytes);
	EXPECT_EQ((__u64)SIZE, list[1].bytes);
	EXPECT_STREQ("-", list[1].held_by);
	EXPECT_STREQ("kept", list[1].label);
	EXPECT_EQ((__u64)2 * HUGE_PAGE + SIZE, memory_of(self->fd).used);
	/* A part of it holds it as well. */
	munmap(first, SIZE - PAGE);
	munmap(second, 2 * HUGE_PAGE);
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("kept", list[0].label);
	munmap(first + SIZE - PAGE, PAGE);
	EXPECT_EQ(0, list_buffers(self->fd, list, MOST));
}

TEST_F(account, what_a_closed_file_leaves_behind_is_not_said_to_have_a_handle)
{
	int buf = export_buffer(self->second, handle_of(self->second, SIZE));
	struct listed list[MOST];

	ASSERT_LE(0, buf);
	close(self->second);
	self->second = -1;
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("exported", list[0].held_by);
	close(buf);
}

TEST_F(account, what_a_dma_buf_holds_is_listed_and_shared)
{
	__u32 handle = handle_of(self->second, SIZE);
	int buf = export_buffer(self->second, handle);
	struct listed list[MOST];

	ASSERT_LE(0, buf);
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("handle,exported", list[0].held_by);
	EXPECT_MEMORY(self->second, SIZE, SIZE);
	EXPECT_EQ(0, close_buffer(self->second, handle));
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("exported", list[0].held_by);
	EXPECT_EQ((__u64)SIZE, memory_of(self->fd).used);
	close(buf);
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
}

TEST_F(account, imported_memory_counts_once_in_each_client)
{
	__u32 handle = handle_of(self->second, SIZE);
	int buf = export_buffer(self->second, handle);
	struct accel_buffer_import again, first, other;
	struct listed list[MOST];

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(self->second, buf, &again));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &first));
	ASSERT_EQ(0, import_buffer(self->other, buf, &other));
	close(buf);
	EXPECT_MEMORY(self->second, SIZE, SIZE);
	EXPECT_MEMORY(self->fd, SIZE, SIZE);
	EXPECT_MEMORY(self->other, SIZE, SIZE);
	EXPECT_EQ((__u64)SIZE, memory_of(self->fd).used);
	EXPECT_EQ(0ULL, memory_of(self->other).used);
	ASSERT_EQ(3, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("shared", list[0].placement);
	EXPECT_STREQ("shared", list[1].placement);
	EXPECT_STREQ("pages", list[2].placement);
	ASSERT_EQ(1, list_buffers(self->other, list, MOST));
	EXPECT_STREQ("shared", list[0].placement);
	/* The first buffer lives on in the imported ones. */
	EXPECT_EQ(0, close_buffer(self->second, handle));
	EXPECT_EQ(0, close_buffer(self->second, again.handle));
	EXPECT_MEMORY(self->second, 0, 0);
	EXPECT_EQ(2, list_buffers(self->fd, list, MOST));
	EXPECT_EQ(0, close_buffer(self->fd, first.handle));
	EXPECT_EQ(1, settled_buffers(self->fd, 1));
	EXPECT_EQ((__u64)SIZE, memory_of(self->fd).used);
	EXPECT_EQ(0, close_buffer(self->other, other.handle));
}

TEST_F(account, memory_of_other_drivers_counts_as_shared_but_not_as_used)
{
	int buf = udmabuf(SIZE);
	struct accel_buffer_import first, second;
	struct listed list[MOST];

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(self->second, buf, &first));
	ASSERT_EQ(0, import_buffer(self->second, buf, &second));
	close(buf);
	EXPECT_MEMORY(self->second, SIZE, SIZE);
	EXPECT_EQ(0ULL, memory_of(self->fd).used);
	ASSERT_EQ(2, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("imported", list[0].placement);
	EXPECT_STREQ("-", list[0].caching);
	EXPECT_EQ(0, close_buffer(self->second, first.handle));
	EXPECT_MEMORY(self->second, SIZE, SIZE);
	EXPECT_EQ(0, close_buffer(self->second, second.handle));
	EXPECT_MEMORY(self->second, 0, 0);
}

TEST_F(account, pinned_memory_is_that_of_the_program)
{
	struct accel_buffer_pin pin = { .address = user(anonymous(SIZE)), .size = SIZE };
	struct listed list[MOST];

	ASSERT_EQ(0, call(self->second, ACCEL_IOCTL_BUFFER_PIN, &pin));
	EXPECT_MEMORY(self->second, SIZE, 0);
	EXPECT_EQ((__u64)SIZE, memory_of(self->fd).used);
	ASSERT_EQ(1, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("user", list[0].placement);
	EXPECT_EQ(0, close_buffer(self->second, pin.handle));
}

TEST_F(account, memory_is_active_while_a_job_may_use_it)
{
	__u32 handle = handle_of(self->second, SIZE);
	__u32 shared = handle_of(self->second, PAGE);
	int buf = export_buffer(self->second, shared);
	struct accel_info_client_memory memory;
	struct listed list[MOST];
	__s64 job;

	ASSERT_LE(0, buf);
	close(buf);
	job = submit_with(self->second, ACCEL_FAKE_HANG, 0, handle);
	ASSERT_LT(0LL, job);
	memory = system_memory(self->second);
	EXPECT_EQ((__u64)SIZE + PAGE, memory.total);
	EXPECT_EQ((__u64)SIZE, memory.active);
	/* The job holds it now. */
	EXPECT_EQ(0, close_buffer(self->second, handle));
	ASSERT_EQ(2, list_buffers(self->fd, list, MOST));
	EXPECT_STREQ("-", list[1].held_by);
	EXPECT_EQ(-ETIME, wait_job(self->second, job));
	EXPECT_EQ(1, settled_buffers(self->fd, 1));
	EXPECT_MEMORY(self->second, PAGE, PAGE);
	job = submit_with(self->second, ACCEL_FAKE_HANG, 0, shared);
	ASSERT_LT(0LL, job);
	memory = system_memory(self->second);
	EXPECT_EQ((__u64)PAGE, memory.active);
	EXPECT_TRUE(fdinfo_agrees(self->second, &memory));
	EXPECT_EQ(-ETIME, wait_job(self->second, job));
	EXPECT_EQ(0, close_buffer(self->second, shared));
}

TEST_F(account, a_client_has_a_number_of_its_own)
{
	char first[32], second[32], again[32], driver[32];
	int copy = dup(self->fd);

	ASSERT_TRUE(fdinfo_text(self->fd, "drm-client-id", first, sizeof(first)));
	ASSERT_TRUE(fdinfo_text(self->second, "drm-client-id", second, sizeof(second)));
	ASSERT_TRUE(fdinfo_text(copy, "drm-client-id", again, sizeof(again)));
	EXPECT_STRNE(first, second);
	EXPECT_STREQ(first, again);
	ASSERT_TRUE(fdinfo_text(self->fd, "drm-driver", driver, sizeof(driver)));
	EXPECT_STREQ(FAKE_DRIVER, driver);
	/* It is no PCI device. */
	EXPECT_FALSE(fdinfo_text(self->fd, "drm-pdev", driver, sizeof(driver)));
	close(copy);
}

/* igt reads no more of a file than this at once. */
TEST_F(account, all_of_it_fits_into_one_read)
{
	char path[64], text[4096];
	int fdinfo;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	fdinfo = open(path, O_RDONLY);
	EXPECT_LT(read(fdinfo, text, sizeof(text)), 4095);
	EXPECT_EQ(0, read(fdinfo, text, sizeof(text)));
	close(fdinfo);
}

TEST_F(account, fdinfo_and_info_outlive_the_device_as_far_as_they_can)
{
	int number = add_shared_fake(), fd = open_fake(number);
	struct accel_info_client_memory memory[MAX_REGIONS];

	ASSERT_LE(0, fd);
	ASSERT_NE(0U, handle_of(fd, SIZE));
	ASSERT_EQ(0, remove_fake(number));
	EXPECT_EQ((long long)SIZE, fdinfo_bytes(fd, "total", "memory"));
	EXPECT_EQ(-ENODEV, client_memory(fd, memory));
	close(fd);
}

static atomic_bool stop;

static void *read_all_the_time(void *argument)
{
	int fd = *(int *)argument;
	long reads = 0;

	for (; !stop; reads++) {
		struct listed list[MOST];

		if (list_buffers(fd, list, MOST) < 0 ||
		    fdinfo_bytes(fd, "total", "memory") < 0)
			return NULL;
	}
	return (void *)reads;
}

TEST_F_TIMEOUT(account, it_can_be_read_while_buffers_come_and_go, 600)
{
	pthread_t reader;
	void *reads;

	stop = false;
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_all_the_time, &self->second));
	for (int i = 0; i < times(1000); i++) {
		struct accel_buffer_create buffers[4];
		int file = i % 2 ? self->second : self->fd;
		void *memory = create_mapped(file, SIZE, &buffers[0]);
		int buf = export_buffer(file, buffers[0].handle);
		struct accel_buffer_import imported;

		for (int j = 1; j < 4; j++)
			EXPECT_EQ(0, create(file, PAGE, &buffers[j]));
		EXPECT_EQ(0, set_label(file, buffers[1].handle, "label"));
		EXPECT_EQ(0, import_buffer(self->second, buf, &imported));
		close(buf);
		for (int j = 0; j < 4; j++)
			EXPECT_EQ(0, close_buffer(file, buffers[j].handle));
		munmap(memory, SIZE);
		EXPECT_EQ(0, close_buffer(self->second, imported.handle));
	}
	stop = true;
	pthread_join(reader, &reads);
	EXPECT_LT(0, (long)reads);
}

TEST_F_TIMEOUT(account, many_buffers_are_listed, 600)
{
	const int many = times(10000);

	for (int i = 0; i < many; i++)
		ASSERT_NE(0U, handle_of(self->second, PAGE));
	EXPECT_EQ(many, list_buffers(self->fd, NULL, 0));
	EXPECT_MEMORY(self->second, many * PAGE, 0);
	close(self->second);
	self->second = -1;
}

TEST_HARNESS_MAIN
