// SPDX-License-Identifier: GPL-2.0
/* accel_ethosu when the NPU misbehaves, on command to the model plugged as npu0. */
#include "coredump.h"
#include "ethosu_fixture.h"
#include "power.h"
#include "queue.h"

/* What a queue gives its jobs, which is less than the engine does. */
#define HASTY_MS	300

/* Ends every fault that a test may have left on. */
static bool heal(void)
{
	return model("hang off") && model("bus-error off") && model("slow 0");
}

/* Waits until the model has begun with a job, which may be after the kernel has. */
static bool becomes_busy(void)
{
	char answer[HOST_ANSWER];

	for (__s64 end = now_ns() + SLACK_NS; now_ns() < end; sleep_ms(2))
		if (ask_host("model npu0 state", answer) && strstr(answer, "running=1"))
			return true;
	return false;
}

TEST_F_TIMEOUT(npu, jobs_behind_a_hang_run_correctly, 60)
{
	struct accel_info_status before = status_of(self->fd);
	struct accel_info_device device;
	struct ethosu_job hung, behind;
	char word[16];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	ASSERT_TRUE(forget_dump(device.index));
	ASSERT_TRUE(model("hang on"));
	stop_only(&hung);
	ASSERT_EQ(0, submit_ethosu(self->fd, &hung));
	ASSERT_TRUE(becomes_busy());
	ASSERT_TRUE(model("hang off"));
	copy(&behind, self->in.handle, 0, self->out.handle, 0);
	ASSERT_EQ(0, submit_ethosu(self->fd, &behind));
	EXPECT_EQ(-ETIME, wait_job(self->fd, hung.entry.job));
	EXPECT_EQ(0, wait_job(self->fd, behind.entry.job));
	EXPECT_EQ(before.resets + 1, status_of(self->fd).resets);
	EXPECT_EQ(0, memcmp(self->source, self->target, COPY_SIZE));
	/* Registers, regions, and the only word of the stream. */
	snprintf(word, sizeof(word), "\n%08x ", OP_STOP);
	EXPECT_NE(NULL, strstr(dump_of(device.index), "\nSTATUS 0x"));
	EXPECT_NE(NULL, strstr(dump_of(device.index), "\nregion 0 0x0\n"));
	EXPECT_NE(NULL, strstr(dump_of(device.index), word));
}

TEST_F_TIMEOUT(npu, a_queue_has_its_hung_jobs_found_sooner, 60)
{
	__u32 hasty = create_hasty_queue(self->fd, 0, HASTY_MS * NSEC_PER_MSEC);
	struct accel_job_status status;
	struct ethosu_job job;

	ASSERT_TRUE(model("hang on"));
	stop_only(&job);
	job.submit.queue = hasty;
	ASSERT_EQ(0, submit_ethosu(self->fd, &job));
	EXPECT_EQ(-ETIME, wait_in(self->fd, hasty, job.entry.job, FOREVER, &status));
	EXPECT_LE((__u64)HASTY_MS * NSEC_PER_MSEC, status.end_ns - status.start_ns);
	EXPECT_GT(engine_of(self->fd).timeout_ns, status.end_ns - status.start_ns);
	ASSERT_TRUE(heal());
	EXPECT_EQ(0, run_stop(self->fd));
}

TEST_F_TIMEOUT(npu, a_job_that_makes_progress_gets_more_time, 60)
{
	__u32 hasty = create_hasty_queue(self->fd, 0, HASTY_MS * NSEC_PER_MSEC);
	struct accel_info_status before = status_of(self->fd);
	struct accel_job_status status;
	struct ethosu_job job;

	ASSERT_TRUE(model("slow 1000"));
	begin(&job);
	while (job.words < MAX_WORDS - 1)
		word(&job, OP(SET_DMA0_SRC_REGION, 0));
	word(&job, OP_STOP);
	job.submit.queue = hasty;
	ASSERT_EQ(0, submit_ethosu(self->fd, &job));
	EXPECT_EQ(0, wait_in(self->fd, hasty, job.entry.job, FOREVER, &status));
	EXPECT_LE(3ULL * HASTY_MS * NSEC_PER_MSEC, status.end_ns - status.start_ns);
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
	ASSERT_TRUE(heal());
}

TEST_F_TIMEOUT(npu, a_spurious_interrupt_is_harmless, 60)
{
	struct accel_info_status before = status_of(self->fd);

	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(model("spurious-irq"));
		EXPECT_EQ(0, run_stop(self->fd));
	}
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
}

TEST_F_TIMEOUT(npu, a_bus_error_is_eio_and_the_next_job_runs, 60)
{
	struct accel_job_status status;
	struct ethosu_job job;

	ASSERT_TRUE(model("bus-error on"));
	stop_only(&job);
	EXPECT_EQ(-EIO, run_ethosu(self->fd, &job, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	ASSERT_TRUE(heal());
	copy(&job, self->in.handle, 0, self->out.handle, 0);
	EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
	EXPECT_EQ(0, memcmp(self->source, self->target, COPY_SIZE));
}

TEST_F_TIMEOUT(npu, an_administrator_resets_it_under_a_job, 60)
{
	struct accel_info_status before = status_of(self->fd);
	struct accel_job_status status;
	struct accel_info_device device;
	struct ethosu_job job;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	ASSERT_TRUE(model("hang on"));
	stop_only(&job);
	ASSERT_EQ(0, submit_ethosu(self->fd, &job));
	EXPECT_EQ(0, reset_device(device.index));
	ASSERT_TRUE(heal());
	EXPECT_EQ(-ENODATA, wait_until(self->fd, job.entry.job, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	EXPECT_EQ(before.epoch + 1, status_of(self->fd).epoch);
	copy(&job, self->in.handle, 0, self->out.handle, 0);
	EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
	EXPECT_EQ(0, memcmp(self->source, self->target, COPY_SIZE));
}

TEST_F_TIMEOUT(npu, it_sleeps_with_the_system, 120)
{
	static const char *const levels[] = { SUSPENDED, IN_D3 };
	struct accel_info_status before = status_of(self->fd);
	struct ethosu_job first, second;

	for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
		/* One is in flight, the other one waits. */
		ASSERT_TRUE(model("slow 1000"));
		stop_only(&first);
		copy(&second, self->in.handle, 0, self->out.handle, 0);
		memset(self->target, 0, COPY_SIZE);
		ASSERT_EQ(0, submit_ethosu(self->fd, &first));
		ASSERT_EQ(0, submit_ethosu(self->fd, &second));
		ASSERT_EQ(0, sleep_system(levels[i]));
		EXPECT_EQ(0, wait_job(self->fd, first.entry.job));
		EXPECT_EQ(0, wait_job(self->fd, second.entry.job));
		EXPECT_EQ(0, memcmp(self->source, self->target, COPY_SIZE));
		ASSERT_TRUE(heal());
	}
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
}

TEST_F_TIMEOUT(npu, it_dozes_and_a_job_wakes_it, 120)
{
	struct accel_info_status before = status_of(self->fd);
	struct accel_info_device device;
	struct accel_info_sleep sleep;
	struct accel_info_link link;
	__u64 slept = 0;
	char power[24];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(power, sizeof(power), "%.20s", device.address);
	ASSERT_EQ(0, let_doze(power));
	for (int i = 0; i < times(20) / 4 + 1; i++) {
		struct ethosu_job job;

		EXPECT_TRUE(dozes(power));
		EXPECT_EQ(0, info(self->fd, ACCEL_INFO_SLEEP, &sleep, sizeof(sleep)));
		EXPECT_LT(0ULL, sleep.since_ns);
		EXPECT_LT(slept, sleep.count);
		slept = sleep.count;
		/* It is not woken for what it does not have. */
		EXPECT_EQ(-EOPNOTSUPP, info(self->fd, ACCEL_INFO_LINKS, &link, sizeof(link)));
		EXPECT_TRUE(is_in(power, "suspended"));
		memset(self->target, i, COPY_SIZE);
		copy(&job, self->in.handle, 0, self->out.handle, 0);
		EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
		EXPECT_EQ(0, memcmp(self->source, self->target, COPY_SIZE));
		EXPECT_TRUE(is_in(power, "active"));
	}
	keep_awake(power);
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
}

TEST_F_TIMEOUT(npu, a_client_can_leave_a_hung_job, 60)
{
	pid_t child;

	ASSERT_TRUE(model("hang on"));
	child = fork();
	if (!child) {
		struct ethosu_job job;
		int fd = open_driver(ETHOSU_DRIVER);

		stop_only(&job);
		_exit(submit_ethosu(fd, &job) ? 1 : 42);
	}
	EXPECT_EQ(42, exit_code(child));
	ASSERT_TRUE(heal());
	EXPECT_EQ(0, run_stop(self->fd));
}

TEST_HARNESS_MAIN
