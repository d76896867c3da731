/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a monitor tells who may not know of the clients of others: for each kind of INFO and of
 * event there is a decision here, and what nobody is told is compared with what root is told.
 */
#ifndef _ACCEL_SELFTESTS_VIEWER_H
#define _ACCEL_SELFTESTS_VIEWER_H

#include "monitor.h"

#define VIEWER_ANSWER	16384
#define VIEWER_TRIES	50

/* To whom something is told. */
enum told {
	UNDECIDED,
	TO_ALL,			/* the same: of the device, or of all clients together */
	OF_ONES_OWN,		/* of one's own clients only */
	WITHOUT_CLIENT,		/* to everybody, but who it was, and what he did */
	BY_COMPUTE_NODE,	/* to a client of itself; monitors are not told */
};

struct decision {
	__u32 kind;
	enum told told;
};

static const struct decision info_decisions[] = {
	{ ACCEL_INFO_LIST, TO_ALL },
	{ ACCEL_INFO_DEVICE, TO_ALL },
	{ ACCEL_INFO_STATUS, TO_ALL },
	{ ACCEL_INFO_ENGINES, TO_ALL },
	{ ACCEL_INFO_MEMORY, TO_ALL },
	{ ACCEL_INFO_CLIENTS, TO_ALL },
	{ ACCEL_INFO_CLIENT_MEMORY, BY_COMPUTE_NODE },
	{ ACCEL_INFO_CLIENT_ENGINES, BY_COMPUTE_NODE },
	{ ACCEL_INFO_LINKS, TO_ALL },
	{ ACCEL_INFO_SENSORS, TO_ALL },
	{ ACCEL_INFO_THROTTLE, TO_ALL },
	{ ACCEL_INFO_ERRORS, TO_ALL },
	{ ACCEL_INFO_ROWS, TO_ALL },
	{ ACCEL_INFO_SPARES, TO_ALL },
	{ ACCEL_INFO_FIRMWARE, TO_ALL },
	{ ACCEL_INFO_CLIENT_LIST, OF_ONES_OWN },
	{ ACCEL_INFO_ERROR_LIMITS, TO_ALL },
	{ ACCEL_INFO_SLEEP, TO_ALL },
	/* ACCEL_INFO_QDA, ACCEL_INFO_ETHOSU: what the device is. */
	{ ACCEL_INFO_DRIVER_BASE, TO_ALL },
};

static const struct decision event_decisions[] = {
	{ ACCEL_EVENT_HEALTH, TO_ALL },
	{ ACCEL_EVENT_RESET, TO_ALL },
	{ ACCEL_EVENT_TIMEOUT, WITHOUT_CLIENT },
	{ ACCEL_EVENT_FAULT, WITHOUT_CLIENT },
	{ ACCEL_EVENT_ERROR, TO_ALL },
	{ ACCEL_EVENT_THROTTLE, TO_ALL },
	{ ACCEL_EVENT_LINK, TO_ALL },
	{ ACCEL_EVENT_FIRMWARE, TO_ALL },
	{ ACCEL_EVENT_CLIENT, OF_ONES_OWN },
	{ ACCEL_EVENT_MEMORY, WITHOUT_CLIENT },
	{ ACCEL_EVENT_LIMIT, TO_ALL },
};

static inline enum told decided(const struct decision *decisions, unsigned int count, __u32 kind)
{
	for (unsigned int i = 0; i < count; i++)
		if (decisions[i].kind == kind)
			return decisions[i].told;
	return UNDECIDED;
}

static inline enum told info_is_told(__u32 kind)
{
	return decided(info_decisions, ARRAY_SIZE(info_decisions), kind);
}

static inline enum told event_is_told(__u32 kind)
{
	return decided(event_decisions, ARRAY_SIZE(event_decisions), kind);
}

/* Opens the monitor as a user without privileges: whoever opened it counts. */
static inline int open_as_nobody(int index)
{
	int monitor;

	if (setresuid(NOBODY, NOBODY, 0))
		return -errno;
	monitor = open_reader(index);
	return setresuid(0, 0, 0) ? -errno : monitor;
}

/* An answer: the errno, or how many bytes there are, and those. */
struct answer {
	int error;
	__u32 size;
	unsigned char data[VIEWER_ANSWER];
};

static inline void ask(int monitor, __u32 kind, struct answer *answer)
{
	struct accel_info argument;

	memset(answer, 0, sizeof(*answer));
	answer->error = info_call(monitor, &argument, kind, answer->data, sizeof(answer->data));
	answer->size = argument.size;
}

/* Whether @between is what @before and @after are, as far as these are alike: some values go on. */
static inline bool is_between(const struct answer *before, const struct answer *between,
			      const struct answer *after)
{
	if (before->error != after->error || before->size != after->size)
		return false;
	if (between->error != before->error || between->size != before->size)
		return false;
	for (unsigned int i = 0; i < sizeof(before->data); i++)
		if (before->data[i] == after->data[i] && between->data[i] != before->data[i])
			return false;
	return true;
}

static inline bool is_told_alike(int root, int nobody, __u32 kind)
{
	struct answer before, between, after;

	for (int i = 0; i < VIEWER_TRIES; i++) {
		ask(root, kind, &before);
		ask(nobody, kind, &between);
		ask(root, kind, &after);
		if (is_between(&before, &between, &after))
			return true;
	}
	return false;
}

/* Elements of an array that somebody is told of. */
static inline int told_of(int monitor, __u32 kind)
{
	unsigned char data[VIEWER_ANSWER];

	return array(monitor, kind, data, sizeof(data));
}

/* @root and @nobody are monitors of a device of which root has @clients, and nobody none. */
static inline void compare_info(struct __test_metadata *_metadata, int root, int nobody,
				int clients)
{
	struct accel_info_kind kinds[64];
	int count = array(root, ACCEL_INFO_LIST, kinds, sizeof(kinds));

	ASSERT_LT(0, count);
	for (int i = 0; i < count; i++) {
		const __u32 kind = kinds[i].kind;
		const enum told told = info_is_told(kind);

		EXPECT_EQ(told != BY_COMPUTE_NODE, !!(kinds[i].nodes & ACCEL_INFO_ON_MONITOR))
			TH_LOG("kind %u", kind);
		switch (told) {
		case TO_ALL:
			EXPECT_TRUE(is_told_alike(root, nobody, kind))
				TH_LOG("kind %u", kind);
			break;
		case OF_ONES_OWN:
			EXPECT_EQ(clients, told_of(root, kind));
			EXPECT_EQ(0, told_of(nobody, kind));
			break;
		case BY_COMPUTE_NODE:
			EXPECT_EQ(-EOPNOTSUPP, told_of(root, kind));
			EXPECT_EQ(-EOPNOTSUPP, told_of(nobody, kind));
			break;
		default:
			ASSERT_TRUE(false)
				TH_LOG("nobody has decided who is told of kind %u", kind);
		}
	}
	/* What is not listed is not told either. */
	for (__u32 kind = 0; kind < 2 * ACCEL_INFO_DRIVER_BASE; kind++) {
		bool is_listed = false;

		for (int i = 0; i < count; i++)
			is_listed = is_listed || kinds[i].kind == kind;
		if (!is_listed)
			ASSERT_EQ(-EOPNOTSUPP, info(nobody, kind, NULL, 0));
	}
}

/* The event number @sequence of @events; NULL if it is none of them. */
static inline const struct accel_event *find_event(const struct accel_event *events, int count,
						   __u64 sequence)
{
	for (int i = 0; i < count; i++)
		if (events[i].sequence == sequence)
			return &events[i];
	return NULL;
}

/* Reads all events that there are; returns how many. */
static inline int read_events(int monitor, struct accel_event events[ACCEL_EVENTS_KEPT])
{
	ssize_t size = read(monitor, events, ACCEL_EVENTS_KEPT * sizeof(*events));

	return size < 0 ? 0 : size / sizeof(*events);
}

/* Has both read all that happened until now. */
static inline void forget_events(int root, int nobody)
{
	while (read_all(root) + read_all(nobody))
		continue;
}

/* Whether @told, NULL if nothing is, is what somebody without privileges may know of @event. */
static inline bool is_told_right(const struct accel_event *event, const struct accel_event *told)
{
	struct accel_event expected = *event;

	switch (event_is_told(event->kind)) {
	case TO_ALL:
		return told && !memcmp(told, &expected, sizeof(expected));
	case WITHOUT_CLIENT:
		expected.client = 0;
		expected.context = 0;
		expected.queue = ACCEL_EVENT_NONE;
		expected.data[1] = 0;
		/* That the memory is full, and of how much, is no secret. */
		if (event->kind != ACCEL_EVENT_MEMORY)
			memset(expected.data, 0, sizeof(expected.data));
		return event->client && told && !memcmp(told, &expected, sizeof(expected));
	case OF_ONES_OWN:
		return !told;
	default:
		return false;
	}
}

/* Compares what both are told of all since forget_events(); returns which kinds there were. */
static inline __u64 compare_events(struct __test_metadata *_metadata, int root, int nobody)
{
	struct accel_event all[ACCEL_EVENTS_KEPT], seen[ACCEL_EVENTS_KEPT];
	int count = read_events(root, all), seen_count = read_events(nobody, seen);
	__u64 kinds = 0;

	for (int i = 0; i < count; i++) {
		kinds |= 1ULL << all[i].kind;
		EXPECT_TRUE(is_told_right(&all[i], find_event(seen, seen_count, all[i].sequence)))
			TH_LOG("event of kind %u", all[i].kind);
	}
	for (int i = 0; i < seen_count; i++)
		EXPECT_TRUE(find_event(all, count, seen[i].sequence) ||
			    seen[i].sequence > all[count - 1].sequence);
	return kinds;
}

/* For each kind of event that there is there is a decision. */
static inline void compare_event_kinds(struct __test_metadata *_metadata, int monitor)
{
	for (__u32 kind = 0; kind < 64; kind++) {
		struct accel_event_filter filter = { .kinds = 1ULL << kind };

		EXPECT_EQ(event_is_told(kind) == UNDECIDED ? -EOPNOTSUPP : 0,
			  call(monitor, ACCEL_IOCTL_EVENT_FILTER, &filter))
			TH_LOG("event of kind %u", kind);
	}
}

#endif /* _ACCEL_SELFTESTS_VIEWER_H */
