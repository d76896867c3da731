/* SPDX-License-Identifier: GPL-2.0 */
/* Reading events of the monitor node, and arrays of INFO. */
#ifndef _ACCEL_SELFTESTS_MONITOR_H
#define _ACCEL_SELFTESTS_MONITOR_H

#include "device.h"

static inline int open_reader(int index)
{
	return open_node("monitor", index, O_RDONLY | O_NONBLOCK);
}

/* Reads one event: 0, or -errno; -ENODATA at the end. */
static inline int next_event(int monitor, struct accel_event *event)
{
	ssize_t size = read(monitor, event, sizeof(*event));

	return size == sizeof(*event) ? 0 : size < 0 ? -errno : size ? -EIO : -ENODATA;
}

/* Reads all that there is; returns how much that was. */
static inline int read_all(int monitor)
{
	struct accel_event event;
	int count = 0;

	while (!next_event(monitor, &event))
		count++;
	return count;
}

/* Reads on to the next event of a kind, and waits for it: 0, or -ETIMEDOUT. */
static inline int wait_event(int monitor, __u32 kind, struct accel_event *event)
{
	for (__s64 end = now_ns() + SLACK_NS; now_ns() < end; sleep_ms(5))
		while (!next_event(monitor, event))
			if (event->kind == kind)
				return 0;
	return -ETIMEDOUT;
}

/* Has @monitor read these kinds, of this severity or worse. */
static inline int set_filter(int monitor, __u64 kinds, __u32 severity)
{
	struct accel_event_filter filter = { .kinds = kinds, .severity = severity };

	return call(monitor, ACCEL_IOCTL_EVENT_FILTER, &filter);
}

/* Asks for an array; returns how many elements it has, or -errno. */
static inline int array(int fd, __u32 kind, void *elements, size_t size)
{
	struct accel_info argument;
	int error = info_call(fd, &argument, kind, elements, size);

	return error ? error : (int)(argument.size / argument.element_size);
}

#endif /* _ACCEL_SELFTESTS_MONITOR_H */
