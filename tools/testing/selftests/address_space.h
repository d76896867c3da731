/* SPDX-License-Identifier: GPL-2.0 */
/* Mapping buffers in address spaces of a card, and working there. */
#ifndef _ACCEL_SELFTESTS_ADDRESS_SPACE_H
#define _ACCEL_SELFTESTS_ADDRESS_SPACE_H

#include "memcard.h"
#include "queue.h"

#define READ_WRITE	(ACCEL_MAP_READ | ACCEL_MAP_WRITE)
#define PAGE_64K	(16 * PAGE)

/* The same, but waits for what is being scrubbed. */
static inline int call_settled(int fd, unsigned long command, void *argument)
{
	__s64 end = now_ns() + SLACK_NS;
	int error;

	while ((error = call(fd, command, argument)) == -EAGAIN && now_ns() < end)
		sleep_ms(1);
	return error;
}

/* Returns the handle of a new address space, 0 if there is none. */
static inline __u32 create_space(int fd)
{
	struct accel_address_space_create space = { .flags = 0 };

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &space) ? 0 : space.handle;
}

static inline int destroy_space(int fd, __u32 space)
{
	struct accel_address_space_destroy argument = { .handle = space };

	return call(fd, ACCEL_IOCTL_ADDRESS_SPACE_DESTROY, &argument);
}

/* Maps where the kernel likes; returns where, 0 if that fails. */
static inline __u64 map_anywhere(int fd, __u32 space, __u32 buffer, __u64 offset, __u64 size,
				 __u32 access)
{
	struct accel_address_space_map map = {
		.space = space,
		.flags = access,
		.buffer = buffer,
		.offset = offset,
		.size = size,
	};

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map) ? 0 : map.address;
}

static inline int map_fixed(int fd, __u32 space, __u32 buffer, __u64 offset, __u64 size,
			    __u64 address, __u32 flags)
{
	struct accel_address_space_map map = {
		.space = space,
		.flags = flags | ACCEL_MAP_FIXED,
		.buffer = buffer,
		.offset = offset,
		.size = size,
		.address = address,
	};

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map);
}

static inline int map_zeroes(int fd, __u32 space, __u64 size, __u64 address)
{
	return map_fixed(fd, space, 0, 0, size, address, ACCEL_MAP_SPARSE | READ_WRITE);
}

static inline int unmap(int fd, __u32 space, __u64 address, __u64 size)
{
	struct accel_address_space_unmap argument = {
		.space = space,
		.address = address,
		.size = size,
	};

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_UNMAP, &argument);
}

static inline int protect(int fd, __u32 space, __u64 address, __u64 size, __u32 access)
{
	struct accel_address_space_protect argument = {
		.space = space,
		.flags = access,
		.address = address,
		.size = size,
	};

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_PROTECT, &argument);
}

/* Makes a queue whose jobs work in @space; returns its handle or -errno. */
static inline __s64 create_queue_in(int fd, __u32 space)
{
	struct accel_context_create context = { .address_space = space };
	struct accel_queue_create queue = { .flags = 0 };
	int error = call(fd, ACCEL_IOCTL_CONTEXT_CREATE, &context);

	if (error)
		return error;
	queue.context = context.handle;
	error = call(fd, ACCEL_IOCTL_QUEUE_CREATE, &queue);
	/* The queue keeps what it needs of it. */
	destroy_context(fd, context.handle);
	return error ? error : (__s64)queue.handle;
}

/* Submits a job that names no buffer to @queue; returns its number or -errno. */
static inline __s64 submit_to(int fd, __u32 queue, struct accel_memcard_job job)
{
	struct accel_submit submit = { .queue = queue };
	struct accel_submit_job entry = {
		.payload = user(&job),
		.payload_size = sizeof(job),
	};
	int error = submit_entry(fd, &submit, &entry);

	return error ? error : (__s64)entry.job;
}

/* What a job does in an address space. */
struct space_job {
	__u32 space;
	struct accel_memcard_job job;
	__u32 queue;	/* 0: one of its own */
};

/* Runs a job; @status may be NULL. */
static inline int run_in_space(int fd, struct space_job job, struct accel_job_status *status)
{
	struct accel_wait wait = { .deadline_ns = INT64_MAX };
	__s64 queue = job.queue ? job.queue : create_queue_in(fd, job.space), number;
	int error;

	if (queue < 0)
		return queue;
	number = submit_to(fd, queue, job.job);
	wait.queue = queue;
	wait.job = number;
	error = number < 0 ? number : call(fd, ACCEL_IOCTL_WAIT, &wait);
	if (status)
		*status = wait.status;
	if (!job.queue)
		destroy_queue(fd, queue);
	return error;
}

static inline struct space_job fill_job(__u32 space, __u64 address, __u64 size, __u8 value)
{
	return (struct space_job){ .space = space, .job = {
		.op = ACCEL_MEMCARD_SPACE_FILL,
		.value = value,
		.dst_offset = address,
		.size = size,
	} };
}

static inline struct space_job copy_job(__u32 space, __u64 to, __u64 from, __u64 size)
{
	return (struct space_job){ .space = space, .job = {
		.op = ACCEL_MEMCARD_SPACE_COPY,
		.dst_offset = to,
		.src_offset = from,
		.size = size,
	} };
}

static inline int fill_at(int fd, __u32 space, __u64 address, __u64 size, __u8 value)
{
	return run_in_space(fd, fill_job(space, address, size, value), NULL);
}

static inline int copy_at(int fd, __u32 space, __u64 to, __u64 from, __u64 size)
{
	return run_in_space(fd, copy_job(space, to, from, size), NULL);
}

/* Whether a job ends with a page fault at @address. */
static inline bool faults_at(int fd, struct space_job job, __u64 address)
{
	struct accel_job_status status;

	return run_in_space(fd, job, &status) == -EIO && status.fault == ACCEL_FAULT_PAGE &&
	       status.fault_address == address;
}

/* A buffer of the card that its engine sees at @address and the CPU at @memory. */
struct window {
	struct accel_buffer_create buffer;
	__u64 address;
	unsigned char *memory;
};

/* Makes one of @size bytes, in one piece; returns 0 or -errno. */
static inline int open_window(int fd, __u32 space, __u64 size, __u32 access,
			      struct window *window)
{
	int error = create_in(fd, ACCEL_MEMCARD_LOCAL, size,
			      ACCEL_CREATE_VISIBLE | ACCEL_CREATE_CONTIGUOUS, &window->buffer);

	if (error)
		return error;
	window->memory = map(fd, &window->buffer);
	window->address = map_anywhere(fd, space, window->buffer.handle, 0, size, access);
	return window->memory == MAP_FAILED || !window->address ? -EIO : 0;
}

/* How the card translates @address; answered by way of @window. */
static inline struct accel_memcard_translation translate(int fd, __u32 space, __u64 address,
							 const struct window *window)
{
	struct space_job job = { .space = space, .job = {
		.op = ACCEL_MEMCARD_SPACE_ENTRY,
		.dst_offset = window->address,
		.src_offset = address,
		.size = sizeof(struct accel_memcard_translation),
	} };
	struct accel_memcard_translation answer = { .entry = 0, .size = UINT64_MAX };

	if (!run_in_space(fd, job, NULL))
		memcpy(&answer, window->memory, sizeof(answer));
	return answer;
}

static inline int fail_flushes(int fd, __u64 count)
{
	struct accel_memcard_fail_flushes argument = { .count = count };

	return call(fd, ACCEL_MEMCARD_IOCTL_FAIL_FLUSHES, &argument);
}

#endif /* _ACCEL_SELFTESTS_ADDRESS_SPACE_H */
