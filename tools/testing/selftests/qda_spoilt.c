// SPDX-License-Identifier: GPL-2.0
/*
 * accel_qda when what its card tells is spoilt: reports, events and registers that are wrong, and
 * interrupts that come twice.
 */
#include "qda_fixture.h"
#include "watchers.h"
#include "worker.h"

#define COPY	1
#define PIECES	8

/* A client of a card whose jobs fill pieces of a buffer, which a page of its worker follows. */
struct filler {
	int fd;
	__u32 space, queue;
	unsigned char *bytes;
	__u64 address;
	struct worker worker;
};

/* Runs a job that fills all pieces, each with a value of its own: 0, or -errno. */
static int fill_pieces(struct filler *filler, __u32 value)
{
	struct accel_qda_packet packets[PIECES];
	int error;

	memset(filler->bytes, UNTOUCHED, PIECES * PAGE);
	for (int i = 0; i < PIECES; i++)
		packets[i] = fill(filler->address + i * PAGE, PAGE, value + i);
	error = run_packets(filler->fd, filler->queue, packets, PIECES, NULL);
	for (int i = 0; !error && i < PIECES; i++)
		if (!is_filled((__u32 *)(filler->bytes + i * PAGE), value + i))
			error = -EILSEQ;
	return error;
}

/* Opens the card, and starts to work. */
static int open_filler(struct filler *filler)
{
	struct accel_buffer_create buffer;
	__s64 queue;

	*filler = (struct filler){ .fd = open_qda(0) };
	if (filler->fd < 0)
		return filler->fd;
	filler->space = create_space(filler->fd);
	queue = create_queue_in(filler->fd, filler->space);
	if (queue < 0)
		return queue;
	filler->queue = queue;
	filler->bytes = create_mapped(filler->fd, (PIECES + 1) * PAGE, &buffer);
	if ((void *)filler->bytes == MAP_FAILED)
		return -ENOMEM;
	filler->address = map_anywhere(filler->fd, filler->space, buffer.handle, 0,
				       (PIECES + 1) * PAGE, READ_WRITE);
	return start_worker(&filler->worker, filler->fd, filler->space, COPY,
			    filler->address + PIECES * PAGE,
			    (__u32 *)(filler->bytes + PIECES * PAGE));
}

/* Returns 0, or why its worker had stopped. */
static int close_filler(struct filler *filler)
{
	int error = end_worker(&filler->worker);

	close_user_queue(&filler->worker.queue);
	munmap(filler->bytes, (PIECES + 1) * PAGE);
	close(filler->fd);
	return error;
}

/* That of the fixture, which has no worker. */
static struct filler filler_of(const FIXTURE_DATA(card) *self)
{
	return (struct filler){
		.fd = self->fd,
		.queue = self->queue,
		.bytes = self->host_bytes,
		.address = self->at_host,
	};
}

/* Has reports be wrong; no scrub is to have them. */
static bool spoil_reports(FIXTURE_DATA(card) *self, const char *how, unsigned int count)
{
	char command[64];

	settled_region(self->fd, LOCAL);
	snprintf(command, sizeof(command), "bad-report %s %u", how, count);
	return qda_model(0, command);
}

static const char *const ways[] = { "count", "status", "lost" };

TEST_F_TIMEOUT(card, a_spoilt_report_does_not_matter, 120)
{
	struct filler filler = filler_of(self);
	struct accel_info_status before = status_of(self->fd), after;

	ASSERT_EQ(0, limit_jobs(self->index, 200));
	for (unsigned int way = 0; way < ARRAY_SIZE(ways); way++) {
		/* One amid the job, that of its end, and all. */
		for (unsigned int count = 1; count <= PIECES; count += PIECES - 1) {
			ASSERT_TRUE(spoil_reports(self, ways[way], count));
			EXPECT_EQ(0, fill_pieces(&filler, way * 100 + count))
				TH_LOG("%u with a bad %s", count, ways[way]);
			EXPECT_EQ(0, fill_pieces(&filler, way * 100 + count + 50));
		}
		ASSERT_TRUE(spoil_reports(self, ways[way], 1));
		EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	}
	EXPECT_EQ(0, limit_jobs(self->index, 0));
	after = status_of(self->fd);
	EXPECT_EQ(before.resets, after.resets);
	EXPECT_EQ(before.epoch, after.epoch);
}

TEST_F_TIMEOUT(card, a_spoilt_report_of_a_failure_does_not_hide_why, 120)
{
	struct filler filler = filler_of(self);
	const __u64 nowhere = 1ULL << 40;
	struct accel_job_status status;

	ASSERT_EQ(0, limit_jobs(self->index, 200));
	for (unsigned int way = 0; way < ARRAY_SIZE(ways); way++) {
		ASSERT_TRUE(spoil_reports(self, ways[way], 1));
		EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, move(nowhere, self->at_host, 8),
					   &status));
		EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault) TH_LOG("a bad %s", ways[way]);
		EXPECT_EQ(nowhere, status.fault_address);
		EXPECT_EQ(0, fill_pieces(&filler, way));
	}
	EXPECT_EQ(0, limit_jobs(self->index, 0));
}

TEST_F_TIMEOUT(card, a_spoilt_report_of_a_user_queue_is_only_its_clients, 120)
{
	struct filler filler = filler_of(self);
	struct user_queue queue;

	ASSERT_EQ(0, open_user_queue(self->fd, self->space, COPY, &queue));
	for (unsigned int way = 0; way < ARRAY_SIZE(ways); way++) {
		struct accel_qda_packet packet = nop();

		packet.flags = INTERRUPT;
		ASSERT_TRUE(spoil_reports(self, ways[way], 1));
		write_packet(&queue, packet);
		ring(&queue);
		EXPECT_EQ(0, wait_point(self->fd, queue.timeline, queue.written, 0, FOREVER));
		EXPECT_EQ(queue.written, value_of(self->fd, queue.timeline));
		EXPECT_EQ((__u32)ACCEL_USER_QUEUE_ACTIVE,
			  query_user_queue(self->fd, queue.handle).state);
		EXPECT_EQ(0, fill_pieces(&filler, way));
	}
	close_user_queue(&queue);
}

/* Waits until so many records of both event rings have been bad. */
static bool become_bad(int index, long count)
{
	__s64 end = now_ns() + SLACK_NS;
	char path[64], text[1024];
	long bad = -1;

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel_core/%d/card", index);
	while (bad != count && now_ns() < end) {
		const char *at = text;

		if (read_file(path, text, sizeof(text)))
			return false;
		for (bad = 0; (at = strstr(at, " bad ")); at++)
			bad += strtol(at + strlen(" bad "), NULL, 10);
	}
	return bad == count;
}

/* Of all that records of health tell, what names a block or a link that is not there. */
TEST_F(card, events_of_what_is_not_there_are_counted_and_not_told)
{
	static const char *const garbles[] = { "wild-event 1", "bad-event 1" };
	int monitor = open_reader(self->index);
	struct accel_event event;
	long bad = 0;

	ASSERT_LE(0, monitor);
	while (!become_bad(self->index, bad))
		ASSERT_GT(1000, ++bad);
	for (unsigned int i = 0; i < ARRAY_SIZE(garbles); i++) {
		read_all(monitor);
		ASSERT_TRUE(qda_model(0, garbles[i]));
		ASSERT_TRUE(qda_model(0, "corrected 2"));
		EXPECT_TRUE(become_bad(self->index, bad + i + 1));
		/* The block's next one is told all the same, and is the first one that is. */
		ASSERT_TRUE(qda_model(0, "corrected 2"));
		ASSERT_EQ(0, wait_event(monitor, ACCEL_EVENT_ERROR, &event));
		EXPECT_EQ(2ULL, event.data[0]) TH_LOG("after %s", garbles[i]);
		EXPECT_EQ(1ULL, event.data[2]);
	}
	close(monitor);
}

/* How many jobs of a file have ended. */
static __u64 jobs_of(int fd)
{
	struct accel_info_client_engine engines[8] = { 0 };
	__u64 jobs = 0;

	info(fd, ACCEL_INFO_CLIENT_ENGINES, engines, sizeof(engines));
	for (unsigned int i = 0; i < ARRAY_SIZE(engines); i++)
		jobs += engines[i].jobs;
	return jobs;
}

#define VECTORS		8
#define ALL		"1000000"

/* Sends interrupts without a reason, of one vector after the other. */
struct storm {
	pthread_t thread;
	bool is_over, is_right;
};

static void *storm_main(void *argument)
{
	struct storm *storm = argument;

	storm->is_right = true;
	for (int turn = 0; !__atomic_load_n(&storm->is_over, __ATOMIC_ACQUIRE); turn++) {
		char command[32];

		snprintf(command, sizeof(command), "spurious-irq %d", turn % VECTORS);
		storm->is_right &= qda_model(0, command);
	}
	return NULL;
}

static void start_storm(struct storm *storm)
{
	*storm = (struct storm){ .is_over = false };
	pthread_create(&storm->thread, NULL, storm_main, storm);
}

static bool end_storm(struct storm *storm)
{
	__atomic_store_n(&storm->is_over, true, __ATOMIC_RELEASE);
	pthread_join(storm->thread, NULL);
	return storm->is_right;
}

TEST_F_TIMEOUT(card, interrupts_that_come_twice_amid_load_change_nothing, 120)
{
	struct filler fillers[2];
	struct storm storm;
	int jobs = times(1000);

	/* So that many of them come amid a job. */
	ASSERT_TRUE(qda_model(0, "double-irq " ALL) && qda_model(0, "slow 1"));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, open_filler(&fillers[i]));
	start_storm(&storm);
	for (int job = 0; job < jobs; job++)
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, fill_pieces(&fillers[i], 10 * job + i));
	EXPECT_TRUE(end_storm(&storm));
	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(has_worked(&fillers[i].worker, jobs));
		EXPECT_EQ((__u64)jobs, jobs_of(fillers[i].fd));
		EXPECT_EQ(0, close_filler(&fillers[i]));
	}
	EXPECT_TRUE(qda_model(0, "double-irq 0") && qda_model(0, "slow 0"));
}

/* Registers that stand one behind the other, in BAR 0. */
struct registers {
	unsigned int first, count, stride;
};

/* What the card says of itself, and its firmware. */
static const struct registers own[] = {
	{ 0x100, 2, 4 }, { 0x118, 1, 4 }, { 0x200, 2, 4 }, { 0x218, 4, 4 }, { 0x228, 2, 4 },
	{ 0x340, 2, 8 }, { 0x380, 1, 4 }, { 0x410, 1, 4 }, { 0 }
};

/*
 * Of event rings, throttling, sensors, blocks, engines, and links. Not energy and counts of errors:
 * as these never go back, the most that was ever read counts.
 */
static const struct registers parts[] = {
	{ 0x510, 2, 0x40 }, { 0x520, 2, 0x40 }, { 0x600, 1, 4 },
	{ 0x800, 5, 0x20 }, { 0x804, 5, 0x20 }, { 0x808, 5, 0x20 }, { 0xa04, 12, 0x20 },
	{ 0x1004, 5, 0x100 }, { 0x1018, 5, 0x100 },
	{ 0x1020, 5, 0x100 }, { 0x1040, 5, 0x100 }, { 0x1048, 5, 0x100 }, { 0x1058, 5, 0x100 },
	{ 0x2000, 2, 0x100 }, { 0x200c, 2, 0x100 }, { 0x2010, 2, 0x100 }, { 0x2020, 2, 0x100 },
	{ 0x2024, 2, 0x100 }, { 0x2028, 2, 0x100 }, { 0x2038, 2, 0x100 }, { 0x2048, 2, 0x100 },
	{ 0 }
};

/* Has all of them be read as @value for a while. */
static bool have_lie(const struct registers *registers, const char *value)
{
	for (; registers->count; registers++)
		for (unsigned int i = 0; i < registers->count; i++) {
			char command[80];

			snprintf(command, sizeof(command), "bad-register %u %s 4",
				 registers->first + i * registers->stride, value);
			if (!qda_model(0, command))
				return false;
		}
	return true;
}

/* Whether work may end so if its card lies. */
static bool is_excused(int error)
{
	return !error || error == -EIO || error == -ETIME || error == -ENODATA ||
	       error == -EAGAIN;
}

/* Asks for all there is, and gives work, longer than it takes for the card to be looked after. */
static void bother(struct __test_metadata *_metadata, struct filler *filler, int monitor)
{
	__s64 end = in_ms(1200);

	for (__u32 turn = 0; now_ns() < end; turn++) {
		int error = fill_pieces(filler, turn * PIECES);

		EXPECT_TRUE(is_excused(error))
			TH_LOG("errno of a job: %d", error);
		error = watch(monitor, turn);
		EXPECT_TRUE(is_excused(error))
			TH_LOG("errno of the monitor: %d", error);
	}
}

/* Waits until the card works again; one that is wedged wants to be reset. */
static bool is_well_again(int index)
{
	__s64 end = now_ns() + REVIVED_NS;
	int monitor = open_monitor(index);
	__u32 health;

	do {
		health = status_of(monitor).health;
		if (health == ACCEL_HEALTH_WEDGED)
			reset_device(index);
		sleep_ms(20);
	} while (health != ACCEL_HEALTH_OPERATIONAL && now_ns() < end);
	close(monitor);
	return health == ACCEL_HEALTH_OPERATIONAL;
}

FIXTURE(lies)
{
	int index, monitor;
	struct filler filler;
	struct storm storm;
};

FIXTURE_VARIANT(lies)
{
	const struct registers *registers;
	const char *value;
};

FIXTURE_VARIANT_ADD(lies, own_zero) {
	.registers = own, .value = "0" };
FIXTURE_VARIANT_ADD(lies, own_two) {
	.registers = own, .value = "2" };
FIXTURE_VARIANT_ADD(lies, own_noise) {
	.registers = own, .value = "0x5a5a5a5a5a5a5a5a" };
FIXTURE_VARIANT_ADD(lies, own_ones) {
	.registers = own, .value = "0xffffffffffffffff" };
FIXTURE_VARIANT_ADD(lies, parts_zero) {
	.registers = parts, .value = "0" };
FIXTURE_VARIANT_ADD(lies, parts_two) {
	.registers = parts, .value = "2" };
FIXTURE_VARIANT_ADD(lies, parts_noise) {
	.registers = parts, .value = "0x5a5a5a5a5a5a5a5a" };
FIXTURE_VARIANT_ADD(lies, parts_ones) {
	.registers = parts, .value = "0xffffffffffffffff" };

FIXTURE_SETUP(lies)
{
	self->index = qda_index(0);
	self->monitor = open_reader(self->index);
	ASSERT_LE(0, self->monitor);
	ASSERT_EQ(0, open_filler(&self->filler));
	ASSERT_TRUE(has_worked(&self->filler.worker, 1));
}

FIXTURE_TEARDOWN(lies)
{
	close(self->monitor);
}

TEST_F_TIMEOUT(lies, harm_nobody_for_long, 120)
{
	int error;

	ASSERT_TRUE(have_lie(variant->registers, variant->value));
	/* So that they are read. */
	start_storm(&self->storm);
	bother(_metadata, &self->filler, self->monitor);
	EXPECT_TRUE(end_storm(&self->storm));
	ASSERT_TRUE(qda_model(0, "bad-register off"));
	EXPECT_TRUE(is_well_again(self->index));
	error = close_filler(&self->filler);
	EXPECT_TRUE(is_excused(error))
		TH_LOG("errno of the worker: %d", error);
	ASSERT_EQ(0, open_filler(&self->filler));
	EXPECT_EQ(0, fill_pieces(&self->filler, 1));
	EXPECT_TRUE(has_worked(&self->filler.worker, 1));
	EXPECT_EQ(0, close_filler(&self->filler));
}

TEST_HARNESS_MAIN
