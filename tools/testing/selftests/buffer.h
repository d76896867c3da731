/* SPDX-License-Identifier: GPL-2.0 */
/* Making, mapping and closing buffers. */
#ifndef _ACCEL_SELFTESTS_BUFFER_H
#define _ACCEL_SELFTESTS_BUFFER_H

#include "common.h"

static inline int create(int fd, __u64 size, struct accel_buffer_create *buffer)
{
	*buffer = (struct accel_buffer_create){ .size = size };
	return call(fd, ACCEL_IOCTL_BUFFER_CREATE, buffer);
}

/* Makes a buffer and returns its handle, 0 if that fails. */
static inline __u32 handle_of(int fd, __u64 size)
{
	struct accel_buffer_create buffer;

	return create(fd, size, &buffer) ? 0 : buffer.handle;
}

static inline int close_buffer(int fd, __u32 handle)
{
	struct accel_buffer_close argument = { .handle = handle };

	return call(fd, ACCEL_IOCTL_BUFFER_CLOSE, &argument);
}

static inline int buffer_info(int fd, __u32 handle, struct accel_buffer_info *answer)
{
	*answer = (struct accel_buffer_info){ .handle = handle };
	return call(fd, ACCEL_IOCTL_BUFFER_INFO, answer);
}

static inline void *map_at(int fd, __u64 offset, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static inline void *map(int fd, const struct accel_buffer_create *buffer)
{
	return map_at(fd, buffer->mmap_offset, buffer->size);
}

/* Makes and maps a buffer; MAP_FAILED if one of the two fails. */
static inline void *create_mapped(int fd, __u64 size, struct accel_buffer_create *buffer)
{
	return create(fd, size, buffer) ? MAP_FAILED : map(fd, buffer);
}

/* The errno of an mmap() that must fail; 0 if it does not. */
static inline int map_error(int fd, __u64 offset, size_t size, int protection, int flags)
{
	void *memory = mmap(NULL, size, protection, flags, fd, offset);

	if (memory == MAP_FAILED)
		return -errno;
	munmap(memory, size);
	return 0;
}

#endif /* _ACCEL_SELFTESTS_BUFFER_H */
