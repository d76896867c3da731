/* SPDX-License-Identifier: GPL-2.0 */
/* Finding the memory cards, making buffers in their memory, moving bytes. */
#ifndef _ACCEL_SELFTESTS_MEMCARD_H
#define _ACCEL_SELFTESTS_MEMCARD_H

#include <accel_memcard.h>

#include "buffer.h"
#include "device.h"

#define MEMCARD_DRIVER	"accel_memcard"
#define MEMORY_KINDS	3	/* system, local, sram */
#define FILLED		0xa7

/* Where a card is: its path below /sys/devices. */
static inline void card_path(unsigned int index, char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/sys/class/accel/accel%u/device", index);
	if (!realpath(link, path))
		path[0] = '\0';
}

/* How many bridges a card is behind. */
static inline int card_depth(unsigned int index)
{
	char path[PATH_MAX];
	int depth = 0;

	card_path(index, path);
	for (const char *at = path; (at = strstr(at, "/0000:")); at++)
		depth++;
	return depth;
}

struct card_search {
	int depth;
	int skip;
};

static inline bool is_card(const struct accel_info_device *device, void *with)
{
	struct card_search *search = with;

	return !strcmp(device->driver, MEMCARD_DRIVER) &&
	       card_depth(device->index) == search->depth && !search->skip--;
}

/* The two cards below the switch are @number 0 and 1, the one at a root port is 2. */
static inline int card_index(int number)
{
	struct card_search search = {
		.depth = number < 2 ? 4 : 2,
		.skip = number < 2 ? number : 0,
	};

	return visit_devices(is_card, &search);
}

static inline int open_card(int number)
{
	int index = card_index(number);

	return index < 0 ? index : open_compute(index);
}

static inline struct accel_info_memory region_of(int fd, unsigned int region)
{
	struct accel_info_memory memories[MEMORY_KINDS] = { { .kind = 0 } };

	info(fd, ACCEL_INFO_MEMORY, memories, sizeof(memories));
	return memories[region];
}

/* Waits until nothing is dirty; returns the bytes in use. */
static inline __u64 settled_region(int fd, unsigned int region)
{
	__s64 end = now_ns() + SLACK_NS;

	while (region_of(fd, region).dirty && now_ns() < end)
		sleep_ms(1);
	return region_of(fd, region).used;
}

static inline int create_once(int fd, __u32 region, __u64 size, __u32 flags,
			      struct accel_buffer_create *buffer)
{
	*buffer = (struct accel_buffer_create){
		.size = size,
		.placement = ACCEL_PLACEMENT_DEVICE,
		.flags = flags,
		.region = region,
	};
	return call(fd, ACCEL_IOCTL_BUFFER_CREATE, buffer);
}

/* The same, but waits for what is being scrubbed. */
static inline int create_in(int fd, __u32 region, __u64 size, __u32 flags,
			    struct accel_buffer_create *buffer)
{
	__s64 end = now_ns() + SLACK_NS;
	int error;

	while ((error = create_once(fd, region, size, flags, buffer)) == -EAGAIN &&
	       now_ns() < end)
		sleep_ms(1);
	return error;
}

/* Submits a job on one or two buffers that waits for @point; returns its number or -errno. */
static inline __s64 submit_mover(int fd, struct accel_memcard_job job, __u32 dst, __u32 src,
				 const struct accel_point *point)
{
	struct accel_submit_buffer buffers[] = {
		{ dst, ACCEL_BUFFER_WRITE },
		{ src, ACCEL_BUFFER_READ },
	};
	struct accel_submit submit = { .queue = 0 };
	struct accel_submit_job entry = {
		.buffers = user(buffers),
		.nr_buffers = src ? 2 : 1,
		.points = user(point),
		.nr_points = point ? 1 : 0,
		.payload = user(&job),
		.payload_size = sizeof(job),
	};
	int error = submit_entry(fd, &submit, &entry);

	return error ? error : (__s64)entry.job;
}

static inline int wait_mover(int fd, __s64 number)
{
	struct accel_wait wait = { .job = number, .deadline_ns = INT64_MAX };

	return number < 0 ? (int)number : call(fd, ACCEL_IOCTL_WAIT, &wait);
}

/* The same at once, and waits for its end. */
static inline int run_mover(int fd, struct accel_memcard_job job, __u32 dst, __u32 src)
{
	return wait_mover(fd, submit_mover(fd, job, dst, src, NULL));
}

static inline int fill_card(int fd, __u32 dst, __u64 offset, __u64 size, __u8 value)
{
	struct accel_memcard_job job = {
		.op = ACCEL_MEMCARD_FILL,
		.value = value,
		.dst_offset = offset,
		.size = size,
	};

	return run_mover(fd, job, dst, 0);
}

static inline int copy_card(int fd, __u32 dst, __u64 dst_offset, __u32 src, __u64 src_offset,
			    __u64 size)
{
	struct accel_memcard_job job = {
		.op = ACCEL_MEMCARD_COPY,
		.dst = 0,
		.src = 1,
		.dst_offset = dst_offset,
		.src_offset = src_offset,
		.size = size,
	};

	return run_mover(fd, job, dst, src);
}

/* Whether a write to @at is a SIGBUS; tried in a child. */
static inline bool is_bus_error(unsigned char *at)
{
	pid_t child = fork();

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		__atomic_store_n(at, 1, __ATOMIC_RELAXED);
		_exit(0);
	}
	return death_signal(child) == SIGBUS;
}

static inline int create_doorbell(int fd, struct accel_doorbell_create *doorbell)
{
	*doorbell = (struct accel_doorbell_create){ .flags = 0 };
	return call(fd, ACCEL_IOCTL_DOORBELL_CREATE, doorbell);
}

static inline int close_doorbell(int fd, __u32 handle)
{
	struct accel_doorbell_close close = { .handle = handle };

	return call(fd, ACCEL_IOCTL_DOORBELL_CLOSE, &close);
}

/* What a doorbell was last rung with, as the card sees it. */
static inline __u64 rung(int fd, __u32 index)
{
	struct accel_memcard_job job = { .op = ACCEL_MEMCARD_RUNG, .value = index, .size = 8 };
	struct accel_buffer_create system;
	__u64 *memory = create_mapped(fd, PAGE, &system), value = 0;

	if ((void *)memory == MAP_FAILED)
		return 0;
	if (!run_mover(fd, job, system.handle, 0))
		value = *memory;
	munmap(memory, PAGE);
	close_buffer(fd, system.handle);
	return value;
}

#define COPIED_AT_ONCE	(1024 * 1024UL)

/* Whether the card's own engine sees only @byte in a buffer. */
static inline bool card_sees(int fd, __u32 handle, __u64 size, int byte)
{
	struct accel_buffer_create system;
	unsigned char *memory = create_mapped(fd, COPIED_AT_ONCE, &system);
	bool right = memory != MAP_FAILED;

	for (__u64 at = 0; right && at < size; at += COPIED_AT_ONCE) {
		__u64 length = size - at < COPIED_AT_ONCE ? size - at : COPIED_AT_ONCE;

		memset(memory, ~byte, length);
		right = !copy_card(fd, system.handle, 0, handle, at, length) &&
			all_bytes(memory, byte, length);
	}
	munmap(memory, COPIED_AT_ONCE);
	close_buffer(fd, system.handle);
	return right;
}

/* The address by which a card reaches a buffer that is not in its memory; 0 if that fails. */
static inline __u64 where(int fd, __u32 handle)
{
	struct accel_memcard_job job = { .op = ACCEL_MEMCARD_WHERE, .src = 1, .size = 8 };
	struct accel_buffer_create system;
	__u64 *memory = create_mapped(fd, PAGE, &system);
	__u64 address = 0;

	if ((void *)memory == MAP_FAILED)
		return 0;
	if (!run_mover(fd, job, system.handle, handle))
		address = *memory;
	munmap(memory, PAGE);
	close_buffer(fd, system.handle);
	return address;
}

#endif /* _ACCEL_SELFTESTS_MEMCARD_H */
