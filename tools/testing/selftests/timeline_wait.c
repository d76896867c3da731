// SPDX-License-Identifier: GPL-2.0
/* Waiting for points: any, all, backed; deadlines, signals, closing, unplug; eventfds. */
#include <sys/time.h>

#include "fixture.h"
#include "timeline.h"

TEST_F(fake, a_wait_says_which_point_was_first)
{
	__u32 a = timeline_at(self->fd, 0), b = timeline_at(self->fd, 5), first;
	struct accel_point points[] = { { a, 0, 1 }, { b, 0, 6 }, { b, 0, 5 }, { b, 0, 4 } };

	EXPECT_EQ(0, wait_points(self->fd, points, 4, 0, FOREVER, &first));
	EXPECT_EQ(2U, first);
	EXPECT_EQ(-ETIMEDOUT, wait_points(self->fd, points, 2, 0, 0, &first));
	EXPECT_EQ(UINT32_MAX, first);
	ASSERT_EQ(0, signal_point(self->fd, a, 1));
	EXPECT_EQ(0, wait_points(self->fd, points, 4, 0, 0, &first));
	EXPECT_EQ(0U, first);
}

TEST_F(fake, a_wait_for_all_needs_all)
{
	__u32 a = timeline_at(self->fd, 0), b = timeline_at(self->fd, 0);
	struct accel_point points[] = { { a, 0, 1 }, { b, 0, 1 }, { a, 0, 1 } };

	ASSERT_EQ(0, signal_point(self->fd, a, 2));
	EXPECT_EQ(-ETIMEDOUT, wait_points(self->fd, points, 3, ACCEL_TIMELINE_ALL, in_ms(1), NULL));
	EXPECT_EQ(0, wait_points(self->fd, points, 3, 0, in_ms(1), NULL));
	ASSERT_EQ(0, signal_point(self->fd, b, 1));
	EXPECT_EQ(0, wait_points(self->fd, points, 3, ACCEL_TIMELINE_ALL, 0, NULL));
}

TEST_F(fake, a_wait_ends_at_its_deadline)
{
	__u32 handle = timeline_at(self->fd, 0);
	static const __s64 negative[] = { -1, -NSEC_PER_SEC, INT64_MIN };
	__s64 deadline = in_ms(30);

	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 1, 0, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GT(deadline + SLACK_NS, now_ns());
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 1, 0, 0));
	EXPECT_EQ(0, wait_point(self->fd, handle, 0, 0, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(negative); i++)
		EXPECT_EQ(-EINVAL, wait_point(self->fd, handle, 0, 0, negative[i]));
}

TEST_F(fake, backed_is_less_than_done)
{
	__u32 handle = timeline_at(self->fd, 0);
	int counter = open_sw_sync();

	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 1, ACCEL_TIMELINE_BACKED, 0));
	ASSERT_EQ(0, import_sw(self->fd, handle, 10, counter, 1));
	EXPECT_EQ(0, wait_point(self->fd, handle, 1, ACCEL_TIMELINE_BACKED, 0));
	EXPECT_EQ(0, wait_point(self->fd, handle, 10, ACCEL_TIMELINE_BACKED, 0));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 11, ACCEL_TIMELINE_BACKED, 0));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 1, 0, 0));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, wait_point(self->fd, handle, 10, 0, 0));
	EXPECT_EQ(0, wait_point(self->fd, handle, 10, ACCEL_TIMELINE_BACKED, 0));
	close(counter);
}

/* Starts a waiter, and waits until it sleeps. */
static void sleep_on(struct __test_metadata *_metadata, struct point_waiter *waiter)
{
	ASSERT_EQ(0, start_point_waiter(waiter));
	until_asleep(&waiter->id);
}

TEST_F(fake, a_sleeper_wakes_when_the_cpu_signals)
{
	__u32 a = timeline_at(self->fd, 0), b = timeline_at(self->fd, 0);
	struct point_waiter any = { .fd = self->fd, .points = { { a, 0, 5 }, { b, 0, 5 } },
				    .count = 2 };
	struct point_waiter all = any;

	all.flags = ACCEL_TIMELINE_ALL;
	sleep_on(_metadata, &all);
	sleep_on(_metadata, &any);
	EXPECT_EQ(0, signal_point(self->fd, b, 4));
	EXPECT_EQ(0, signal_point(self->fd, b, 5));
	EXPECT_EQ(0, end_point_waiter(&any));
	EXPECT_EQ(1U, any.first);
	EXPECT_EQ(0, signal_point(self->fd, a, 7));
	EXPECT_EQ(0, end_point_waiter(&all));
}

TEST_F(fake, a_sleeper_wakes_when_a_fence_is_signaled)
{
	__u32 handle = timeline_at(self->fd, 0);
	struct point_waiter waiter = { .fd = self->fd, .points = { { handle, 0, 1 } }, .count = 1 };
	struct point_waiter backed = waiter;
	int counter = open_sw_sync();

	backed.flags = ACCEL_TIMELINE_BACKED;
	sleep_on(_metadata, &waiter);
	sleep_on(_metadata, &backed);
	ASSERT_EQ(0, import_sw(self->fd, handle, 3, counter, 1));
	EXPECT_EQ(0, end_point_waiter(&backed));
	EXPECT_EQ(0ULL, value_of(self->fd, handle));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, end_point_waiter(&waiter));
	close(counter);
}

TEST_F(fake, all_sleepers_wake)
{
	struct point_waiter waiters[8];
	__u32 handle = timeline_at(self->fd, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (struct point_waiter){
			.fd = self->fd, .points = { { handle, 0, i + 1 } }, .count = 1,
		};
		ASSERT_EQ(0, start_point_waiter(&waiters[i]));
	}
	sleep_ms(20);
	ASSERT_EQ(0, signal_point(self->fd, handle, ARRAY_SIZE(waiters)));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		EXPECT_EQ(0, end_point_waiter(&waiters[i]));
}

TEST_F(fake, a_closed_timeline_brings_its_points_about)
{
	__u32 handle = timeline_at(self->fd, 0);
	struct point_waiter waiter = { .fd = self->fd, .points = { { handle, 0, 1 } }, .count = 1 };
	int counter = open_sw_sync();

	ASSERT_EQ(0, import_sw(self->fd, handle, 1, counter, 1));
	sleep_on(_metadata, &waiter);
	ASSERT_EQ(0, close_timeline(self->fd, handle));
	sleep_ms(20);
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0, end_point_waiter(&waiter));
	close(counter);
}

TEST_F(fake, a_closed_timeline_brings_no_other_points_about)
{
	__u32 handle = timeline_at(self->fd, 0);
	struct point_waiter done = { .fd = self->fd, .points = { { handle, 0, 2 } }, .count = 1 };
	struct point_waiter backed = done;
	int counter = open_sw_sync();

	backed.flags = ACCEL_TIMELINE_BACKED;
	ASSERT_EQ(0, import_sw(self->fd, handle, 1, counter, 1));
	sleep_on(_metadata, &done);
	sleep_on(_metadata, &backed);
	ASSERT_EQ(0, close_timeline(self->fd, handle));
	EXPECT_EQ(-ENOENT, end_point_waiter(&done));
	EXPECT_EQ(-ENOENT, end_point_waiter(&backed));
	close(counter);
}

TEST_F(fake, a_wait_for_any_goes_on_with_what_is_left)
{
	__u32 a = timeline_at(self->fd, 0), b = timeline_at(self->fd, 0);
	struct point_waiter any = { .fd = self->fd, .points = { { a, 0, 1 }, { b, 0, 1 } },
				    .count = 2 };
	struct point_waiter all = any, none = any;

	all.flags = ACCEL_TIMELINE_ALL;
	none.points[1].handle = a;
	sleep_on(_metadata, &any);
	sleep_on(_metadata, &all);
	sleep_on(_metadata, &none);
	ASSERT_EQ(0, close_timeline(self->fd, a));
	EXPECT_EQ(-ENOENT, end_point_waiter(&all));
	EXPECT_EQ(-ENOENT, end_point_waiter(&none));
	ASSERT_EQ(0, signal_point(self->fd, b, 1));
	EXPECT_EQ(0, end_point_waiter(&any));
	EXPECT_EQ(1U, any.first);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void arm_alarm(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { .it_value.tv_usec = 30000 };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

TEST_F(fake, a_signal_interrupts_a_sleeper)
{
	__u32 handle = timeline_at(self->fd, 0);

	arm_alarm(0);
	EXPECT_EQ(-EINTR, wait_point(self->fd, handle, 1, 0, FOREVER));
	arm_alarm(SA_RESTART);
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, handle, 1, 0, in_ms(200)));
	EXPECT_EQ(0, signal_point(self->fd, handle, 1));
}

TEST_F(fake, a_killed_sleeper_dies_at_once)
{
	__s64 start = now_ns();
	pid_t child = fork();

	if (!child) {
		int fd = open_fake(SHARED);

		_exit(wait_point(fd, timeline_at(fd, 0), 1, 0, FOREVER) ? 1 : 0);
	}
	sleep_ms(50);
	kill(child, SIGKILL);
	EXPECT_EQ(SIGKILL, death_signal(child));
	EXPECT_GT(start + SLACK_NS, now_ns());
}

TEST_F(fake, an_eventfd_is_signaled_once)
{
	__u32 handle = timeline_at(self->fd, 0);
	int done = eventfd(0, EFD_NONBLOCK), backed = eventfd(0, EFD_NONBLOCK);
	int counter = open_sw_sync();

	ASSERT_EQ(0, eventfd_on(self->fd, handle, 2, 0, done));
	ASSERT_EQ(0, eventfd_on(self->fd, handle, 2, ACCEL_TIMELINE_BACKED, backed));
	ASSERT_EQ(0, import_sw(self->fd, handle, 1, counter, 1));
	EXPECT_EQ(0ULL, times_signaled(backed));
	ASSERT_EQ(0, import_sw(self->fd, handle, 3, counter, 2));
	EXPECT_EQ(1ULL, times_signaled(backed));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(0ULL, times_signaled(done));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ(1ULL, times_signaled(done));
	EXPECT_TRUE(poll_for(done, POLLOUT, 0));
	ASSERT_EQ(0, signal_point(self->fd, handle, 9));
	EXPECT_EQ(0ULL, times_signaled(done));
	EXPECT_EQ(0ULL, times_signaled(backed));

	/* At once, as it is done. */
	ASSERT_EQ(0, eventfd_on(self->fd, handle, 9, 0, done));
	EXPECT_EQ(1ULL, times_signaled(done));
	close(counter);
	close(done);
	close(backed);
}

TEST_F(fake, an_eventfd_may_be_closed_before)
{
	__u32 handle = timeline_at(self->fd, 0);
	int event = eventfd(0, 0);

	ASSERT_EQ(0, eventfd_on(self->fd, handle, 1, 0, event));
	close(event);
	EXPECT_EQ(0, signal_point(self->fd, handle, 1));
}

TEST_F(fake, an_eventfd_hears_of_the_end)
{
	__u32 handle = timeline_at(self->fd, 0);
	int event = eventfd(0, EFD_NONBLOCK), other = open_fake(SHARED);

	ASSERT_EQ(0, eventfd_on(self->fd, handle, 1, 0, event));
	ASSERT_EQ(0, close_timeline(self->fd, handle));
	EXPECT_EQ(1ULL, times_signaled(event));
	ASSERT_EQ(0, eventfd_on(other, timeline_at(other, 0), 1, 0, event));
	close(other);
	EXPECT_EQ(1ULL, times_signaled(event));
	close(event);
}

TEST_F(fake, a_timeline_has_so_many_eventfds)
{
	__u32 handle = timeline_at(self->fd, 0);
	int event = eventfd(0, EFD_NONBLOCK);

	for (int i = 0; i < ACCEL_TIMELINE_EVENTFDS; i++)
		ASSERT_EQ(0, eventfd_on(self->fd, handle, 1 + i % 2, i % 3 ? 0 :
					ACCEL_TIMELINE_BACKED, event));
	EXPECT_EQ(-EDQUOT, eventfd_on(self->fd, handle, 1, 0, event));
	EXPECT_EQ(0, eventfd_on(self->fd, handle, 0, 0, event));
	ASSERT_EQ(0, signal_point(self->fd, handle, 2));
	EXPECT_EQ(1ULL + ACCEL_TIMELINE_EVENTFDS, times_signaled(event));
	EXPECT_EQ(0, eventfd_on(self->fd, handle, 3, 0, event));
	close(event);
}

TEST_F(fake, what_is_no_eventfd_is_refused)
{
	__u32 handle = timeline_at(self->fd, 0);

	EXPECT_EQ(-EBADF, eventfd_on(self->fd, handle, 1, 0, -1));
	EXPECT_EQ(-EBADF, eventfd_on(self->fd, handle, 1, 0, INT_MAX));
	EXPECT_EQ(-EINVAL, eventfd_on(self->fd, handle, 1, 0, self->fd));
}

TEST(unplug_wakes_everybody)
{
	int number = add_shared_fake(), fd = open_fake(number);
	int event = eventfd(0, EFD_NONBLOCK), counter = open_sw_sync(), fence, file;
	__u32 handle = timeline_at(fd, 0), backed = timeline_at(fd, 0);
	struct point_waiter any = {
		.fd = fd, .points = { { handle, 0, 1 }, { backed, 0, 1 } }, .count = 2,
	};
	struct point_waiter all = any;
	struct accel_timeline_query answer;
	__u32 other;

	all.flags = ACCEL_TIMELINE_ALL;
	fence = sw_fence(counter, 1);
	ASSERT_EQ(0, import_point(fd, backed, 1, fence));
	ASSERT_EQ(0, eventfd_on(fd, handle, 1, 0, event));
	file = export_point(fd, backed, 1);
	ASSERT_LE(0, file);
	sleep_on(_metadata, &any);
	sleep_on(_metadata, &all);
	ASSERT_EQ(0, remove_fake(number));
	EXPECT_EQ(-ENODEV, end_point_waiter(&any));
	EXPECT_EQ(-ENODEV, end_point_waiter(&all));
	EXPECT_EQ(1ULL, times_signaled(event));

	EXPECT_EQ(-ENODEV, create_timeline(fd, 0, &other));
	EXPECT_EQ(-ENODEV, query(fd, handle, &answer));
	EXPECT_EQ(-ENODEV, signal_point(fd, handle, 1));
	EXPECT_EQ(-ENODEV, wait_point(fd, handle, 0, 0, 0));
	EXPECT_EQ(-ENODEV, transfer(fd, handle, 0, handle, 1));
	EXPECT_EQ(-ENODEV, export_point(fd, handle, 0));
	EXPECT_EQ(-ENODEV, import_point(fd, handle, 1, fence));
	EXPECT_EQ(-ENODEV, eventfd_on(fd, handle, 1, 0, event));
	EXPECT_EQ(-ENODEV, close_timeline(fd, handle));

	/* What is not the device's goes on. */
	EXPECT_FALSE(is_signaled(file));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_TRUE(is_signaled(file));
	close(fd);
	close(file);
	close(fence);
	close(counter);
	close(event);
}

TEST_HARNESS_MAIN
