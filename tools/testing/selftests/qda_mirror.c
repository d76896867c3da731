// SPDX-License-Identifier: GPL-2.0
/* accel_qda: memory of the process in a preemptible address space, whatever happens to it. */
#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "inject.h"
#include "mirror.h"

#define HUGE		(2 * 1024 * 1024UL)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

FIXTURE(mirror)
{
	int fd;
	__u32 space;
	/* What the card copies, and where to. */
	unsigned char *from, *to;
	__u64 at_from, at_to;
	struct user_queue user;
};

FIXTURE_SETUP(mirror)
{
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_preemptible(self->fd);
	ASSERT_NE(0U, self->space);
	self->from = some_memory(SIZE);
	self->to = some_memory(SIZE);
	ASSERT_EQ(0, mirror_at(self->fd, self->space, self->from, SIZE, ACCEL_MAP_READ,
			       &self->at_from));
	ASSERT_EQ(0, mirror_at(self->fd, self->space, self->to, SIZE, READ_WRITE, &self->at_to));
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &self->user));
}

FIXTURE_TEARDOWN(mirror)
{
	close_user_queue(&self->user);
	munmap(self->from, SIZE);
	munmap(self->to, SIZE);
	close(self->fd);
}

/* Has the card copy all of it; returns whether it came to be right. */
static bool copies(struct user_queue *queue, const FIXTURE_DATA(mirror) *self, unsigned char value)
{
	memset(self->from, value, SIZE);
	return !execute(queue, move(self->at_from, self->at_to, SIZE)) &&
	       all_bytes(self->to, value, SIZE);
}

TEST_F(mirror, the_card_works_with_memory_of_the_process)
{
	for (unsigned int i = 1; i < 4; i++)
		ASSERT_TRUE(copies(&self->user, self, i));
}

TEST_F(mirror, it_follows_whatever_the_process_does)
{
	pid_t child;
	void *moved;

	EXPECT_EQ(0U, suspensions(&self->user));
	ASSERT_TRUE(copies(&self->user, self, 1));
	/* Other pages, zeroes at first. */
	ASSERT_EQ(0, madvise(self->to, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(all_bytes(self->to, 0, SIZE));
	EXPECT_LT(0U, suspensions(&self->user));
	ASSERT_TRUE(copies(&self->user, self, 2));
	ASSERT_EQ(0, madvise(self->from, SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, execute(&self->user, move(self->at_from, self->at_to, SIZE)));
	EXPECT_TRUE(all_bytes(self->to, 0, SIZE));
	/* Pages that are shared with a child until somebody writes, be it the card. */
	child = fork();
	if (!child) {
		sleep_ms(100);
		_exit(!all_bytes(self->to, 0, SIZE));
	}
	ASSERT_TRUE(copies(&self->user, self, 3));
	EXPECT_EQ(0, exit_code(child));
	/* Other memory at these addresses. */
	moved = mmap(self->to, SIZE, PROT_READ | PROT_WRITE, ANYWHERE | MAP_FIXED, -1, 0);
	ASSERT_EQ((void *)self->to, moved);
	ASSERT_TRUE(copies(&self->user, self, 4));
}

TEST_F(mirror, it_follows_where_the_kernel_moves_it)
{
	unsigned char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0);
	unsigned char *huge = (unsigned char *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
	__u64 address;

	ASSERT_EQ(0, madvise(huge, HUGE, MADV_NOHUGEPAGE));
	memset(huge, 5, HUGE);
	ASSERT_EQ(0, mirror_at(self->fd, self->space, huge, HUGE, READ_WRITE, &address));
	ASSERT_EQ(0, execute(&self->user, move(address + HUGE - SIZE, self->at_to, SIZE)));
	EXPECT_TRUE(all_bytes(self->to, 5, SIZE));
	ASSERT_EQ(0, madvise(huge, HUGE, MADV_HUGEPAGE));
	ASSERT_EQ(0, madvise(huge, HUGE, MADV_COLLAPSE));
	ASSERT_EQ(0, execute(&self->user, fill(address + SIZE, SIZE, 0x06060606)));
	EXPECT_TRUE(all_bytes(huge + SIZE, 6, SIZE));
	EXPECT_TRUE(all_bytes(huge, 5, SIZE));
	ASSERT_EQ(0, write_file("/proc/sys/vm/compact_memory", "1"));
	ASSERT_EQ(0, execute(&self->user, fill(address, SIZE, 0x07070707)));
	EXPECT_TRUE(all_bytes(huge, 7, SIZE));
	munmap(memory, 2 * HUGE);
}

TEST_F_TIMEOUT(mirror, it_follows_what_is_reclaimed, 120)
{
	int file = open("/share/weights.npy", O_RDONLY);
	void *memory = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, file, 0);
	__u64 address;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, mirror_at(self->fd, self->space, memory, SIZE, ACCEL_MAP_READ, &address));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(is_reclaimed(&self->user, memory));
		memset(self->to, 0, SIZE);
		ASSERT_EQ(0, execute(&self->user, move(address, self->at_to, SIZE)));
		EXPECT_EQ(0, memcmp(memory, self->to, SIZE));
	}
	munmap(memory, SIZE);
	close(file);
}

/* What somebody does to the memory that the card works with. */
static void *disturb(void *data)
{
	FIXTURE_DATA(mirror) *self = data;

	for (int i = 0; i < times(200); i++) {
		/* Written anew by the card, so nothing is lost that anybody looks at. */
		madvise(self->to, SIZE, MADV_DONTNEED);
		madvise(self->to + SIZE / 2, PAGE, MADV_DONTNEED);
		if (i % 16 == 0) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			exit_code(child);
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(mirror, a_running_queue_is_suspended_and_goes_on, 120)
{
	pthread_t threads[2];
	unsigned int done = 0;

	memset(self->from, 9, SIZE);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, disturb, self));
	while (pthread_tryjoin_np(threads[0], NULL)) {
		for (unsigned int i = 0; i < RING / 2; i++)
			write_packet(&self->user, move(self->at_from, self->at_to, SIZE));
		ring(&self->user);
		ASSERT_EQ(0, finish(&self->user));
		done += RING / 2;
	}
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_LT(0U, done);
	EXPECT_EQ(self->user.written, report_of(&self->user)->completed);
	/* After the last of it nothing disturbs. */
	ASSERT_TRUE(copies(&self->user, self, 10));
}

TEST_F(mirror, what_waits_is_taken_back_and_begins_anew)
{
	volatile __u64 *flag = (volatile __u64 *)self->from;

	write_packet(&self->user, await(self->at_from, 1, 0));
	write_packet(&self->user, fill(self->at_to, 4, 11));
	ring(&self->user);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, madvise(self->from, SIZE, MADV_DONTNEED));
		EXPECT_EQ(0U, report_of(&self->user)->completed);
	}
	*flag = 1;
	ASSERT_EQ(0, finish(&self->user));
	EXPECT_EQ(11U, *(__u32 *)self->to);
}

TEST_F(mirror, what_is_given_back_is_not_reached)
{
	struct user_queue next;
	__u64 address;

	/* Read-only for the process, not for the card that was to write. */
	ASSERT_EQ(0, mprotect(self->to, SIZE, PROT_READ));
	EXPECT_NE(0, execute(&self->user, fill(self->at_to, 4, 1)));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, failure_of(&self->user).fault);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &next));
	ASSERT_EQ(0, munmap(self->from, PAGE));
	EXPECT_NE(0, execute(&next, move(self->at_from + PAGE, self->user.address, 4)));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, failure_of(&next).fault);
	EXPECT_EQ(self->at_from + PAGE, failure_of(&next).fault_address);
	close_user_queue(&next);
	/* Mapped again it is there. */
	ASSERT_EQ(0, mprotect(self->to, SIZE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mirror_at(self->fd, self->space, self->to, SIZE, READ_WRITE, &address));
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &next));
	ASSERT_EQ(0, execute(&next, fill(address, 4, 12)));
	EXPECT_EQ(12U, *(__u32 *)self->to);
	close_user_queue(&next);
	ASSERT_EQ(0, unmap(self->fd, self->space, self->at_to, SIZE));
}

TEST_F(mirror, all_of_a_queue_can_be_memory_of_the_process)
{
	struct user_queue queue;
	unsigned char *memory = some_memory(PAGE), *buffer;
	struct accel_qda_user_queue payload;
	struct accel_user_queue_create create;

	ASSERT_EQ(0, prepare_queue(self->fd, self->space, &queue));
	buffer = queue.memory;
	queue.memory = memory;
	ASSERT_EQ(0, mirror_at(self->fd, self->space, memory, PAGE, READ_WRITE, &queue.address));
	payload = payload_of(&queue);
	create = arguments_of(&queue, &payload);
	ASSERT_EQ(0, call_settled(self->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &create));
	queue.handle = create.handle;
	for (int i = 1; i <= 20; i++) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		ASSERT_EQ(0, execute(&queue, fill(self->at_to, 4, i)));
		EXPECT_EQ((__u32)i, *(__u32 *)self->to);
		EXPECT_EQ(0, exit_code(child));
	}
	queue.memory = buffer;
	close_user_queue(&queue);
	munmap(memory, PAGE);
}

TEST_F(mirror, part_of_it_can_be_unmapped_and_protected)
{
	ASSERT_EQ(0, unmap(self->fd, self->space, self->at_to + 2 * PAGE, PAGE));
	ASSERT_EQ(0, protect(self->fd, self->space, self->at_to + 4 * PAGE, PAGE, ACCEL_MAP_READ));
	ASSERT_EQ(0, madvise(self->to, SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, execute(&self->user, fill(self->at_to, 2 * PAGE, 0x01010101)));
	ASSERT_EQ(0, execute(&self->user, fill(self->at_to + 3 * PAGE, PAGE, 0x01010101)));
	ASSERT_EQ(0, execute(&self->user, fill(self->at_to + 5 * PAGE, PAGE, 0x01010101)));
	EXPECT_TRUE(all_bytes(self->to, 1, 2 * PAGE));
	EXPECT_TRUE(all_bytes(self->to + 2 * PAGE, 0, PAGE));
	EXPECT_TRUE(all_bytes(self->to + 3 * PAGE, 1, PAGE));
	EXPECT_TRUE(all_bytes(self->to + 4 * PAGE, 0, PAGE));
	EXPECT_TRUE(all_bytes(self->to + 5 * PAGE, 1, PAGE));
	EXPECT_NE(0, execute(&self->user, fill(self->at_to + 4 * PAGE, 4, 1)));
	EXPECT_EQ(self->at_to + 4 * PAGE, failure_of(&self->user).fault_address);
}

/* A range of which nobody serves the faults. */
static void *unserved(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0);
	struct uffdio_register range = {
		.range = { .start = user(memory), .len = SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &range))
		return MAP_FAILED;
	return memory;
}

TEST_F(mirror, bad_arguments_are_refused)
{
	struct accel_address_space_map good = {
		.space = self->space,
		.flags = READ_WRITE | ACCEL_MAP_USER,
		.offset = user(self->to),
		.size = SIZE,
	}, args;
	struct accel_address_space_create create = { .flags = ~0U };
	unsigned char *read_only = mmap(NULL, SIZE, PROT_READ, ANYWHERE, -1, 0);
	__u32 plain = create_space(self->fd);
	void *hole = mmap(NULL, SIZE, PROT_NONE, ANYWHERE, -1, 0);
	__u64 address;
	void *nobodys;
	int uffd;

#define EXPECT_REFUSED(errno, field, value) do {					\
	args = good;									\
	args.field = (value);								\
	EXPECT_EQ(-(errno), call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &args))	\
		TH_LOG(#field " " #value);						\
} while (0)
	EXPECT_REFUSED(EINVAL, space, plain);
	EXPECT_REFUSED(EINVAL, buffer, self->user.buffer.handle);
	EXPECT_REFUSED(EINVAL, flags, good.flags | ACCEL_MAP_SPARSE);
	EXPECT_REFUSED(EOPNOTSUPP, flags, good.flags | 1 << 5);
	EXPECT_REFUSED(EINVAL, offset, user(self->to) + 1);
	EXPECT_REFUSED(EINVAL, size, 0);
	EXPECT_REFUSED(EINVAL, size, SIZE + 1);
	EXPECT_REFUSED(EINVAL, size, -PAGE);
	EXPECT_REFUSED(E2BIG, size, (1ULL << 30) + PAGE);
	EXPECT_REFUSED(EFAULT, offset, 1ULL << 63);
	EXPECT_REFUSED(EFAULT, offset, user(hole));
	EXPECT_REFUSED(EFAULT, offset, user(read_only));
	EXPECT_REFUSED(EFAULT, offset, user((void *)self->user.page));
	munmap(hole, SIZE);
	EXPECT_REFUSED(EFAULT, offset, user(hole));
	/* Nobody waits for whom does not answer. */
	nobodys = unserved(&uffd);
	ASSERT_NE(MAP_FAILED, nobodys);
	EXPECT_REFUSED(EFAULT, offset, user(nobodys));
	munmap(nobodys, SIZE);
	close(uffd);
	ASSERT_EQ(0, mirror_at(self->fd, self->space, read_only, SIZE, ACCEL_MAP_READ, &address));
	EXPECT_EQ(-EACCES, protect(self->fd, self->space, address, SIZE, READ_WRITE));
	/* Jobs have fences, which cannot wait for memory. */
	EXPECT_EQ(-EINVAL, create_queue_in(self->fd, self->space));
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	ASSERT_TRUE(copies(&self->user, self, 13));
	munmap(read_only, SIZE);
}

TEST_F_TIMEOUT(mirror, a_packet_that_hangs_does_not_stop_the_process, 120)
{
	__s64 start;

	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "hang on"));
	write_packet(&self->user, move(self->at_from, self->at_to, SIZE));
	ring(&self->user);
	sleep_ms(50);
	start = now_ns();
	ASSERT_EQ(0, madvise(self->from, SIZE, MADV_DONTNEED));
	EXPECT_GT(10 * NSEC_PER_SEC, now_ns() - start);
	ASSERT_TRUE(qda_model(0, "hang off"));
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_FAILED, failure_of(&self->user).state);
	close_user_queue(&self->user);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &self->user));
	ASSERT_TRUE(copies(&self->user, self, 14));
}

TEST_F_TIMEOUT(mirror, a_reset_of_the_card_leaves_it, 120)
{
	write_packet(&self->user, await(self->at_from, 1, 0));
	ring(&self->user);
	ASSERT_EQ(0, reset_device(qda_index(0)));
	ASSERT_EQ(0, madvise(self->from, SIZE, MADV_DONTNEED));
	EXPECT_EQ((__u32)ENODATA, failure_of(&self->user).error);
	close_user_queue(&self->user);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &self->user));
	ASSERT_TRUE(copies(&self->user, self, 15));
}

/* Works, and has its memory changed, until it is killed. */
static void busy_child(void)
{
	FIXTURE_DATA(mirror) it = { .fd = open_qda(0) };
	pthread_t thread;

	it.space = create_preemptible(it.fd);
	it.from = some_memory(SIZE);
	it.to = some_memory(SIZE);
	if (mirror_at(it.fd, it.space, it.from, SIZE, ACCEL_MAP_READ, &it.at_from) ||
	    mirror_at(it.fd, it.space, it.to, SIZE, READ_WRITE, &it.at_to) ||
	    open_user_queue(it.fd, it.space, 1, &it.user))
		_exit(1);
	for (;;) {
		if (pthread_create(&thread, NULL, disturb, &it))
			_exit(2);
		while (pthread_tryjoin_np(thread, NULL))
			if (execute(&it.user, move(it.at_from, it.at_to, SIZE)))
				_exit(3);
	}
}

TEST_F_TIMEOUT(mirror, killed_owners_leave_nothing, 240)
{
	for (int i = 0; i < times(20); i++) {
		pid_t children[2];

		for (int c = 0; c < 2; c++) {
			children[c] = fork();
			if (!children[c])
				busy_child();
		}
		sleep_ms(100 + 37 * i);
		for (int c = 0; c < 2; c++)
			kill(children[c], SIGKILL);
		for (int c = 0; c < 2; c++)
			ASSERT_EQ(SIGKILL, death_signal(children[c]));
	}
	ASSERT_TRUE(copies(&self->user, self, 16));
}

TEST_F_TIMEOUT(mirror, failing_allocations_leave_nothing, 240)
{
	int nth = open("/proc/thread-self/fail-nth", O_RDWR);
	unsigned char *memory = some_memory(SIZE);
	bool hit = true;

	ASSERT_EQ(0, set_up_injection());
	for (int point = 1; hit && point < 1000; point++) {
		struct accel_address_space_map map = {
			.space = self->space,
			.flags = READ_WRITE | ACCEL_MAP_USER,
			.offset = user(memory),
			.size = SIZE,
		};
		int error;

		madvise(memory, SIZE, MADV_DONTNEED);
		arm(nth, point);
		error = call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &map);
		hit = disarm(nth);
		EXPECT_TRUE(!error || error == -ENOMEM || error == -EFAULT || error == -EAGAIN)
			TH_LOG("point %d: %d", point, error);
		if (!error)
			EXPECT_EQ(0, unmap(self->fd, self->space, map.address, SIZE));
	}
	EXPECT_FALSE(hit);
	ASSERT_TRUE(copies(&self->user, self, 17));
	munmap(memory, SIZE);
	close(nth);
}

TEST_F_TIMEOUT(mirror, it_outlives_the_card, 120)
{
	struct accel_info_device device;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	write_packet(&self->user, await(self->at_from, 1, 0));
	ring(&self->user);
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	/* Nobody is there to be told. */
	ASSERT_EQ(0, madvise(self->from, SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(self->to, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(all_bytes(self->to, 0, SIZE));
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
}

TEST_HARNESS_MAIN
