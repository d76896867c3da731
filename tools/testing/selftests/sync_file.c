// SPDX-License-Identifier: GPL-2.0
/* Points that become sync_files, and sync_files that become points. */
#include "fixture.h"
#include "timeline.h"

TEST_F(fake, only_backed_points_become_sync_files)
{
	__u32 handle = timeline_at(self->fd, 5);
	int counter = open_sw_sync(), file;

	EXPECT_EQ(-EINVAL, export_point(self->fd, handle, 6));
	EXPECT_EQ(-EINVAL, export_point(self->fd, handle, UINT64_MAX));
	ASSERT_EQ(0, import_sw(self->fd, handle, 10, counter, 1));
	EXPECT_EQ(-EINVAL, export_point(self->fd, handle, 11));
	for (__u64 value = 0; value <= 10; value++) {
		file = export_point(self->fd, handle, value);
		ASSERT_LE(0, file);
		EXPECT_EQ(value <= 5, is_signaled(file));
		close(file);
	}
	close(counter);
}

TEST_F(fake, a_sync_file_ends_with_its_point)
{
	__u32 handle = timeline_at(self->fd, 0);
	int counter = open_sw_sync(), file;

	ASSERT_EQ(0, import_sw(self->fd, handle, 1, counter, 1));
	file = export_point(self->fd, handle, 1);
	ASSERT_LE(0, file);
	EXPECT_EQ(FD_CLOEXEC, fcntl(file, F_GETFD));
	EXPECT_EQ(0, sync_file_status(file));
	EXPECT_FALSE(is_signaled(file));
	EXPECT_EQ(0, close_timeline(self->fd, handle));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_TRUE(is_signaled(file));
	EXPECT_EQ(1, sync_file_status(file));
	close(file);
	close(counter);
}

TEST_F(fake, a_sync_file_stands_for_all_points_before_it)
{
	__u32 handle = timeline_at(self->fd, 0);
	int slow = open_sw_sync(), fast = open_sw_sync(), file;

	ASSERT_EQ(0, import_sw(self->fd, handle, 1, slow, 1));
	ASSERT_EQ(0, import_sw(self->fd, handle, 2, fast, 1));
	ASSERT_EQ(0, import_sw(self->fd, handle, 3, slow, 2));
	file = export_point(self->fd, handle, 2);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, sw_increase(fast, 1));
	EXPECT_FALSE(is_signaled(file));
	ASSERT_EQ(0, sw_increase(slow, 1));
	EXPECT_TRUE(poll_for(file, POLLIN, 5000) & POLLIN);
	EXPECT_EQ(2ULL, value_of(self->fd, handle));
	close(file);
	close(slow);
	close(fast);
}

TEST_F(fake, sync_files_of_ours_merge_with_those_of_others)
{
	__u32 handle = timeline_at(self->fd, 0);
	int ours = open_sw_sync(), theirs = open_sw_sync();
	int foreign = sw_fence(theirs, 1), file, merged;

	ASSERT_EQ(0, import_sw(self->fd, handle, 1, ours, 1));
	file = export_point(self->fd, handle, 1);
	merged = merge(file, foreign);
	ASSERT_LE(0, merged);
	/* And back: the timeline then waits for both. */
	EXPECT_EQ(0, import_point(self->fd, handle, 2, merged));
	ASSERT_EQ(0, sw_increase(ours, 1));
	EXPECT_FALSE(is_signaled(merged));
	EXPECT_EQ(1ULL, value_of(self->fd, handle));
	ASSERT_EQ(0, sw_increase(theirs, 1));
	EXPECT_TRUE(poll_for(merged, POLLIN, 5000) & POLLIN);
	EXPECT_EQ(0, wait_point(self->fd, handle, 2, 0, in_ms(5000)));
	close(merged);
	close(file);
	close(foreign);
	close(ours);
	close(theirs);
}

TEST_F(fake, a_signaled_sync_file_is_a_point_that_is_done)
{
	__u32 handle = timeline_at(self->fd, 3);
	int file = export_point(self->fd, handle, 3);

	EXPECT_TRUE(is_signaled(file));
	EXPECT_EQ(0, import_point(self->fd, handle, 4, file));
	EXPECT_EQ(4ULL, value_of(self->fd, handle));
	close(file);
}

/* sw_sync ends its fences with an error when the counter is closed. */
TEST_F(fake, a_point_is_done_when_its_fence_failed)
{
	__u32 handle = timeline_at(self->fd, 0);
	int counter = open_sw_sync(), fence = sw_fence(counter, 1);

	ASSERT_EQ(0, import_point(self->fd, handle, 1, fence));
	close(counter);
	EXPECT_EQ(-ENOENT, sync_file_status(fence));
	EXPECT_EQ(1ULL, value_of(self->fd, handle));
	close(fence);
}

TEST_F(fake, what_is_no_sync_file_is_einval)
{
	__u32 handle = timeline_at(self->fd, 0);
	int others[] = { -1, INT_MAX, self->fd, eventfd(0, 0), open("/", O_PATH) };

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT_EQ(-EINVAL, import_point(self->fd, handle, 1, others[i]));
	EXPECT_EQ(0ULL, last_of(self->fd, handle));
}

TEST_F(fake, points_go_to_other_files_by_sync_file)
{
	int other = open_fake(SHARED), counter = open_sw_sync(), file;
	__u32 handle = timeline_at(self->fd, 0), there = timeline_at(other, 100);

	ASSERT_EQ(0, import_sw(self->fd, handle, 1, counter, 1));
	file = export_point(self->fd, handle, 1);
	ASSERT_EQ(0, import_point(other, there, 200, file));
	close(file);
	EXPECT_EQ(-ETIMEDOUT, wait_point(other, there, 200, 0, 0));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_point(other, there, 200, 0, 0));
	close(other);
	close(counter);
}

TEST_F(fake, no_descriptor_is_free)
{
	__u32 handle = timeline_at(self->fd, 0);
	int last;

	do {
		last = dup(self->fd);
	} while (last >= 0);
	EXPECT_EQ(-EMFILE, export_point(self->fd, handle, 0));
}

TEST_HARNESS_MAIN
