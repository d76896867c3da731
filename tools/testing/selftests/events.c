// SPDX-License-Identifier: GPL-2.0
/* Events of the monitor node: what is told of what, to whom, and how it is read. */
#include <poll.h>

#include "job.h"
#include "monitor.h"
#include "queue.h"

#define KEPT	ACCEL_EVENTS_KEPT
#define ALL_KINDS \
	((2ULL << ACCEL_EVENT_LIMIT) - (1ULL << ACCEL_EVENT_HEALTH))
#define ALL_BUT_CLIENTS	(ALL_KINDS & ~(1ULL << ACCEL_EVENT_CLIENT))

/* A device of its own that one client has open, and a monitor that has read so far. */
FIXTURE(events)
{
	int number;
	int index;
	int fd;
	int monitor;
};

static short polled(int monitor)
{
	struct pollfd poller = { .fd = monitor, .events = POLLIN };

	return poll(&poller, 1, 0) < 0 ? -1 : poller.revents;
}

FIXTURE_SETUP(events)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_reader(self->index);
	ASSERT_LE(0, self->monitor);
	read_all(self->monitor);
}

FIXTURE_TEARDOWN(events)
{
	close(self->monitor);
	close(self->fd);
	remove_fake(self->number);
}

TEST_F(events, it_says_which_job_of_which_queue)
{
	__u32 context = create_context(self->fd);
	__u32 queues[2] = { create_queue(self->fd, 0, 0), create_queue_of(self->fd, context) };
	struct accel_event events[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(-ETIME, run_in(self->fd, queues[i], ACCEL_FAKE_HANG, 0));
		ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_TIMEOUT, &events[i]));
		EXPECT_EQ(1ULL, events[i].data[0]);
		EXPECT_NE(0ULL, events[i].context);
		EXPECT_NE(ACCEL_EVENT_NONE, events[i].queue);
	}
	EXPECT_EQ(events[0].client, events[1].client);
	EXPECT_NE(events[0].queue, events[1].queue);
	EXPECT_NE(events[0].context, events[1].context);
	/* What is about no job has none. */
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_RESET, &events[0]));
	EXPECT_EQ(ACCEL_EVENT_NONE, events[0].queue);
	EXPECT_EQ(0ULL, events[0].context);
}

TEST_F(events, a_hang_tells_of_job_health_and_reset)
{
	static const __u32 kinds[] = { ACCEL_EVENT_TIMEOUT, ACCEL_EVENT_HEALTH,
				       ACCEL_EVENT_RESET, ACCEL_EVENT_HEALTH };
	struct accel_event events[ARRAY_SIZE(kinds)];
	__s64 start = now_ns();

	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	/* The engine goes on a moment after the job has ended. */
	ASSERT_EQ(0, run_nop(self->fd));
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, next_event(self->monitor, &events[i]));
		EXPECT_EQ(kinds[i], events[i].kind);
		EXPECT_EQ(events[0].sequence + i, events[i].sequence);
		EXPECT_LE(start, (__s64)events[i].time_ns);
		start = events[i].time_ns;
	}
	EXPECT_EQ(-EAGAIN, next_event(self->monitor, &events[0]));
	EXPECT_EQ(0U, events[0].engine);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_ERROR, events[0].severity);
	EXPECT_EQ(1ULL, events[0].data[0]);
	EXPECT_NE(0ULL, events[0].client);
	EXPECT_EQ((__u64)ACCEL_HEALTH_RESETTING, events[1].data[0]);
	EXPECT_EQ((__u64)ACCEL_HEALTH_OPERATIONAL, events[1].data[1]);
	EXPECT_EQ(ACCEL_EVENT_NONE, events[1].engine);
	EXPECT_EQ(0ULL, events[1].client);
	EXPECT_EQ(0U, events[2].engine);
	EXPECT_EQ(0ULL, events[2].data[0]);
	EXPECT_EQ((__u64)ACCEL_RESET_JOB, events[2].data[2]);
	EXPECT_EQ((__u64)ACCEL_HEALTH_OPERATIONAL, events[3].data[0]);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_INFO, events[3].severity);
}

TEST_F(events, a_reset_by_an_administrator_is_of_the_device)
{
	struct accel_event event;

	ASSERT_EQ(0, set_filter(self->monitor, 1ULL << ACCEL_EVENT_RESET, 0));
	ASSERT_EQ(0, reset_device(self->index));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ(ACCEL_EVENT_NONE, event.engine);
	EXPECT_EQ(0ULL, event.data[0]);
	EXPECT_EQ(1ULL, event.data[1]);
	EXPECT_EQ((__u64)ACCEL_RESET_ADMINISTRATOR, event.data[2]);
}

TEST_F(events, a_reset_that_does_not_help_says_so)
{
	struct accel_fake_fail_resets failures = { .count = 1 };
	struct accel_event event;

	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &failures));
	ASSERT_EQ(0, set_filter(self->monitor, 1ULL << ACCEL_EVENT_RESET, 0));
	ASSERT_EQ(-EIO, reset_device(self->index));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ((__u64)EIO, event.data[0]);
	EXPECT_EQ(0ULL, event.data[1]);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_ERROR, event.severity);
	ASSERT_EQ(0, reset_device(self->index));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ(0ULL, event.data[0]);
	EXPECT_EQ(1ULL, event.data[1]);
}

TEST_F(events, a_fault_tells_what_where_and_whose)
{
	struct accel_event first, second;

	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	ASSERT_EQ(0, next_event(self->monitor, &first));
	EXPECT_EQ((__u32)ACCEL_EVENT_FAULT, first.kind);
	EXPECT_EQ((__u64)ACCEL_FAULT_BUS, first.data[0]);
	EXPECT_EQ(0xfa17ULL, first.data[1]);
	EXPECT_EQ(1ULL, first.data[2]);
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_COMMAND, NULL));
	while (!next_event(self->monitor, &second) && second.kind != ACCEL_EVENT_FAULT)
		continue;
	EXPECT_EQ(2ULL, second.data[2]);
	EXPECT_EQ(first.client, second.client);
}

TEST_F(events, jobs_that_end_well_or_with_their_file_tell_nothing)
{
	ASSERT_EQ(0, run_nop(self->fd));
	ASSERT_LT(0, submit(self->fd, ACCEL_FAKE_STALL, 0));
	ASSERT_EQ(0, set_filter(self->monitor, 1ULL << ACCEL_EVENT_FAULT, 0));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, read_all(self->monitor));
}

TEST_F(events, clients_come_and_go)
{
	struct accel_event events[2];
	int other = open_compute(self->index);

	ASSERT_LE(0, other);
	close(other);
	ASSERT_EQ((ssize_t)sizeof(events), read(self->monitor, events, sizeof(events)));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ((__u32)ACCEL_EVENT_CLIENT, events[i].kind);
		EXPECT_EQ((__u32)ACCEL_SEVERITY_INFO, events[i].severity);
		EXPECT_EQ(i == 0, events[i].data[0]);
		EXPECT_EQ(events[0].client, events[i].client);
	}
}

TEST_F(events, each_reader_has_a_pace_of_its_own)
{
	struct accel_event one, many[8];
	int other = open_reader(self->index);
	ssize_t size;

	/* It comes later, and finds what is kept. */
	ASSERT_LE(0, other);
	ASSERT_EQ(0, next_event(other, &one));
	EXPECT_EQ(1ULL, one.sequence);
	read_all(other);
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(0, run_nop(self->fd));
	size = read(self->monitor, many, sizeof(many));
	ASSERT_EQ((ssize_t)(4 * sizeof(one)), size);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, next_event(other, &one));
		EXPECT_EQ(0, memcmp(&one, &many[i], sizeof(one)));
	}
	EXPECT_EQ(-EAGAIN, next_event(other, &one));
	close(other);
}

TEST_F(events, who_is_too_slow_is_told_how_much_is_missing)
{
	struct accel_event event;
	__u64 last = 0;
	int count = 0;

	for (int i = 0; i < KEPT / 2 + 7; i++)
		close(open_compute(self->index));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_DROPPED, event.kind);
	EXPECT_EQ(14ULL, event.data[0]);
	last = event.sequence + event.data[0] - 1;
	while (!next_event(self->monitor, &event)) {
		ASSERT_EQ(last + 1, event.sequence);
		last = event.sequence;
		count++;
	}
	EXPECT_EQ(KEPT, count);
}

/* KiB of memory that the kernel has taken for itself. */
static long taken(void)
{
	static const char *const names[] = { "\nSlab:", "\nVmallocUsed:" };
	char text[4096];
	long sum = 0;

	if (read_file("/proc/meminfo", text, sizeof(text)))
		return -1;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		const char *line = strstr(text, names[i]);

		sum += line ? atol(line + strlen(names[i])) : 0;
	}
	return sum;
}

/* Causes so many events; returns whether that worked. */
static bool cause_events(int fd, int count)
{
	struct accel_fake_set hot = { .what = ACCEL_FAKE_THROTTLE };
	int error = 0;

	for (int i = 0; i < count && !error; i++) {
		hot.value = i % 2;
		error = call(fd, ACCEL_FAKE_IOCTL_SET, &hot);
	}
	return !error;
}

#define MANY		100000
#define SILENT		16
#define BOUND_KIB	4096	/* less than an event of each would take, kept once */

TEST_F_TIMEOUT(events, who_never_reads_costs_no_memory, 120)
{
	struct accel_event event;
	int silent[SILENT];
	long before;

	for (int i = 0; i < SILENT; i++)
		ASSERT_LE(0, silent[i] = open_reader(self->index));
	/* What a debug kernel sets aside is set aside then. */
	ASSERT_TRUE(cause_events(self->fd, MANY / 10));
	before = taken();
	ASSERT_LT(0, before);
	ASSERT_TRUE(cause_events(self->fd, MANY));
	EXPECT_GT(before + BOUND_KIB, taken());
	/* All of that did happen. */
	ASSERT_EQ(0, next_event(silent[0], &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_DROPPED, event.kind);
	EXPECT_LE((__u64)MANY - ACCEL_EVENTS_KEPT, event.data[0]);
	for (int i = 0; i < SILENT; i++)
		close(silent[i]);
}

TEST_F(events, a_filter_is_by_kind_and_severity)
{
	struct accel_event event;

	ASSERT_EQ(0, set_filter(self->monitor, ALL_BUT_CLIENTS, ACCEL_SEVERITY_ERROR));
	close(open_compute(self->index));
	EXPECT_EQ(0, polled(self->monitor));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(POLLIN, polled(self->monitor));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_TIMEOUT, event.kind);
	EXPECT_EQ(-EAGAIN, next_event(self->monitor, &event));
	ASSERT_EQ(0, set_filter(self->monitor, 0, 0));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(-EAGAIN, next_event(self->monitor, &event));
	/* What it has not come to is to be read after all. */
	ASSERT_EQ(0, set_filter(self->monitor, ALL_KINDS, 0));
	EXPECT_EQ(0, next_event(self->monitor, &event));
}

TEST_F(events, bad_filters_are_refused)
{
	struct accel_event_filter flagged = { .kinds = ALL_KINDS, .flags = 1 };

	EXPECT_EQ(-EOPNOTSUPP, set_filter(self->monitor, 1ULL << 63, 0));
	EXPECT_EQ(-EOPNOTSUPP, set_filter(self->monitor, 1ULL << ACCEL_EVENT_DROPPED, 0));
	EXPECT_EQ(-EOPNOTSUPP, set_filter(self->monitor, 2ULL << ACCEL_EVENT_LIMIT, 0));
	EXPECT_EQ(-EINVAL, set_filter(self->monitor, ALL_KINDS, ACCEL_SEVERITY_FATAL + 1));
	EXPECT_EQ(-EINVAL, set_filter(self->monitor, ALL_KINDS, UINT32_MAX));
	EXPECT_EQ(-EOPNOTSUPP, call(self->monitor, ACCEL_IOCTL_EVENT_FILTER, &flagged));
	EXPECT_EQ(-EFAULT, call(self->monitor, ACCEL_IOCTL_EVENT_FILTER, NOWHERE));
	EXPECT_EQ(-ENOTTY, set_filter(self->fd, ALL_KINDS, 0));
	close(open_compute(self->index));
	EXPECT_EQ(2, read_all(self->monitor));
}

TEST_F(events, a_filter_may_be_of_another_size)
{
	struct {
		struct accel_event_filter filter;
		__u64 tail;
	} longer = { .filter = { .kinds = 1ULL << ACCEL_EVENT_FAULT } };
	unsigned long number = ACCEL_IOCTL_EVENT_FILTER;

	EXPECT_EQ(0, call(self->monitor, resized(number, sizeof(longer)), &longer));
	EXPECT_EQ(-EINVAL, call(self->monitor, resized(number, 12), &longer));
	longer.tail = 1;
	longer.filter.kinds = ALL_KINDS;
	EXPECT_EQ(-E2BIG, call(self->monitor, resized(number, sizeof(longer)), &longer));
	close(open_compute(self->index));
	EXPECT_EQ(0, read_all(self->monitor));
}

TEST_F(events, bad_reads_lose_nothing)
{
	struct accel_event *end = before_hole(sizeof(*end)), event;
	char *bytes = (char *)end;

	EXPECT_EQ(-1, read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(EINVAL, errno);
	close(open_compute(self->index));
	EXPECT_EQ(-1, read(self->monitor, &event, sizeof(event) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->monitor, end + 1, sizeof(event)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(self->monitor, bytes + 1, sizeof(event)));
	EXPECT_EQ(EFAULT, errno);
	/* There is room for the first one. */
	EXPECT_EQ((ssize_t)sizeof(event), read(self->monitor, end, 2 * sizeof(event)));
	EXPECT_EQ(1ULL, end->data[0]);
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ(0ULL, event.data[0]);
	EXPECT_EQ(end->sequence + 1, event.sequence);
}

/* A read(2) of its own thread. */
struct sleeper {
	pthread_t thread;
	pid_t id;
	int monitor;
	struct accel_event event;
	int error;
};

static void *sleeper_main(void *argument)
{
	struct sleeper *sleeper = argument;

	tell_thread(&sleeper->id);
	sleeper->error = next_event(sleeper->monitor, &sleeper->event);
	return NULL;
}

static int start_sleeper(struct sleeper *sleeper, int index)
{
	*sleeper = (struct sleeper){ .monitor = open_monitor(index) };
	set_filter(sleeper->monitor, 1ULL << ACCEL_EVENT_FAULT, 0);
	pthread_create(&sleeper->thread, NULL, sleeper_main, sleeper);
	until_asleep(&sleeper->id);
	return sleeper->monitor;
}

static int end_sleeper(struct sleeper *sleeper)
{
	pthread_join(sleeper->thread, NULL);
	close(sleeper->monitor);
	return sleeper->error;
}

TEST_F(events, a_read_waits_for_what_it_wants)
{
	struct sleeper sleepers[3];

	for (unsigned int i = 0; i < ARRAY_SIZE(sleepers); i++)
		ASSERT_LE(0, start_sleeper(&sleepers[i], self->index));
	close(open_compute(self->index));
	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(sleepers); i++) {
		EXPECT_EQ(0, end_sleeper(&sleepers[i]));
		EXPECT_EQ((__u32)ACCEL_EVENT_FAULT, sleepers[i].event.kind);
	}
}

static void ignore(int signal)
{
	(void)signal;
}

TEST_F(events, a_signal_ends_a_wait)
{
	const struct sigaction action = { .sa_handler = ignore };
	struct sleeper sleeper;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_LE(0, start_sleeper(&sleeper, self->index));
	pthread_kill(sleeper.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, end_sleeper(&sleeper));
}

TEST_F(events, what_happened_can_be_read_when_the_device_is_gone)
{
	struct accel_event event;
	struct sleeper sleeper;

	ASSERT_LE(0, start_sleeper(&sleeper, self->index));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(-ENODATA, end_sleeper(&sleeper));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, polled(self->monitor));
	EXPECT_EQ(-ENODEV, set_filter(self->monitor, ALL_KINDS, 0));
	ASSERT_EQ(0, next_event(self->monitor, &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_TIMEOUT, event.kind);
	EXPECT_LE(1, read_all(self->monitor));
	EXPECT_EQ(-ENODATA, next_event(self->monitor, &event));
	EXPECT_EQ(POLLHUP | POLLERR, polled(self->monitor));
}

/* What a user without privileges reads of another one's job, and of clients; 42 if it is right. */
static int read_as_nobody(int index)
{
	struct accel_event event;
	int monitor, mine, seen = 0;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	monitor = open_reader(index);
	if (monitor < 0)
		return 2;
	while (!next_event(monitor, &event)) {
		if (event.kind == ACCEL_EVENT_CLIENT)
			return 3;
		if (event.client || (event.kind == ACCEL_EVENT_TIMEOUT && event.data[0]))
			return 4;
		seen += event.kind == ACCEL_EVENT_TIMEOUT;
	}
	/* What it does itself it may know. */
	mine = open_compute(index);
	if (mine < 0 || next_event(monitor, &event) || event.kind != ACCEL_EVENT_CLIENT)
		return 5;
	return seen == 1 && event.client ? 42 : 6;
}

TEST_F(events, nobody_learns_of_clients_of_others)
{
	char node[32];
	pid_t child;

	snprintf(node, sizeof(node), "/dev/accel/accel%d", self->index);
	ASSERT_EQ(0, chmod(node, 0666));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(0, run_nop(self->fd));
	child = fork();
	if (!child)
		_exit(read_as_nobody(self->index));
	EXPECT_EQ(42, exit_code(child));
}

TEST_HARNESS_MAIN
