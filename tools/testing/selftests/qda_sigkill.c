// SPDX-License-Identifier: GPL-2.0
/* accel_qda: owners of user queues are killed amid work; others get their doorbells and memory. */
#include "user_queue.h"

/* One for each copy engine. */
#define OWNERS		2
#define BYTES		(256 * 1024UL)
/* User queues that are made to get the doorbells of all owners. */
#define MOST_HEIRS	16
/* The longest time that owners work, microseconds. */
#define WORK_US		30000
/* What a card takes for some packets: no process has to look all the time. */
#define PAUSE_US	200

/* What an owner says of itself. */
struct owner {
	__u32 doorbell;
	__u32 submissions;
};

FIXTURE(sigkill)
{
	int fd;
	__u32 space;
	struct owner *owners;
	pid_t children[OWNERS];
	/* Ends when all processes have that hold the other end of it. */
	int living;
	struct user_queue heirs[MOST_HEIRS];
	int count;
};

FIXTURE_SETUP(sigkill)
{
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_space(self->fd);
	ASSERT_NE(0U, self->space);
	self->owners = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->owners);
}

FIXTURE_TEARDOWN(sigkill)
{
	munmap(self->owners, PAGE);
	close(self->fd);
}

/*
 * Rings the doorbell of @owner until it is taken away: while that lives with what has no effect,
 * then as wrongly as can be. For the queue of an heir either is an error. @ready is closed when
 * this process does not keep the file of the owner open.
 */
static void squatter(pid_t owner, const struct user_queue *queue, int ready)
{
	munmap(queue->memory, PAGE);
	close(queue->fd);
	close(ready);
	signal(SIGBUS, SIG_DFL);
	for (; getppid() == owner; usleep(PAUSE_US))
		*queue->page = 1;
	for (;;)
		*queue->page = 1000;
}

/* Fills a buffer again and again, and has more to do at any time, until killed. */
static void busy_owner(int number, struct owner *shared)
{
	int fd = open_qda(0), ready[2];
	__u32 space = create_space(fd);
	struct accel_buffer_create buffer;
	struct user_queue queue;
	pid_t owner = getpid();
	__u64 address;

	if (create(fd, BYTES, &buffer) || open_user_queue(fd, space, number % 2, &queue) ||
	    execute(&queue, nop()) || pipe(ready))
		_exit(1);
	address = map_anywhere(fd, space, buffer.handle, 0, BYTES, READ_WRITE);
	shared->doorbell = queue.doorbell.index;
	if (!fork())
		squatter(owner, &queue, ready[1]);
	close(ready[1]);
	if (poll_for(ready[0], POLLIN, 20000) != POLLHUP)
		_exit(2);
	while (!report_of(&queue)->status) {
		while (queue.written - report_of(&queue)->completed < RING)
			write_packet(&queue, fill(address, BYTES, 0x55555555));
		ring(&queue);
		__atomic_fetch_add(&shared->submissions, 1, __ATOMIC_RELAXED);
		usleep(PAUSE_US);
	}
	_exit(3);
}

static bool start_owners(FIXTURE_DATA(sigkill) *self)
{
	__s64 end = now_ns() + PATIENCE_NS;
	int pipes[2], busy = 0;

	memset(self->owners, 0, PAGE);
	if (pipe(pipes))
		return false;
	self->living = pipes[0];
	for (int i = 0; i < OWNERS; i++) {
		self->children[i] = fork();
		if (!self->children[i])
			busy_owner(i, &self->owners[i]);
	}
	close(pipes[1]);
	for (; busy < OWNERS && now_ns() < end; sleep_ms(1)) {
		busy = 0;
		for (int i = 0; i < OWNERS; i++)
			busy += __atomic_load_n(&self->owners[i].submissions, __ATOMIC_RELAXED) > 2;
	}
	return busy == OWNERS;
}

static bool is_inherited(const FIXTURE_DATA(sigkill) *self, __u32 doorbell)
{
	for (int i = 0; i < OWNERS; i++)
		if (self->owners[i].doorbell == doorbell)
			return true;
	return false;
}

/* Makes user queues until they have the doorbells of all owners; returns how many of those. */
static int open_heirs(FIXTURE_DATA(sigkill) *self)
{
	int inherited = 0;

	for (self->count = 0; inherited < OWNERS && self->count < MOST_HEIRS; self->count++) {
		struct user_queue *heir = &self->heirs[self->count];

		if (open_user_queue(self->fd, self->space, self->count % 2, heir))
			break;
		inherited += is_inherited(self, heir->doorbell.index);
	}
	return inherited;
}

/* Whether a queue has done @packets, and nothing has happened to it otherwise. */
static bool has_done(const struct user_queue *queue, __u64 packets)
{
	return report_of(queue)->completed == packets && !report_of(queue)->status &&
	       query_user_queue(queue->fd, queue->handle).state == ACCEL_USER_QUEUE_ACTIVE;
}

TEST_F_TIMEOUT(sigkill, nothing_of_the_killed_reaches_their_heirs, 1800)
{
	const int rounds = is_long() ? 1000 : 10;
	const char *given = getenv("ACCEL_SEED");
	unsigned int seed = given ? (unsigned int)atoi(given) : (unsigned int)now_ns();

	for (int round = 0; round < rounds; round++) {
		struct accel_buffer_create buffer;
		unsigned char *bytes;

		if (round % 100 == 0)
			TH_LOG("round %d: ACCEL_SEED=%u", round, seed);
		ASSERT_TRUE(start_owners(self));
		usleep(rand_r(&seed) % WORK_US);
		for (int i = 0; i < OWNERS; i++)
			kill(self->children[i], SIGKILL);
		for (int i = 0; i < OWNERS; i++)
			ASSERT_EQ(SIGKILL, death_signal(self->children[i]));
		EXPECT_EQ(OWNERS, open_heirs(self));
		bytes = create_mapped(self->fd, OWNERS * BYTES, &buffer);
		ASSERT_NE(MAP_FAILED, (void *)bytes);
		/* Those who rang for the killed have ended, too. */
		EXPECT_EQ(POLLHUP, poll_for(self->living, POLLIN, 20000));
		for (int i = 0; i < self->count; i++) {
			EXPECT_TRUE(has_done(&self->heirs[i], 0));
			EXPECT_EQ(0, execute(&self->heirs[i], nop()));
			EXPECT_TRUE(has_done(&self->heirs[i], 1));
		}
		EXPECT_TRUE(all_bytes(bytes, 0, OWNERS * BYTES));
		for (int i = 0; i < self->count; i++)
			close_user_queue(&self->heirs[i]);
		munmap(bytes, OWNERS * BYTES);
		close_buffer(self->fd, buffer.handle);
		close(self->living);
	}
}

TEST_HARNESS_MAIN
