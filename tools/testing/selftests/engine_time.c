// SPDX-License-Identifier: GPL-2.0
/* Engine time: INFO, fdinfo and sysfs agree with each other and with the statuses of jobs. */
#include "account.h"
#include "device.h"
#include "queue.h"

#define ENGINES		4	/* of accel_fake */
#define DEEP		3	/* the one with four jobs in flight */
#define DEPTH		4
#define PARAMETER	"/sys/module/accel_core/parameters/accounting"

static const char *const names[ENGINES] = { "engine0", "pair0", "pair1", "deep" };

/* What an engine has done for the file. */
static struct accel_info_client_engine used(int fd, unsigned int engine)
{
	struct accel_info_client_engine all[ENGINES] = { 0 };

	info(fd, ACCEL_INFO_CLIENT_ENGINES, all, sizeof(all));
	return all[engine];
}

/* What an engine has done for all. */
static __u64 busy(int fd, unsigned int engine)
{
	struct accel_info_engine all[ENGINES] = { 0 };

	info(fd, ACCEL_INFO_ENGINES, all, sizeof(all));
	return all[engine].busy_ns;
}

/* Engine time that fdinfo tells; -1 if it does not. */
static long long fdinfo_ns(int fd, const char *name)
{
	char key[64], text[64], unit[8];
	long long number;

	snprintf(key, sizeof(key), "drm-engine-%s", name);
	if (!fdinfo_text(fd, key, text, sizeof(text)) ||
	    sscanf(text, "%lld %7s", &number, unit) != 2 || strcmp(unit, "ns"))
		return -1;
	return number;
}

static __u64 duration(const struct accel_job_status *status)
{
	return status->end_ns - status->start_ns;
}

/* A device of its own with two clients. */
FIXTURE(time)
{
	int number, index;
	int fd, second;
	__u32 deep[2];	/* a queue of each client for DEEP */
};

FIXTURE_SETUP(time)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	self->second = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->second);
	self->deep[0] = create_queue(self->fd, DEEP, ACCEL_PRIORITY_NORMAL);
	self->deep[1] = create_queue(self->second, DEEP, ACCEL_PRIORITY_NORMAL);
	ASSERT_NE(0U, self->deep[0]);
	ASSERT_NE(0U, self->deep[1]);
}

FIXTURE_TEARDOWN(time)
{
	EXPECT_EQ(0, write_file(PARAMETER, "Y"));
	close(self->fd);
	close(self->second);
	remove_fake(self->number);
}

TEST_F(time, who_has_done_nothing_has_used_nothing)
{
	for (unsigned int i = 0; i < ENGINES; i++) {
		EXPECT_STREQ(names[i], used(self->fd, i).name);
		EXPECT_EQ(0ULL, used(self->fd, i).busy_ns);
		EXPECT_EQ(0ULL, used(self->fd, i).jobs);
		EXPECT_EQ(0ULL, busy(self->fd, i));
	}
	EXPECT_EQ(0, fdinfo_ns(self->fd, "engine0"));
	EXPECT_EQ(0, fdinfo_ns(self->fd, "deep"));
}

TEST_F(time, it_is_what_the_statuses_say)
{
	static const __u32 ops[][2] = {
		{ ACCEL_FAKE_NOP, 0 }, { ACCEL_FAKE_DELAY, 20 },
		{ ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS }, { ACCEL_FAKE_HANG, 0 },
	};
	struct accel_job_status status;
	__u64 sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		run(self->fd, ops[i][0], ops[i][1], &status);
		ASSERT_EQ((__u32)ACCEL_JOB_DONE, status.state);
		sum += duration(&status);
		EXPECT_EQ(i + 1ULL, used(self->fd, 0).jobs);
		EXPECT_EQ(sum, used(self->fd, 0).busy_ns);
		EXPECT_EQ(sum, busy(self->fd, 0));
		EXPECT_EQ((long long)sum, fdinfo_ns(self->fd, "engine0"));
	}
	EXPECT_LT((__u64)FAKE_TIMEOUT_NS, sum);
	EXPECT_EQ(0ULL, used(self->second, 0).jobs);
	EXPECT_EQ(0ULL, used(self->second, 0).busy_ns);
	EXPECT_EQ(0ULL, busy(self->fd, DEEP));
}

TEST_F(time, what_never_ran_took_no_time)
{
	EXPECT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAIL_START, 0, NULL));
	EXPECT_EQ(0ULL, used(self->fd, 0).busy_ns);
	EXPECT_EQ(0ULL, used(self->fd, 0).jobs);
	EXPECT_EQ(0ULL, busy(self->fd, 0));
}

TEST_F(time, a_job_that_runs_counts_up_to_now)
{
	__s64 job = submit(self->fd, ACCEL_FAKE_HANG, 0);
	struct accel_job_status status;
	__u64 seen = 0, last = 0;

	ASSERT_LT(0LL, job);
	do {
		struct accel_info_client_engine mine = used(self->fd, 0);
		__u64 all = busy(self->fd, 0);

		EXPECT_LE(last, mine.busy_ns);
		EXPECT_LE(mine.busy_ns, all);
		/* If it runs still, it was not counted before. */
		wait_until(self->fd, job, 0, &status);
		if (status.state == ACCEL_JOB_RUNNING) {
			EXPECT_EQ(0ULL, mine.jobs);
			seen += mine.busy_ns > last;
		}
		last = mine.busy_ns;
	} while (status.state != ACCEL_JOB_DONE);
	EXPECT_LT(1ULL, seen);
	EXPECT_EQ(duration(&status), used(self->fd, 0).busy_ns);
	EXPECT_EQ(1ULL, used(self->fd, 0).jobs);
}

TEST_F(time, clients_share_an_engine_and_none_is_counted_twice)
{
	__u64 jobs[2][DEPTH], first = UINT64_MAX, last = 0;
	int fds[2] = { self->fd, self->second };
	__u64 sum;

	for (int i = 0; i < 2 * DEPTH; i++) {
		struct job job;

		prepare(&job, ACCEL_FAKE_DELAY, 10 + 5 * (i % 3), 0);
		job.submit.queue = self->deep[i % 2];
		ASSERT_EQ(0, submit_prepared(fds[i % 2], &job));
		jobs[i % 2][i / 2] = job.entry.job;
	}
	for (int i = 0; i < 2 * DEPTH; i++) {
		struct accel_job_status status;

		EXPECT_EQ(0, wait_in(fds[i % 2], self->deep[i % 2], jobs[i % 2][i / 2], FOREVER,
				     &status));
		first = status.start_ns < first ? status.start_ns : first;
		last = status.end_ns > last ? status.end_ns : last;
	}
	sum = used(self->fd, DEEP).busy_ns + used(self->second, DEEP).busy_ns;
	EXPECT_EQ(busy(self->fd, DEEP), sum);
	EXPECT_GE(last - first, sum);
	EXPECT_LT(0ULL, used(self->fd, DEEP).busy_ns);
	EXPECT_LT(0ULL, used(self->second, DEEP).busy_ns);
	EXPECT_EQ((__u64)DEPTH, used(self->fd, DEEP).jobs);
	EXPECT_EQ((__u64)DEPTH, used(self->second, DEEP).jobs);
	/* What a client did that has gone stays the engine's. */
	close(self->second);
	self->second = -1;
	EXPECT_EQ(sum, busy(self->fd, DEEP));
}

TEST_F(time, it_never_goes_back_whatever_is_reset)
{
	__u64 client = 0, device = 0, resets = status_of(self->fd).resets;
	__s64 job;

	job = submit(self->fd, ACCEL_FAKE_HANG, 0);
	ASSERT_LT(0LL, job);
	for (int i = 0; i < 3; i++) {
		while (status_of(self->fd).resets == resets + i) {
			__u64 now = used(self->fd, 0).busy_ns, all = busy(self->fd, 0);

			EXPECT_LE(client, now);
			EXPECT_LE(device, all);
			client = now;
			device = all;
			/* The first one is that of the time-out. */
			if (i)
				EXPECT_EQ(0, reset_device(self->index));
		}
	}
	EXPECT_EQ(-ETIME, wait_job(self->fd, job));
	EXPECT_LE(client, used(self->fd, 0).busy_ns);
	EXPECT_LE(device, busy(self->fd, 0));
	EXPECT_LE((__u64)FAKE_TIMEOUT_NS, used(self->fd, 0).busy_ns);
	EXPECT_EQ(1ULL, used(self->fd, 0).jobs);
}

TEST_F(time, engines_that_are_alike_have_one_key)
{
	__u32 pair = create_queue(self->fd, 1, ACCEL_PRIORITY_NORMAL);
	char text[64];

	ASSERT_NE(0U, pair);
	EXPECT_EQ(0, run_in(self->fd, pair, ACCEL_FAKE_DELAY, 5));
	EXPECT_EQ((long long)(used(self->fd, 1).busy_ns + used(self->fd, 2).busy_ns),
		  fdinfo_ns(self->fd, "pair"));
	EXPECT_LT(0LL, fdinfo_ns(self->fd, "pair"));
	ASSERT_TRUE(fdinfo_text(self->fd, "drm-engine-capacity-pair", text, sizeof(text)));
	EXPECT_STREQ("2", text);
	EXPECT_FALSE(fdinfo_text(self->fd, "drm-engine-capacity-engine0", text, sizeof(text)));
	EXPECT_EQ(-1, fdinfo_ns(self->fd, "pair0"));
}

TEST_F(time, sysfs_says_the_same)
{
	char path[128], text[32];

	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 5, NULL));
	EXPECT_EQ(0, run_in(self->fd, self->deep[0], ACCEL_FAKE_DELAY, 5));
	for (unsigned int i = 0; i < ENGINES; i++) {
		struct stat file;

		snprintf(path, sizeof(path), "/sys/class/accel/accel%d/busy_ns/%s", self->index,
			 names[i]);
		ASSERT_EQ(0, read_file(path, text, sizeof(text)));
		EXPECT_EQ(busy(self->fd, i), strtoull(text, NULL, 10));
		ASSERT_EQ(0, stat(path, &file));
		EXPECT_EQ(0444U, file.st_mode & 07777);
	}
	EXPECT_LT(0ULL, busy(self->fd, 0));
	EXPECT_LT(0ULL, busy(self->fd, DEEP));
}

TEST_F(time, it_stands_still_while_accounting_is_off)
{
	struct accel_job_status status;
	char text[8];
	__u64 before;

	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 5, &status));
	before = used(self->fd, 0).busy_ns;
	ASSERT_EQ(0, write_file(PARAMETER, "N"));
	ASSERT_EQ(0, read_file(PARAMETER, text, sizeof(text)));
	EXPECT_STREQ("N", text);
	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 5, &status));
	EXPECT_LT(0ULL, duration(&status));
	EXPECT_EQ(before, used(self->fd, 0).busy_ns);
	EXPECT_EQ(before, busy(self->fd, 0));
	EXPECT_EQ(1ULL, used(self->fd, 0).jobs);
	ASSERT_EQ(0, write_file(PARAMETER, "Y"));
	ASSERT_EQ(0, read_file(PARAMETER, text, sizeof(text)));
	EXPECT_STREQ("Y", text);
	EXPECT_EQ(0, run(self->fd, ACCEL_FAKE_DELAY, 5, &status));
	EXPECT_EQ(before + duration(&status), used(self->fd, 0).busy_ns);
	EXPECT_EQ(2ULL, used(self->fd, 0).jobs);
}

TEST_F(time, it_does_not_jump_when_accounting_is_turned_off_and_on)
{
	__s64 job = submit(self->fd, ACCEL_FAKE_DELAY, 150);
	struct accel_job_status status;
	__u64 last = 0;

	ASSERT_LT(0LL, job);
	for (int i = 0; i < 20; i++) {
		__u64 now;

		EXPECT_EQ(0, write_file(PARAMETER, i % 2 ? "Y" : "N"));
		now = used(self->fd, 0).busy_ns;
		EXPECT_LE(last, now);
		if (!(i % 2))
			EXPECT_EQ(now, busy(self->fd, 0));
		last = now;
	}
	wait_until(self->fd, job, FOREVER, &status);
	EXPECT_LE(last, used(self->fd, 0).busy_ns);
	EXPECT_GE(duration(&status), used(self->fd, 0).busy_ns);
}

TEST(what_is_no_truth_value_is_refused)
{
	EXPECT_EQ(-EINVAL, write_file(PARAMETER, "perhaps"));
}

TEST_HARNESS_MAIN
