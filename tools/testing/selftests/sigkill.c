// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that do at random what can be done with buffers, dma-bufs, fences and timelines,
 * and are killed at any moment: nothing of them is left. ACCEL_SEED repeats the choices of a
 * run, though not its moments.
 */
#include <setjmp.h>
#include <sys/prctl.h>

#include "account.h"
#include "advise.h"
#include "fence.h"
#include "fixture.h"
#include "job_points.h"
#include "share.h"

#define WORKERS		4

/* Syncing a larger udmabuf would map longer segments than its own device says that it can take. */
#define MOST_PAGES	16

#define FILES		3	/* that a worker has open: two of fake.0, one of another device */
#define SLOTS		4	/* of each kind of thing that a worker holds */
#define LIFE		60	/* actions of a worker, about */
#define AN_ACTION_US	2000	/* and may be more */
#define NOTHING		1	/* there was nothing to do it to */

/* A random number below @end; *@state is not 0 (xorshift64*). */
static __u64 below(__u64 *state, __u64 end)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dULL >> 16) % end;
}

struct held_buffer {
	int file;
	__u32 handle;		/* 0: none */
	__u64 mmap_offset, size;
	__s64 job;
};

struct held_mapping {
	char *start;		/* NULL: none */
	size_t size;
};

struct held_line {
	int file;
	__u32 handle;		/* 0: none */
	__u64 last;		/* point that was added */
};

struct worker {
	__u64 random;
	int other;		/* number of the other device */
	bool is_child;
	int files[FILES];
	__u32 gates[FILES];	/* timelines that jobs wait for; 0: none */
	struct held_buffer buffers[SLOTS];
	struct held_mapping mappings[SLOTS];
	struct held_line lines[SLOTS];
	int bufs[SLOTS];	/* dma-bufs; -1: none */
	int fences[SLOTS];	/* sync_files; -1: none */
};

/* dma-bufs that outlive every worker. */
static int lasting[3];

static void hold(struct held_buffer *buffer, __u32 handle, __u64 mmap_offset, __u64 size)
{
	*buffer = (struct held_buffer){ buffer->file, handle, mmap_offset, size, 0 };
}

static struct held_buffer *any_buffer(struct worker *worker)
{
	return &worker->buffers[below(&worker->random, SLOTS)];
}

static int *any_buf(struct worker *worker)
{
	return &worker->bufs[below(&worker->random, SLOTS)];
}

static int *any_fence(struct worker *worker)
{
	return &worker->fences[below(&worker->random, SLOTS)];
}

static struct held_mapping *any_mapping(struct worker *worker)
{
	return &worker->mappings[below(&worker->random, SLOTS)];
}

static size_t any_size(struct worker *worker)
{
	return (1 + below(&worker->random, MOST_PAGES)) * PAGE;
}

static int close_held(struct worker *worker, struct held_buffer *buffer)
{
	__u32 handle = buffer->handle;

	buffer->handle = 0;
	return handle ? close_buffer(worker->files[buffer->file], handle) : NOTHING;
}

static int close_any(struct worker *worker)
{
	return close_held(worker, any_buffer(worker));
}

static int create_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	struct accel_buffer_create made = {
		.size = any_size(worker),
		.flags = below(&worker->random, 4) ? 0 : ACCEL_CREATE_WRITE_COMBINED,
	};
	int error;

	close_held(worker, buffer);
	buffer->file = below(&worker->random, FILES);
	error = call(worker->files[buffer->file], ACCEL_IOCTL_BUFFER_CREATE, &made);
	if (!error)
		hold(buffer, made.handle, made.mmap_offset, made.size);
	return error;
}

static int pin_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	size_t size = any_size(worker);
	void *memory = anonymous(size);
	struct accel_buffer_pin made = { .address = user(memory), .size = size };
	int error;

	close_held(worker, buffer);
	buffer->file = below(&worker->random, FILES);
	error = call(worker->files[buffer->file], ACCEL_IOCTL_BUFFER_PIN, &made);
	if (!error)
		hold(buffer, made.handle, 0, size);
	munmap(memory, size);
	return error;
}

static int label_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	struct accel_buffer_label label = { .handle = buffer->handle, .label = "label" };

	if (!buffer->handle)
		return NOTHING;
	return call(worker->files[buffer->file], ACCEL_IOCTL_BUFFER_LABEL, &label);
}

/* Begins or ends an access of the CPU. */
static int frame_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	struct accel_buffer_sync frame = { .handle = buffer->handle };

	if (!buffer->handle)
		return NOTHING;
	frame.flags = ACCEL_BUFFER_SYNC_WRITE;
	if (below(&worker->random, 2))
		frame.flags |= ACCEL_BUFFER_SYNC_END;
	return call(worker->files[buffer->file], ACCEL_IOCTL_BUFFER_SYNC, &frame);
}

static int list_all(struct worker *worker)
{
	int count = list_buffers(worker->files[below(&worker->random, FILES)], NULL, 0);

	return count < 0 ? count : 0;
}

static int unmap_any(struct worker *worker)
{
	struct held_mapping *mapping = any_mapping(worker);

	if (!mapping->start)
		return NOTHING;
	munmap(mapping->start, mapping->size);
	mapping->start = NULL;
	return 0;
}

static int map_to(struct held_mapping *mapping, int fd, __u64 offset, size_t size)
{
	void *start = map_at(fd, offset, size);

	/* A program's own memory cannot be mapped. */
	if (start == MAP_FAILED)
		return errno == EOPNOTSUPP ? NOTHING : -errno;
	if (mapping->start)
		munmap(mapping->start, mapping->size);
	*mapping = (struct held_mapping){ start, size };
	return 0;
}

static int map_buffer(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);

	if (!buffer->handle)
		return NOTHING;
	return map_to(any_mapping(worker), worker->files[buffer->file], buffer->mmap_offset,
		      buffer->size);
}

static int map_dma_buf(struct worker *worker)
{
	int buf = *any_buf(worker);

	return buf < 0 ? NOTHING : map_to(any_mapping(worker), buf, 0, lseek(buf, 0, SEEK_END));
}

/* Out of an access to what the kernel took. */
static sigjmp_buf taken;

static void leave_taken(int signal)
{
	siglongjmp(taken, signal);
}

static int touch(struct worker *worker)
{
	struct held_mapping *mapping = any_mapping(worker);

	if (!mapping->start || sigsetjmp(taken, 1))
		return NOTHING;
	mapping->start[below(&worker->random, mapping->size)]++;
	return 0;
}

static int close_dma_buf(struct worker *worker)
{
	int *buf = any_buf(worker);

	if (*buf < 0)
		return NOTHING;
	close(*buf);
	*buf = -1;
	return 0;
}

/* Puts @fd, or -errno, in place of one that is held. */
static int keep_in(int *slot, int fd)
{
	if (fd < 0)
		return fd;
	close(*slot);
	*slot = fd;
	return 0;
}

static int keep_dma_buf(struct worker *worker, int buf)
{
	return keep_in(any_buf(worker), buf);
}

static int export_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);

	if (!buffer->handle)
		return NOTHING;
	return keep_dma_buf(worker, export_buffer(worker->files[buffer->file], buffer->handle));
}

static int take_udmabuf(struct worker *worker)
{
	return keep_dma_buf(worker, udmabuf(any_size(worker)));
}

static int take_heap_buffer(struct worker *worker)
{
	return keep_dma_buf(worker, heap_buffer(any_size(worker)));
}

static int take_vgem_buffer(struct worker *worker)
{
	return keep_dma_buf(worker, vgem_buffer(any_size(worker)));
}

static int take_lasting(struct worker *worker)
{
	int which = below(&worker->random, ARRAY_SIZE(lasting));

	return keep_dma_buf(worker, fcntl(lasting[which], F_DUPFD_CLOEXEC, 0));
}

/* Ours or another driver's, to the file that it came from or to another one. */
static int import_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	struct accel_buffer_import made;
	int buf = *any_buf(worker), error;

	if (buf < 0)
		return NOTHING;
	close_held(worker, buffer);
	buffer->file = below(&worker->random, FILES);
	error = import_buffer(worker->files[buffer->file], buf, &made);
	if (!error)
		hold(buffer, made.handle, made.mmap_offset, made.size);
	return error;
}

/*
 * Linux 7.3's udmabuf has no lock around what it maps for DMA_BUF_IOCTL_SYNC: two at a time
 * leak, and mix up directions (drivers/dma-buf/udmabuf.c, begin_cpu_udmabuf()).
 */
static bool is_udmabuf(int buf)
{
	char path[48], text[512];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", buf);
	return read_file(path, text, sizeof(text)) || strstr(text, "exp_name:\tudmabuf");
}

static int sync_dma_buf(struct worker *worker)
{
	int buf = *any_buf(worker), error;

	if (buf < 0 || is_udmabuf(buf))
		return NOTHING;
	error = sync_buffer(buf, DMA_BUF_SYNC_START);
	return error ? error : sync_buffer(buf, DMA_BUF_SYNC_END);
}

/* Waits for the fences of a dma-buf, a while. */
static int poll_dma_buf(struct worker *worker)
{
	int buf = *any_buf(worker);

	return buf >= 0 && poll_for(buf, POLLOUT, 10) ? 0 : NOTHING;
}

static __u32 read_or_write(struct worker *worker)
{
	return below(&worker->random, 2) ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_WRITE;
}

static int take_fence(struct worker *worker)
{
	int buf = *any_buf(worker);

	if (buf < 0)
		return NOTHING;
	return keep_in(any_fence(worker), detach_fence(buf, read_or_write(worker)));
}

static int put_fence(struct worker *worker)
{
	int buf = *any_buf(worker), fence = *any_fence(worker);

	if (buf < 0 || fence < 0)
		return NOTHING;
	return attach_fence(buf, fcntl(fence, F_DUPFD_CLOEXEC, 0), read_or_write(worker));
}

static int close_fence(struct worker *worker)
{
	int *fence = any_fence(worker);

	if (*fence < 0)
		return NOTHING;
	close(*fence);
	*fence = -1;
	return 0;
}

static int file_of(const struct worker *worker, const struct held_line *line)
{
	return worker->files[line->file];
}

static int make_line(struct worker *worker, struct held_line *line, int file)
{
	*line = (struct held_line){ .file = file };
	return create_timeline(worker->files[file], 0, &line->handle);
}

/* A timeline, perhaps a new one; NULL if there is none. */
static struct held_line *any_line(struct worker *worker)
{
	struct held_line *line = &worker->lines[below(&worker->random, SLOTS)];

	if (line->handle || !make_line(worker, line, below(&worker->random, FILES)))
		return line;
	return NULL;
}

static int close_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);
	__u32 handle = line ? line->handle : 0;

	if (!handle)
		return NOTHING;
	line->handle = 0;
	return close_timeline(file_of(worker, line), handle);
}

/* Adds a point that is done. */
static int signal_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);

	return line ? signal_point(file_of(worker, line), line->handle, ++line->last) : NOTHING;
}

/* Adds a point of a job that waits for the one before. */
static int submit_to_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);
	struct accel_point points[2];
	__s64 job;

	if (!line)
		return NOTHING;
	points[0] = (struct accel_point){ line->handle, WAIT, line->last };
	points[1] = (struct accel_point){ line->handle, SIGNAL, ++line->last };
	job = submit_points(file_of(worker, line), ACCEL_FAKE_DELAY, 5, points, 2);
	return job < 0 ? job : 0;
}

static int export_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);

	if (!line)
		return NOTHING;
	return keep_in(any_fence(worker),
		       export_point(file_of(worker, line), line->handle, line->last));
}

static int import_fence(struct worker *worker)
{
	struct held_line *line = any_line(worker);
	int fence = *any_fence(worker);

	if (!line || fence < 0)
		return NOTHING;
	return import_point(file_of(worker, line), line->handle, ++line->last, fence);
}

/* To a new timeline of the same file. */
static int transfer_line(struct worker *worker)
{
	struct held_line *from = any_line(worker), *to = any_line(worker);

	if (!from || !to || from == to)
		return NOTHING;
	close_timeline(file_of(worker, to), to->handle);
	return make_line(worker, to, from->file) ?:
	       transfer(file_of(worker, from), from->handle, from->last, to->handle, ++to->last);
}

/* Waits for the last point, or one that nobody has added. */
static int wait_for_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);
	__u64 point = line ? line->last + below(&worker->random, 2) : 0;
	__u32 flags = below(&worker->random, 2) ? ACCEL_TIMELINE_BACKED : 0;

	if (!line)
		return NOTHING;
	return wait_point(file_of(worker, line), line->handle, point, flags, in_ms(10));
}

static int watch_line(struct worker *worker)
{
	struct held_line *line = any_line(worker);
	int event = eventfd(0, EFD_CLOEXEC), error = NOTHING;

	if (line)
		error = eventfd_on(file_of(worker, line), line->handle, line->last + 1, 0, event);
	close(event);
	return error;
}

/* Says that a buffer is not needed, then that it is. */
static int advise_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	struct accel_buffer_advise advise = {
		.handle = buffer->handle, .advice = ACCEL_ADVICE_DONTNEED,
	};
	int fd = worker->files[buffer->file], error;

	if (!buffer->handle)
		return NOTHING;
	error = call(fd, ACCEL_IOCTL_BUFFER_ADVISE, &advise);
	/* Of another driver, or shared. */
	if (error == -EOPNOTSUPP || error == -EBUSY)
		return NOTHING;
	advise.advice = ACCEL_ADVICE_WILLNEED;
	return error ? error : call(fd, ACCEL_IOCTL_BUFFER_ADVISE, &advise);
}

static int submit_one(struct worker *worker)
{
	static const __u32 ops[] = { ACCEL_FAKE_NOP, ACCEL_FAKE_DELAY, ACCEL_FAKE_FILL };
	__u32 op = ops[below(&worker->random, ARRAY_SIZE(ops))];
	struct held_buffer *buffer = any_buffer(worker);
	__s64 job;

	if (!buffer->handle)
		return NOTHING;
	job = submit_with(worker->files[buffer->file], op, op == ACCEL_FAKE_NOP ? 0 : 5,
			  buffer->handle);
	if (job < 0)
		return job;
	buffer->job = job;
	return 0;
}

/* Submits a job that waits for a point that nobody has added, or lets the one before go on. */
static int keep_one(struct worker *worker)
{
	struct held_buffer *buffer = any_buffer(worker);
	int fd = worker->files[buffer->file], error;
	__u32 *line = &worker->gates[buffer->file];
	struct accel_point point = { .flags = WAIT, .value = 1 };
	struct job job;

	if (*line) {
		error = signal_point(fd, *line, 1) ?: close_timeline(fd, *line);
		*line = 0;
		return error;
	}
	if (!buffer->handle)
		return NOTHING;
	error = create_timeline(fd, 0, line);
	if (error)
		return error;
	point.handle = *line;
	prepare(&job, ACCEL_FAKE_FILL, 6, buffer->handle);
	job.entry.points = user(&point);
	job.entry.nr_points = 1;
	return submit_prepared(fd, &job);
}

static int wait_for_one(struct worker *worker)
{
	for (int i = 0; i < SLOTS; i++) {
		const struct held_buffer *buffer = &worker->buffers[i];

		if (buffer->handle && buffer->job)
			return wait_until(worker->files[buffer->file], buffer->job,
					  in_ms(10), NULL);
	}
	return NOTHING;
}

static bool open_file(struct worker *worker, int file)
{
	worker->files[file] = open_fake(file == FILES - 1 ? worker->other : SHARED);
	return worker->files[file] >= 0;
}

/* Closes a file with all that is in it. */
static int reopen(struct worker *worker)
{
	int file = below(&worker->random, FILES);

	for (int i = 0; i < SLOTS; i++) {
		if (worker->buffers[i].file == file)
			worker->buffers[i].handle = 0;
		if (worker->lines[i].file == file)
			worker->lines[i].handle = 0;
	}
	worker->gates[file] = 0;
	close(worker->files[file]);
	return open_file(worker, file) ? 0 : worker->files[file];
}

static int have_child(struct worker *worker);

/* What a worker does. What there is more to do belongs here. */
static const struct action {
	const char *name;
	int (*act)(struct worker *worker);
} actions[] = {
	{ "create", create_one },
	{ "pin", pin_one },
	{ "close", close_any },
	{ "label", label_one },
	{ "frame", frame_one },
	{ "list", list_all },
	{ "map a buffer", map_buffer },
	{ "map a dma-buf", map_dma_buf },
	{ "unmap", unmap_any },
	{ "touch", touch },
	{ "export", export_one },
	{ "close a dma-buf", close_dma_buf },
	{ "take a udmabuf", take_udmabuf },
	{ "take a heap's buffer", take_heap_buffer },
	{ "take a vgem's buffer", take_vgem_buffer },
	{ "take a lasting dma-buf", take_lasting },
	{ "import", import_one },
	{ "sync", sync_dma_buf },
	{ "poll a dma-buf", poll_dma_buf },
	{ "take a fence", take_fence },
	{ "put a fence", put_fence },
	{ "close a fence", close_fence },
	{ "close a timeline", close_line },
	{ "signal a point", signal_line },
	{ "submit to a timeline", submit_to_line },
	{ "export a point", export_line },
	{ "import a fence", import_fence },
	{ "transfer a point", transfer_line },
	{ "wait for a point", wait_for_line },
	{ "watch a point", watch_line },
	{ "advise", advise_one },
	{ "submit", submit_one },
	{ "keep", keep_one },
	{ "wait", wait_for_one },
	{ "reopen", reopen },
	{ "fork", have_child },
};

/* Of all processes. */
static struct {
	unsigned int tried;
	unsigned int worked[ARRAY_SIZE(actions)];
} *counts;

static void count(unsigned int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static unsigned int actions_tried(void)
{
	return __atomic_load_n(&counts->tried, __ATOMIC_RELAXED);
}

static bool all_worked(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++)
		if (!__atomic_load_n(&counts->worked[i], __ATOMIC_RELAXED))
			return false;
	return true;
}

/*
 * Whether an action may have this end. A child and its parent share handles: what one has may be
 * gone by now, or something else; a job's time may be over on a slow machine, or nobody is left to
 * bring the point about that it waits for.
 */
static bool is_documented(int error)
{
	switch (-error) {
	case ENOMEM: case EDQUOT: case ENOENT: case EINVAL: case ETIMEDOUT: case ETIME:
	case ENODATA: case EOVERFLOW: case ECANCELED:
		return true;
	default:
		return error == 0 || error == NOTHING;
	}
}

static void act(struct worker *worker)
{
	unsigned int which = below(&worker->random, ARRAY_SIZE(actions));
	int error = actions[which].act(worker);

	count(&counts->tried);
	if (!is_documented(error)) {
		fprintf(stderr, "# %s: %s\n", actions[which].name, strerror(-error));
		_exit(1);
	}
	if (!error)
		count(&counts->worked[which]);
}

/* A child that goes on with the same files and mappings for a while. Nobody may wait for it. */
static int have_child(struct worker *worker)
{
	pid_t child;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (worker->is_child)
		return NOTHING;
	child = fork();
	if (child < 0)
		return -errno;
	if (child)
		return 0;
	worker->is_child = true;
	/* Other choices than its parent's. */
	worker->random = worker->random * 3 | 1;
	for (int i = 0; i < 20; i++)
		act(worker);
	_exit(0);
}

static void work(__u64 seed, int other)
{
	struct worker worker = { .random = seed, .other = other };

	signal(SIGBUS, leave_taken);
	memset(worker.bufs, -1, sizeof(worker.bufs));
	memset(worker.fences, -1, sizeof(worker.fences));
	for (int file = 0; file < FILES; file++)
		if (!open_file(&worker, file))
			_exit(1);
	for (;;)
		act(&worker);
}

/* Starts a worker in a process group of its own, which has its children, too. */
static pid_t start_worker(__u64 *random, int other)
{
	__u64 seed = below(random, 1ULL << 32) + 1;
	pid_t worker = fork();

	if (worker == 0) {
		setpgid(0, 0);
		work(seed, other);
	}
	setpgid(worker, worker);
	return worker;
}

/* Kills a worker and its children; returns whether it was alive until then. */
static bool kill_worker(pid_t worker)
{
	bool alive = true;
	pid_t dead;
	int status;

	kill(-worker, SIGKILL);
	while ((dead = waitpid(-worker, &status, 0)) > 0)
		if (dead == worker)
			alive = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return alive;
}

/* Lets the workers go on for a while, which ends within an action. */
static void let_them_work(__u64 *random)
{
	unsigned int end = actions_tried() + below(random, 2 * LIFE / WORKERS);

	for (int i = 0; i < 1000 && (int)(end - actions_tried()) > 0; i++)
		usleep(1000);
	usleep(below(random, AN_ACTION_US));
}

static __u64 seed_of_this_run(void)
{
	const char *given = getenv("ACCEL_SEED");

	return given ? strtoull(given, NULL, 0) : (__u64)now_ns();
}

TEST_F_TIMEOUT(fake, nothing_is_left_of_killed_processes, 600)
{
	__s64 end = now_ns() + (is_long() ? 300 : 5) * NSEC_PER_SEC;
	__u64 seed = seed_of_this_run(), random = seed | 1ULL << 63;
	int other = add_shared_fake(), other_monitor = open_fake_monitor(other);
	unsigned int kills = 0;
	pid_t workers[WORKERS];

	TH_LOG("ACCEL_SEED=%llu", seed);
	ASSERT_LE(0, other_monitor);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE((void *)MAP_FAILED, (void *)counts);
	/* Orphans become ours. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	close(self->fd);
	self->fd = -1;
	lasting[0] = udmabuf(4 * PAGE);
	lasting[1] = heap_buffer(4 * PAGE);
	lasting[2] = vgem_buffer(4 * PAGE);
	for (int i = 0; i < WORKERS; i++)
		workers[i] = start_worker(&random, other);
	/* A slow machine takes longer to get to everything. */
	for (; now_ns() < end || !all_worked(); kills++) {
		int which = below(&random, WORKERS);

		let_them_work(&random);
		/* While the others go on. It takes as long as many kills. */
		if (kills % 16 == 0)
			EXPECT_EQ(0, shrink());
		ASSERT_TRUE(kill_worker(workers[which])) TH_LOG("after %u kills", kills);
		workers[which] = start_worker(&random, other);
	}
	for (int i = 0; i < WORKERS; i++)
		EXPECT_TRUE(kill_worker(workers[i]));
	EXPECT_EQ(-1, waitpid(-1, NULL, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++)
		TH_LOG("%s: %u times", actions[i].name, counts->worked[i]);
	TH_LOG("%u actions, %u kills", counts->tried, kills);
	EXPECT_EQ(0ULL, settled_memory(self->monitor, 0));
	EXPECT_EQ(0ULL, settled_memory(other_monitor, 0));
	EXPECT_EQ(0, settled_buffers(self->monitor, 0));
	EXPECT_EQ(0, settled_buffers(other_monitor, 0));
	EXPECT_EQ(0U, clients_of(self->monitor).clients);
	EXPECT_EQ(0U, clients_of(other_monitor).clients);
	for (unsigned int i = 0; i < ARRAY_SIZE(lasting); i++)
		close(lasting[i]);
	close(other_monitor);
	EXPECT_EQ(0, remove_fake(other));
}

TEST_HARNESS_MAIN
