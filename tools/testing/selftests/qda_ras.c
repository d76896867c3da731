// SPDX-License-Identifier: GPL-2.0
/* accel_qda when its hardware has errors: they cost what ras.rst says, and work goes on. */
#include "monitor.h"
#include "qda_fixture.h"
#include "user_queue.h"

#define BLOCKS	12

/* What is there when it happens: a job on each of two engines, and a user queue without work. */
FIXTURE(struck)
{
	int fd;
	__u32 space, queues[2];
	struct user_queue user;
};

FIXTURE_VARIANT(struck)
{
	/* What the model is told, one after the other. */
	const char *before, *strike;
	/* How long jobs take if nothing happens, and how what runs on either engine ends. */
	const char *pace;
	struct accel_job_status jobs[2];
	/* errno of the user queue. */
	__u32 user;
	/* How often card, firmware and first link are lost, and which block counts it. */
	__u32 resets, restarts, losses, block;
};

#define OK	{ .error = 0 }
#define FAILED	{ .error = EIO, .fault = ACCEL_FAULT_DEVICE }
#define LOST	{ .error = ENODATA, .fault = ACCEL_FAULT_RESET }

FIXTURE_VARIANT_ADD(struck, mmu) {
	.strike = "uncorrected 1", .block = 1, .pace = "slow 5000", .jobs = { FAILED, FAILED } };
FIXTURE_VARIANT_ADD(struck, engine) {
	.strike = "uncorrected 2", .block = 2, .pace = "slow 1000", .jobs = { FAILED, OK } };
FIXTURE_VARIANT_ADD(struck, firmware) {
	.strike = "uncorrected 7", .block = 7, .pace = "slow 300", .jobs = { OK, OK },
	.restarts = 1 };
FIXTURE_VARIANT_ADD(struck, tables) {
	.strike = "uncorrected 8", .block = 8, .pace = "slow 5000", .jobs = { LOST, LOST },
	.user = EIO, .resets = 1, .losses = 1 };
FIXTURE_VARIANT_ADD(struck, link) {
	.strike = "uncorrected 10", .block = 10, .pace = "slow 300", .jobs = { OK, OK },
	.losses = 1 };
/* Firmware that does not boot again. */
FIXTURE_VARIANT_ADD(struck, hash) {
	.before = "boot-failure 6", .strike = "firmware-crash", .pace = "slow 5000",
	.jobs = { LOST, LOST }, .user = ENODATA, .resets = 1, .losses = 1 };
FIXTURE_VARIANT_ADD(struck, boot) {
	.before = "boot-hang 4", .strike = "firmware-crash", .pace = "slow 20000",
	.jobs = { LOST, LOST }, .user = ENODATA, .resets = 1, .losses = 1 };

FIXTURE_SETUP(struck)
{
	struct accel_context_create context = { .flags = 0 };

	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_space(self->fd);
	context.address_space = self->space;
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
	for (int i = 0; i < 2; i++) {
		struct accel_queue_create queue = { .context = context.handle };

		ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
		self->queues[i] = queue.handle;
	}
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &self->user));
	ASSERT_TRUE(becomes_up(self->fd, 0));
}

FIXTURE_TEARDOWN(struck)
{
	close_user_queue(&self->user);
	close(self->fd);
}

static __u64 uncorrected(int fd, unsigned int number)
{
	struct accel_info_errors blocks[BLOCKS] = { 0 };

	info(fd, ACCEL_INFO_ERRORS, blocks, sizeof(blocks));
	return blocks[number].uncorrected;
}

/* How often events tell of a reset that helped the card; in @downs, of its first link lost. */
static __u32 device_resets(int monitor, __u32 *downs)
{
	struct accel_event event;
	__u32 resets = 0;

	while (!next_event(monitor, &event)) {
		if (event.kind == ACCEL_EVENT_LINK)
			*downs += event.data[0] == 0 && event.data[1] != ACCEL_LINK_UP;
		else
			resets += event.engine == ACCEL_EVENT_NONE && event.data[0] == 0 &&
				  event.data[2] == ACCEL_RESET_DEVICE;
	}
	return resets;
}

TEST_F_TIMEOUT(struck, it_costs_what_it_has_to, 120)
{
	struct accel_info_status before = status_of(self->fd);
	__u64 losses = qda_link(self->fd, 0).losses;
	__u64 errors = uncorrected(self->fd, variant->block);
	__u32 boots = restarts(self->fd);
	int monitor = open_reader(qda_index(0));
	__u32 resets = 0, downs = 0;
	__s64 jobs[2];

	ASSERT_EQ(0, set_filter(monitor, 1ULL << ACCEL_EVENT_RESET | 1ULL << ACCEL_EVENT_LINK, 0));
	read_all(monitor);
	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, variant->pace));
	for (int i = 0; i < 2; i++) {
		jobs[i] = submit_packets(self->fd, self->queues[i],
					 (struct accel_qda_packet[]){ nop() }, 1);
		ASSERT_LT(0, jobs[i]);
	}
	sleep_ms(100);
	ASSERT_TRUE(qda_model(0, "slow 0"));
	ASSERT_TRUE(!variant->before || qda_model(0, variant->before));
	ASSERT_TRUE(qda_model(0, variant->strike));
	for (int i = 0; i < 2; i++) {
		const struct accel_job_status *expected;
		struct accel_job_status status;
		int error = wait_in(self->fd, self->queues[i], jobs[i], FOREVER, &status);

		ASSERT_GT(2U, status.engine);
		expected = &variant->jobs[status.engine];
		EXPECT_EQ(-(int)expected->error, error);
		EXPECT_EQ(expected->fault, status.fault);
		EXPECT_EQ(0ULL, status.fault_address);
	}
	EXPECT_TRUE(!variant->resets || is_reset(self->fd, before.epoch));
	EXPECT_TRUE(!variant->restarts || is_revived(self->fd, boots));
	EXPECT_TRUE(comes_to(self->fd, ACCEL_HEALTH_OPERATIONAL));
	EXPECT_TRUE(becomes_up(self->fd, 0));
	EXPECT_EQ(before.epoch + variant->resets, status_of(self->fd).epoch);
	EXPECT_EQ(boots + variant->restarts, restarts(self->fd));
	EXPECT_EQ(losses + variant->losses, qda_link(self->fd, 0).losses);
	EXPECT_EQ(errors + !!variant->block, uncorrected(self->fd, variant->block));
	EXPECT_EQ(variant->user, query_user_queue(self->fd, self->user.handle).error);
	if (!variant->user)
		EXPECT_EQ(0, execute(&self->user, nop()));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, run_packet(self->fd, self->queues[i], nop(), NULL));
	/* Links have a way of their own to tell. */
	for (__s64 end = in_ms(5000); variant->losses && !downs && now_ns() < end; sleep_ms(5))
		resets += device_resets(monitor, &downs);
	resets += device_resets(monitor, &downs);
	EXPECT_EQ(variant->resets + variant->restarts, resets);
	EXPECT_EQ(!!variant->losses, !!downs);
	close(monitor);
}

/* What a node says to each kind that it has; returns how many it asked. */
static int ask_all(struct __test_metadata *_metadata, int fd, __u32 node)
{
	struct accel_info_kind kinds[64];
	int count = array(fd, ACCEL_INFO_LIST, kinds, sizeof(kinds)), asked = 0;

	for (int i = 0; i < count; i++) {
		char data[4096];
		int error;

		if (!(kinds[i].nodes & node))
			continue;
		error = info(fd, kinds[i].kind, data, sizeof(data));
		EXPECT_TRUE(!error || (error == -EAGAIN &&
				       kinds[i].availability == ACCEL_INFO_OPERATIONAL))
			TH_LOG("kind %u: %d", kinds[i].kind, error);
		asked++;
	}
	return asked;
}

TEST_F_TIMEOUT(card, it_can_be_asked_for_everything_in_a_reset, 120)
{
	struct accel_info_status before = status_of(self->fd), amid;
	int monitor = open_reader(qda_index(0));

	/* Firmware that dies, and takes long to find out that it does not boot. */
	ASSERT_TRUE(qda_model(0, "boot-hang 4"));
	ASSERT_TRUE(qda_model(0, "firmware-crash"));
	ASSERT_TRUE(comes_to(monitor, ACCEL_HEALTH_RESETTING));
	amid = status_of(monitor);
	EXPECT_LT(10, ask_all(_metadata, monitor, ACCEL_INFO_ON_MONITOR));
	EXPECT_LT(10, ask_all(_metadata, self->fd, ACCEL_INFO_ON_COMPUTE));
	/* It was the same one all the time. */
	EXPECT_EQ((__u32)ACCEL_HEALTH_RESETTING, amid.health);
	EXPECT_EQ(amid.changes, status_of(monitor).changes);
	EXPECT_TRUE(is_reset(self->fd, before.epoch));
	EXPECT_TRUE(comes_to(self->fd, ACCEL_HEALTH_OPERATIONAL));
	EXPECT_TRUE(becomes_up(self->fd, 0));
	close(monitor);
}

TEST_F(card, an_error_in_an_idle_engine_harms_nobody)
{
	ASSERT_TRUE(qda_model(0, "uncorrected 3"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_TRUE(is_operational(self->fd));
}

/* Works through a buffer in pieces; returns how many jobs failed, the last one with @status. */
static int work_through(FIXTURE_DATA(card) *self, __u64 at, __u64 size, bool reads,
			struct accel_job_status *status)
{
	int failed = 0;

	for (__u64 done = 0; done < size; done += SIZE) {
		struct accel_job_status ended;
		struct accel_qda_packet packet = reads ? move(at + done, self->at_host, SIZE) :
							 fill(at + done, SIZE, 0);

		if (!run_packet(self->fd, self->queue, packet, &ended))
			continue;
		*status = ended;
		failed++;
	}
	return failed;
}

#define MOST_PARTS	24

/* Takes nearly all free memory of the card, mapped in the space; returns in how many parts. */
static int take_memory(FIXTURE_DATA(card) *self, __u64 *at, __u64 *sizes)
{
	int parts = 0;

	/* Page tables need the rest. */
	for (__u64 size = 32 << 20; size >= 1 << 20; size /= 2) {
		struct accel_buffer_create buffer;

		while (parts < MOST_PARTS && !create_in(self->fd, LOCAL, size, 0, &buffer)) {
			at[parts] = map_anywhere(self->fd, self->space, buffer.handle, 0, size,
						 READ_WRITE);
			sizes[parts++] = size;
		}
	}
	return parts;
}

/* 64 bytes in the middle of the card's memory. */
TEST_F_TIMEOUT(card, an_error_in_memory_costs_the_job_that_reads_it, 120)
{
	__u64 at[MOST_PARTS], sizes[MOST_PARTS];
	struct accel_job_status status = { 0 };
	/* As it is, bad, still bad, overwritten, and read again. */
	static const int failing[] = { 0, 1, 1, 0, 0 };
	int parts, hit = -1;

	settled_region(self->fd, LOCAL);
	parts = take_memory(self, at, sizes);
	ASSERT_LT(0, parts);
	for (unsigned int round = 0; round < ARRAY_SIZE(failing); round++) {
		int failed = 0;

		if (round == 1)
			ASSERT_TRUE(qda_model(0, "uncorrected 0 0x2000000"));
		for (int part = 0; part < parts; part++) {
			ASSERT_NE(0ULL, at[part]);
			if (work_through(self, at[part], sizes[part], round != 3, &status)) {
				hit = part;
				failed++;
			}
		}
		ASSERT_EQ(failing[round], failed);
	}
	EXPECT_EQ((__u32)EIO, status.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	EXPECT_LE(at[hit], status.fault_address);
	EXPECT_GT(at[hit] + sizes[hit], status.fault_address);
	EXPECT_TRUE(is_operational(self->fd));
}

TEST_F_TIMEOUT(card, without_memory_of_the_host_it_is_given_up_until_there_is, 120)
{
	struct accel_job_status status;
	struct user_queue user;
	__u32 epoch;
	__s64 job;

	/* What is being scrubbed would be lost. */
	settled_region(self->fd, LOCAL);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 1, &user));
	memset(self->host_bytes, 0, PAGE);
	job = submit_packets(self->fd, self->queue,
			     (struct accel_qda_packet[]){ await(self->at_host, 1, 0) }, 1);
	ASSERT_LT(0, job);
	/* It can neither tell what has failed nor read its firmware. */
	ASSERT_TRUE(qda_model(0, "bus-error on"));
	EXPECT_EQ(-ENODATA, wait_in(self->fd, self->queue, job, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	EXPECT_EQ((__u32)EIO, failure_of(&user).error);
	EXPECT_TRUE(comes_to(self->fd, ACCEL_HEALTH_WEDGED));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "bus-error off"));
	EXPECT_EQ(0, reset_device(self->index));
	EXPECT_TRUE(is_operational(self->fd));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	/* It is not given up more easily afterwards. */
	epoch = status_of(self->fd).epoch;
	ASSERT_TRUE(qda_model(0, "uncorrected 8"));
	EXPECT_TRUE(is_reset(self->fd, epoch));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	close_user_queue(&user);
}

TEST_HARNESS_MAIN
