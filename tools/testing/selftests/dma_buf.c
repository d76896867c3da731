// SPDX-License-Identifier: GPL-2.0
/* Sharing buffers by dma-buf with ourselves, other devices and other drivers. */
#include <sys/resource.h>

#include "fixture.h"
#include "job.h"
#include "share.h"

#define SIZE	(4 * PAGE)

TEST_F(fake, an_export_shows_the_memory_of_the_buffer)
{
	struct accel_buffer_create buffer;
	unsigned char *ours = create_mapped(self->fd, SIZE, &buffer), *theirs;
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_LE(0, buf);
	EXPECT_EQ((off_t)SIZE, lseek(buf, 0, SEEK_END));
	EXPECT_EQ(FD_CLOEXEC, fcntl(buf, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(buf, F_GETFL) & O_ACCMODE);
	theirs = map_at(buf, 0, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)theirs);
	memset(ours, 1, SIZE);
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_START));
	EXPECT_TRUE(all_bytes(theirs, 1, SIZE));
	memset(theirs, 2, SIZE);
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
	EXPECT_TRUE(all_bytes(ours, 2, SIZE));
	EXPECT_EQ(-EINVAL, map_error(buf, 0, SIZE + PAGE, PROT_READ, MAP_SHARED));
	munmap(theirs, SIZE);
	munmap(ours, SIZE);
	close(buf);
}

TEST_F(fake, a_dma_buf_keeps_the_memory)
{
	struct accel_buffer_create buffer;
	char *ours = create_mapped(self->fd, SIZE, &buffer), *theirs;
	int other = open_fake(SHARED), buf = export_buffer(self->fd, buffer.handle);

	ASSERT_LE(0, buf);
	memset(ours, 3, SIZE);
	munmap(ours, SIZE);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	close(self->fd);
	EXPECT_EQ((__u64)SIZE, memory_of(other).used);
	theirs = map_at(buf, 0, SIZE);
	close(buf);
	ASSERT_NE(MAP_FAILED, (void *)theirs);
	EXPECT_TRUE(all_bytes(theirs, 3, SIZE));
	EXPECT_EQ((__u64)SIZE, memory_of(other).used);
	munmap(theirs, SIZE);
	EXPECT_EQ(0ULL, settled_memory(other, 0));
	self->fd = other;
}

static ino_t inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

TEST_F(fake, exporting_again_gives_the_same_dma_buf)
{
	struct accel_buffer_create buffer;
	int first, second;

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	first = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, first);
	second = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, second);
	EXPECT_NE(first, second);
	EXPECT_EQ(inode_of(first), inode_of(second));
	close(second);
	close(first);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F(fake, our_own_comes_back_as_the_same_memory)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	char *ours = create_mapped(self->fd, SIZE, &buffer), *again;
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	close(buf);
	EXPECT_EQ((__u64)SIZE, import.size);
	EXPECT_EQ(buffer.placement, import.placement);
	EXPECT_NE(buffer.handle, import.handle);
	EXPECT_EQ((__u64)SIZE, memory_of(self->fd).used);
	again = map_at(self->fd, import.mmap_offset, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)again);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_FILL, 4, import.handle)));
	EXPECT_TRUE(all_bytes(ours, 4, SIZE));
	EXPECT_TRUE(all_bytes(again, 4, SIZE));
	munmap(again, SIZE);
	munmap(ours, SIZE);
}

TEST_F(fake, another_device_works_on_it)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	char *ours = create_mapped(self->fd, SIZE, &buffer);
	int number = add_shared_fake(), other = open_fake(number);
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, import_buffer(other, buf, &import));
	close(buf);
	EXPECT_EQ(0, wait_job(other, submit_with(other, ACCEL_FAKE_FILL, 5, import.handle)));
	EXPECT_TRUE(all_bytes(ours, 5, SIZE));
	EXPECT_EQ(0, remove_fake(number));
	EXPECT_EQ(-ENODEV, import_buffer(other, buf, &import));
	close(other);
	EXPECT_TRUE(all_bytes(ours, 5, SIZE));
	munmap(ours, SIZE);
}

TEST_F(fake, memory_outlives_the_device_that_exported_it)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	int number = add_shared_fake(), other = open_fake(number), buf;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, create(other, SIZE, &buffer));
	buf = export_buffer(other, buffer.handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(0, remove_fake(number));
	EXPECT_EQ(-ENODEV, export_buffer(other, buffer.handle));
	close(other);
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	EXPECT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_FILL, 6, import.handle)));
	close(buf);
}

FIXTURE(foreign)
{
	int fd;
	int buf;
};

FIXTURE_VARIANT(foreign)
{
	int (*make)(size_t size);
};

FIXTURE_VARIANT_ADD(foreign, udmabuf) { .make = udmabuf };
FIXTURE_VARIANT_ADD(foreign, huge_udmabuf) { .make = huge_udmabuf };
FIXTURE_VARIANT_ADD(foreign, backward_udmabuf) { .make = backward_udmabuf };
FIXTURE_VARIANT_ADD(foreign, system_heap) { .make = heap_buffer };
FIXTURE_VARIANT_ADD(foreign, vgem) { .make = vgem_buffer };

FIXTURE_SETUP(foreign)
{
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	self->buf = variant->make(SIZE);
	ASSERT_LE(0, self->buf);
}

FIXTURE_TEARDOWN(foreign)
{
	close(self->buf);
	close(self->fd);
}

TEST_F(foreign, a_job_works_on_it)
{
	struct accel_buffer_import import;
	char *theirs = map_at(self->buf, 0, SIZE), *ours;

	ASSERT_NE(MAP_FAILED, (void *)theirs);
	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &import));
	EXPECT_EQ((__u64)SIZE, import.size);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_IMPORTED, import.placement);
	EXPECT_EQ(0ULL, memory_of(self->fd).used);
	EXPECT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_FILL, 7, import.handle)));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_START));
	EXPECT_TRUE(all_bytes(theirs, 7, SIZE));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_END));
	ours = map_at(self->fd, import.mmap_offset, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)ours);
	EXPECT_TRUE(all_bytes(ours, 7, SIZE));
	EXPECT_EQ(-EINVAL, map_error(self->fd, import.mmap_offset, SIZE + PAGE, PROT_READ,
				     MAP_SHARED));
	munmap(ours, SIZE);
	munmap(theirs, SIZE);
}

TEST_F(foreign, two_imports_are_two_handles_of_the_same_memory)
{
	struct accel_buffer_import first, second;
	char *ours;

	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &first));
	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &second));
	EXPECT_NE(first.handle, second.handle);
	EXPECT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_FILL, 10, first.handle)));
	EXPECT_EQ(0, close_buffer(self->fd, first.handle));
	ours = map_at(self->fd, second.mmap_offset, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)ours);
	EXPECT_TRUE(all_bytes(ours, 10, SIZE));
	munmap(ours, SIZE);
}

TEST_F(foreign, exporting_it_gives_it_back)
{
	struct accel_buffer_import import;
	int again;

	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &import));
	again = export_buffer(self->fd, import.handle);
	ASSERT_LE(0, again);
	EXPECT_EQ(inode_of(self->buf), inode_of(again));
	close(again);
}

TEST_F(foreign, it_survives_its_descriptor_and_its_handle)
{
	struct accel_buffer_import import;
	char *ours;

	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &import));
	close(self->buf);
	ours = map_at(self->fd, import.mmap_offset, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)ours);
	EXPECT_EQ(0, close_buffer(self->fd, import.handle));
	memset(ours, 8, SIZE);
	EXPECT_TRUE(all_bytes(ours, 8, SIZE));
	munmap(ours, SIZE);
	self->buf = -1;
}

TEST_F(fake, vgem_takes_our_memory_and_gives_it_back)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	char *ours = create_mapped(self->fd, SIZE, &buffer), *theirs;
	int vgem = open_vgem(), buf = export_buffer(self->fd, buffer.handle);
	struct drm_prime_handle prime = { .fd = buf };

	ASSERT_LE(0, vgem);
	ASSERT_EQ(0, call(vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	close(buf);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	prime = (struct drm_prime_handle){ .handle = prime.handle, .flags = DRM_RDWR };
	ASSERT_EQ(0, call(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	theirs = map_at(prime.fd, 0, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)theirs);
	memset(theirs, 9, SIZE);
	EXPECT_TRUE(all_bytes(ours, 9, SIZE));
	munmap(theirs, SIZE);
	ASSERT_EQ(0, import_buffer(self->fd, prime.fd, &import));
	EXPECT_EQ(buffer.placement, import.placement);
	close(prime.fd);
	close(vgem);
	munmap(ours, SIZE);
}

/* Both ends of several huge pages, wherever these are. */
TEST_F(fake, huge_pages_of_others_are_filled)
{
	int buf = udmabuf_of(huge_memfd(3), 3 * HUGE_PAGE);
	struct accel_buffer_import import;
	char *theirs = map_at(buf, 0, 3 * HUGE_PAGE);

	ASSERT_NE(MAP_FAILED, (void *)theirs);
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	close(buf);
	EXPECT_EQ((__u64)(3 * HUGE_PAGE), import.size);
	EXPECT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_FILL, 11, import.handle)));
	EXPECT_TRUE(all_bytes(theirs, 11, 3 * HUGE_PAGE));
	munmap(theirs, 3 * HUGE_PAGE);
}

/* Whoever may only read the descriptor is not asked by importers: so it is everywhere in Linux. */
TEST_F(fake, a_descriptor_for_reading_can_be_imported)
{
	int buf = heap_buffer_for(O_RDONLY, SIZE);
	struct accel_buffer_import import;
	char *ours;

	ASSERT_LE(0, buf);
	EXPECT_EQ(-EACCES, map_error(buf, 0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	close(buf);
	ours = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->fd, import.mmap_offset);
	ASSERT_NE(MAP_FAILED, (void *)ours);
	EXPECT_TRUE(all_bytes(ours, 0, SIZE));
	munmap(ours, SIZE);
}

/* Syncing reaches every device that is attached: vgem is, when it has imported. */
TEST_F(fake, every_way_of_syncing_works)
{
	static const __u64 ways[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
	};
	struct accel_buffer_create buffer;
	int vgem = open_vgem(), buf;
	struct drm_prime_handle prime;
	struct dma_buf_sync sync;

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	buf = export_buffer(self->fd, buffer.handle);
	prime = (struct drm_prime_handle){ .fd = buf };
	for (int attached = 0; attached < 2; attached++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
			sync.flags = ways[i] | DMA_BUF_SYNC_START;
			EXPECT_EQ(0, call(buf, DMA_BUF_IOCTL_SYNC, &sync));
			sync.flags = ways[i] | DMA_BUF_SYNC_END;
			EXPECT_EQ(0, call(buf, DMA_BUF_IOCTL_SYNC, &sync));
		}
		if (!attached)
			ASSERT_EQ(0, call(vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	}
	sync.flags = 0;
	EXPECT_EQ(-EINVAL, call(buf, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = 1 << 3;
	EXPECT_EQ(-EINVAL, call(buf, DMA_BUF_IOCTL_SYNC, &sync));
	close(vgem);
	close(buf);
}

TEST_F(fake, what_is_no_dma_buf_is_refused)
{
	struct accel_buffer_import import;
	int file = open("/proc/self/exe", O_RDONLY);

	EXPECT_EQ(-EBADF, import_buffer(self->fd, -1, &import));
	EXPECT_EQ(-EBADF, import_buffer(self->fd, 1000000, &import));
	EXPECT_EQ(-EINVAL, import_buffer(self->fd, file, &import));
	EXPECT_EQ(-EINVAL, import_buffer(self->fd, self->fd, &import));
	EXPECT_EQ(-EINVAL, import_buffer(self->fd, self->monitor, &import));
	close(file);
}

TEST_F(fake, unknown_handles_flags_and_reserved_are_refused)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_export export;
	struct accel_buffer_import import;
	int buf;

	EXPECT_EQ(-ENOENT, export_buffer(self->fd, 0));
	EXPECT_EQ(-ENOENT, export_buffer(self->fd, 12345));
	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	for (unsigned int bit = 0; bit < 32; bit++) {
		export = (struct accel_buffer_export){ .handle = buffer.handle };
		export.flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_EXPORT, &export));
	}
	export = (struct accel_buffer_export){ .handle = buffer.handle, .reserved = 1 };
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_BUFFER_EXPORT, &export));
	buf = export_buffer(self->fd, buffer.handle);
	for (unsigned int bit = 0; bit < 32; bit++) {
		import = (struct accel_buffer_import){ .fd = buf, .flags = 1U << bit };
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_IMPORT, &import));
	}
	EXPECT_EQ(-ENOTTY, export_buffer(self->monitor, buffer.handle));
	EXPECT_EQ(-ENOTTY, import_buffer(self->monitor, buf, &import));
	close(buf);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(-ENOENT, export_buffer(self->fd, buffer.handle));
}

static int lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

TEST_F(fake, a_result_that_cannot_be_told_has_no_effect)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_export *export;
	struct accel_buffer_import *import;
	void *page = anonymous(PAGE);
	int free_fd, buf;

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	buf = export_buffer(self->fd, buffer.handle);
	export = page;
	*export = (struct accel_buffer_export){ .handle = buffer.handle };
	mprotect(page, PAGE, PROT_READ);
	free_fd = lowest_free_fd();
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_BUFFER_EXPORT, export));
	EXPECT_EQ(free_fd, lowest_free_fd());
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	import = page;
	*import = (struct accel_buffer_import){ .fd = buf };
	mprotect(page, PAGE, PROT_READ);
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_BUFFER_IMPORT, import));
	close(buf);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	munmap(page, PAGE);
}

TEST_F(fake, no_free_descriptor_is_emfile)
{
	struct rlimit before, none = { 0, 0 };
	struct accel_buffer_create buffer;
	int buf;

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, export_buffer(self->fd, buffer.handle));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	buf = export_buffer(self->fd, buffer.handle);
	EXPECT_LE(0, buf);
	close(buf);
}

TEST_HARNESS_MAIN
