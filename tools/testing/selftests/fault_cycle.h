/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device with a model does wrong, again and again: each time the job ends as documented, and
 * the next one works. A program says how to give the device work, and what its model is told.
 */
#ifndef _ACCEL_SELFTESTS_FAULT_CYCLE_H
#define _ACCEL_SELFTESTS_FAULT_CYCLE_H

#include "buffer.h"
#include "device.h"
#include "job.h"
#include "queue.h"

/* A client of the device, with something to copy. */
struct client {
	int fd;
	__u32 queue;
	struct accel_buffer_create in, out;
	unsigned char *source, *target;
	/* Where they are for the device, if it wants to know. */
	__u64 from, to;
};

/*
 * What each program has: LIMIT_MS, the time of jobs that are to be overdue, and LOST_MS, how long
 * it takes at least to find one whose end was not told; the device's index; the queue of a client
 * that is open, and whatever its jobs need; a job that copies COPY_BYTES, or does nothing; a
 * command for the model.
 */
static int device_index(void);
static int set_up(struct client *client);
static __s64 begin_job(struct client *client, bool copies);
static bool tell(const char *command);

#define COPY_BYTES	256
/* What drivers want, and a bit. */
#define DRIVERS_MS	2100

/* Opens the device, once it is there. */
static inline int open_client(struct client *client)
{
	__s64 end = now_ns() + 4 * SLACK_NS;

	*client = (struct client){ .fd = -ENOENT };
	while ((client->fd = open_compute(device_index())) < 0 && now_ns() < end)
		sleep_ms(5);
	if (client->fd < 0)
		return client->fd;
	client->source = create_mapped(client->fd, PAGE, &client->in);
	client->target = create_mapped(client->fd, PAGE, &client->out);
	if (client->source == MAP_FAILED || client->target == MAP_FAILED)
		return -ENOMEM;
	return set_up(client);
}

static inline void close_client(struct client *client)
{
	munmap(client->source, PAGE);
	munmap(client->target, PAGE);
	close(client->fd);
}

/* Whether a job does what it shall. */
static inline bool works(struct client *client, unsigned int seed)
{
	__s64 job;

	for (unsigned int i = 0; i < COPY_BYTES; i++)
		client->source[i] = i * 7 + seed;
	memset(client->target, ~seed, COPY_BYTES);
	job = begin_job(client, true);
	return job > 0 && !wait_in(client->fd, client->queue, job, FOREVER, NULL) &&
	       !memcmp(client->source, client->target, COPY_BYTES);
}

/* What the model is told when, what comes of the job, and how long that takes at least. */
FIXTURE_VARIANT(fault)
{
	const char *before, *during, *after;
	int error;
	__u32 kind;
	/* 0: the driver's. */
	unsigned int timeout_ms;
	unsigned int least_ms;
	/* The device is taken out of the bus under the job, and found again. */
	bool goes;
};

FIXTURE(fault)
{
	int index;
};

/*
 * The limit stays for the next variant, so that only the first one that has it waits: until the
 * kernel has looked after jobs that ended long ago, which had more time.
 */
FIXTURE_SETUP(fault)
{
	self->index = device_index();
	ASSERT_LE(0, self->index);
	if (job_limit(self->index) != variant->timeout_ms) {
		ASSERT_EQ(0, limit_jobs(self->index, variant->timeout_ms));
		sleep_ms(variant->timeout_ms ? DRIVERS_MS : 0);
	}
}

FIXTURE_TEARDOWN(fault)
{
}

FIXTURE_VARIANT_ADD(fault, unplug) {
	.before = "hang on",
	.after = "hang off",
	.error = -ENODEV,
	.goes = true,
};

FIXTURE_VARIANT_ADD(fault, hang) {
	.before = "hang on",
	.after = "hang off",
	.error = -ETIME,
	.kind = ACCEL_FAULT_TIMEOUT,
	.timeout_ms = LIMIT_MS,
	.least_ms = LIMIT_MS,
};

FIXTURE_VARIANT_ADD(fault, lost_interrupt) {
	.before = "drop-irq 1",
	.timeout_ms = LIMIT_MS,
	.least_ms = LOST_MS,
};

static inline bool take_out(int fd)
{
	struct accel_info_device device;
	char path[80];

	if (info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device)))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.20s/remove", device.address);
	return !write_file(path, "1");
}

TEST_F_TIMEOUT(fault, ends_the_job_as_documented_and_work_goes_on, 900)
{
	for (int i = 0; i < (is_long() ? 100 : 10); i++) {
		struct accel_job_status status;
		struct client client;
		__u32 epoch;
		__s64 job;

		/* Each is a client of its own: who hangs a device again and again is banned. */
		ASSERT_EQ(0, open_client(&client));
		epoch = status_of(client.fd).epoch;
		ASSERT_TRUE(!variant->before || tell(variant->before));
		job = begin_job(&client, false);
		ASSERT_LT(0, job);
		ASSERT_TRUE(!variant->during || tell(variant->during));
		if (variant->goes)
			ASSERT_TRUE(take_out(client.fd));
		ASSERT_EQ(variant->error, wait_in(client.fd, client.queue, job, FOREVER, &status))
			TH_LOG("cycle %d", i);
		/* Who asks a device that is gone learns no more. */
		EXPECT_EQ(variant->kind, status.fault);
		EXPECT_LE(variant->least_ms * NSEC_PER_MSEC,
			  (__s64)(status.end_ns - status.start_ns));
		ASSERT_TRUE(!variant->after || tell(variant->after));
		if (variant->goes) {
			close_client(&client);
			ASSERT_EQ(0, write_file("/sys/bus/pci/rescan", "1"));
			ASSERT_EQ(0, open_client(&client));
			epoch = status_of(client.fd).epoch;
		}
		ASSERT_TRUE(works(&client, i))
			TH_LOG("cycle %d", i);
		EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(client.fd).health);
		/* What it takes is known: never a reset of all of the device. */
		EXPECT_EQ(epoch, status_of(client.fd).epoch);
		close_client(&client);
	}
}

#endif /* _ACCEL_SELFTESTS_FAULT_CYCLE_H */
