// SPDX-License-Identifier: GPL-2.0
/* Timelines: handles, the order of points, signals, transfers, limits and refusals. */
#include "fixture.h"
#include "timeline.h"

TEST_F(fake, a_timeline_is_where_it_was_made)
{
	static const __u64 values[] = { 0, 1, 1ULL << 32, INT64_MAX, UINT64_MAX };

	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
		struct accel_timeline_query answer;
		__u32 handle;

		ASSERT_EQ(0, create_timeline(self->fd, values[i], &handle));
		EXPECT_NE(0U, handle);
		EXPECT_EQ(0, query(self->fd, handle, &answer));
		EXPECT_EQ(values[i], answer.value);
		EXPECT_EQ(values[i], answer.backed);
		EXPECT_EQ(values[i], answer.last);
		EXPECT_EQ(0, close_timeline(self->fd, handle));
	}
}

TEST_F(fake, the_cpu_brings_a_timeline_on)
{
	__u32 handle = timeline_at(self->fd, 5);

	EXPECT_EQ(0, signal_point(self->fd, handle, 6));
	EXPECT_EQ(6ULL, value_of(self->fd, handle));
	EXPECT_EQ(0, signal_point(self->fd, handle, UINT64_MAX));
	EXPECT_EQ(UINT64_MAX, value_of(self->fd, handle));
	EXPECT_EQ(-EINVAL, signal_point(self->fd, handle, UINT64_MAX));
	EXPECT_EQ(-EINVAL, signal_point(self->fd, handle, 0));
}

TEST_F(fake, points_come_in_order)
{
	__u32 handle = timeline_at(self->fd, 5), done = timeline_at(self->fd, 1);
	int counter = open_sw_sync(), fence = sw_fence(counter, 1);

	ASSERT_LE(0, fence);
	EXPECT_EQ(0, import_point(self->fd, handle, 10, fence));
	for (__u64 value = 0; value <= 10; value++) {
		EXPECT_EQ(-EINVAL, signal_point(self->fd, handle, value));
		EXPECT_EQ(-EINVAL, import_point(self->fd, handle, value, fence));
		EXPECT_EQ(-EINVAL, transfer(self->fd, done, 1, handle, value));
	}
	EXPECT_EQ(5ULL, value_of(self->fd, handle));
	EXPECT_EQ(10ULL, last_of(self->fd, handle));
	EXPECT_EQ(0, signal_point(self->fd, handle, 11));
	EXPECT_EQ(11ULL, last_of(self->fd, handle));
	close(fence);
	close(counter);
}

TEST_F(fake, a_timeline_is_no_further_than_its_first_pending_point)
{
	__u32 handle = timeline_at(self->fd, 0);
	int slow = open_sw_sync(), fast = open_sw_sync();

	ASSERT_EQ(0, import_sw(self->fd, handle, 10, slow, 1));
	ASSERT_EQ(0, import_sw(self->fd, handle, 20, fast, 1));
	ASSERT_EQ(0, signal_point(self->fd, handle, 30));
	EXPECT_EQ(0ULL, value_of(self->fd, handle));
	EXPECT_EQ(30ULL, backed_of(self->fd, handle));
	ASSERT_EQ(0, sw_increase(fast, 1));
	EXPECT_EQ(0ULL, value_of(self->fd, handle));
	ASSERT_EQ(0, import_sw(self->fd, handle, 40, slow, 2));
	ASSERT_EQ(0, sw_increase(slow, 1));
	EXPECT_EQ(30ULL, value_of(self->fd, handle));
	ASSERT_EQ(0, sw_increase(slow, 1));
	EXPECT_EQ(40ULL, value_of(self->fd, handle));
	close(slow);
	close(fast);
}

TEST_F(fake, signals_are_all_or_none)
{
	__u32 one = timeline_at(self->fd, 0), other = timeline_at(self->fd, 0);
	struct accel_point points[] = {
		{ one, 0, 1 }, { other, 0, 7 }, { one, 0, 2 }, { other, 0, 8 },
	};
	static const struct {
		struct accel_point last;
		int error;
	} bad[] = {
		{ { 0, 0, 9 }, ENOENT }, { { 1000, 0, 9 }, ENOENT }, { { 1, 1, 9 }, EOPNOTSUPP },
		{ { 1, 1U << 31, 9 }, EOPNOTSUPP },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		points[3] = bad[i].last;
		EXPECT_EQ(-bad[i].error, signal_points(self->fd, points, 4));
	}
	for (__u64 value = 0; value <= 2; value++) {
		points[3] = (struct accel_point){ one, 0, value };
		EXPECT_EQ(-EINVAL, signal_points(self->fd, points, 4));
	}
	EXPECT_EQ(0ULL, last_of(self->fd, one));
	EXPECT_EQ(0ULL, last_of(self->fd, other));
	points[3] = (struct accel_point){ other, 0, 8 };
	EXPECT_EQ(0, signal_points(self->fd, points, 4));
	EXPECT_EQ(2ULL, value_of(self->fd, one));
	EXPECT_EQ(8ULL, value_of(self->fd, other));
}

TEST_F(fake, lists_of_points_have_their_bounds)
{
	static struct accel_point points[ACCEL_TIMELINE_MAX_POINTS + 1];
	__u32 handle = timeline_at(self->fd, 0);
	struct accel_timeline_signal argument = { .nr_points = 1 };

	for (__u32 i = 0; i < ARRAY_SIZE(points); i++)
		points[i] = (struct accel_point){ handle, 0, i + 1 };
	EXPECT_EQ(-EINVAL, signal_points(self->fd, points, 0));
	EXPECT_EQ(-EINVAL, signal_points(self->fd, NULL, 0));
	EXPECT_EQ(-E2BIG, signal_points(self->fd, points, ARRAY_SIZE(points)));
	EXPECT_EQ(-E2BIG, signal_points(self->fd, points, UINT32_MAX));
	EXPECT_EQ(-EFAULT, signal_points(self->fd, NULL, 1));
	EXPECT_EQ(-EFAULT, signal_points(self->fd, NOWHERE, 1));
	argument.points = UINT64_MAX - 7;
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_TIMELINE_SIGNAL, &argument));
	argument.points = 1ULL << 63;
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_TIMELINE_SIGNAL, &argument));
	EXPECT_EQ(-EINVAL, wait_points(self->fd, points, 0, 0, 0, NULL));
	EXPECT_EQ(-E2BIG, wait_points(self->fd, points, ARRAY_SIZE(points), 0, 0, NULL));
	EXPECT_EQ(-EFAULT, wait_points(self->fd, NOWHERE, 1, 0, 0, NULL));
	EXPECT_EQ(0ULL, last_of(self->fd, handle));
	EXPECT_EQ(0, signal_points(self->fd, points, ACCEL_TIMELINE_MAX_POINTS));
	EXPECT_EQ((__u64)ACCEL_TIMELINE_MAX_POINTS, value_of(self->fd, handle));
	EXPECT_EQ(0, wait_points(self->fd, points, ACCEL_TIMELINE_MAX_POINTS, ACCEL_TIMELINE_ALL,
				 0, NULL));
}

/* Calls every command on @handle; @mask is where each has its flags. */
static int call_with(int fd, unsigned int command, __u32 handle, __u32 flags)
{
	struct accel_point point = { handle, 0, 0 };
	struct accel_timeline_create create = { .flags = flags };
	struct accel_timeline_close close = { handle, flags };
	struct accel_timeline_signal signal = { user(&point), 1, flags };
	struct accel_timeline_query query = { .handle = handle, .flags = flags };
	struct accel_timeline_wait wait = { user(&point), 1, flags, FOREVER, 0, 0 };
	struct accel_timeline_transfer transfer = { point, point, flags, 0 };
	struct accel_timeline_export export = { point, flags, -1 };
	struct accel_timeline_import import = { point, flags, -1 };
	struct accel_timeline_eventfd eventfd = { point, flags, -1 };
	const struct {
		unsigned long number;
		void *argument;
	} calls[] = {
		{ ACCEL_IOCTL_TIMELINE_CREATE, &create }, { ACCEL_IOCTL_TIMELINE_CLOSE, &close },
		{ ACCEL_IOCTL_TIMELINE_SIGNAL, &signal }, { ACCEL_IOCTL_TIMELINE_QUERY, &query },
		{ ACCEL_IOCTL_TIMELINE_WAIT, &wait }, { ACCEL_IOCTL_TIMELINE_TRANSFER, &transfer },
		{ ACCEL_IOCTL_TIMELINE_EXPORT, &export }, { ACCEL_IOCTL_TIMELINE_IMPORT, &import },
		{ ACCEL_IOCTL_TIMELINE_EVENTFD, &eventfd },
	};

	return command < ARRAY_SIZE(calls) ?
	       call(fd, calls[command].number, calls[command].argument) : -ENOTTY;
}

#define COMMANDS	9

TEST_F(fake, unknown_flags_are_eopnotsupp)
{
	static const __u32 known[COMMANDS] = {
		[4] = ACCEL_TIMELINE_ALL | ACCEL_TIMELINE_BACKED, [8] = ACCEL_TIMELINE_BACKED,
	};
	__u32 handle = timeline_at(self->fd, 0);

	for (unsigned int command = 0; command < COMMANDS; command++)
		for (int bit = 0; bit < 32; bit++) {
			if (known[command] & 1U << bit)
				continue;
			EXPECT_EQ(-EOPNOTSUPP, call_with(self->fd, command, handle, 1U << bit))
				TH_LOG("command %u, bit %d", command, bit);
		}
	EXPECT_EQ(0, close_timeline(self->fd, handle));
}

TEST_F(fake, unknown_handles_are_enoent)
{
	__u32 closed = timeline_at(self->fd, 0), handle = timeline_at(self->fd, 0);
	const __u32 handles[] = { 0, closed, handle + 1, 1U << 31, UINT32_MAX };
	int other = open_fake(SHARED);

	ASSERT_EQ(0, close_timeline(self->fd, closed));
	for (unsigned int command = 1; command < COMMANDS; command++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(handles); i++) {
			EXPECT_EQ(-ENOENT, call_with(self->fd, command, handles[i], 0))
				TH_LOG("command %u, handle %u", command, handles[i]);
		}
		EXPECT_EQ(-ENOENT, call_with(other, command, handle, 0));
	}
	close(other);
}

TEST_F(fake, flags_of_points_are_eopnotsupp)
{
	__u32 handle = timeline_at(self->fd, 0);
	int event = eventfd(0, EFD_NONBLOCK), file = export_point(self->fd, handle, 0);

	for (int bit = 0; bit < 32; bit++) {
		struct accel_point bad = { handle, 1U << bit, 0 }, good = { handle, 0, 0 };
		struct accel_timeline_transfer from = { bad, good, 0, 0 }, to = { good, bad, 0, 0 };
		struct accel_timeline_export export = { bad, 0, 0 };
		struct accel_timeline_import import = { bad, 0, file };
		struct accel_timeline_eventfd eventfd = { bad, 0, event };

		EXPECT_EQ(-EOPNOTSUPP, signal_points(self->fd, &bad, 1));
		EXPECT_EQ(-EOPNOTSUPP, wait_points(self->fd, &bad, 1, 0, FOREVER, NULL));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_TIMELINE_TRANSFER, &from));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_TIMELINE_TRANSFER, &to));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_TIMELINE_EXPORT, &export));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_TIMELINE_IMPORT, &import));
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_TIMELINE_EVENTFD, &eventfd));
	}
	EXPECT_EQ(0ULL, times_signaled(event));
	close(event);
	close(file);
}

TEST_F(fake, reserved_fields_are_einval)
{
	__u32 handle = timeline_at(self->fd, 0);
	struct accel_point point = { handle, 0, 0 };

	for (int bit = 0; bit < 32; bit++) {
		struct accel_timeline_wait wait = { user(&point), 1, 0, FOREVER, 0, 1U << bit };
		struct accel_timeline_transfer transfer = { point, { handle, 0, 1 }, 0, 1U << bit };

		EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_TIMELINE_WAIT, &wait));
		EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_TIMELINE_TRANSFER, &transfer));
	}
	EXPECT_EQ(0ULL, last_of(self->fd, handle));
}

TEST_F(fake, a_transferred_point_ends_with_its_source)
{
	__u32 source = timeline_at(self->fd, 0), to = timeline_at(self->fd, 0);
	int counter = open_sw_sync(), later = open_sw_sync();

	EXPECT_EQ(-EINVAL, transfer(self->fd, source, 1, to, 1));
	ASSERT_EQ(0, import_sw(self->fd, source, 1, counter, 1));
	ASSERT_EQ(0, import_sw(self->fd, source, 2, later, 1));
	EXPECT_EQ(-EINVAL, transfer(self->fd, source, 3, to, 1));
	EXPECT_EQ(0ULL, last_of(self->fd, to));

	/* One point, both, one that is done, and on to where it came from. */
	EXPECT_EQ(0, transfer(self->fd, source, 1, to, 10));
	EXPECT_EQ(0, transfer(self->fd, source, 2, to, 20));
	EXPECT_EQ(0, transfer(self->fd, source, 0, to, 30));
	EXPECT_EQ(0, transfer(self->fd, to, 20, source, 4));
	EXPECT_EQ(0ULL, value_of(self->fd, to));
	EXPECT_EQ(30ULL, backed_of(self->fd, to));
	EXPECT_EQ(0, close_timeline(self->fd, source));
	ASSERT_EQ(0, sw_increase(later, 1));
	EXPECT_EQ(0ULL, value_of(self->fd, to));
	ASSERT_EQ(0, sw_increase(counter, 1));
	/* Fences of several others end in an interrupt of their own. */
	EXPECT_EQ(0, wait_point(self->fd, to, 30, 0, in_ms(5000)));
	EXPECT_EQ(30ULL, value_of(self->fd, to));
	close(counter);
	close(later);
}

TEST_F(fake, a_timeline_has_so_many_pending_points)
{
	__u32 handle = timeline_at(self->fd, 0);
	int counter = open_sw_sync(), fence = sw_fence(counter, 1);

	for (__u64 value = 1; value <= ACCEL_TIMELINE_DEPTH; value++)
		ASSERT_EQ(0, import_point(self->fd, handle, value, fence));
	EXPECT_EQ(-EDQUOT, import_point(self->fd, handle, 5000, fence));
	EXPECT_EQ(-EDQUOT, signal_point(self->fd, handle, 5000));
	EXPECT_EQ(-EDQUOT, transfer(self->fd, handle, 0, handle, 5000));
	EXPECT_EQ((__u64)ACCEL_TIMELINE_DEPTH, last_of(self->fd, handle));
	ASSERT_EQ(0, sw_increase(counter, 1));
	EXPECT_EQ((__u64)ACCEL_TIMELINE_DEPTH, value_of(self->fd, handle));
	EXPECT_EQ(0, import_point(self->fd, handle, 5000, fence));
	EXPECT_EQ(5000ULL, value_of(self->fd, handle));
	close(fence);
	close(counter);
}

TEST_F(fake, a_file_has_so_many_timelines)
{
	__u32 handle, last = 0;

	for (int i = 0; i < ACCEL_TIMELINE_MAX; i++) {
		ASSERT_EQ(0, create_timeline(self->fd, i, &handle));
		ASSERT_NE(last, handle);
		last = handle;
	}
	EXPECT_EQ(-EDQUOT, create_timeline(self->fd, 0, &handle));
	ASSERT_EQ(0, close_timeline(self->fd, last));
	EXPECT_EQ(-ENOENT, close_timeline(self->fd, last));
	EXPECT_EQ(0, create_timeline(self->fd, 0, &handle));
	EXPECT_EQ(-EDQUOT, create_timeline(self->fd, 0, &handle));
}

/* What could not be told has not happened. */
TEST_F(fake, a_result_that_cannot_be_written_has_no_effect)
{
	struct accel_timeline_create *create = anonymous(PAGE);
	struct accel_timeline_export *export = anonymous(PAGE);
	__u32 handle = timeline_at(self->fd, 0), next;
	int free_fd = dup(self->fd);

	close(free_fd);
	export->point.handle = handle;
	ASSERT_EQ(0, mprotect(create, PAGE, PROT_READ));
	ASSERT_EQ(0, mprotect(export, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_TIMELINE_CREATE, create));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_TIMELINE_EXPORT, export));
	EXPECT_EQ(-ENOENT, close_timeline(self->fd, handle + 1));
	ASSERT_EQ(0, create_timeline(self->fd, 0, &next));
	EXPECT_EQ(handle + 1, next);
	EXPECT_EQ(free_fd, dup(self->fd));
}

TEST_F(fake, a_child_can_signal_its_parents_timeline)
{
	__u32 handle = timeline_at(self->fd, 0);
	pid_t child = fork();

	if (!child)
		_exit(signal_point(self->fd, handle, 1) ? 1 : 42);
	EXPECT_EQ(0, wait_point(self->fd, handle, 1, 0, FOREVER));
	EXPECT_EQ(42, exit_code(child));
}

/* A fence that ends after everybody left its points. */
TEST_F(fake, fences_outlive_their_points)
{
	__u32 handle = timeline_at(self->fd, 0), other;
	int counter = open_sw_sync(), fd = open_fake(SHARED);

	other = timeline_at(fd, 0);
	for (__u64 value = 1; value <= 20; value++) {
		ASSERT_EQ(0, import_sw(self->fd, handle, value, counter, 1));
		ASSERT_EQ(0, import_sw(fd, other, value, counter, 1));
	}
	ASSERT_EQ(0, close_timeline(self->fd, handle));
	close(fd);
	EXPECT_EQ(0, sw_increase(counter, 1));
	close(counter);
}

struct racer {
	pthread_t thread;
	int fd, counter;
	__u32 handle;
	unsigned int seed;
	int odd;
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	for (int i = 0; i < times(10000) && !racer->odd; i++) {
		__u64 next = last_of(racer->fd, racer->handle) + 1 + rand_r(&racer->seed) % 2;
		__u32 handle = racer->handle;
		int error = 0, file;

		switch (rand_r(&racer->seed) % 8) {
		case 0:
			error = signal_point(racer->fd, handle, next);
			break;
		case 1:
			error = import_sw(racer->fd, handle, next, racer->counter, i / 8);
			break;
		case 2:
			error = sw_increase(racer->counter, 1);
			break;
		case 3:
			error = wait_point(racer->fd, handle, next, ACCEL_TIMELINE_BACKED,
					   now_ns() + 100000);
			break;
		case 4:
			error = wait_point(racer->fd, handle, next, 0, now_ns() + 100000);
			break;
		case 5:
			error = transfer(racer->fd, handle, next - 2, handle, next);
			break;
		case 6:
			file = export_point(racer->fd, handle, next - 1);
			error = file < 0 ? file : close(file);
			break;
		case 7:
			if (rand_r(&racer->seed) % 8)
				break;
			error = close_timeline(racer->fd, handle);
			timeline_at(racer->fd, 0);
			break;
		}
		if (error && error != -EINVAL && error != -ETIMEDOUT && error != -ENOENT &&
		    error != -EDQUOT)
			racer->odd = error;
	}
	return NULL;
}

TEST_F_TIMEOUT(fake, racing_users_see_documented_errors_only, 600)
{
	struct racer racers[4];
	int counter = open_sw_sync();
	__u32 handle = timeline_at(self->fd, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i] = (struct racer){
			.fd = self->fd, .counter = counter, .handle = handle, .seed = i,
		};
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, race, &racers[i]));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(racers); i++) {
		pthread_join(racers[i].thread, NULL);
		EXPECT_EQ(0, racers[i].odd);
	}
	close(counter);
}

TEST_HARNESS_MAIN
