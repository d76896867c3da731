/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that open monitors, ask, and close them again, while something happens to devices. */
#ifndef _ACCEL_SELFTESTS_WATCHERS_H
#define _ACCEL_SELFTESTS_WATCHERS_H

#include "monitor.h"

#define WATCHERS	4

struct watchers {
	/* Of the nodes monitor0, monitor1, ... that may be there. */
	unsigned int devices;
	/* How often a monitor is still to be opened; negative when all are done. */
	int left;
	/* The first errno that must not be. */
	int odd;
	pthread_t threads[WATCHERS];
};

/* How often: few times in `make test`. */
static inline int watches(void)
{
	return is_long() ? 10000 : 200;
}

/* Whether that may come of a device that is asked while it sleeps, is reset, or goes away. */
static inline bool is_expected(int error)
{
	return !error || error == -ENODEV || error == -EAGAIN || error == -EOPNOTSUPP ||
	       error == -ENODATA;
}

/* Does with @monitor what there is to do; returns 0, or an errno that must not be. */
static inline int watch(int monitor, __u32 turn)
{
	struct accel_event_filter filter = {
		.kinds = 1ULL << (turn % ACCEL_EVENT_LIMIT + 1),
		.severity = turn % (ACCEL_SEVERITY_FATAL + 1),
	};
	char data[4096];
	struct accel_event event;
	const int errors[] = {
		call(monitor, ACCEL_IOCTL_EVENT_FILTER, &filter),
		info(monitor, turn % (ACCEL_INFO_SLEEP + 1), data, sizeof(data)),
		next_event(monitor, &event),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++)
		if (!is_expected(errors[i]))
			return errors[i];
	return 0;
}

static inline void *watcher_main(void *argument)
{
	struct watchers *watchers = argument;

	for (__u32 turn = 0; __atomic_load_n(&watchers->left, __ATOMIC_RELAXED) > 0; turn++) {
		int monitor = open_reader(turn % watchers->devices);
		int odd = monitor < 0 ? monitor : watch(monitor, turn);

		/* There may be no such device, and one may be on its way. */
		if (odd && odd != -ENOENT && odd != -ENXIO && odd != -ENODEV)
			__atomic_store_n(&watchers->odd, odd, __ATOMIC_RELAXED);
		if (monitor < 0)
			continue;
		close(monitor);
		__atomic_fetch_sub(&watchers->left, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Starts to watch the first @devices devices. */
static inline int start_watching(struct watchers *watchers, unsigned int devices)
{
	int error = 0;

	*watchers = (struct watchers){ .devices = devices, .left = watches() };
	for (int i = 0; i < WATCHERS && !error; i++)
		error = -pthread_create(&watchers->threads[i], NULL, watcher_main, watchers);
	return error;
}

static inline bool is_watched(struct watchers *watchers)
{
	return __atomic_load_n(&watchers->left, __ATOMIC_RELAXED) > 0;
}

/* Returns 0, or the first errno that must not be. */
static inline int end_watching(struct watchers *watchers)
{
	for (int i = 0; i < WATCHERS; i++)
		pthread_join(watchers->threads[i], NULL);
	return watchers->odd;
}

#endif /* _ACCEL_SELFTESTS_WATCHERS_H */
