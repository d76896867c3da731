// SPDX-License-Identifier: GPL-2.0
/*
 * Fails the 1st, 2nd, 3rd... allocation or copy inside each call, until none is
 * left to fail: every outcome is documented, and nothing leaks.
 */
#include "buffer.h"
#include "device.h"
#include "job.h"

#define MOST_POINTS	3000	/* that one call may have */

/* Lets fault injection reach every allocation, and keeps it off the console. */
static int set_up_injection(void)
{
	static const char *const quiet[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char path[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(quiet); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", quiet[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	return write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
}

FIXTURE(fail)
{
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
};

FIXTURE_SETUP(fail)
{
	ASSERT_EQ(0, set_up_injection());
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, self->nth);
	self->index = fake_index(0);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
	ASSERT_EQ(0ULL, settled_memory(self->monitor, 0));
	ASSERT_EQ(0, create(self->fd, 8 * PAGE, &self->buffer));
	self->clients = clients_of(self->monitor);
	self->used = memory_of(self->monitor).used;
}

FIXTURE_TEARDOWN(fail)
{
	close(self->nth);
	close(self->fd);
	close(self->monitor);
}

static void arm(int file, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(file, text, length, 0) != length)
		abort();
}

/*
 * Stops the injection; returns whether a call since arm() had a failure. That
 * this very read or write fails instead shows that no call had.
 */
static bool disarm(int file)
{
	char text[16] = { 0 };
	bool hit = pread(file, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	while (pwrite(file, "0", 1, 0) != 1)
		hit = false;
	return hit;
}

/* One call under injection, what goes before it, and what cleans up after it. */
struct step {
	void (*before)(FIXTURE_DATA(fail) *self);
	int (*call)(FIXTURE_DATA(fail) *self);
	void (*after)(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error);
};

static bool is_documented(int error)
{
	return error == 0 || error == -ENOMEM || error == -EFAULT;
}

/* Returns at how many points the call can fail; -1 if it went wrong. */
static int sweep(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self,
		 const struct step *step)
{
	for (unsigned int nth = 1; nth < MOST_POINTS; nth++) {
		int error;
		bool hit;

		if (step->before)
			step->before(self);
		arm(self->nth, nth);
		error = step->call(self);
		hit = disarm(self->nth);
		EXPECT_TRUE(is_documented(error))
			TH_LOG("point %u: error %d", nth, error);
		if (step->after)
			step->after(_metadata, self, error);
		ASSERT_EQ(self->used, settled_memory(self->monitor, self->used))
			TH_LOG("point %u: error %d", nth, error);
		ASSERT_EQ(self->clients.clients, clients_of(self->monitor).clients);
		ASSERT_EQ(self->clients.monitors, clients_of(self->monitor).monitors);
		if (!hit) {
			EXPECT_EQ(0, error);
			EXPECT_EQ(0, run_nop(self->fd));
			return nth - 1;
		}
	}
	return -1;
}

#define EXPECT_SWEPT(...) do {						\
	const struct step step = { __VA_ARGS__ };			\
	int points = sweep(_metadata, self, &step);			\
									\
	EXPECT_LT(0, points);						\
	TH_LOG("%d points", points);					\
} while (0)

static int open_and_close(FIXTURE_DATA(fail) *self)
{
	int fd = open_compute(self->index);

	return fd < 0 ? fd : close(fd);
}

TEST_F_TIMEOUT(fail, open_compute_node, 120)
{
	EXPECT_SWEPT(.call = open_and_close);
}

static int open_and_close_monitor(FIXTURE_DATA(fail) *self)
{
	int fd = open_monitor(self->index);

	return fd < 0 ? fd : close(fd);
}

TEST_F_TIMEOUT(fail, open_monitor_node, 120)
{
	EXPECT_SWEPT(.call = open_and_close_monitor);
}

static __u32 kind_to_ask;

static int ask(FIXTURE_DATA(fail) *self)
{
	static char data[4096];

	return info(self->monitor, kind_to_ask, data, sizeof(data)) ?:
	       info(self->fd, kind_to_ask, data, sizeof(data));
}

TEST_F_TIMEOUT(fail, every_kind_of_info, 120)
{
	for (kind_to_ask = ACCEL_INFO_LIST; kind_to_ask <= ACCEL_INFO_CLIENTS; kind_to_ask++)
		EXPECT_SWEPT(.call = ask);
}

static int create_one(FIXTURE_DATA(fail) *self)
{
	struct accel_buffer_create buffer;
	int error = create(self->fd, 8 * PAGE, &buffer);

	self->handle = error ? 0 : buffer.handle;
	return error;
}

static void close_created(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	if (!error)
		EXPECT_EQ(0, close_buffer(self->fd, self->handle));
}

TEST_F_TIMEOUT(fail, create_buffer, 120)
{
	EXPECT_SWEPT(.call = create_one, .after = close_created);
}

static void make_one(FIXTURE_DATA(fail) *self)
{
	self->handle = handle_of(self->fd, 8 * PAGE);
}

static int close_one(FIXTURE_DATA(fail) *self)
{
	return close_buffer(self->fd, self->handle);
}

/* A close that failed changed nothing: it can be repeated. */
static void close_again(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	if (error)
		EXPECT_EQ(0, close_buffer(self->fd, self->handle));
}

TEST_F_TIMEOUT(fail, close_handle, 120)
{
	EXPECT_SWEPT(.before = make_one, .call = close_one, .after = close_again);
}

static int map_it(FIXTURE_DATA(fail) *self)
{
	self->memory = map(self->fd, &self->buffer);
	return self->memory == MAP_FAILED ? -errno : 0;
}

static void unmap_it(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	if (!error)
		EXPECT_EQ(0, munmap(self->memory, 8 * PAGE));
}

TEST_F_TIMEOUT(fail, map_buffer, 120)
{
	EXPECT_SWEPT(.call = map_it, .after = unmap_it);
}

static void map_before(FIXTURE_DATA(fail) *self)
{
	map_it(self);
}

static int move_it(FIXTURE_DATA(fail) *self)
{
	char *moved = mremap(self->memory, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     self->room);

	if (moved == MAP_FAILED)
		return -errno;
	self->memory = moved;
	return 0;
}

static void unmap_moved(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	(void)error;
	EXPECT_EQ(0, munmap(self->memory, 8 * PAGE));
	self->room = anonymous(8 * PAGE);
}

TEST_F_TIMEOUT(fail, move_mapping, 120)
{
	self->room = anonymous(8 * PAGE);
	EXPECT_SWEPT(.before = map_before, .call = move_it, .after = unmap_moved);
}

static int split_it(FIXTURE_DATA(fail) *self)
{
	return munmap(self->memory + 3 * PAGE, PAGE) ? -errno : 0;
}

static void unmap_both(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	(void)error;
	EXPECT_EQ(0, munmap(self->memory, 8 * PAGE));
}

TEST_F_TIMEOUT(fail, split_mapping, 120)
{
	EXPECT_SWEPT(.before = map_before, .call = split_it, .after = unmap_both);
}

static int submit_one(FIXTURE_DATA(fail) *self)
{
	self->job = submit_with(self->fd, ACCEL_FAKE_FILL, 1, self->buffer.handle);
	return self->job < 0 ? self->job : 0;
}

static void wait_after(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	if (!error)
		EXPECT_EQ(0, wait_job(self->fd, self->job));
}

TEST_F_TIMEOUT(fail, submit_job, 120)
{
	EXPECT_SWEPT(.call = submit_one, .after = wait_after);
}

static void submit_before(FIXTURE_DATA(fail) *self)
{
	submit_one(self);
}

static int wait_one(FIXTURE_DATA(fail) *self)
{
	return wait_job(self->fd, self->job);
}

TEST_F_TIMEOUT(fail, wait_for_job, 120)
{
	EXPECT_SWEPT(.before = submit_before, .call = wait_one);
}

static int call_driver(FIXTURE_DATA(fail) *self)
{
	struct accel_fake_echo echo = { .value = 1 };

	return call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo);
}

TEST_F_TIMEOUT(fail, driver_command, 120)
{
	EXPECT_SWEPT(.call = call_driver);
}

static int add_one(FIXTURE_DATA(fail) *self)
{
	(void)self;
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
static void remove_added(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	int number = added_number();

	(void)self;
	EXPECT_EQ(!error, number >= 0)
		TH_LOG("error %d, device %d", error, number);
	if (number >= 0)
		EXPECT_EQ(0, remove_fake(number));
}

TEST_F_TIMEOUT(fail, add_device, 300)
{
	EXPECT_SWEPT(.call = add_one, .after = remove_added);
}

static void add_before(FIXTURE_DATA(fail) *self)
{
	self->job = add_fake();
}

static int remove_one(FIXTURE_DATA(fail) *self)
{
	return remove_fake(self->job);
}

static void remove_again(struct __test_metadata *_metadata, FIXTURE_DATA(fail) *self, int error)
{
	if (error)
		EXPECT_EQ(0, remove_fake(self->job));
}

TEST_F_TIMEOUT(fail, remove_device, 300)
{
	EXPECT_SWEPT(.before = add_before, .call = remove_one, .after = remove_again);
}

TEST_HARNESS_MAIN
