// SPDX-License-Identifier: GPL-2.0
/* accel_qda: how long its jobs may take, and jobs that are prepared once and run again. */
#include "prepared.h"
#include "qda_fixture.h"

#define HASTE_NS	(200 * NSEC_PER_MSEC)

/* A queue whose jobs may take @timeout_ns; 0: as long as the engine allows. */
static __s64 create_queue_for(FIXTURE_DATA(card) *self, __u64 timeout_ns)
{
	struct accel_context_create context = { .address_space = self->space };
	struct accel_queue_create queue = { .timeout_ns = timeout_ns };
	int error = call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context);

	queue.context = context.handle;
	error = error ?: call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue);
	return error ?: (__s64)queue.handle;
}

TEST_F_TIMEOUT(card, a_queue_may_allow_less_time_than_its_engine, 120)
{
	__s64 hasty = create_queue_for(self, HASTE_NS);
	struct accel_job_status status;

	ASSERT_LT(0, hasty);
	memset(self->host_bytes, 0, PAGE);
	EXPECT_EQ(-ETIME, run_packet(self->fd, hasty, await(self->at_host, 1, 0), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_LE(HASTE_NS, (__s64)(status.end_ns - status.start_ns));
	/* Its engine allows two seconds. */
	EXPECT_GT(3 * NSEC_PER_SEC / 2, (__s64)(status.end_ns - status.start_ns));
	EXPECT_EQ(0, run_packet(self->fd, hasty, nop(), NULL));
}

TEST_F_TIMEOUT(card, who_makes_progress_may_take_longer, 120)
{
	struct accel_qda_packet packets[] = { nop(), nop(), nop() };
	__s64 hasty = create_queue_for(self, HASTE_NS);
	struct accel_job_status status;

	ASSERT_LT(0, hasty);
	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "slow 300"));
	EXPECT_EQ(0, run_packets(self->fd, hasty, packets, ARRAY_SIZE(packets), &status));
	EXPECT_LE(4 * HASTE_NS, (__s64)(status.end_ns - status.start_ns));
	ASSERT_TRUE(qda_model(0, "slow 0"));
}

/* Prepares a job that names @buffer, for writing; returns its handle, 0 if that fails. */
static __u32 prepare_packets(FIXTURE_DATA(card) *self, const struct accel_qda_packet *packets,
			     unsigned int count, __u32 buffer)
{
	struct accel_submit_buffer named = { buffer, ACCEL_BUFFER_WRITE };
	struct accel_job_prepare prepare = {
		.queue = self->queue,
		.buffers = user(&named),
		.nr_buffers = 1,
		.payload = user(packets),
		.payload_size = count * sizeof(*packets),
	};

	return call(self->fd, ACCEL_IOCTL_JOB_PREPARE, &prepare) ? 0 : prepare.handle;
}

static int run_prepared(FIXTURE_DATA(card) *self, __u32 job, __u32 buffer,
			struct accel_job_status *status)
{
	__s64 number = again_in(self->fd, self->queue, job, buffer, 0);

	return number < 0 ? number : wait_in(self->fd, self->queue, number, FOREVER, status);
}

TEST_F(card, prepared_packets_work_on_what_is_there)
{
	struct accel_qda_packet packets[MOST_PACKETS];
	struct accel_buffer_create other;
	unsigned char *bytes = create_mapped(self->fd, SIZE, &other);
	const __u32 piece = SIZE / MOST_PACKETS;
	__u32 job;

	ASSERT_NE(MAP_FAILED, (void *)bytes);
	for (unsigned int i = 0; i < MOST_PACKETS; i++)
		packets[i] = move(self->at_local + i * piece, self->at_host + i * piece, piece);
	job = prepare_packets(self, packets, MOST_PACKETS, self->host.handle);
	ASSERT_NE(0U, job);
	/* They were copied. */
	memset(packets, 0xff, sizeof(packets));
	for (int round = 1; round <= 6; round++) {
		__u32 buffer = round % 3 ? 0 : other.handle;

		memset(self->local_bytes, round, SIZE);
		memset(bytes, 0, SIZE);
		ASSERT_EQ(0, run_prepared(self, job, buffer, NULL));
		EXPECT_TRUE(all_bytes(self->host_bytes, round, SIZE));
		/* It is waited for, but has no address. */
		EXPECT_TRUE(all_bytes(bytes, 0, SIZE));
	}
	/* What is mapped there instead is what they work on. */
	ASSERT_EQ(0, unmap(self->fd, self->space, self->at_host, SIZE));
	EXPECT_EQ(-EIO, run_prepared(self, job, 0, NULL));
	ASSERT_EQ(0, map_fixed(self->fd, self->space, other.handle, 0, SIZE, self->at_host,
			       READ_WRITE));
	EXPECT_EQ(0, run_prepared(self, job, 0, NULL));
	EXPECT_TRUE(all_bytes(bytes, 6, SIZE));
	EXPECT_EQ(0, release_from(self->fd, self->queue, job));
	munmap(bytes, SIZE);
}

TEST_F_TIMEOUT(card, a_prepared_job_that_hung_runs_again, 120)
{
	struct accel_qda_packet packets[] = {
		await(self->at_host, 1, 0),
		fill(self->at_local, SIZE, 0x77777777),
	};
	struct accel_job_status status;
	__u32 job;

	self->queue = create_queue_for(self, HASTE_NS);
	ASSERT_LT(0, (__s32)self->queue);
	memset(self->host_bytes, 0, PAGE);
	memset(self->local_bytes, 0, SIZE);
	job = prepare_packets(self, packets, ARRAY_SIZE(packets), self->local.handle);
	ASSERT_NE(0U, job);
	EXPECT_EQ(-ETIME, run_prepared(self, job, 0, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_TRUE(all_bytes(self->local_bytes, 0, SIZE));
	self->host_bytes[0] = 1;
	EXPECT_EQ(0, run_prepared(self, job, 0, NULL));
	EXPECT_TRUE(all_bytes(self->local_bytes, 0x77, SIZE));
	EXPECT_EQ(0, release_from(self->fd, self->queue, job));
}

TEST_HARNESS_MAIN
