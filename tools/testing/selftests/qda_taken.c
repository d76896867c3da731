// SPDX-License-Identifier: GPL-2.0
/* accel_qda: memory of the process is taken away while packets work with it. */
#include <pthread.h>

#include "mirror.h"

/* What becomes of the queue, as address-spaces.rst says. */
enum outcome { FAULTS, GOES_ON, EITHER };

/* Memory of the process, and where the card has it. */
struct piece {
	unsigned char *memory;
	__u64 address;
};

FIXTURE(taken)
{
	int fd, file;
	__u32 space;
	struct piece from, to;
	struct user_queue user;
	/* Of the thread that gives the card work: it is to end; how that ended. */
	bool is_over;
	__s64 status;
};

FIXTURE_VARIANT(taken)
{
	/*
	 * Takes @piece away; returns where its bytes are then, NULL if nowhere, MAP_FAILED if that
	 * failed.
	 */
	unsigned char *(*take)(FIXTURE_DATA(taken) *self, struct piece *piece);
	/* What it is taken from: the source of copies, or their destination. */
	bool from, is_file;
	enum outcome outcome;
};

static unsigned char *take_by_munmap(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	(void)self;
	return munmap(piece->memory, SIZE) ? MAP_FAILED : NULL;
}

static unsigned char *take_a_page(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	(void)self;
	return munmap(piece->memory + SIZE / 2, PAGE) ? MAP_FAILED : NULL;
}

static unsigned char *take_by_mremap(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	void *elsewhere = some_memory(SIZE);

	(void)self;
	return mremap(piece->memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);
}

static unsigned char *protect_it(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	(void)self;
	return mprotect(piece->memory, SIZE, PROT_READ) ? MAP_FAILED : piece->memory;
}

static unsigned char *replace_it(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	(void)self;
	return mmap(piece->memory, SIZE, PROT_READ | PROT_WRITE, ANYWHERE | MAP_FIXED, -1, 0);
}

static unsigned char *drop_it(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	(void)self;
	return madvise(piece->memory, SIZE, MADV_DONTNEED) ? MAP_FAILED : piece->memory;
}

static unsigned char *reclaim_it(FIXTURE_DATA(taken) *self, struct piece *piece)
{
	return is_reclaimed(&self->user, piece->memory) ? piece->memory : MAP_FAILED;
}

FIXTURE_VARIANT_ADD(taken, destination_unmapped) { .take = take_by_munmap, .outcome = FAULTS };
FIXTURE_VARIANT_ADD(taken, source_unmapped) {
	.take = take_by_munmap, .from = true, .outcome = FAULTS };
FIXTURE_VARIANT_ADD(taken, a_page_unmapped) { .take = take_a_page, .outcome = FAULTS };
FIXTURE_VARIANT_ADD(taken, destination_moved) { .take = take_by_mremap, .outcome = FAULTS };
FIXTURE_VARIANT_ADD(taken, source_moved) {
	.take = take_by_mremap, .from = true, .outcome = FAULTS };
FIXTURE_VARIANT_ADD(taken, destination_protected) { .take = protect_it, .outcome = FAULTS };
/* The card only reads it. */
FIXTURE_VARIANT_ADD(taken, source_protected) {
	.take = protect_it, .from = true, .outcome = GOES_ON };
FIXTURE_VARIANT_ADD(taken, destination_replaced) { .take = replace_it, .outcome = EITHER };
FIXTURE_VARIANT_ADD(taken, destination_dropped) { .take = drop_it, .outcome = GOES_ON };
FIXTURE_VARIANT_ADD(taken, source_reclaimed) {
	.take = reclaim_it, .from = true, .is_file = true, .outcome = GOES_ON };

/* Maps both pieces, and makes a queue for them; returns 0 or -errno. */
static int set_up(FIXTURE_DATA(taken) *self)
{
	return mirror_at(self->fd, self->space, self->from.memory, SIZE, ACCEL_MAP_READ,
			 &self->from.address) ?:
	       mirror_at(self->fd, self->space, self->to.memory, SIZE, READ_WRITE,
			 &self->to.address) ?:
	       open_user_queue(self->fd, self->space, 0, &self->user);
}

FIXTURE_SETUP(taken)
{
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_preemptible(self->fd);
	ASSERT_NE(0U, self->space);
	self->file = open("/share/weights.npy", O_RDONLY);
	ASSERT_LE(0, self->file);
}

FIXTURE_TEARDOWN(taken)
{
	close(self->file);
	close(self->fd);
}

static void *work(void *data)
{
	FIXTURE_DATA(taken) *self = data;

	self->status = 0;
	while (!self->status && !__atomic_load_n(&self->is_over, __ATOMIC_RELAXED)) {
		for (unsigned int i = 0; i < RING / 2; i++)
			write_packet(&self->user, move(self->from.address, self->to.address, SIZE));
		ring(&self->user);
		self->status = finish(&self->user);
	}
	return NULL;
}

/* Waits until @count packets more have ended, or the queue has. */
static bool goes_on(const struct user_queue *queue, __u64 count)
{
	volatile struct accel_qda_report *report = report_of(queue);
	__u64 due = report->completed + count;

	for (__s64 end = now_ns() + PATIENCE_NS; now_ns() < end; sleep_ms(1))
		if (report->completed >= due || report->status)
			break;
	return report->completed >= due;
}

/* Whether the queue has failed at @piece, and says so to everybody. */
static bool has_faulted(const FIXTURE_DATA(taken) *self, const struct piece *piece)
{
	struct accel_user_queue_query answer = failure_of(&self->user);

	return self->status > 0 && answer.state == ACCEL_USER_QUEUE_FAILED &&
	       answer.error == EIO && answer.fault == ACCEL_FAULT_PAGE &&
	       answer.fault_address - piece->address < SIZE &&
	       wait_point(self->fd, self->user.timeline, self->user.written, 0,
			  now_ns() + PATIENCE_NS) == -EIO;
}

TEST_F_TIMEOUT(taken, packets_see_what_is_documented, 240)
{
	for (int i = 0; i < times(60); i++) {
		struct piece *piece = variant->from ? &self->from : &self->to;
		unsigned char *left, *next = anonymous(4 * SIZE), copy[SIZE];
		enum outcome outcome;
		pthread_t thread;
		__u32 before;

		self->from.memory = variant->is_file ?
			mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, self->file, 0) :
			some_memory(SIZE);
		self->to.memory = some_memory(SIZE);
		if (!variant->is_file)
			memset(self->from.memory, 1 + i, SIZE);
		ASSERT_EQ(0, set_up(self));
		self->is_over = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, work, self));
		ASSERT_TRUE(goes_on(&self->user, 1 + i % 5));
		before = suspensions(&self->user);

		left = variant->take(self, piece);
		ASSERT_NE(MAP_FAILED, (void *)left);
		/* What else is written from now on can be told from what was. */
		if (left)
			memcpy(copy, left, SIZE);
		if (!variant->from)
			memset(self->from.memory, 0xee, SIZE);
		/* Elsewhere, but maybe of the pages that were taken away. */
		memset(next, 0x77, 4 * SIZE);
		outcome = variant->outcome;
		if (outcome == EITHER)
			outcome = goes_on(&self->user, RING) ? GOES_ON : FAULTS;
		if (outcome == GOES_ON)
			EXPECT_TRUE(goes_on(&self->user, RING));
		__atomic_store_n(&self->is_over, outcome == GOES_ON, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_LT(before, suspensions(&self->user));
		if (outcome == FAULTS) {
			EXPECT_TRUE(has_faulted(self, piece));
			if (left)
				EXPECT_EQ(0, memcmp(left, copy, SIZE));
		} else {
			EXPECT_EQ(0, self->status);
			EXPECT_EQ(0, memcmp(self->from.memory, self->to.memory, SIZE));
		}
		EXPECT_TRUE(all_bytes(next, 0x77, 4 * SIZE));
		close_user_queue(&self->user);
		munmap(next, 4 * SIZE);
		munmap(left, left ? SIZE : 0);
		munmap(self->from.memory, SIZE);
		munmap(self->to.memory, SIZE);
	}
}

TEST_HARNESS_MAIN
