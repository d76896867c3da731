// SPDX-License-Identifier: GPL-2.0
/* Buffers that are not needed: who may have their memory taken, when, and what is left then. */
#include <stdatomic.h>
#include <sys/uio.h>

#include "account.h"
#include "advise.h"
#include "device.h"
#include "job_points.h"
#include "share.h"

#define SIZE	(4 * PAGE)

/* The signal that ends a process that reads a byte. */
static int signal_of_reading(const volatile char *byte)
{
	pid_t child = fork();

	if (!child) {
		(void)*byte;
		_exit(0);
	}
	return death_signal(child);
}

FIXTURE(advise)
{
	int fd;
};

FIXTURE_SETUP(advise)
{
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, settled_buffers(self->fd, 0));
}

FIXTURE_TEARDOWN(advise)
{
	close(self->fd);
	self->fd = open_fake(SHARED);
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	close(self->fd);
}

TEST_F(advise, advice_can_be_changed)
{
	__u32 handle = handle_of(self->fd, SIZE);

	EXPECT_EQ(1, advise(self->fd, handle, WILL));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, advise(self->fd, handle, DONT));
		EXPECT_EQ(1, advise(self->fd, handle, DONT));
		EXPECT_EQ(1, advise(self->fd, handle, WILL));
		EXPECT_EQ(1, advise(self->fd, handle, WILL));
	}
	EXPECT_EQ(0, shrink());
	EXPECT_EQ(1, advise(self->fd, handle, WILL));
	EXPECT_EQ(1, advise(self->fd, handle, DONT));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(-ENOENT, advise(self->fd, handle, WILL));
}

TEST_F(advise, what_makes_no_sense_is_refused)
{
	__u32 handle = handle_of(self->fd, SIZE);

	for (int bit = 0; bit < 32; bit++) {
		struct accel_buffer_advise flag = { .handle = handle, .flags = 1U << bit };

		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_BUFFER_ADVISE, &flag));
		if (bit)
			EXPECT_EQ(-EINVAL, advise(self->fd, handle, 1U << bit));
	}
	EXPECT_EQ(-ENOENT, advise(self->fd, 0, DONT));
	EXPECT_EQ(-ENOENT, advise(self->fd, handle + 1, DONT));
	EXPECT_EQ(-ENOENT, advise(self->fd, UINT32_MAX, WILL));
}

TEST_F(advise, an_answer_that_cannot_be_written_is_efault)
{
	struct accel_buffer_advise *argument = anonymous(PAGE);

	*argument = (struct accel_buffer_advise){
		.handle = handle_of(self->fd, SIZE), .advice = DONT,
	};
	ASSERT_EQ(0, mprotect(argument, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_BUFFER_ADVISE, argument));
	/* But the advice was taken. */
	EXPECT_EQ(-EINVAL, export_buffer(self->fd, argument->handle));
}

TEST_F(advise, only_memory_of_its_own_can_be_taken)
{
	struct accel_buffer_create combined = {
		.size = SIZE, .flags = ACCEL_CREATE_WRITE_COMBINED,
	};
	struct accel_buffer_pin pinned = { .address = user(anonymous(SIZE)), .size = SIZE };
	__u32 exported = handle_of(self->fd, SIZE);
	int buf = export_buffer(self->fd, exported), foreign = udmabuf(SIZE);
	struct accel_buffer_import own, other;

	ASSERT_LE(0, buf);
	ASSERT_LE(0, foreign);
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &combined));
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_PIN, &pinned));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &own));
	ASSERT_EQ(0, import_buffer(self->fd, foreign, &other));
	close(buf);
	close(foreign);
	EXPECT_EQ(-EOPNOTSUPP, advise(self->fd, combined.handle, DONT));
	EXPECT_EQ(-EOPNOTSUPP, advise(self->fd, pinned.handle, DONT));
	EXPECT_EQ(-EOPNOTSUPP, advise(self->fd, other.handle, DONT));
	EXPECT_EQ(-EBUSY, advise(self->fd, exported, DONT));
	EXPECT_EQ(-EBUSY, advise(self->fd, own.handle, DONT));
	EXPECT_EQ(1, advise(self->fd, combined.handle, WILL));
	EXPECT_EQ(1, advise(self->fd, pinned.handle, WILL));
	EXPECT_EQ(1, advise(self->fd, other.handle, WILL));
	EXPECT_EQ(1, advise(self->fd, exported, WILL));
	EXPECT_EQ(1, advise(self->fd, own.handle, WILL));
}

TEST_F(advise, nothing_new_is_done_with_what_is_not_needed)
{
	struct accel_buffer_create buffer;
	int buf;

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	ASSERT_EQ(1, advise(self->fd, buffer.handle, DONT));
	EXPECT_EQ(-EINVAL, submit_with(self->fd, ACCEL_FAKE_NOP, 0, buffer.handle));
	EXPECT_EQ(-EINVAL, export_buffer(self->fd, buffer.handle));
	EXPECT_EQ(-EINVAL, map_error(self->fd, buffer.mmap_offset, SIZE, PROT_READ, MAP_SHARED));
	ASSERT_EQ(1, advise(self->fd, buffer.handle, WILL));
	EXPECT_LT(0LL, submit_with(self->fd, ACCEL_FAKE_NOP, 0, buffer.handle));
	EXPECT_EQ(0, map_error(self->fd, buffer.mmap_offset, SIZE, PROT_READ, MAP_SHARED));
	buf = export_buffer(self->fd, buffer.handle);
	EXPECT_LE(0, buf);
	close(buf);
}

TEST_F(advise, memory_that_is_not_needed_is_given_back_for_ever)
{
	__u32 needed = handle_of(self->fd, PAGE), handle;
	struct accel_info_client_memory memory[MAX_REGIONS];
	struct accel_buffer_create buffer;
	struct listed list[2];

	ASSERT_EQ(0, create(self->fd, SIZE, &buffer));
	handle = buffer.handle;
	ASSERT_EQ(1, advise(self->fd, handle, DONT));
	ASSERT_EQ(1, client_memory(self->fd, memory));
	EXPECT_EQ(PAGE + SIZE, memory[0].resident);
	EXPECT_EQ(SIZE, memory[0].purgeable);
	EXPECT_TRUE(fdinfo_agrees(self->fd, &memory[0]));
	ASSERT_EQ(2, list_buffers(self->fd, list, 2));
	EXPECT_STREQ("unneeded", list[0].advice);
	EXPECT_STREQ("needed", list[1].advice);
	ASSERT_TRUE(purged(self->fd, handle));
	ASSERT_EQ(1, client_memory(self->fd, memory));
	EXPECT_EQ(PAGE + SIZE, memory[0].total);
	EXPECT_EQ(PAGE, memory[0].resident);
	EXPECT_EQ(0ULL, memory[0].purgeable);
	EXPECT_TRUE(fdinfo_agrees(self->fd, &memory[0]));
	EXPECT_EQ(PAGE, memory_of(self->fd).used);
	ASSERT_EQ(2, list_buffers(self->fd, list, 2));
	EXPECT_STREQ("purged", list[0].advice);
	EXPECT_EQ(0, advise(self->fd, handle, DONT));
	EXPECT_EQ(0, advise(self->fd, handle, WILL));
	EXPECT_EQ(-EINVAL, submit_with(self->fd, ACCEL_FAKE_NOP, 0, handle));
	EXPECT_EQ(-EINVAL, export_buffer(self->fd, handle));
	EXPECT_EQ(-EINVAL, map_error(self->fd, buffer.mmap_offset, SIZE, PROT_READ, MAP_SHARED));
	EXPECT_LT(0LL, submit_with(self->fd, ACCEL_FAKE_NOP, 0, needed));
	EXPECT_EQ(0, close_buffer(self->fd, handle));
	EXPECT_EQ(PAGE, settled_memory(self->fd, PAGE));
}

/* Small ones are mapped as a whole, huge ones by faults. */
TEST_F(advise, mappings_of_what_was_taken_are_sigbus)
{
	static const size_t sizes[] = { SIZE, 3 * PAGE, 2 * HUGE_PAGE, HUGE_PAGE + PAGE };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct accel_buffer_create buffer, other;
		char *memory = create_mapped(self->fd, sizes[i], &buffer);
		char *twin = map(self->fd, &buffer);
		char *beside = create_mapped(self->fd, sizes[i], &other);
		int ends[2];
		pid_t child;
		char go;

		ASSERT_NE(MAP_FAILED, (void *)memory);
		ASSERT_NE(MAP_FAILED, (void *)twin);
		ASSERT_NE(MAP_FAILED, (void *)beside);
		memset(memory, 7, sizes[i]);
		memset(beside, 8, sizes[i]);
		/* Has the pages of its parent. */
		ASSERT_EQ(0, pipe(ends));
		child = fork();
		if (!child) {
			close(ends[1]);
			while (read(ends[0], &go, 1) > 0)
				;
			_exit(memory[sizes[i] - 1]);
		}
		ASSERT_EQ(1, advise(self->fd, buffer.handle, DONT));
		/* It is there until it is taken. */
		EXPECT_TRUE(all_bytes(twin, 7, sizes[i]));
		ASSERT_TRUE(purged(self->fd, buffer.handle));
		close(ends[1]);
		EXPECT_EQ(SIGBUS, death_signal(child));
		EXPECT_EQ(SIGBUS, signal_of_reading(memory));
		EXPECT_EQ(SIGBUS, signal_of_reading(memory + sizes[i] - 1));
		EXPECT_EQ(SIGBUS, signal_of_reading(twin + PAGE));
		EXPECT_TRUE(all_bytes(beside, 8, sizes[i]));
		EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
		EXPECT_EQ(SIGBUS, signal_of_reading(memory));
		munmap(memory, sizes[i]);
		munmap(twin, sizes[i]);
		munmap(beside, sizes[i]);
		EXPECT_EQ(0, close_buffer(self->fd, other.handle));
		close(ends[0]);
	}
}

TEST_F(advise, what_somebody_else_has_of_it_stays)
{
	struct accel_buffer_create buffer;
	char *memory = create_mapped(self->fd, SIZE, &buffer), copy[SIZE];
	struct iovec all = { memory, SIZE };
	int ends[2];

	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, pipe(ends));
	memset(memory, 9, SIZE);
	ASSERT_EQ((ssize_t)SIZE, vmsplice(ends[1], &all, 1, 0));
	ASSERT_TRUE(purged(self->fd, buffer.handle));
	EXPECT_EQ((ssize_t)SIZE, read(ends[0], copy, SIZE));
	EXPECT_TRUE(all_bytes(copy, 9, SIZE));
	close(ends[0]);
	close(ends[1]);
	munmap(memory, SIZE);
}

TEST_F(advise, nothing_is_taken_from_a_job_that_runs)
{
	__u32 handle = handle_of(self->fd, SIZE);
	__s64 hung = submit_with(self->fd, ACCEL_FAKE_HANG, 0, handle);

	ASSERT_LT(0LL, hung);
	ASSERT_EQ(1, advise(self->fd, handle, DONT));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, shrink());
	/* On a slow machine it may have ended before that. */
	if (wait_until(self->fd, hung, LOOK, NULL) == -ETIMEDOUT)
		EXPECT_EQ(1, advise(self->fd, handle, WILL));
	EXPECT_EQ(-ETIME, wait_job(self->fd, hung));
	EXPECT_TRUE(advise(self->fd, handle, WILL) == 0 || purged(self->fd, handle));
}

/* Whether it waits for a fence, or is only kept because its point has none yet. */
TEST_F(advise, nothing_is_taken_from_a_job_that_waits)
{
	for (int has_fence = 0; has_fence < 2; has_fence++) {
		__u32 line = timeline_at(self->fd, 0), handle = handle_of(self->fd, SIZE);
		struct accel_point point = { line, WAIT, 1 };
		int counter = open_sw_sync();
		struct job job;

		ASSERT_LE(0, counter);
		if (has_fence)
			ASSERT_EQ(0, import_sw(self->fd, line, 1, counter, 1));
		prepare(&job, ACCEL_FAKE_FILL, 1, handle);
		job.entry.points = user(&point);
		job.entry.nr_points = 1;
		ASSERT_EQ(0, submit_prepared(self->fd, &job));
		ASSERT_EQ(1, advise(self->fd, handle, DONT));
		for (int i = 0; i < 3; i++)
			EXPECT_EQ(0, shrink());
		EXPECT_EQ(1, advise(self->fd, handle, WILL));
		ASSERT_EQ(1, advise(self->fd, handle, DONT));
		EXPECT_EQ(0, has_fence ? sw_increase(counter, 1) :
					 signal_point(self->fd, line, 1));
		EXPECT_EQ(0, wait_job(self->fd, job.entry.job));
		EXPECT_TRUE(purged(self->fd, handle));
		close(counter);
	}
}

/* Later jobs of the client, which cannot name it, do not matter. */
TEST_F(advise, a_busy_client_gives_back_what_is_idle)
{
	__u32 handle = handle_of(self->fd, SIZE), busy = handle_of(self->fd, SIZE);
	__s64 job;

	ASSERT_EQ(0, wait_job(self->fd, submit_with(self->fd, ACCEL_FAKE_NOP, 0, handle)));
	ASSERT_EQ(1, advise(self->fd, handle, DONT));
	job = submit_with(self->fd, ACCEL_FAKE_DELAY, 100, busy);
	ASSERT_LT(0LL, job);
	EXPECT_TRUE(purged(self->fd, handle));
	wait_job(self->fd, job);
}

TEST_F(advise, files_and_devices_go_with_what_they_do_not_need)
{
	int number = add_shared_fake(), fd = open_fake(number), other = open_fake(SHARED);
	__u32 handle;

	ASSERT_LE(0, fd);
	handle = handle_of(fd, SIZE);
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(1, advise(fd, handle_of(fd, SIZE), DONT));
		EXPECT_EQ(1, advise(other, handle_of(other, 2 * HUGE_PAGE), DONT));
	}
	close(other);
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
	EXPECT_EQ(0, shrink());
	ASSERT_EQ(0, remove_fake(number));
	EXPECT_EQ(0, shrink());
	EXPECT_EQ(-ENODEV, advise(fd, handle, DONT));
	close(fd);
	EXPECT_EQ(0, shrink());
}

static atomic_bool stop;

static void *shrink_all_the_time(void *argument)
{
	(void)argument;
	while (!stop)
		shrink();
	return NULL;
}

/* Makes and closes buffers, maps them, has jobs on them, says this and that; all at random. */
static void *advise_all_the_time(void *argument)
{
	int fd = *(int *)argument;
	unsigned int random = gettid();
	long taken = 0;

	while (!stop) {
		struct accel_buffer_create buffer;
		size_t size = rand_r(&random) % 8 ? SIZE : HUGE_PAGE;
		char *memory = create_mapped(fd, size, &buffer);
		int error;

		if ((void *)memory == MAP_FAILED)
			continue;
		memset(memory, 1, size);
		submit_with(fd, ACCEL_FAKE_FILL, 2, buffer.handle);
		if (advise(fd, buffer.handle, DONT) < 0)
			return (void *)-1;
		if (rand_r(&random) % 2)
			usleep(rand_r(&random) % 5000);
		error = submit_with(fd, ACCEL_FAKE_NOP, 0, buffer.handle);
		if (error != -EINVAL)
			return (void *)-1;
		if (advise(fd, buffer.handle, WILL) == 1) {
			/* Nobody takes it now. */
			for (size_t i = 0; i < size; i += PAGE)
				if (memory[i] != 1 && memory[i] != 2)
					return (void *)-1;
			if (rand_r(&random) % 4 == 0)
				close(export_buffer(fd, buffer.handle));
		} else {
			taken++;
		}
		if (rand_r(&random) % 2)
			advise(fd, buffer.handle, DONT);
		if (close_buffer(fd, buffer.handle))
			return (void *)-1;
		munmap(memory, size);
	}
	return (void *)taken;
}

/* One thread advises what another one closes. */
static void *close_what_others_advise(void *argument)
{
	int fd = *(int *)argument;

	while (!stop) {
		__u32 handle = handle_of(fd, SIZE);

		close_buffer(fd, handle);
	}
	return NULL;
}

static void *advise_what_others_close(void *argument)
{
	int fd = *(int *)argument;

	while (!stop)
		for (__u32 handle = 1; handle < 4; handle++)
			advise(fd, handle, DONT);
	return NULL;
}

TEST_F_TIMEOUT(advise, everything_at_once, 300)
{
	int second = open_fake(SHARED);
	pthread_t shrinker, users[3], closers[2];
	void *taken;

	ASSERT_LE(0, second);
	stop = false;
	ASSERT_EQ(0, pthread_create(&shrinker, NULL, shrink_all_the_time, NULL));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&users[i], NULL, advise_all_the_time, &self->fd));
	ASSERT_EQ(0, pthread_create(&closers[0], NULL, close_what_others_advise, &second));
	ASSERT_EQ(0, pthread_create(&closers[1], NULL, advise_what_others_close, &second));
	sleep_ms(times(60 * 1000));
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(users[i], &taken);
		EXPECT_LE(0, (long)taken);
		TH_LOG("%ld taken", (long)taken);
	}
	pthread_join(shrinker, NULL);
	pthread_join(closers[0], NULL);
	pthread_join(closers[1], NULL);
	close(second);
}

TEST_HARNESS_MAIN
