// SPDX-License-Identifier: GPL-2.0
/*
 * Fails the 1st, 2nd, 3rd... allocation or copy inside each call, until none is
 * left to fail: every outcome is documented, and nothing leaks.
 */
#include "buffer.h"
#include "device.h"
#include "fence.h"
#include "inject.h"
#include "job.h"
#include "prepared.h"
#include "queue.h"
#include "timeline.h"

#define MOST_POINTS	3000	/* that one call may have */

/* What the calls work on. */
struct subject {
	int nth;			/* /proc/self/task/TID/fail-nth */
	int index;
	int fd;
	int monitor;
	struct accel_info_clients clients;
	__u64 used;
	/* Set up for a call, looked at after it. */
	__u32 handle;
	__s64 job;
	struct accel_buffer_create buffer;
	char *memory, *room;
	int buf;
	__u32 foreign;
	__u32 timeline;
	int counter, fence, event;
	__s64 deadline;
};

FIXTURE(fail)
{
	struct subject subject;
};

FIXTURE_SETUP(fail)
{
	struct subject *subject = &self->subject;

	ASSERT_EQ(0, set_up_injection());
	subject->nth = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, subject->nth);
	subject->index = fake_index(0);
	subject->fd = open_compute(subject->index);
	ASSERT_LE(0, subject->fd);
	subject->monitor = open_monitor(subject->index);
	ASSERT_LE(0, subject->monitor);
	ASSERT_EQ(0ULL, settled_memory(subject->monitor, 0));
	ASSERT_EQ(0, create(subject->fd, 8 * PAGE, &subject->buffer));
	subject->clients = clients_of(subject->monitor);
	subject->used = memory_of(subject->monitor).used;
}

FIXTURE_TEARDOWN(fail)
{
	close(self->subject.nth);
	close(self->subject.fd);
	close(self->subject.monitor);
}

/* One call under injection, what goes before it, and what cleans up after it. */
struct step {
	void (*before)(struct subject *subject);
	int (*call)(struct subject *subject);
	void (*after)(struct __test_metadata *_metadata, struct subject *subject, int error);
	int also;	/* an errno that it may fail with, besides ENOMEM and EFAULT */
	unsigned int stride;	/* in `make test`: not every point, but so far from each other */
};

static bool is_documented(int error, int also)
{
	return error == 0 || error == -ENOMEM || error == -EFAULT || error == -also;
}

/*
 * Returns at how many points the call can fail, at @allocations of them with ENOMEM; -1 if it went
 * wrong.
 */
static int sweep(struct __test_metadata *_metadata, struct subject *subject,
		 const struct step *step, int *allocations)
{
	const unsigned int stride = step->stride && !is_long() ? step->stride : 1;

	*allocations = 0;
	for (unsigned int nth = 1; nth < MOST_POINTS; nth += stride) {
		int error;
		bool hit;

		if (step->before)
			step->before(subject);
		arm(subject->nth, nth);
		error = step->call(subject);
		hit = disarm(subject->nth);
		*allocations += error == -ENOMEM;
		EXPECT_TRUE(is_documented(error, step->also))
			TH_LOG("point %u: error %d", nth, error);
		if (step->after)
			step->after(_metadata, subject, error);
		ASSERT_EQ(subject->used, settled_memory(subject->monitor, subject->used))
			TH_LOG("point %u: error %d", nth, error);
		ASSERT_EQ(subject->clients.clients, clients_of(subject->monitor).clients);
		ASSERT_EQ(subject->clients.monitors, clients_of(subject->monitor).monitors);
		if (!hit) {
			EXPECT_EQ(0, error);
			EXPECT_EQ(0, run_nop(subject->fd));
			return (nth - 1) / stride;
		}
	}
	return -1;
}

#define EXPECT_SWEPT(...) do {						\
	const struct step step = { __VA_ARGS__ };			\
	int allocations;							\
	int points = sweep(_metadata, &self->subject, &step, &allocations);	\
									\
	EXPECT_LT(0, points);						\
	TH_LOG("%d points", points);					\
} while (0)

static int open_and_close(struct subject *subject)
{
	int fd = open_compute(subject->index);

	return fd < 0 ? fd : close(fd);
}

TEST_F_TIMEOUT(fail, open_compute_node, 120)
{
	EXPECT_SWEPT(.call = open_and_close);
}

static int open_and_close_monitor(struct subject *subject)
{
	int fd = open_monitor(subject->index);

	return fd < 0 ? fd : close(fd);
}

TEST_F_TIMEOUT(fail, open_monitor_node, 120)
{
	EXPECT_SWEPT(.call = open_and_close_monitor);
}

static __u32 kind_to_ask;

/* Asks on a node; fine if the kind is not there. */
static int ask_node(int fd)
{
	static char data[4096];
	int error = info(fd, kind_to_ask, data, sizeof(data));

	return error == -EOPNOTSUPP ? 0 : error;
}

static int ask(struct subject *subject)
{
	return ask_node(subject->monitor) ?: ask_node(subject->fd);
}

TEST_F_TIMEOUT(fail, every_kind_of_info, 120)
{
	struct accel_fake_set rows = { .what = ACCEL_FAKE_ROWS, .value = 5 };

	ASSERT_EQ(0, call(self->subject.fd, ACCEL_FAKE_IOCTL_SET, &rows));
	for (kind_to_ask = ACCEL_INFO_LIST; kind_to_ask <= ACCEL_INFO_SLEEP; kind_to_ask++)
		EXPECT_SWEPT(.call = ask);
	kind_to_ask = ACCEL_INFO_FAKE;
	EXPECT_SWEPT(.call = ask);
	rows.value = 0;
	ASSERT_EQ(0, call(self->subject.fd, ACCEL_FAKE_IOCTL_SET, &rows));
}

/* Two events: somebody came, and went. */
static void cause_events(struct subject *subject)
{
	close(open_compute(subject->index));
}

static int read_event(struct subject *subject)
{
	struct accel_event event;

	return read(subject->monitor, &event, sizeof(event)) < 0 ? -errno : 0;
}

static int read_on(struct subject *subject)
{
	int count = 0;

	while (poll_for(subject->monitor, POLLIN, 0) && !read_event(subject))
		count++;
	return count;
}

/* What could not be read is still there. */
static void count_events(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	EXPECT_EQ(error ? 2 : 1, read_on(subject));
}

TEST_F(fail, read_events)
{
	read_on(&self->subject);
	EXPECT_SWEPT(.before = cause_events, .call = read_event, .after = count_events);
}

static int set_failure_eventfd(struct subject *subject)
{
	struct accel_failure_eventfd argument = { .fd = subject->event };

	return call(subject->fd, ACCEL_IOCTL_FAILURE_EVENTFD, &argument);
}

TEST_F(fail, failure_eventfd)
{
	self->subject.event = eventfd(0, EFD_NONBLOCK);
	EXPECT_SWEPT(.call = set_failure_eventfd);
	close(self->subject.event);
}

static int create_and_destroy_context(struct subject *subject)
{
	struct accel_context_create context = { .flags = 0 };
	int error = call(subject->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context);

	return error ? error : destroy_context(subject->fd, context.handle);
}

TEST_F(fail, create_and_destroy_context)
{
	EXPECT_SWEPT(.call = create_and_destroy_context);
}

/* More than the scheduler has room for at first. */
#define QUEUES	40

static int create_and_destroy_queues(struct subject *subject)
{
	__u32 handles[QUEUES];
	int error = 0, count;

	for (count = 0; count < QUEUES; count++) {
		struct accel_queue_create queue = { .flags = 0 };

		error = call(subject->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue);
		if (error)
			break;
		handles[count] = queue.handle;
	}
	while (count--)
		error = destroy_queue(subject->fd, handles[count]) ?: error;
	return error;
}

TEST_F_TIMEOUT(fail, create_and_destroy_queues, 240)
{
	EXPECT_SWEPT(.call = create_and_destroy_queues, .stride = 26);
}

static int ask_for_client_memory(struct subject *subject)
{
	struct accel_info_client_memory memory;

	return info(subject->fd, ACCEL_INFO_CLIENT_MEMORY, &memory, sizeof(memory));
}

TEST_F(fail, client_memory)
{
	EXPECT_SWEPT(.call = ask_for_client_memory);
}

static int create_one(struct subject *subject)
{
	struct accel_buffer_create buffer;
	int error = create(subject->fd, 8 * PAGE, &buffer);

	subject->handle = error ? 0 : buffer.handle;
	return error;
}

static void close_created(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (!error)
		EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
}

TEST_F_TIMEOUT(fail, create_buffer, 120)
{
	EXPECT_SWEPT(.call = create_one, .after = close_created);
}

static void make_one(struct subject *subject)
{
	subject->handle = handle_of(subject->fd, 8 * PAGE);
}

static int close_one(struct subject *subject)
{
	return close_buffer(subject->fd, subject->handle);
}

/* A close that failed changed nothing: it can be repeated. */
static void close_again(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (error)
		EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
}

TEST_F_TIMEOUT(fail, close_handle, 120)
{
	EXPECT_SWEPT(.before = make_one, .call = close_one, .after = close_again);
}

static int export_one(struct subject *subject)
{
	int buf = export_buffer(subject->fd, subject->handle);

	return buf < 0 ? buf : close(buf);
}

static void close_it(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	(void)error;
	EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
}

TEST_F_TIMEOUT(fail, export_buffer, 120)
{
	EXPECT_SWEPT(.before = make_one, .call = export_one, .after = close_it);
}

static int shared;

static void share_one(struct subject *subject)
{
	shared = export_buffer(subject->fd, subject->buffer.handle);
}

static int import_one(struct subject *subject)
{
	struct accel_buffer_import buffer;
	int error = import_buffer(subject->fd, shared, &buffer);

	subject->handle = error ? 0 : buffer.handle;
	return error;
}

static void close_imported(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (!error)
		EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
	EXPECT_EQ(0, close(shared));
}

/* Of ours only: the kernel itself warns when the exporter's vmap fails (dma_buf_vmap()). */
TEST_F_TIMEOUT(fail, import_buffer, 120)
{
	EXPECT_SWEPT(.before = share_one, .call = import_one, .after = close_imported);
}

static int pin_one(struct subject *subject)
{
	struct accel_buffer_pin buffer = { .address = user(subject->room), .size = 8 * PAGE };
	int error = call(subject->fd, ACCEL_IOCTL_BUFFER_PIN, &buffer);

	subject->handle = error ? 0 : buffer.handle;
	return error;
}

TEST_F_TIMEOUT(fail, pin_memory, 120)
{
	self->subject.room = anonymous(8 * PAGE);
	EXPECT_SWEPT(.call = pin_one, .after = close_created);
}

static int create_combined(struct subject *subject)
{
	struct accel_buffer_create buffer = {
		.size = 3 * PAGE, .flags = ACCEL_CREATE_WRITE_COMBINED,
	};
	int error = call(subject->fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer);

	subject->handle = error ? 0 : buffer.handle;
	return error;
}

TEST_F_TIMEOUT(fail, create_write_combined, 120)
{
	EXPECT_SWEPT(.call = create_combined, .after = close_created);
}

static int label_one(struct subject *subject)
{
	struct accel_buffer_label label = {
		.handle = subject->buffer.handle, .label = "a label",
	};

	return call(subject->fd, ACCEL_IOCTL_BUFFER_LABEL, &label);
}

TEST_F_TIMEOUT(fail, label_buffer, 120)
{
	EXPECT_SWEPT(.call = label_one);
}

static int advise_one(struct subject *subject)
{
	struct accel_buffer_advise advise = {
		.handle = subject->buffer.handle, .advice = ACCEL_ADVICE_DONTNEED,
	};

	return call(subject->fd, ACCEL_IOCTL_BUFFER_ADVISE, &advise);
}

static void need_again(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	struct accel_buffer_advise advise = { .handle = subject->buffer.handle };

	(void)error;
	EXPECT_EQ(0, call(subject->fd, ACCEL_IOCTL_BUFFER_ADVISE, &advise));
	EXPECT_EQ(1U, advise.retained);
}

TEST_F(fail, advise_buffer)
{
	EXPECT_SWEPT(.call = advise_one, .after = need_again);
}

static int map_it(struct subject *subject)
{
	subject->memory = map(subject->fd, &subject->buffer);
	return subject->memory == MAP_FAILED ? -errno : 0;
}

static void unmap_it(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (!error)
		EXPECT_EQ(0, munmap(subject->memory, 8 * PAGE));
}

TEST_F_TIMEOUT(fail, map_buffer, 120)
{
	EXPECT_SWEPT(.call = map_it, .after = unmap_it);
}

static void map_before(struct subject *subject)
{
	map_it(subject);
}

static int move_it(struct subject *subject)
{
	char *moved = mremap(subject->memory, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     subject->room);

	if (moved == MAP_FAILED)
		return -errno;
	subject->memory = moved;
	return 0;
}

static void unmap_moved(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	(void)error;
	EXPECT_EQ(0, munmap(subject->memory, 8 * PAGE));
	subject->room = anonymous(8 * PAGE);
}

TEST_F_TIMEOUT(fail, move_mapping, 120)
{
	self->subject.room = anonymous(8 * PAGE);
	EXPECT_SWEPT(.before = map_before, .call = move_it, .after = unmap_moved);
}

static int split_it(struct subject *subject)
{
	return munmap(subject->memory + 3 * PAGE, PAGE) ? -errno : 0;
}

static void unmap_both(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	(void)error;
	EXPECT_EQ(0, munmap(subject->memory, 8 * PAGE));
}

TEST_F_TIMEOUT(fail, split_mapping, 120)
{
	EXPECT_SWEPT(.before = map_before, .call = split_it, .after = unmap_both);
}

static int submit_fill(struct subject *subject)
{
	subject->job = submit_with(subject->fd, ACCEL_FAKE_FILL, 1, subject->buffer.handle);
	return subject->job < 0 ? subject->job : 0;
}

static void wait_after(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (!error)
		EXPECT_EQ(0, wait_job(subject->fd, subject->job));
}

TEST_F_TIMEOUT(fail, submit_job, 120)
{
	EXPECT_SWEPT(.call = submit_fill, .after = wait_after);
}

static int prepare_one(struct subject *subject)
{
	struct preparation preparation;
	int error;

	plan(&preparation, 0, ACCEL_FAKE_FILL, 1, subject->buffer.handle);
	error = prepare_planned(subject->fd, &preparation);
	subject->job = error ? 0 : preparation.prepare.handle;
	return error;
}

/* One that was refused is not there: handles are used again. */
static void run_and_release(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (!error) {
		EXPECT_EQ(1, subject->job);
		EXPECT_EQ(0, run_again(subject->fd, subject->job, 0));
		EXPECT_EQ(0, release(subject->fd, subject->job));
	}
	EXPECT_EQ(-ENOENT, release(subject->fd, 1));
}

TEST_F_TIMEOUT(fail, prepare_job, 120)
{
	EXPECT_SWEPT(.call = prepare_one, .after = run_and_release);
}

static void prepare_before(struct subject *subject)
{
	/* The second one finds all lists as large as they must be. */
	subject->handle = handle_of(subject->fd, 8 * PAGE);
	prepare_one(subject);
	run_again(subject->fd, subject->job, subject->handle);
}

static int submit_again(struct subject *subject)
{
	__s64 number = again(subject->fd, subject->job, subject->buffer.handle);

	return number < 0 ? number : 0;
}

/* It has the buffer that it had, or the new one. */
static void look_and_release(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	unsigned char *memory = map(subject->fd, &subject->buffer);

	EXPECT_EQ(0, run_nop(subject->fd));
	memset(memory, 0, 8 * PAGE);
	EXPECT_EQ(0, run_again(subject->fd, subject->job, 0));
	if (error != -EFAULT)
		EXPECT_TRUE(all_bytes(memory, error ? 0 : 1, 8 * PAGE));
	munmap(memory, 8 * PAGE);
	EXPECT_EQ(0, release(subject->fd, subject->job));
	EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
}

/*
 * It allocates its fence; and a list of fences, which grows each time with CONFIG_DEBUG_MUTEXES.
 * Now and then the slab allocator needs memory of its own for one of them.
 */
TEST_F_TIMEOUT(fail, submit_prepared_job, 120)
{
	const struct step step = {
		.before = prepare_before,
		.call = submit_again,
		.after = look_and_release,
	};
	int allocations = INT_MAX;

	for (int i = 0; i < 5 && allocations > 2; i++) {
		int points = sweep(_metadata, &self->subject, &step, &allocations);

		EXPECT_LT(0, points);
		TH_LOG("%d points, %d allocations", points, allocations);
	}
	EXPECT_GE(2, allocations);
}

/* Names one private buffer and two shared ones, one of which the job must wait for. */
static int submit_shared(struct subject *subject)
{
	struct accel_submit_buffer list[] = {
		{ subject->buffer.handle, ACCEL_BUFFER_WRITE },
		{ subject->handle, ACCEL_BUFFER_WRITE },
		{ subject->foreign, ACCEL_BUFFER_READ },
	};
	struct job job;
	int error;

	prepare(&job, ACCEL_FAKE_NOP, 0, 0);
	job.entry.buffers = user(list);
	job.entry.nr_buffers = ARRAY_SIZE(list);
	error = submit_prepared(subject->fd, &job);
	subject->job = job.entry.job;
	return error;
}

static void make_shared(struct subject *subject)
{
	struct accel_buffer_import import;
	int buf = udmabuf(PAGE);

	subject->counter = open_sw_sync();
	attach_fence(buf, sw_fence(subject->counter, 1), DMA_BUF_SYNC_WRITE);
	import_buffer(subject->fd, buf, &import);
	subject->foreign = import.handle;
	subject->handle = handle_of(subject->fd, 8 * PAGE);
	subject->buf = export_buffer(subject->fd, subject->handle);
	close(buf);
}

static void close_shared(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	/* A job that was refused has published nothing; with EFAULT it may have been queued. */
	if (error != -EFAULT)
		EXPECT_EQ(error ? POLLOUT : 0, poll_for(subject->buf, POLLOUT, 0));
	EXPECT_EQ(0, sw_increase(subject->counter, 1));
	if (!error)
		EXPECT_EQ(0, wait_job(subject->fd, subject->job));
	EXPECT_EQ(POLLOUT, poll_for(subject->buf, POLLOUT, SLACK_NS / NSEC_PER_MSEC));
	close(subject->buf);
	close(subject->counter);
	EXPECT_EQ(0, close_buffer(subject->fd, subject->handle));
	EXPECT_EQ(0, close_buffer(subject->fd, subject->foreign));
}

TEST_F_TIMEOUT(fail, submit_job_with_shared_buffers, 300)
{
	EXPECT_SWEPT(.before = make_shared, .call = submit_shared, .after = close_shared);
}

static void submit_before(struct subject *subject)
{
	submit_fill(subject);
}

static int wait_one(struct subject *subject)
{
	return wait_job(subject->fd, subject->job);
}

TEST_F_TIMEOUT(fail, wait_for_job, 120)
{
	EXPECT_SWEPT(.before = submit_before, .call = wait_one);
}

static void make_timeline(struct subject *subject)
{
	subject->timeline = timeline_at(subject->fd, 0);
}

static void close_made(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	(void)error;
	EXPECT_EQ(0, close_timeline(subject->fd, subject->timeline));
}

/* A call that failed has added no point. */
static void look_and_close(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	EXPECT_EQ(error == 0, last_of(subject->fd, subject->timeline) != 0);
	close_made(_metadata, subject, error);
}

/* A job that waits for one point and brings another one about. */
static int submit_with_points(struct subject *subject)
{
	struct accel_point points[] = {
		{ subject->timeline, ACCEL_POINT_SIGNAL, 3 },
		{ subject->timeline, ACCEL_POINT_WAIT, 2 },
	};
	struct job job;

	prepare(&job, ACCEL_FAKE_NOP, 0, 0);
	job.entry.points = user(points);
	job.entry.nr_points = 2;
	return submit_prepared(subject->fd, &job);
}

static void make_backed(struct subject *subject)
{
	subject->counter = open_sw_sync();
	subject->timeline = timeline_at(subject->fd, 0);
	import_sw(subject->fd, subject->timeline, 2, subject->counter, 1);
}

static void end_and_close(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	/* A job whose number could not be told was queued nevertheless. */
	__u64 last = last_of(subject->fd, subject->timeline);

	EXPECT_TRUE(error == 0 ? last == 3 : error == -EFAULT || last == 2);
	EXPECT_EQ(0, sw_increase(subject->counter, 1));
	EXPECT_EQ(0, wait_point(subject->fd, subject->timeline, last, 0, FOREVER));
	EXPECT_EQ(0, close_timeline(subject->fd, subject->timeline));
	close(subject->counter);
}

TEST_F_TIMEOUT(fail, submit_job_with_points, 120)
{
	EXPECT_SWEPT(.before = make_backed, .call = submit_with_points, .after = end_and_close);
}

static void make_unbacked(struct subject *subject)
{
	subject->timeline = timeline_at(subject->fd, 0);
	subject->foreign = timeline_at(subject->fd, 0);
}

/* A job that waits for points that nothing backs. */
static int submit_to_be_kept(struct subject *subject)
{
	struct accel_point points[] = {
		{ subject->timeline, ACCEL_POINT_SIGNAL, 1 },
		{ subject->foreign, ACCEL_POINT_WAIT, 1 },
		{ subject->foreign, ACCEL_POINT_WAIT, 2 },
	};
	struct job job;
	int error;

	prepare(&job, ACCEL_FAKE_FILL, 1, subject->buffer.handle);
	job.entry.points = user(points);
	job.entry.nr_points = ARRAY_SIZE(points);
	error = submit_prepared(subject->fd, &job);
	subject->job = job.entry.job;
	return error;
}

/* One that was refused is not there, and keeps nobody back. */
static void back_and_close(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	__u64 last = last_of(subject->fd, subject->timeline);

	EXPECT_TRUE(error == 0 ? last == 1 : error == -EFAULT || last == 0);
	if (!last)
		EXPECT_EQ(0, run_nop(subject->fd));
	EXPECT_EQ(0ULL, backed_of(subject->fd, subject->timeline));
	EXPECT_EQ(0, signal_point(subject->fd, subject->foreign, 2));
	EXPECT_EQ(0, wait_point(subject->fd, subject->timeline, last, 0, FOREVER));
	EXPECT_EQ(0, close_timeline(subject->fd, subject->timeline));
	EXPECT_EQ(0, close_timeline(subject->fd, subject->foreign));
}

TEST_F_TIMEOUT(fail, submit_job_to_be_kept, 120)
{
	EXPECT_SWEPT(.before = make_unbacked, .call = submit_to_be_kept, .after = back_and_close);
}

/* Has the @nth allocation of each worker of the kernel fail that may be the one who arms jobs. */
static void arm_workers(unsigned int nth)
{
	DIR *processes = opendir("/proc");
	struct dirent *process;

	while ((process = readdir(processes))) {
		int pid = atoi(process->d_name);
		char path[64], text[16];

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (pid <= 0 || read_file(path, text, sizeof(text)) ||
		    strncmp(text, "kworker/u", strlen("kworker/u")))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", pid, pid);
		snprintf(text, sizeof(text), "%u", nth);
		write_file(path, text);
	}
	closedir(processes);
}

/* Nobody can be told of the error but those who ask for the status. */
TEST_F_TIMEOUT(fail, arm_kept_job, 120)
{
	struct subject *subject = &self->subject;
	unsigned int failed = 0;

	for (unsigned int i = 0; i < 100 && failed < 3; i++) {
		struct accel_job_status status;
		int error;

		make_unbacked(subject);
		ASSERT_EQ(0, submit_to_be_kept(subject));
		arm_workers(1 + i % 4);
		ASSERT_EQ(0, signal_point(subject->fd, subject->foreign, 2));
		EXPECT_EQ(0, wait_point(subject->fd, subject->timeline, 1, 0, FOREVER));
		arm_workers(0);
		error = wait_until(subject->fd, subject->job, 0, &status);
		EXPECT_EQ((__u32)ACCEL_JOB_DONE, status.state);
		if (error) {
			EXPECT_EQ(-ENOMEM, error);
			EXPECT_EQ((__u32)ACCEL_FAULT_NO_MEMORY, status.fault);
			EXPECT_EQ(0ULL, status.start_ns);
			failed++;
		}
		EXPECT_EQ(0, run_nop(subject->fd));
		EXPECT_EQ(0, close_timeline(subject->fd, subject->timeline));
		EXPECT_EQ(0, close_timeline(subject->fd, subject->foreign));
	}
	EXPECT_LT(0U, failed);
}

static int create_a_timeline(struct subject *subject)
{
	return create_timeline(subject->fd, 0, &subject->timeline);
}

/* A call that failed has taken no handle. */
static void close_first(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	EXPECT_EQ(error ? -ENOENT : 0, close_timeline(subject->fd, 1));
}

TEST_F_TIMEOUT(fail, create_timeline, 120)
{
	EXPECT_SWEPT(.call = create_a_timeline, .after = close_first);
}

static int close_the_timeline(struct subject *subject)
{
	return close_timeline(subject->fd, subject->timeline);
}

static void close_timeline_again(struct __test_metadata *_metadata, struct subject *subject,
				 int error)
{
	if (error)
		EXPECT_EQ(0, close_timeline(subject->fd, subject->timeline));
}

TEST_F_TIMEOUT(fail, close_timeline, 120)
{
	EXPECT_SWEPT(.before = make_timeline, .call = close_the_timeline,
		     .after = close_timeline_again);
}

/* More than the slots that there are at first. */
static int signal_many(struct subject *subject)
{
	struct accel_point points[20];

	for (unsigned int i = 0; i < ARRAY_SIZE(points); i++)
		points[i] = (struct accel_point){ subject->timeline, 0, i + 1 };
	return signal_points(subject->fd, points, ARRAY_SIZE(points));
}

TEST_F_TIMEOUT(fail, signal_points, 120)
{
	EXPECT_SWEPT(.before = make_timeline, .call = signal_many, .after = look_and_close);
}

static int query_it(struct subject *subject)
{
	struct accel_timeline_query answer;

	return query(subject->fd, subject->timeline, &answer);
}

TEST_F_TIMEOUT(fail, query_timeline, 120)
{
	EXPECT_SWEPT(.before = make_timeline, .call = query_it, .after = close_made);
}

/* Without injection: the clock may be a system call, which can fail. */
static void set_deadline(struct subject *subject)
{
	make_timeline(subject);
	subject->deadline = in_ms(100);
}

/* Nobody signals the points: the deadline is the end that is hoped for. */
static int wait_for_points(struct subject *subject)
{
	struct accel_point points[] = {
		{ subject->timeline, 0, 1 }, { subject->timeline, 0, 2 },
	};
	int error = wait_points(subject->fd, points, ARRAY_SIZE(points), 0, subject->deadline,
				NULL);

	return error == -ETIMEDOUT ? 0 : error;
}

TEST_F_TIMEOUT(fail, wait_for_points, 120)
{
	EXPECT_SWEPT(.before = set_deadline, .call = wait_for_points, .after = close_made);
}

static void make_pending(struct subject *subject)
{
	make_timeline(subject);
	import_sw(subject->fd, subject->timeline, 1, subject->counter, 1);
	import_sw(subject->fd, subject->timeline, 2, subject->counter, 2);
}

static int transfer_it(struct subject *subject)
{
	return transfer(subject->fd, subject->timeline, 2, subject->timeline, 3);
}

static void look_after_transfer(struct __test_metadata *_metadata, struct subject *subject,
				int error)
{
	EXPECT_EQ(error ? 2ULL : 3ULL, last_of(subject->fd, subject->timeline));
	close_made(_metadata, subject, error);
}

TEST_F_TIMEOUT(fail, transfer_point, 120)
{
	self->subject.counter = open_sw_sync();
	EXPECT_SWEPT(.before = make_pending, .call = transfer_it, .after = look_after_transfer);
	close(self->subject.counter);
}

static int export_it(struct subject *subject)
{
	int file = export_point(subject->fd, subject->timeline, 2);

	return file < 0 ? file : close(file);
}

TEST_F_TIMEOUT(fail, export_point, 120)
{
	self->subject.counter = open_sw_sync();
	EXPECT_SWEPT(.before = make_pending, .call = export_it, .after = close_made);
	close(self->subject.counter);
}

static int import_it(struct subject *subject)
{
	return import_point(subject->fd, subject->timeline, 1, subject->fence);
}

TEST_F_TIMEOUT(fail, import_point, 120)
{
	self->subject.counter = open_sw_sync();
	self->subject.fence = sw_fence(self->subject.counter, 1);
	EXPECT_SWEPT(.before = make_timeline, .call = import_it, .after = look_and_close);
	close(self->subject.fence);
	close(self->subject.counter);
}

static int leave_eventfd(struct subject *subject)
{
	return eventfd_on(subject->fd, subject->timeline, 1, 0, subject->event);
}

/* Closing tells the eventfd, if it was left. */
static void close_and_listen(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	close_made(_metadata, subject, error);
	EXPECT_EQ(error ? 0ULL : 1ULL, times_signaled(subject->event));
}

TEST_F_TIMEOUT(fail, eventfd_on_point, 120)
{
	self->subject.event = eventfd(0, EFD_NONBLOCK);
	EXPECT_SWEPT(.before = make_timeline, .call = leave_eventfd, .after = close_and_listen);
	close(self->subject.event);
}

static int call_driver(struct subject *subject)
{
	struct accel_fake_echo echo = { .value = 1 };

	return call(subject->fd, ACCEL_FAKE_IOCTL_ECHO, &echo);
}

TEST_F_TIMEOUT(fail, driver_command, 120)
{
	EXPECT_SWEPT(.call = call_driver);
}

static int add_one(struct subject *subject)
{
	(void)subject;
	return add_any_fake();
}

/* The number of the device that was added, -1 if none was; its node in /dev may be missing. */
static int added_number(void)
{
	DIR *class = opendir("/sys/class/accel");
	struct dirent *entry;
	int found = -1;

	while ((entry = readdir(class))) {
		char link[300], target[PATH_MAX];
		int number;

		snprintf(link, sizeof(link), "/sys/class/accel/%s/device", entry->d_name);
		if (realpath(link, target) &&
		    sscanf(strrchr(target, '/'), "/fake.%d", &number) == 1 && number > 1)
			found = number;
	}
	closedir(class);
	return found;
}

/* Removes the device that was added, if any was. */
static void remove_added(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	int number = added_number();

	(void)subject;
	EXPECT_EQ(!error, number >= 0)
		TH_LOG("error %d, device %d", error, number);
	if (number >= 0)
		EXPECT_EQ(0, remove_fake(number));
}

TEST_F_TIMEOUT(fail, add_device, 300)
{
	/* faux_device_create() does not say why it failed. */
	EXPECT_SWEPT(.call = add_one, .after = remove_added, .also = ENODEV, .stride = 20);
}

static void add_before(struct subject *subject)
{
	subject->job = add_fake();
}

static int remove_one(struct subject *subject)
{
	return remove_fake(subject->job);
}

static void remove_again(struct __test_metadata *_metadata, struct subject *subject, int error)
{
	if (error)
		EXPECT_EQ(0, remove_fake(subject->job));
}

TEST_F_TIMEOUT(fail, remove_device, 300)
{
	EXPECT_SWEPT(.before = add_before, .call = remove_one, .after = remove_again);
}

TEST_HARNESS_MAIN
