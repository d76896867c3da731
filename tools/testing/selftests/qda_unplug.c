// SPDX-License-Identifier: GPL-2.0
/*
 * accel_qda when a card goes away amid work: by its slot's button, by its slot's power, and without
 * a word.
 */
#include "fabric.h"
#include "slot.h"
#include "worker.h"

/* A card that has no cable, and nobody else's. */
#define VICTIM		2
#define NAME		"qda2"
#define WORDS		(PAGE / sizeof(__u32))
#define SIZE		(256 * 1024UL)
#define PATTERN		0x5a5a5a5aU
/* Engines. */
#define COPY		1
#define TENSOR		2

/* A client of a card, all of whose work goes on until the card goes. */
FIXTURE(removal)
{
	struct accel_info_device device;
	int fd, monitor, event;
	__u32 space, queue;
	struct accel_buffer_create host, local;
	__u32 *host_words, *local_words;
	__u64 at_host;
	/* Two jobs, of which one runs; one user queue that waits, and one that works. */
	__s64 jobs[2];
	struct user_queue waiting;
	struct worker worker;
	pthread_t poller;
};

FIXTURE_VARIANT(removal)
{
	bool (*remove)(const struct accel_info_device *device);
	/* The driver may have found it dead before the slot says that it is empty. */
	bool is_sudden;
};

static bool take_out(const struct accel_info_device *device)
{
	(void)device;
	return host("unplug " NAME);
}

static bool cut_off(const struct accel_info_device *device)
{
	return power_off(NAME, device->address);
}

/* All-ones, no DMA, no interrupts; the slot notices later. */
static bool surprise(const struct accel_info_device *device)
{
	(void)device;
	return qda_model(VICTIM, "surprise-remove") && host("unplug " NAME);
}

FIXTURE_VARIANT_ADD(removal, taken_out) { .remove = take_out };
FIXTURE_VARIANT_ADD(removal, powered_off) { .remove = cut_off };
FIXTURE_VARIANT_ADD(removal, surprise) { .remove = surprise, .is_sudden = true };

static void *poll_monitor(void *argument)
{
	return (void *)(intptr_t)poll_for(*(int *)argument, 0, 2 * PATIENCE_NS / NSEC_PER_MSEC);
}

/* Plugs the victim and opens it. */
static int plug(void)
{
	__s64 end = now_ns() + 2 * PATIENCE_NS;
	int fd = -ENODEV;

	if (!host("plug " NAME " card"))
		return fd;
	while ((fd = open_qda(VICTIM)) < 0 && now_ns() < end)
		sleep_ms(20);
	return fd;
}

FIXTURE_SETUP(removal)
{
	self->fd = plug();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &self->device, sizeof(self->device)));
	self->monitor = open_monitor(self->device.index);
	ASSERT_LE(0, self->monitor);
	self->space = create_space(self->fd);
	self->queue = create_queue_in(self->fd, self->space);
	ASSERT_LT(0, (__s32)self->queue);
	self->host_words = create_mapped(self->fd, SIZE, &self->host);
	ASSERT_NE(MAP_FAILED, (void *)self->host_words);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &self->local));
	self->local_words = map(self->fd, &self->local);
	ASSERT_NE(MAP_FAILED, (void *)self->local_words);
	memset(self->local_words, 1, SIZE);
	memset(self->host_words, 0, SIZE);
	self->at_host = map_anywhere(self->fd, self->space, self->host.handle, 0, SIZE, READ_WRITE);
	ASSERT_NE(0ULL, self->at_host);
}

FIXTURE_TEARDOWN(removal)
{
	munmap(self->host_words, SIZE);
	munmap(self->local_words, SIZE);
	close(self->event);
	close(self->monitor);
	close(self->fd);
}

static void begin_work(struct __test_metadata *_metadata, FIXTURE_DATA(removal) *self)
{
	struct accel_qda_packet packets[] = {
		fill(self->at_host + PAGE, PAGE, PATTERN),
		await(self->at_host, 1, 0),
	};

	for (int i = 0; i < 2; i++) {
		self->jobs[i] = submit_packets(self->fd, self->queue, packets, 2);
		ASSERT_LT(0, self->jobs[i]);
	}
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, TENSOR, &self->waiting));
	self->event = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(0, eventfd_on(self->fd, self->waiting.timeline, 1, 0, self->event));
	write_packet(&self->waiting, await(self->at_host, 1, 0));
	ring(&self->waiting);
	ASSERT_EQ(0, start_worker(&self->worker, self->fd, self->space, COPY,
				  self->at_host + 2 * PAGE, self->host_words + 2 * WORDS));
	ASSERT_EQ(0, pthread_create(&self->poller, NULL, poll_monitor, &self->monitor));
	ASSERT_TRUE(has_worked(&self->worker, 5))
		TH_LOG("errno of who waits for the busy queue: %d", self->worker.error);
	/* The first job waits for a word that never comes. */
	EXPECT_TRUE(is_filled(self->host_words + WORDS, PATTERN));
	EXPECT_EQ(-ETIMEDOUT, wait_in(self->fd, self->queue, self->jobs[0], 0, NULL));
}

/* Whether what ended because of the removal says so. */
static bool is_of_removal(int error, bool is_sudden)
{
	return error == -ENODEV || (is_sudden && (error == -ETIME || error == -ENODATA));
}

TEST_F_TIMEOUT(removal, of_a_busy_card_ends_all_work_and_touches_nobody_else, 120)
{
	struct accel_buffer_create buffer;
	struct accel_info_status status;
	void *events;
	int error;

	begin_work(_metadata, self);
	ASSERT_TRUE(variant->remove(&self->device));
	error = await_failure(&self->worker);
	pthread_join(self->poller, &events);

	EXPECT_TRUE(is_of_removal(error, variant->is_sudden))
		TH_LOG("errno of who waits for the busy queue: %d", error);
	EXPECT_EQ(POLLHUP | POLLERR, (intptr_t)events & (POLLHUP | POLLERR));
	EXPECT_EQ(1ULL, times_signaled(self->event));
	for (int i = 0; i < 2; i++) {
		error = wait_in(self->fd, self->queue, self->jobs[i], FOREVER, NULL);
		EXPECT_TRUE(is_of_removal(error, variant->is_sudden))
			TH_LOG("errno of job %d: %d", i, error);
	}
	EXPECT_EQ(-ENODEV, query_user_queue(self->fd, self->waiting.handle).error);
	EXPECT_EQ(-ENODEV, create(self->fd, PAGE, &buffer));
	EXPECT_EQ(-ENODEV, info(self->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENODEV, info(self->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(-ENOENT, qda_index(VICTIM));

	/* Memory of the host is as it was, that of the card is zeroes; both can be written. */
	EXPECT_TRUE(is_filled(self->host_words + WORDS, PATTERN));
	EXPECT_TRUE(is_filled(self->worker.words, self->worker.rounds) ||
		    is_filled(self->worker.words, self->worker.rounds + 1));
	EXPECT_TRUE(all_bytes(self->local_words, 0, SIZE));
	self->host_words[0] = 1;
	self->local_words[1] = 1;
	ring(&self->waiting);
	/* Nobody is left who would see that word. */
	EXPECT_EQ(0ULL, report_of(&self->waiting)->completed);

	for (int card = 0; card < CARDS; card++)
		EXPECT_TRUE(is_working(card));
	EXPECT_TRUE(can_reduce());
}

/* The two that are cabled, while they work. */
FIXTURE(cabled)
{
	struct accel_info_device device;
	struct ring ring;
};

FIXTURE_VARIANT(cabled)
{
	int victim;
};

FIXTURE_VARIANT_ADD(cabled, first) { .victim = 0 };
FIXTURE_VARIANT_ADD(cabled, second) { .victim = 1 };

FIXTURE_SETUP(cabled)
{
	ASSERT_EQ(0, device_info(qda_index(variant->victim), &self->device));
	ASSERT_TRUE(can_reduce());
	ASSERT_TRUE(start_ring(&self->ring));
}

FIXTURE_TEARDOWN(cabled)
{
	munmap(self->ring.rounds, PAGE);
}

/* The card does not come back: run it last, and of one variant. */
TEST_F_TIMEOUT(cabled, a_slot_without_power_ends_an_all_reduce, 120)
{
	int victim = variant->victim, other = 1 - victim;

	ASSERT_TRUE(power_off(victim ? "qda1" : "qda0", self->device.address));
	EXPECT_EQ(ENODEV, exit_code(self->ring.children[victim]));
	EXPECT_EQ(EIO, exit_code(self->ring.children[other]));
	EXPECT_EQ(-ENOENT, qda_index(victim));
	EXPECT_TRUE(is_working(other));
}

TEST_HARNESS_MAIN
