/* SPDX-License-Identifier: GPL-2.0 */
/* Memory of the process in a preemptible address space of a QDA card. */
#ifndef _ACCEL_SELFTESTS_MIRROR_H
#define _ACCEL_SELFTESTS_MIRROR_H

#include "user_queue.h"

#define SIZE		(64 * 1024UL)
#define ANYWHERE	(MAP_PRIVATE | MAP_ANONYMOUS)

static inline unsigned char *some_memory(size_t size)
{
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0);

	memset(memory, 0, size);
	return memory;
}

/* Maps memory of this process; returns 0 or -errno. */
static inline int mirror_at(int fd, __u32 space, const volatile void *memory, __u64 size,
			    __u32 access, __u64 *address)
{
	struct accel_address_space_map map = {
		.space = space,
		.flags = access | ACCEL_MAP_USER,
		.offset = user((const void *)memory),
		.size = size,
	};
	int error = call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map);

	*address = map.address;
	return error;
}

static inline __u32 create_preemptible(int fd)
{
	struct accel_address_space_create space = { .flags = ACCEL_ADDRESS_SPACE_PREEMPTIBLE };

	return call_settled(fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &space) ? 0 : space.handle;
}

/* How often the queue was suspended. */
static inline __u32 suspensions(const struct user_queue *queue)
{
	return query_user_queue(queue->fd, queue->handle).suspensions;
}

/* Has @memory, of a file, reclaimed, and returns whether the queue was suspended for it. */
static inline bool is_reclaimed(const struct user_queue *queue, void *memory)
{
	__u32 before = suspensions(queue);
	__s64 end = now_ns() + PATIENCE_NS;

	/* Pages that are on their way to the lists of reclaim, on any CPU, stay. */
	while (suspensions(queue) == before && now_ns() < end)
		if (write_file("/proc/sys/vm/drop_caches", "1") ||
		    madvise(memory, SIZE, MADV_PAGEOUT))
			return false;
	return suspensions(queue) > before;
}

#endif /* _ACCEL_SELFTESTS_MIRROR_H */
