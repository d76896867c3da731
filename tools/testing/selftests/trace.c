// SPDX-License-Identifier: GPL-2.0
/* Trace events: what they tell of jobs is what their statuses say, and of resets what INFO says. */
#include <sys/mount.h>

#include "account.h"
#include "device.h"
#include "queue.h"

#define TRACEFS		"/sys/kernel/tracing"
#define TRACE		TRACEFS "/trace"
#define EVENTS		TRACEFS "/events/accel"
#define MOST		64	/* events that a test looks at */

enum { SUBMIT, RUN, TIMEOUT, DONE, RESET, KINDS };

static const char *const names[KINDS] = {
	"accel_job_submit", "accel_job_run", "accel_job_timeout", "accel_job_done", "accel_reset",
};

/* An event as text: "key=value ..." */
struct event {
	int kind;
	char text[400];
};

/* The value of a key; all ones if it is not there. */
static unsigned long long value(const struct event *event, const char *key)
{
	const char *at = event->text;
	size_t length = strlen(key);

	while ((at = strstr(at, key))) {
		if (at > event->text && at[-1] == ' ' && at[length] == '=')
			return strtoull(at + length + 1, NULL, strcmp(key, "address") ? 10 : 16);
		at += length;
	}
	return ULLONG_MAX;
}

/* Reads the events of a device; returns how many there are. */
static int read_events(int index, struct event events[MOST])
{
	FILE *file = fopen(TRACE, "r");
	char line[512];
	int count = 0;

	while (file && count < MOST && fgets(line, sizeof(line), file)) {
		struct event *event = &events[count];

		for (int kind = 0; kind < KINDS; kind++) {
			char head[32];
			const char *at;

			snprintf(head, sizeof(head), "%s:", names[kind]);
			at = strstr(line, head);
			if (!at)
				continue;
			event->kind = kind;
			snprintf(event->text, sizeof(event->text), "%s", at + strlen(head));
			count += value(event, "device") == (unsigned int)index;
		}
	}
	if (file)
		fclose(file);
	return count;
}

/* Throws away what was traced. */
static int clear_trace(void)
{
	int fd = open(TRACE, O_WRONLY | O_TRUNC | O_CLOEXEC);

	return fd < 0 ? -errno : close(fd);
}

/* A device of its own, and a trace of all events. */
FIXTURE(trace)
{
	int number, index;
	int fd;
	struct event events[MOST];
};

FIXTURE_SETUP(trace)
{
	mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	ASSERT_EQ(0, clear_trace());
	ASSERT_EQ(0, write_file(EVENTS "/enable", "1"));
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(trace)
{
	close(self->fd);
	remove_fake(self->number);
	EXPECT_EQ(0, write_file(EVENTS "/enable", "0"));
}

/* Which events there are, one letter each: submit, run, timeout, done, Reset. */
static const char *story(const struct event *events, int count)
{
	static char letters[MOST + 1];

	for (int i = 0; i < count; i++)
		letters[i] = "srtdR"[events[i].kind];
	letters[count] = '\0';
	return letters;
}

#define EXPECT_STATUS(seen, expected) do { \
	const struct event *e = (seen); \
	const struct accel_job_status *s = (expected); \
	\
	EXPECT_EQ(s->state, value(e, "state")); \
	EXPECT_EQ(s->engine, value(e, "engine")); \
	EXPECT_EQ(s->error, value(e, "error")); \
	EXPECT_EQ(s->fault, value(e, "fault")); \
	EXPECT_EQ(s->fault_address, value(e, "address")); \
	EXPECT_EQ(s->submit_ns, value(e, "submit_ns")); \
	EXPECT_EQ(s->start_ns, value(e, "start_ns")); \
	EXPECT_EQ(s->end_ns, value(e, "end_ns")); \
} while (0)

/* As it was when the job was submitted, or started: not all of it was known then. */
static struct accel_job_status before(const struct accel_job_status *end, __u32 state)
{
	struct accel_job_status status = { .state = state, .submit_ns = end->submit_ns };

	if (state == ACCEL_JOB_RUNNING) {
		status.engine = end->engine;
		status.start_ns = end->start_ns;
	}
	return status;
}

TEST_F(trace, a_job_is_submitted_and_runs_and_is_done)
{
	struct accel_job_status status, queued, running;
	char client[32];

	ASSERT_EQ(0, run(self->fd, ACCEL_FAKE_NOP, 0, &status));
	queued = before(&status, ACCEL_JOB_QUEUED);
	running = before(&status, ACCEL_JOB_RUNNING);
	ASSERT_STREQ("srd", story(self->events, read_events(self->index, self->events)));
	EXPECT_STATUS(&self->events[0], &queued);
	EXPECT_STATUS(&self->events[1], &running);
	EXPECT_STATUS(&self->events[2], &status);
	ASSERT_TRUE(fdinfo_text(self->fd, "drm-client-id", client, sizeof(client)));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(strtoull(client, NULL, 10), value(&self->events[i], "client"));
		EXPECT_EQ(0ULL, value(&self->events[i], "queue"));
		EXPECT_EQ(1ULL, value(&self->events[i], "job"));
		EXPECT_EQ(value(&self->events[0], "context"), value(&self->events[i], "context"));
	}
}

TEST_F(trace, a_fault_is_told_as_in_the_status)
{
	struct accel_job_status status;

	ASSERT_EQ(-EIO, run(self->fd, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, &status));
	ASSERT_STREQ("srd", story(self->events, read_events(self->index, self->events)));
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	EXPECT_LT(0ULL, status.fault_address);
	EXPECT_STATUS(&self->events[2], &status);
}

TEST_F(trace, queues_and_engines_are_told_apart)
{
	__u32 queue = create_queue(self->fd, 3, ACCEL_PRIORITY_NORMAL);

	ASSERT_NE(0U, queue);
	ASSERT_EQ(0, run_nop(self->fd));
	ASSERT_EQ(0, run_in(self->fd, queue, ACCEL_FAKE_NOP, 0));
	ASSERT_STREQ("srdsrd", story(self->events, read_events(self->index, self->events)));
	EXPECT_EQ(0ULL, value(&self->events[2], "engine"));
	EXPECT_EQ(3ULL, value(&self->events[5], "engine"));
	EXPECT_EQ(1ULL, value(&self->events[5], "queue"));
	EXPECT_EQ(1ULL, value(&self->events[5], "job"));
	EXPECT_NE(value(&self->events[2], "context"), value(&self->events[5], "context"));
}

TEST_F(trace, a_job_that_hangs_times_out_and_its_engine_is_reset)
{
	struct accel_job_status status, running;
	struct accel_info_status device;

	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, &status));
	running = before(&status, ACCEL_JOB_RUNNING);
	device = status_of(self->fd);
	ASSERT_STREQ("srtRd", story(self->events, read_events(self->index, self->events)));
	EXPECT_STATUS(&self->events[2], &running);
	EXPECT_EQ(0ULL, value(&self->events[3], "engine"));
	EXPECT_EQ(0ULL, value(&self->events[3], "error"));
	EXPECT_EQ(device.epoch, value(&self->events[3], "epoch"));
	EXPECT_EQ(device.resets, value(&self->events[3], "resets"));
	EXPECT_STATUS(&self->events[4], &status);
}

TEST_F(trace, a_reset_of_the_device_is_told)
{
	struct accel_info_status device;

	ASSERT_EQ(0, reset_device(self->index));
	device = status_of(self->fd);
	ASSERT_STREQ("R", story(self->events, read_events(self->index, self->events)));
	EXPECT_NE(NULL, strstr(self->events[0].text, " engine=-1 "));
	EXPECT_EQ(0ULL, value(&self->events[0], "error"));
	EXPECT_EQ(device.epoch, value(&self->events[0], "epoch"));
	EXPECT_EQ(device.resets, value(&self->events[0], "resets"));
}

TEST_F(trace, a_reset_that_fails_is_told)
{
	struct accel_fake_fail_resets fail = { .count = 1 };

	ASSERT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_FAIL_RESETS, &fail));
	EXPECT_EQ(-EIO, reset_device(self->index));
	EXPECT_EQ(0, reset_device(self->index));
	ASSERT_STREQ("RR", story(self->events, read_events(self->index, self->events)));
	EXPECT_LT(0ULL, value(&self->events[0], "error"));
	EXPECT_EQ(0ULL, value(&self->events[1], "error"));
	EXPECT_EQ(value(&self->events[0], "epoch") + 1, value(&self->events[1], "epoch"));
}

TEST_F(trace, what_is_canceled_is_done_without_running)
{
	__u32 queue = create_queue(self->fd, 0, ACCEL_PRIORITY_NORMAL);
	struct job job;

	/* Behind it the job waits, until its queue is destroyed. */
	ASSERT_LT(0LL, submit(self->fd, ACCEL_FAKE_DELAY, 190));
	prepare(&job, ACCEL_FAKE_NOP, 0, 0);
	job.submit.queue = queue;
	ASSERT_EQ(0, submit_prepared(self->fd, &job));
	ASSERT_EQ(0, destroy_queue(self->fd, queue));
	ASSERT_LE(4, read_events(self->index, self->events));
	ASSERT_STREQ("srsd", story(self->events, 4));
	EXPECT_EQ((unsigned long long)ECANCELED, value(&self->events[3], "error"));
	EXPECT_EQ((unsigned long long)ACCEL_FAULT_CANCELED, value(&self->events[3], "fault"));
	EXPECT_EQ(0ULL, value(&self->events[3], "start_ns"));
	wait_job(self->fd, 1);
}

TEST_F(trace, nothing_is_told_while_events_are_off)
{
	ASSERT_EQ(0, write_file(EVENTS "/enable", "0"));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0, read_events(self->index, self->events));
	ASSERT_EQ(0, write_file(EVENTS "/accel_job_done/enable", "1"));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_STREQ("d", story(self->events, read_events(self->index, self->events)));
}

/* Programs find fields by the names in "format". */
TEST_F(trace, fields_have_their_names_and_types)
{
	static const char *const job_fields[] = {
		"u32 device", "u32 queue", "u64 client", "u64 context", "u64 job", "u32 state",
		"u32 engine", "u32 error", "u32 fault", "u64 address", "u64 submit_ns",
		"u64 start_ns", "u64 end_ns",
	};
	static const char *const reset_fields[] = {
		"u32 device", "s32 engine", "u32 error", "u32 epoch", "u64 resets",
	};
	char path[128], format[4096], field[64];

	for (int kind = 0; kind < KINDS; kind++) {
		const char *const *fields = kind == RESET ? reset_fields : job_fields;
		size_t count = kind == RESET ? ARRAY_SIZE(reset_fields) : ARRAY_SIZE(job_fields);

		snprintf(path, sizeof(path), EVENTS "/%s/format", names[kind]);
		ASSERT_EQ(0, read_file(path, format, sizeof(format)));
		for (size_t i = 0; i < count; i++) {
			snprintf(field, sizeof(field), "field:%s;", fields[i]);
			EXPECT_NE(NULL, strstr(format, field))
				TH_LOG("%s: %s", names[kind], field);
		}
	}
}

TEST_HARNESS_MAIN
