// SPDX-License-Identifier: GPL-2.0
/*
 * ACCEL_IOCTL_SUBMIT with several jobs: their order, and what a refused one, or a signal, leaves
 * behind.
 */
#include "buffer.h"
#include "fixture.h"
#include "job.h"
#include "share.h"
#include "timeline.h"

#define MANY	ACCEL_SUBMIT_MAX_JOBS

/* Jobs and everything they point to. */
struct jobs {
	struct accel_fake_job payloads[MANY + 1];
	struct accel_submit_buffer buffer;
	struct accel_submit_job entries[MANY + 1];
	struct accel_submit submit;
};

/* @count times @op with @arg; it writes @handle, unless that is 0. */
static void fill_in(struct jobs *jobs, unsigned int count, __u32 op, __u32 arg, __u32 handle)
{
	jobs->buffer = (struct accel_submit_buffer){ handle, ACCEL_BUFFER_WRITE };
	for (unsigned int i = 0; i < count; i++) {
		jobs->payloads[i] = (struct accel_fake_job){ .op = op, .arg = arg };
		jobs->entries[i] = (struct accel_submit_job){
			.buffers = user(&jobs->buffer),
			.nr_buffers = handle ? 1 : 0,
			.payload = user(&jobs->payloads[i]),
			.payload_size = sizeof(jobs->payloads[i]),
		};
	}
	jobs->submit = (struct accel_submit){ .jobs = user(jobs->entries), .nr_jobs = count };
}

static int submit_many(int fd, struct jobs *jobs)
{
	return call(fd, ACCEL_IOCTL_SUBMIT, &jobs->submit);
}

TEST_F(fake, many_jobs_run_in_their_order)
{
	struct accel_job_status before = { 0 }, status;
	struct accel_buffer_create buffer;
	unsigned char *memory = create_mapped(self->fd, PAGE, &buffer);
	static struct jobs jobs;

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	fill_in(&jobs, MANY, ACCEL_FAKE_FILL, 0, buffer.handle);
	for (unsigned int i = 0; i < MANY; i++)
		jobs.payloads[i].arg = i + 1;
	ASSERT_EQ(0, submit_many(self->fd, &jobs));
	EXPECT_EQ((__u32)MANY, jobs.submit.nr_submitted);
	for (unsigned int i = 0; i < MANY; i++) {
		ASSERT_EQ(i + 1ULL, jobs.entries[i].job);
		ASSERT_EQ(0, wait_until(self->fd, i + 1, FOREVER, &status));
		EXPECT_LE(before.end_ns, status.start_ns);
		before = status;
	}
	EXPECT_TRUE(all_bytes(memory, MANY, PAGE));
}

TEST_F(fake, the_first_refused_job_ends_a_submission)
{
	static struct jobs jobs;
	__u64 number = 0;

	for (__u32 bad = 0; bad < 4; bad++) {
		fill_in(&jobs, 4, ACCEL_FAKE_NOP, 0, 0);
		jobs.payloads[bad].arg = 1;
		/* That this one is bad, too, is not looked at. */
		jobs.entries[3].nr_buffers = bad == 3 ? 0 : UINT32_MAX;
		EXPECT_EQ(-EINVAL, submit_many(self->fd, &jobs));
		EXPECT_EQ(bad, jobs.submit.nr_submitted);
		EXPECT_EQ((__u32)ACCEL_FAKE_BAD_ARG, jobs.submit.refused_reason);
		EXPECT_EQ(4U, jobs.submit.refused_at);
		for (__u32 i = 0; i < 4; i++)
			EXPECT_EQ(i < bad ? ++number : 0, jobs.entries[i].job);
		if (number)
			EXPECT_EQ(0, wait_job(self->fd, number));
		EXPECT_EQ(-ENOENT, wait_job(self->fd, number + 1));
	}
}

/* What user space finds wrong in a job, wherever it is. */
TEST_F(fake, every_refusal_has_an_index)
{
	struct accel_submit_buffer unknown = { 1U << 30, ACCEL_BUFFER_READ };
	static const int errors[] = { EOPNOTSUPP, EINVAL, ENOENT, E2BIG, E2BIG, E2BIG,
				      EFAULT, EFAULT, EFAULT, ENOENT };
	static struct jobs jobs;

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		struct accel_submit_job *bad = &jobs.entries[1];

		fill_in(&jobs, 3, ACCEL_FAKE_NOP, 0, 0);
		bad->flags = i == 0 ? 1U << 31 : 0;
		bad->reserved = i == 1;
		bad->prepared = i == 2;
		bad->nr_buffers = i == 3 ? UINT32_MAX : i == 6 || i == 9;
		bad->nr_points = i == 4 ? UINT32_MAX : i == 7;
		bad->payload_size = i == 5 ? UINT32_MAX : bad->payload_size;
		bad->buffers = i == 9 ? user(&unknown) : 0;
		bad->payload = i == 8 ? 0 : bad->payload;
		EXPECT_EQ(-errors[i], submit_many(self->fd, &jobs)) TH_LOG("case %u", i);
		EXPECT_EQ(1U, jobs.submit.nr_submitted);
		EXPECT_EQ(i + 1ULL, jobs.entries[0].job);
		EXPECT_EQ(0ULL, jobs.entries[1].job);
	}
}

TEST_F(fake, a_submission_has_as_many_jobs_as_documented)
{
	static struct jobs jobs;

	fill_in(&jobs, MANY + 1, ACCEL_FAKE_NOP, 0, 0);
	EXPECT_EQ(-E2BIG, submit_many(self->fd, &jobs));
	EXPECT_EQ(0U, jobs.submit.nr_submitted);
	jobs.submit.nr_jobs = UINT32_MAX;
	EXPECT_EQ(-E2BIG, submit_many(self->fd, &jobs));
	jobs.submit.nr_jobs = 0;
	EXPECT_EQ(-EINVAL, submit_many(self->fd, &jobs));
	jobs.submit.nr_jobs = MANY;
	EXPECT_EQ(0, submit_many(self->fd, &jobs));
	EXPECT_EQ((__u64)MANY, jobs.entries[MANY - 1].job);
}

TEST_F(fake, jobs_before_a_hole_are_queued)
{
	const __u64 bad[] = { 0, 1ULL << 47, 1ULL << 56, UINT64_MAX - 7, UINT64_MAX };
	struct accel_submit_job *end = before_hole(2 * sizeof(*end));
	static struct jobs jobs;

	fill_in(&jobs, 3, ACCEL_FAKE_NOP, 0, 0);
	memcpy(end, jobs.entries, 2 * sizeof(*end));
	jobs.submit.jobs = user(end);
	EXPECT_EQ(-EFAULT, submit_many(self->fd, &jobs));
	EXPECT_EQ(2U, jobs.submit.nr_submitted);
	EXPECT_EQ(2ULL, end[1].job);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		jobs.submit.jobs = bad[i];
		EXPECT_EQ(-EFAULT, submit_many(self->fd, &jobs));
		EXPECT_EQ(0U, jobs.submit.nr_submitted);
	}
}

TEST_F(fake, a_full_queue_refuses_the_rest)
{
	__u64 queued = 0;
	static struct jobs jobs;
	int error;

	fill_in(&jobs, MANY, ACCEL_FAKE_DELAY, 150, 0);
	while (!(error = submit_many(self->fd, &jobs)))
		queued += MANY;
	EXPECT_EQ(-EDQUOT, error);
	queued += jobs.submit.nr_submitted;
	EXPECT_LE((__u64)ACCEL_QUEUE_DEPTH, queued);
	EXPECT_EQ(-ENOENT, wait_until(self->fd, queued + 1, 0, NULL));
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, queued, 0, NULL));
}

TEST_F(fake, a_job_waits_for_a_point_of_one_before_it)
{
	__u32 line = timeline_at(self->fd, 0);
	struct accel_point points[] = { { line, ACCEL_POINT_SIGNAL, 1 },
					{ line, ACCEL_POINT_WAIT, 1 } };
	static struct jobs jobs;

	fill_in(&jobs, 2, ACCEL_FAKE_NOP, 0, 0);
	for (int i = 0; i < 2; i++) {
		jobs.entries[i].points = user(&points[i]);
		jobs.entries[i].nr_points = 1;
	}
	EXPECT_EQ(0, submit_many(self->fd, &jobs));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	/* The other way round nobody has brought it about. */
	points[0] = (struct accel_point){ line, ACCEL_POINT_WAIT, 2 };
	points[1] = (struct accel_point){ line, ACCEL_POINT_SIGNAL, 2 };
	EXPECT_EQ(0, submit_many(self->fd, &jobs));
	EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, 4, now_ns() + 20 * NSEC_PER_MSEC, NULL));
}

static int signals;

static void on_signal(int signal)
{
	(void)signal;
	__atomic_fetch_add(&signals, 1, __ATOMIC_RELEASE);
}

static void until_signaled(void)
{
	for (__s64 end = in_ms(10000); now_ns() < end; sleep_ms(1))
		if (__atomic_load_n(&signals, __ATOMIC_ACQUIRE))
			return;
}

/* A system call of its own thread, until it has returned. */
struct caller {
	pthread_t thread;
	pid_t id;
	int fd;
	unsigned long command;
	void *argument;
	int error;
};

static void *caller_main(void *argument)
{
	struct caller *caller = argument;

	tell_thread(&caller->id);
	caller->error = call(caller->fd, caller->command, caller->argument);
	return NULL;
}

static void start_call(struct caller *caller, int fd, unsigned long command, void *argument)
{
	*caller = (struct caller){ .fd = fd, .command = command, .argument = argument };
	pthread_create(&caller->thread, NULL, caller_main, caller);
}

static int end_call(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->error;
}

/*
 * Four jobs, of which somebody keeps the buffer of one locked, and a signal during the wait for it,
 * handled with these flags.
 */
FIXTURE(locked)
{
	int fd, buf;
	unsigned char *ours, *theirs;
	struct accel_submit_buffer shared;
	struct accel_fake_hold hold;
	struct caller holder, submitter;
	struct jobs *jobs;
};

FIXTURE_VARIANT(locked)
{
	int flags;
};

FIXTURE_VARIANT_ADD(locked, by_plain_signals) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(locked, by_restarting_signals) {
	.flags = SA_RESTART,
};

#define LOCKED_JOBS	4

FIXTURE_SETUP(locked)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = variant->flags };
	struct accel_buffer_create ours, theirs;

	signals = 0;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	self->ours = create_mapped(self->fd, PAGE, &ours);
	self->theirs = create_mapped(self->fd, PAGE, &theirs);
	ASSERT_NE(MAP_FAILED, (void *)self->ours);
	ASSERT_NE(MAP_FAILED, (void *)self->theirs);
	self->buf = export_buffer(self->fd, theirs.handle);
	ASSERT_LE(0, self->buf);
	self->shared = (struct accel_submit_buffer){ theirs.handle, ACCEL_BUFFER_WRITE };
	self->jobs = calloc(1, sizeof(*self->jobs));
	fill_in(self->jobs, LOCKED_JOBS, ACCEL_FAKE_FILL, 0, ours.handle);
	for (int i = 0; i < LOCKED_JOBS; i++)
		self->jobs->payloads[i].arg = i + 1;
	self->hold.fd = self->buf;
	start_call(&self->holder, self->fd, ACCEL_FAKE_IOCTL_HOLD, &self->hold);
	until_asleep(&self->holder.id);
}

FIXTURE_TEARDOWN(locked)
{
	free(self->jobs);
	close(self->buf);
	close(self->fd);
}

/* Submits the jobs, of which number @bad, from 0, waits for the buffer that is locked. */
static void submit_up_to(FIXTURE_DATA(locked) *self, unsigned int bad)
{
	self->jobs->entries[bad].buffers = user(&self->shared);
	start_call(&self->submitter, self->fd, ACCEL_IOCTL_SUBMIT, &self->jobs->submit);
	until_asleep(&self->submitter.id);
}

static int let_go(FIXTURE_DATA(locked) *self)
{
	pthread_kill(self->holder.thread, SIGUSR1);
	return end_call(&self->holder);
}

TEST_F(locked, a_signal_leaves_the_jobs_before_queued)
{
	struct accel_submit rest = { .jobs = user(&self->jobs->entries[2]), .nr_jobs = 2 };
	struct jobs *jobs = self->jobs;

	submit_up_to(self, 2);
	EXPECT_EQ(2ULL, __atomic_load_n(&jobs->entries[1].job, __ATOMIC_ACQUIRE));
	pthread_kill(self->submitter.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, end_call(&self->submitter));
	EXPECT_EQ(1, signals);
	EXPECT_EQ(2U, jobs->submit.nr_submitted);
	EXPECT_EQ(0U, jobs->submit.refused_reason);
	for (__u64 i = 0; i < LOCKED_JOBS; i++)
		EXPECT_EQ(i < 2 ? i + 1 : 0, jobs->entries[i].job);
	EXPECT_EQ(0, wait_job(self->fd, 1));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_EQ(-ENOENT, wait_job(self->fd, 3));
	EXPECT_TRUE(all_bytes(self->ours, 2, PAGE));
	EXPECT_TRUE(all_bytes(self->theirs, 0, PAGE));

	/* The rest, once nobody is in the way. */
	memset(self->ours, UNTOUCHED, PAGE);
	EXPECT_EQ(-EINTR, let_go(self));
	EXPECT_EQ(0, call(self->fd, ACCEL_IOCTL_SUBMIT, &rest));
	EXPECT_EQ(2U, rest.nr_submitted);
	EXPECT_EQ(3ULL, jobs->entries[2].job);
	EXPECT_EQ(0, wait_job(self->fd, 3));
	EXPECT_EQ(0, wait_job(self->fd, 4));
	EXPECT_TRUE(all_bytes(self->theirs, 3, PAGE));
	EXPECT_TRUE(all_bytes(self->ours, 4, PAGE));
	EXPECT_EQ(-ENOENT, wait_job(self->fd, 5));
}

TEST_F(locked, a_signal_before_the_first_job_is_as_of_any_call)
{
	const bool restarts = variant->flags & SA_RESTART;
	struct jobs *jobs = self->jobs;

	submit_up_to(self, 0);
	EXPECT_EQ(0ULL, __atomic_load_n(&jobs->entries[0].job, __ATOMIC_ACQUIRE));
	pthread_kill(self->submitter.thread, SIGUSR1);
	until_signaled();
	if (!restarts) {
		EXPECT_EQ(-EINTR, end_call(&self->submitter));
		EXPECT_EQ(0U, jobs->submit.nr_submitted);
		EXPECT_EQ(-ENOENT, wait_job(self->fd, 1));
	}
	EXPECT_EQ(-EINTR, let_go(self));
	EXPECT_EQ(0, restarts ? end_call(&self->submitter) : submit_many(self->fd, jobs));
	EXPECT_EQ(2, signals);
	EXPECT_EQ((__u32)LOCKED_JOBS, jobs->submit.nr_submitted);
	EXPECT_EQ((__u64)LOCKED_JOBS, jobs->entries[LOCKED_JOBS - 1].job);
	EXPECT_EQ(0, wait_job(self->fd, LOCKED_JOBS));
	EXPECT_TRUE(all_bytes(self->theirs, 1, PAGE));
	EXPECT_TRUE(all_bytes(self->ours, LOCKED_JOBS, PAGE));
	EXPECT_EQ(-ENOENT, wait_job(self->fd, LOCKED_JOBS + 1));
}

TEST_F(fake, what_cannot_be_held_is_refused)
{
	struct accel_fake_hold hold = { .fd = -1 };

	EXPECT_EQ(-EBADF, call(self->fd, ACCEL_FAKE_IOCTL_HOLD, &hold));
	hold.fd = self->fd;
	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_FAKE_IOCTL_HOLD, &hold));
	hold.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_FAKE_IOCTL_HOLD, &hold));
}

TEST_HARNESS_MAIN
