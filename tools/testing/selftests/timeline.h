/* SPDX-License-Identifier: GPL-2.0 */
/* Timelines, and points of them that sw_sync brings about. */
#ifndef _ACCEL_SELFTESTS_TIMELINE_H
#define _ACCEL_SELFTESTS_TIMELINE_H

#include <sys/eventfd.h>

#include "sw_sync.h"

#ifndef FOREVER
#define FOREVER		INT64_MAX
#endif

static inline int create_timeline(int fd, __u64 value, __u32 *handle)
{
	struct accel_timeline_create argument = { .value = value };
	int error = call(fd, ACCEL_IOCTL_TIMELINE_CREATE, &argument);

	*handle = argument.handle;
	return error;
}

/* A timeline that begins at @value; 0 if there is none. */
static inline __u32 timeline_at(int fd, __u64 value)
{
	__u32 handle;

	return create_timeline(fd, value, &handle) ? 0 : handle;
}

static inline int close_timeline(int fd, __u32 handle)
{
	struct accel_timeline_close argument = { .handle = handle };

	return call(fd, ACCEL_IOCTL_TIMELINE_CLOSE, &argument);
}

static inline int signal_points(int fd, const struct accel_point *points, __u32 count)
{
	struct accel_timeline_signal argument = { .points = user(points), .nr_points = count };

	return call(fd, ACCEL_IOCTL_TIMELINE_SIGNAL, &argument);
}

static inline int signal_point(int fd, __u32 handle, __u64 value)
{
	struct accel_point point = { .handle = handle, .value = value };

	return signal_points(fd, &point, 1);
}

static inline int query(int fd, __u32 handle, struct accel_timeline_query *answer)
{
	*answer = (struct accel_timeline_query){ .handle = handle };
	return call(fd, ACCEL_IOCTL_TIMELINE_QUERY, answer);
}

static inline __u64 value_of(int fd, __u32 handle)
{
	struct accel_timeline_query answer;

	return query(fd, handle, &answer) ? UINT64_MAX : answer.value;
}

static inline __u64 backed_of(int fd, __u32 handle)
{
	struct accel_timeline_query answer;

	return query(fd, handle, &answer) ? UINT64_MAX : answer.backed;
}

static inline __u64 last_of(int fd, __u32 handle)
{
	struct accel_timeline_query answer;

	return query(fd, handle, &answer) ? UINT64_MAX : answer.last;
}

/* Waits for @count points; @first may be NULL. */
static inline int wait_points(int fd, const struct accel_point *points, __u32 count, __u32 flags,
			      __s64 deadline, __u32 *first)
{
	struct accel_timeline_wait argument = {
		.points = user(points), .nr_points = count, .flags = flags,
		.deadline_ns = deadline, .first = UINT32_MAX,
	};
	int error = call(fd, ACCEL_IOCTL_TIMELINE_WAIT, &argument);

	if (first)
		*first = argument.first;
	return error;
}

static inline int wait_point(int fd, __u32 handle, __u64 value, __u32 flags, __s64 deadline)
{
	struct accel_point point = { .handle = handle, .value = value };

	return wait_points(fd, &point, 1, flags, deadline, NULL);
}

static inline int transfer(int fd, __u32 from, __u64 value, __u32 to, __u64 point)
{
	struct accel_timeline_transfer argument = {
		.source = { .handle = from, .value = value },
		.destination = { .handle = to, .value = point },
	};

	return call(fd, ACCEL_IOCTL_TIMELINE_TRANSFER, &argument);
}

/* Returns a sync_file of a point, or -errno. */
static inline int export_point(int fd, __u32 handle, __u64 value)
{
	struct accel_timeline_export argument = { .point = { .handle = handle, .value = value } };
	int error = call(fd, ACCEL_IOCTL_TIMELINE_EXPORT, &argument);

	return error ? error : argument.fd;
}

static inline int import_point(int fd, __u32 handle, __u64 value, int sync_file)
{
	struct accel_timeline_import argument = {
		.point = { .handle = handle, .value = value }, .fd = sync_file,
	};

	return call(fd, ACCEL_IOCTL_TIMELINE_IMPORT, &argument);
}

static inline int eventfd_on(int fd, __u32 handle, __u64 value, __u32 flags, int event)
{
	struct accel_timeline_eventfd argument = {
		.point = { .handle = handle, .value = value }, .flags = flags, .fd = event,
	};

	return call(fd, ACCEL_IOCTL_TIMELINE_EVENTFD, &argument);
}

/* How often @event was signalled since it was last asked; it must not block. */
static inline __u64 times_signaled(int event)
{
	__u64 count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Makes a point of a new fence at @count of a counter. */
static inline int import_sw(int fd, __u32 handle, __u64 value, int counter, __u32 count)
{
	int fence = sw_fence(counter, count);
	int error = fence < 0 ? fence : import_point(fd, handle, value, fence);

	close(fence);
	return error;
}

/* A wait of its own thread. */
struct point_waiter {
	pthread_t thread;
	pid_t id;
	int fd;
	struct accel_point points[2];
	__u32 count;
	__u32 flags;
	int error;
	__u32 first;
};

static inline void *point_waiter_main(void *argument)
{
	struct point_waiter *waiter = argument;

	tell_thread(&waiter->id);
	waiter->error = wait_points(waiter->fd, waiter->points, waiter->count, waiter->flags,
				    FOREVER, &waiter->first);
	return NULL;
}

static inline int start_point_waiter(struct point_waiter *waiter)
{
	return -pthread_create(&waiter->thread, NULL, point_waiter_main, waiter);
}

static inline int end_point_waiter(struct point_waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->error;
}

#endif /* _ACCEL_SELFTESTS_TIMELINE_H */
