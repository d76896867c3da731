// SPDX-License-Identifier: GPL-2.0
/* accel_qda: user queues, their timelines, refusals, and what they cannot do to others. */
#include <sys/eventfd.h>

#include "inject.h"
#include "monitor.h"
#include "user_queue.h"

#define SIZE		(64 * 1024UL)
#define COLLECTIVE	4

FIXTURE(user)
{
	int fd;
	int index;
	__u32 space, queue;
	struct accel_buffer_create host;
	unsigned char *bytes;
	__u64 address;
	struct user_queue user;
};

FIXTURE_SETUP(user)
{
	self->index = qda_index(0);
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_space(self->fd);
	self->queue = create_queue_in(self->fd, self->space);
	ASSERT_LT(0, (__s32)self->queue);
	self->bytes = create_mapped(self->fd, SIZE, &self->host);
	ASSERT_NE(MAP_FAILED, (void *)self->bytes);
	memset(self->bytes, 0, SIZE);
	self->address = map_anywhere(self->fd, self->space, self->host.handle, 0, SIZE,
				     READ_WRITE);
	ASSERT_NE(0ULL, self->address);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &self->user));
}

FIXTURE_TEARDOWN(user)
{
	close_user_queue(&self->user);
	munmap(self->bytes, SIZE);
	close(self->fd);
}

static struct accel_qda_packet with_flags(struct accel_qda_packet packet, __u8 flags)
{
	packet.flags = flags;
	return packet;
}

TEST_F(user, packets_need_no_system_call)
{
	for (unsigned int i = 1; i <= 3 * RING; i++) {
		__u64 to = self->address + i * 512;

		ASSERT_EQ(0, execute(&self->user, fill(to, 512, i)));
		EXPECT_EQ(i, report_of(&self->user)->completed);
		EXPECT_EQ(i, *(__u32 *)(self->bytes + i * 512));
		EXPECT_EQ(i, *(__u32 *)(self->bytes + i * 512 + 508));
	}
	EXPECT_TRUE(all_bytes(self->bytes, 0, 512));
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_ACTIVE,
		  query_user_queue(self->fd, self->user.handle).state);
}

TEST_F(user, one_ring_announces_many)
{
	for (unsigned int i = 0; i < RING; i++)
		write_packet(&self->user,
			     with_flags(fill(self->address + 4 * i, 4, i + 1), RECORD));
	ring(&self->user);
	ASSERT_EQ(0, finish(&self->user));
	for (unsigned int i = 0; i < RING; i++) {
		EXPECT_EQ(i + 1, ((__u32 *)self->bytes)[i]);
		EXPECT_EQ(i + 1, record_of(&self->user, i)->sequence);
		EXPECT_EQ(0U, record_of(&self->user, i)->status);
		EXPECT_LE(record_of(&self->user, i)->start_ns, record_of(&self->user, i)->end_ns);
	}
}

/* What the first engine has done for user queues of the file, or of all, in nanoseconds. */
static __u64 user_time(int fd, bool of_all)
{
	struct accel_info_client_engine mine = { .user_ns = 0 };
	struct accel_info_engine all = { .user_ns = 0 };

	if (of_all)
		info(fd, ACCEL_INFO_ENGINES, &all, sizeof(all));
	else
		info(fd, ACCEL_INFO_CLIENT_ENGINES, &mine, sizeof(mine));
	return of_all ? all.user_ns : mine.user_ns;
}

/* The same of all, as sysfs has it. */
static __u64 user_time_in_sysfs(int index)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/user_ns/copy0", index);
	return read_file(path, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

TEST_F(user, its_time_is_that_of_its_packets)
{
	__u64 before = user_time(self->fd, true), mine = user_time(self->fd, false), sum = 0;
	struct accel_info_client_engine engine;
	int other = open_qda(0);

	EXPECT_EQ(0ULL, mine);
	for (unsigned int i = 0; i < RING; i++)
		write_packet(&self->user, with_flags(fill(self->address, 4096, i), RECORD));
	ring(&self->user);
	ASSERT_EQ(0, finish(&self->user));
	for (unsigned int i = 0; i < RING; i++)
		sum += record_of(&self->user, i)->busy_ns;
	EXPECT_LT(0ULL, sum);
	EXPECT_EQ(sum, user_time(self->fd, false));
	EXPECT_EQ(before + sum, user_time(self->fd, true));
	EXPECT_EQ(before + sum, user_time_in_sysfs(self->index));
	EXPECT_EQ(0ULL, user_time(other, false));
	EXPECT_EQ(before + sum, user_time(other, true));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_CLIENT_ENGINES, &engine, sizeof(engine)));
	EXPECT_EQ(0ULL, engine.busy_ns);
	EXPECT_EQ(0ULL, engine.jobs);
	/* Its end takes nothing back. */
	EXPECT_EQ(0, destroy_user_queue(self->fd, self->user.handle));
	EXPECT_EQ(sum, user_time(self->fd, false));
	EXPECT_EQ(before + sum, user_time(other, true));
	close(other);
}

TEST_F(user, its_timeline_comes_to_what_has_ended)
{
	struct accel_timeline_eventfd want = {
		.point = { .handle = self->user.timeline, .value = 3 },
		.fd = eventfd(0, EFD_NONBLOCK),
	};
	__u64 count;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_TIMELINE_EVENTFD, &want));
	EXPECT_EQ(-ETIMEDOUT, wait_point(self->fd, self->user.timeline, 1, 0, in_ms(20)));
	write_packet(&self->user, nop());
	write_packet(&self->user, with_flags(nop(), INTERRUPT));
	ring(&self->user);
	EXPECT_EQ(0, wait_point(self->fd, self->user.timeline, 2, 0, FOREVER));
	EXPECT_EQ(2ULL, value_of(self->fd, self->user.timeline));
	EXPECT_EQ(-1, read(want.fd, &count, sizeof(count)));
	write_packet(&self->user, with_flags(nop(), INTERRUPT));
	ring(&self->user);
	EXPECT_EQ(POLLIN, poll_for(want.fd, POLLIN, 20000));
	EXPECT_EQ(3ULL, value_of(self->fd, self->user.timeline));
	close(want.fd);
}

TEST_F(user, nobody_else_adds_points)
{
	struct accel_qda_user_queue payload = payload_of(&self->user);
	struct accel_user_queue_create second = arguments_of(&self->user, &payload);
	struct user_queue other;

	EXPECT_EQ(-EBUSY, signal_point(self->fd, self->user.timeline, 1));
	EXPECT_EQ(-EINVAL, export_point(self->fd, self->user.timeline, 1));
	ASSERT_EQ(0, prepare_queue(self->fd, self->space, &other));
	second.doorbell = other.doorbell.handle;
	EXPECT_EQ(-EBUSY, call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &second));
	close_user_queue(&other);
	EXPECT_EQ(0, execute(&self->user, with_flags(nop(), INTERRUPT)));
	EXPECT_EQ(0, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
}

TEST_F(user, jobs_wait_for_its_points)
{
	struct accel_point point = { .handle = self->user.timeline,
				     .flags = ACCEL_POINT_WAIT, .value = 1 };
	struct accel_qda_packet packet = fill(self->address, 4, 7);
	struct accel_submit submit = { .queue = self->queue };
	struct accel_submit_job entry = {
		.payload = user(&packet),
		.payload_size = sizeof(packet),
		.points = user(&point),
		.nr_points = 1,
	};

	ASSERT_EQ(0, submit_entry(self->fd, &submit, &entry));
	EXPECT_EQ(-ETIMEDOUT, wait_in(self->fd, self->queue, entry.job, in_ms(20), NULL));
	EXPECT_EQ(0, execute(&self->user, with_flags(nop(), INTERRUPT)));
	EXPECT_EQ(0, wait_in(self->fd, self->queue, entry.job, FOREVER, NULL));
	EXPECT_EQ(7U, *(__u32 *)self->bytes);
}

/* User queues of the first engine that have failed. */
static __u64 failures(int fd)
{
	struct accel_info_engine engine = { .user_failed = 0 };

	info(fd, ACCEL_INFO_ENGINES, &engine, sizeof(engine));
	return engine.user_failed;
}

TEST_F(user, a_packet_that_fails_ends_the_queue)
{
	__u64 nowhere = 1ULL << 40, failed = failures(self->fd);
	struct accel_failure_eventfd failure = { .fd = eventfd(0, EFD_NONBLOCK) };
	int monitor = open_reader(qda_index(0));
	struct accel_user_queue_query answer;
	struct accel_event event;
	__u64 rung = 0;

	read_all(monitor);
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_FAILURE_EVENTFD, &failure));
	write_packet(&self->user, fill(self->address, 4, 1));
	write_packet(&self->user, fill(nowhere, 4, 1));
	write_packet(&self->user, fill(self->address + 4, 4, 1));
	ring(&self->user);
	EXPECT_NE(0, finish(&self->user));
	EXPECT_EQ(1ULL, report_of(&self->user)->completed);
	EXPECT_EQ(nowhere, record_of(&self->user, 1)->address);
	answer = failure_of(&self->user);
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_FAILED, answer.state);
	EXPECT_EQ((__u32)EIO, answer.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, answer.fault);
	EXPECT_EQ(nowhere, answer.fault_address);
	EXPECT_EQ(failed + 1, failures(self->fd));
	ASSERT_EQ(0, wait_event(monitor, ACCEL_EVENT_FAULT, &event));
	EXPECT_EQ((__u64)ACCEL_FAULT_PAGE, event.data[0]);
	EXPECT_EQ(nowhere, event.data[1]);
	/* No job of any queue that the kernel knows. */
	EXPECT_EQ(0ULL, event.data[2]);
	EXPECT_EQ(ACCEL_EVENT_NONE, event.queue);
	EXPECT_NE(0ULL, event.client);
	close(monitor);
	EXPECT_EQ((ssize_t)sizeof(rung), read(failure.fd, &rung, sizeof(rung)));
	EXPECT_EQ(1ULL, rung);
	close(failure.fd);
	EXPECT_EQ(0, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
	EXPECT_EQ(-EIO, wait_point(self->fd, self->user.timeline, 2, 0, FOREVER));
	EXPECT_EQ(0U, ((__u32 *)self->bytes)[1]);
	/* Others do not notice. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F(user, wrong_packets_and_doorbells_end_the_queue)
{
	static const struct accel_qda_packet wrong[] = {
		{ .opcode = 0 }, { .opcode = 0xff }, { .opcode = ACCEL_QDA_GEMM },
		{ .opcode = ACCEL_QDA_NOP, .reserved = 1 },
	};
	struct user_queue queue;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &queue));
		EXPECT_LT(0, execute(&queue, wrong[i]));
		EXPECT_EQ((__u32)ACCEL_FAULT_COMMAND, failure_of(&queue).fault);
		close_user_queue(&queue);
	}
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &queue));
	ring_at(&queue, RING + 1);
	EXPECT_EQ((__u32)ACCEL_FAULT_COMMAND, failure_of(&queue).fault);
	close_user_queue(&queue);
}

TEST_F(user, without_its_memory_it_ends)
{
	EXPECT_EQ(0, execute(&self->user, nop()));
	ASSERT_EQ(0, unmap(self->fd, self->space, self->user.address, PAGE));
	write_packet(&self->user, nop());
	ring(&self->user);
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, failure_of(&self->user).fault);
}

TEST_F(user, it_can_be_destroyed_amid_work)
{
	struct accel_doorbell_create next;

	write_packet(&self->user, await(self->address, 1, 0));
	write_packet(&self->user, fill(self->address + 64, 4, 9));
	ring(&self->user);
	EXPECT_EQ(0ULL, report_of(&self->user)->completed);
	ASSERT_EQ(0, destroy_user_queue(self->fd, self->user.handle));
	EXPECT_EQ(-ENOENT, destroy_user_queue(self->fd, self->user.handle));
	EXPECT_EQ(-ECANCELED, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
	/* Nothing goes on, and the doorbell is nobody's. */
	memset(self->user.memory, UNTOUCHED, PAGE);
	*(__u64 *)self->bytes = 1;
	ring(&self->user);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_TRUE(all_bytes(self->user.memory, UNTOUCHED, PAGE));
	EXPECT_EQ(0U, *(__u32 *)(self->bytes + 64));
	ASSERT_EQ(0, close_doorbell(self->fd, self->user.doorbell.handle));
	EXPECT_TRUE(is_bus_error((unsigned char *)self->user.page));
	ASSERT_EQ(0, create_doorbell(self->fd, &next));
	EXPECT_EQ(self->user.doorbell.index, next.index);
}

TEST_F(user, a_closed_doorbell_rings_nobody)
{
	struct accel_doorbell_create next;

	ASSERT_EQ(0, execute(&self->user, nop()));
	ASSERT_EQ(0, close_doorbell(self->fd, self->user.doorbell.handle));
	EXPECT_TRUE(is_bus_error((unsigned char *)self->user.page));
	/* It is the queue's as long as that lives. */
	ASSERT_EQ(0, create_doorbell(self->fd, &next));
	EXPECT_NE(self->user.doorbell.index, next.index);
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_ACTIVE,
		  query_user_queue(self->fd, self->user.handle).state);
}

TEST_F(user, bad_arguments_are_refused)
{
	struct user_queue queue;
	struct accel_qda_user_queue payload;
	struct accel_user_queue_create good, args;
	struct accel_context_create plain = { .flags = 0 };
	struct accel_user_queue_query query = { .handle = self->user.handle, .flags = 1 };
	struct accel_user_queue_destroy destroy = { .handle = self->user.handle, .flags = 1 };

	ASSERT_EQ(0, prepare_queue(self->fd, self->space, &queue));
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &plain));
	payload = payload_of(&queue);
	good = arguments_of(&queue, &payload);
#define EXPECT_REFUSED(errno, field, value) do {					\
	args = good;									\
	args.field = (value);								\
	EXPECT_EQ(-(errno), call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args))	\
		TH_LOG(#field " " #value);						\
	EXPECT_EQ(0U, args.handle);							\
} while (0)
	EXPECT_REFUSED(EOPNOTSUPP, flags, 1);
	EXPECT_REFUSED(EINVAL, reserved, 1);
	EXPECT_REFUSED(EINVAL, priority, 4);
	EXPECT_REFUSED(EINVAL, engine, 5);
	EXPECT_REFUSED(EINVAL, engine, UINT32_MAX);
	EXPECT_REFUSED(EINVAL, context, 0);
	EXPECT_REFUSED(EINVAL, context, plain.handle);
	EXPECT_REFUSED(ENOENT, context, 1000);
	EXPECT_REFUSED(ENOENT, doorbell, 0);
	EXPECT_REFUSED(ENOENT, doorbell, 1000);
	EXPECT_REFUSED(EBUSY, doorbell, self->user.doorbell.handle);
	EXPECT_REFUSED(ENOENT, timeline, 1000);
	EXPECT_REFUSED(EBUSY, timeline, self->user.timeline);
	EXPECT_REFUSED(EINVAL, timeline, timeline_at(self->fd, 1));
	EXPECT_REFUSED(EFAULT, payload, 1);
	EXPECT_REFUSED(E2BIG, payload_size, sizeof(payload) + 1);
	EXPECT_REFUSED(EINVAL, payload_size, sizeof(payload) - 1);
	EXPECT_EQ((__u32)ACCEL_QDA_REFUSED_SIZE, args.refused_reason);
	EXPECT_EQ(sizeof(payload) - 1, args.refused_at);
#define EXPECT_FIELD_REFUSED(field, value) do {						\
	struct accel_qda_user_queue bad = payload;					\
											\
	bad.field = (value);								\
	args = good;									\
	args.payload = user(&bad);							\
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args))	\
		TH_LOG(#field " " #value);						\
	EXPECT_EQ((__u32)ACCEL_QDA_REFUSED_FIELD, args.refused_reason);		\
	EXPECT_EQ(offsetof(struct accel_qda_user_queue, field), args.refused_at);	\
} while (0)
	EXPECT_FIELD_REFUSED(ring, payload.ring + 8);
	EXPECT_FIELD_REFUSED(records, payload.records + 32);
	EXPECT_FIELD_REFUSED(report, payload.report + 1);
	EXPECT_FIELD_REFUSED(order, ORDER - 1);
	EXPECT_FIELD_REFUSED(order, qda_info(self->fd).order_max + 1);
	EXPECT_FIELD_REFUSED(links, 1);
	EXPECT_FIELD_REFUSED(group, 1);
	EXPECT_FIELD_REFUSED(reserved, 1);
	good.engine = COLLECTIVE;
	EXPECT_FIELD_REFUSED(links, 1U << link_count(self->fd));
	EXPECT_FIELD_REFUSED(group, 0x10000);

	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_USER_QUEUE_QUERY, &query));
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_USER_QUEUE_DESTROY, &destroy));
	EXPECT_EQ(-ENOENT, (__s32)query_user_queue(self->fd, 1000).error);
	EXPECT_EQ(-ENOENT, destroy_user_queue(self->fd, 0));
	/* Nothing of all that is left. */
	good.engine = 0;
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &good));
	queue.handle = good.handle;
	EXPECT_EQ(0, execute(&queue, nop()));
	close_user_queue(&queue);
}

TEST_F(user, more_than_others_get_needs_a_capability)
{
	struct user_queue queue;
	struct accel_qda_user_queue payload;
	struct accel_user_queue_create args;
	pid_t child;

	ASSERT_EQ(0, prepare_queue(self->fd, self->space, &queue));
	payload = payload_of(&queue);
	args = arguments_of(&queue, &payload);
	child = fork();
	if (!child) {
		bool refused = !setuid(NOBODY);

		args.priority = ACCEL_PRIORITY_HIGH;
		refused &= call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args) == -EPERM;
		args.priority = ACCEL_PRIORITY_REALTIME;
		refused &= call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args) == -EPERM;
		_exit(!refused);
	}
	EXPECT_EQ(0, exit_code(child));
	args.priority = ACCEL_PRIORITY_REALTIME;
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args));
	queue.handle = args.handle;
	EXPECT_EQ(0, execute(&queue, nop()));
	close_user_queue(&queue);
}

TEST_F(user, a_file_may_have_so_many)
{
	struct user_queue queues[ACCEL_USER_QUEUE_MAX];
	int count = 0, error;

	/* One of both there is already. */
	while (!(error = open_user_queue(self->fd, self->space, count % 4, &queues[count])))
		count++;
	EXPECT_EQ(-EDQUOT, error);
	EXPECT_EQ(ACCEL_USER_QUEUE_MAX - 1, count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(0, execute(&queues[i], nop()));
	for (int i = 0; i < count; i++)
		close_user_queue(&queues[i]);
}

static bool is_documented(int error)
{
	return !error || error == -ENOMEM || error == -EFAULT || error == -EAGAIN;
}

TEST_F_TIMEOUT(user, failing_allocations_leave_nothing, 120)
{
	int nth = open("/proc/thread-self/fail-nth", O_RDWR);
	struct user_queue queue;
	bool hit = true;

	ASSERT_EQ(0, set_up_injection());
	ASSERT_EQ(0, prepare_queue(self->fd, self->space, &queue));
	for (int point = 1; hit && point < 1000; point++) {
		struct accel_qda_user_queue payload = payload_of(&queue);
		struct accel_user_queue_create args = arguments_of(&queue, &payload);
		int error;

		arm(nth, point);
		error = call(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &args);
		hit = disarm(nth);
		EXPECT_TRUE(is_documented(error))
			TH_LOG("point %d: %d", point, error);
		/* After it is made only the answer can fail. */
		if (!error || error == -EFAULT) {
			if (!error)
				EXPECT_EQ(0, destroy_user_queue(self->fd, args.handle));
			close_timeline(self->fd, queue.timeline);
			queue.timeline = timeline_at(self->fd, 0);
		}
	}
	EXPECT_FALSE(hit);
	close_user_queue(&queue);
	close(nth);
}

TEST_F_TIMEOUT(user, a_packet_that_hangs_ends_its_queue, 120)
{
	struct user_queue other;

	settled_region(self->fd, LOCAL);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &other));
	ASSERT_TRUE(qda_model(0, "hang on"));
	write_packet(&self->user, nop());
	ring(&self->user);
	sleep_ms(200);
	ASSERT_TRUE(qda_model(0, "hang off"));
	/* These wait behind it for the engine. */
	write_packet(&other, nop());
	ring(&other);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, finish(&other));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, failure_of(&self->user).fault);
	EXPECT_EQ(-ETIME, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
	close_user_queue(&other);
}

/* Nobody else tells of it: whoever looks once a second does. */
TEST_F_TIMEOUT(user, a_lost_message_keeps_nobody_waiting, 120)
{
	settled_region(self->fd, LOCAL);
	for (int round = 1; round <= 2; round++) {
		ASSERT_TRUE(qda_model(0, "drop-irq 1"));
		write_packet(&self->user, with_flags(nop(), INTERRUPT));
		ring(&self->user);
		EXPECT_EQ(0, wait_point(self->fd, self->user.timeline, round, 0,
					now_ns() + PATIENCE_NS));
	}
}

TEST_F_TIMEOUT(user, a_lost_message_delays_one_job, 120)
{
	struct accel_job_status status;

	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "drop-irq 1"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), &status));
	EXPECT_GT(NSEC_PER_SEC / 2, (__s64)(status.end_ns - status.start_ns));
}

/* As a job does: its engine has to be stopped for it. */
TEST_F_TIMEOUT(user, who_hangs_again_and_again_is_banned, 120)
{
	const unsigned int engines = 4, hangs = 6;
	struct user_queue queues[6], idle, later;
	int fd = open_qda(0);
	__u32 space;

	ASSERT_LE(0, fd);
	space = create_space(fd);
	ASSERT_EQ(0, open_user_queue(fd, space, 0, &idle));
	settled_region(fd, LOCAL);
	for (unsigned int i = 0; i < hangs; i++)
		ASSERT_EQ(0, open_user_queue(fd, space, i % engines, &queues[i]));
	for (unsigned int i = 0; i < hangs; i++) {
		ASSERT_TRUE(qda_model(0, "hang on"));
		write_packet(&queues[i], nop());
		ring(&queues[i]);
		if (i % engines == engines - 1 || i == hangs - 1) {
			sleep_ms(200);
			ASSERT_TRUE(qda_model(0, "hang off"));
			for (unsigned int hung = i / engines * engines; hung <= i; hung++)
				EXPECT_EQ((__u32)ETIME, failure_of(&queues[hung]).error);
		}
	}
	EXPECT_EQ((__u32)ECANCELED, failure_of(&idle).error);
	EXPECT_EQ(-ECANCELED, open_user_queue(fd, space, 0, &later));
	/* Nobody else is. */
	EXPECT_EQ(0, execute(&self->user, nop()));
	close(fd);
}

TEST_F_TIMEOUT(user, it_ends_with_its_context, 120)
{
	struct accel_queue_create create = { .context = self->user.context };

	settled_region(self->fd, LOCAL);
	ASSERT_EQ(0, limit_jobs(self->index, 300));
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &create));
	for (int i = 0; i < 2; i++) {
		struct accel_qda_packet packet = await(self->address, 1, 0);

		EXPECT_EQ(-ETIME, run_packet(self->fd, create.handle, packet, NULL));
		EXPECT_EQ(i == 1, failure_of_within(&self->user, 2 * NSEC_PER_SEC * i).error ==
					  ECANCELED);
	}
	EXPECT_EQ(-ECANCELED, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
	EXPECT_EQ(0, limit_jobs(self->index, 0));
}

TEST_F_TIMEOUT(user, a_reset_of_the_card_ends_it, 120)
{
	struct user_queue next;

	ASSERT_EQ(0, execute(&self->user, nop()));
	write_packet(&self->user, await(self->address, 1, 0));
	ring(&self->user);
	ASSERT_EQ(0, reset_device(self->index));
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_FAILED, failure_of(&self->user).state);
	EXPECT_EQ((__u32)ENODATA, failure_of(&self->user).error);
	EXPECT_EQ(-ENODATA, wait_point(self->fd, self->user.timeline, 2, 0, FOREVER));
	/* Its context is still there, and takes jobs and other queues. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue, fill(self->address, 4, 3), NULL));
	EXPECT_EQ(3U, *(__u32 *)self->bytes);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &next));
	EXPECT_EQ(0, execute(&next, fill(self->address, 4, 4)));
	EXPECT_EQ(4U, *(__u32 *)self->bytes);
	close_user_queue(&next);
	/* So is its doorbell, once it is gone. */
	EXPECT_EQ(0, destroy_user_queue(self->fd, self->user.handle));
}

TEST_F_TIMEOUT(user, isolation_of_the_card_ends_it, 120)
{
	__u64 failed = failures(self->fd);
	struct user_queue next;

	write_packet(&self->user, await(self->address, 1, 0));
	ring(&self->user);
	ASSERT_EQ(0, isolate_device(self->index, "1"));
	EXPECT_EQ((__u32)ECANCELED, failure_of(&self->user).error);
	EXPECT_EQ(-ECANCELED, wait_point(self->fd, self->user.timeline, 1, 0, FOREVER));
	EXPECT_EQ(failed, failures(self->fd));
	EXPECT_EQ(-EIO, open_user_queue(self->fd, self->space, 0, &next));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_EQ(0, isolate_device(self->index, "0"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &next));
	EXPECT_EQ(0, execute(&next, fill(self->address, 4, 4)));
	EXPECT_EQ(4U, *(__u32 *)self->bytes);
	close_user_queue(&next);
}

TEST_F_TIMEOUT(user, it_goes_on_without_firmware, 120)
{
	__u32 before = restarts(self->fd);
	struct user_queue queue;

	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 1, &queue));
	ASSERT_TRUE(qda_model(0, "firmware-silence"));
	/* It cannot be told that this one ends: the doorbell stays taken until it can. */
	EXPECT_EQ(0, execute(&queue, nop()));
	EXPECT_EQ(0, destroy_user_queue(self->fd, queue.handle));
	EXPECT_EQ(0, execute(&self->user, nop()));
	EXPECT_TRUE(is_revived(self->fd, before));
	EXPECT_EQ(0, execute(&self->user, nop()));
	close_user_queue(&queue);
	for (int i = 0; i < ACCEL_USER_QUEUE_MAX; i++) {
		ASSERT_EQ(0, open_user_queue(self->fd, self->space, 1, &queue));
		ASSERT_EQ(0, execute(&queue, nop()));
		close_user_queue(&queue);
	}
}

/* The card is looked at twice then, which is no reason to give up what has just begun. */
TEST_F_TIMEOUT(user, a_packet_that_hangs_has_its_time_when_firmware_dies, 120)
{
	__u32 before = restarts(self->fd);

	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "hang on"));
	ASSERT_TRUE(qda_model(0, "firmware-crash"));
	write_packet(&self->user, nop());
	ring(&self->user);
	ASSERT_TRUE(is_revived(self->fd, before));
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_ACTIVE,
		  query_user_queue(self->fd, self->user.handle).state);
	ASSERT_TRUE(qda_model(0, "hang off"));
	EXPECT_EQ((__u32)ETIME, failure_of(&self->user).error);
}

TEST_HARNESS_MAIN
