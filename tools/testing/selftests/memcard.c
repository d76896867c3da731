// SPDX-License-Identifier: GPL-2.0
/* Buffers in device memory: where they are, what is in them, who gets them next. */
#include <sys/resource.h>
#include <sys/uio.h>

#include "account.h"
#include "advise.h"
#include "inject.h"
#include "memcard.h"
#include "monitor.h"
#include "share.h"

#define LOCAL	ACCEL_MEMCARD_LOCAL
#define SRAM	ACCEL_MEMCARD_SRAM
#define MIB	(1024 * 1024UL)
#define SRAM_SIZE	(8 * MIB - ACCEL_MEMCARD_DOORBELLS * PAGE)

FIXTURE(card)
{
	int fd;
	struct accel_info_memory local, sram;
};

FIXTURE_SETUP(card)
{
	self->fd = open_card(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0ULL, settled_region(self->fd, LOCAL));
	ASSERT_EQ(0ULL, settled_region(self->fd, SRAM));
	self->local = region_of(self->fd, LOCAL);
	self->sram = region_of(self->fd, SRAM);
}

FIXTURE_TEARDOWN(card)
{
	close(self->fd);
}

TEST_F(card, its_regions_are_listed)
{
	struct accel_info_memory system = region_of(self->fd, 0);
	struct accel_info_memory local = self->local, sram = self->sram;
	struct accel_info asked;

	ASSERT_EQ(0, info_call(self->fd, &asked, ACCEL_INFO_MEMORY, NULL, 0));
	EXPECT_EQ(MEMORY_KINDS * sizeof(system), asked.size);
	EXPECT_STREQ("memory", system.name);
	EXPECT_EQ((__u32)ACCEL_MEMORY_SYSTEM, system.kind);
	EXPECT_EQ(0ULL, system.size | system.dirty | system.largest_free | system.visible |
			system.page_size | system.flags);

	EXPECT_STREQ("local", local.name);
	EXPECT_EQ((__u32)ACCEL_MEMORY_DEVICE, local.kind);
	EXPECT_EQ((__u32)ACCEL_MEMORY_SCATTERED, local.flags);
	EXPECT_EQ(24 * MIB, local.size);
	EXPECT_EQ(16 * MIB, local.visible);
	EXPECT_EQ(16 * MIB, local.largest_free);
	EXPECT_EQ(PAGE, local.page_size);
	EXPECT_EQ(0ULL, local.used | local.dirty);

	EXPECT_STREQ("sram", sram.name);
	EXPECT_EQ(0U, sram.flags);
	EXPECT_EQ(SRAM_SIZE, sram.size);
	EXPECT_EQ(SRAM_SIZE, sram.visible);
	EXPECT_EQ(SRAM_SIZE, sram.largest_free);
	EXPECT_EQ(16 * PAGE, sram.page_size);
}

/* It counts no errors, so it has no limits of them. */
TEST_F(card, what_it_lacks_is_absent)
{
	struct accel_info_device device = { .flags = 0 };
	char data[256], path[96];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(path, sizeof(path), "/sys/class/accel/accel%u/isolated", device.index);
	EXPECT_EQ(0, access(path, F_OK));
	snprintf(path, sizeof(path), "/sys/class/accel/accel%u/error_limits", device.index);
	EXPECT_EQ(-1, access(path, F_OK));
	EXPECT_EQ(-EOPNOTSUPP, info(self->fd, ACCEL_INFO_ERRORS, data, sizeof(data)));
	EXPECT_EQ(-EOPNOTSUPP, info(self->fd, ACCEL_INFO_ERROR_LIMITS, data, sizeof(data)));
}

TEST_F(card, what_makes_no_sense_is_refused)
{
	struct accel_buffer_create buffer;
	int fd = self->fd;

	EXPECT_EQ(-EINVAL, create_once(fd, 0, PAGE, 0, &buffer));
	EXPECT_EQ(-EINVAL, create_once(fd, MEMORY_KINDS, PAGE, 0, &buffer));
	EXPECT_EQ(-EINVAL, create_once(fd, UINT32_MAX, PAGE, 0, &buffer));
	EXPECT_EQ(-EINVAL, create_once(fd, LOCAL, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, create_once(fd, LOCAL, UINT64_MAX, 0, &buffer));
	EXPECT_EQ(-EINVAL, create_once(fd, SRAM, UINT64_MAX - 15 * PAGE + 1, 0, &buffer));
	EXPECT_EQ(-ENOSPC, create_once(fd, LOCAL, 24 * MIB + 1, 0, &buffer));
	EXPECT_EQ(-ENOSPC, create_once(fd, LOCAL, 1ULL << 62, 0, &buffer));
	for (int bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, create_once(fd, LOCAL, PAGE, 1U << bit, &buffer));
	for (int bit = 0; bit < 32; bit++) {
		buffer = (struct accel_buffer_create){ .size = PAGE, .flags = 1U << bit };
		EXPECT_EQ(buffer.flags == ACCEL_CREATE_WRITE_COMBINED ? 0 : -EOPNOTSUPP,
			  call(fd, ACCEL_IOCTL_BUFFER_CREATE, &buffer));
	}
	EXPECT_EQ(0ULL, region_of(fd, LOCAL).used + region_of(fd, SRAM).used);
}

TEST_F(card, sizes_are_whole_pages_of_the_region)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_info answer;

	ASSERT_EQ(0, create_in(self->fd, SRAM, 1, 0, &buffer));
	EXPECT_EQ(16 * PAGE, buffer.size);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_DEVICE, buffer.placement);
	EXPECT_EQ(16 * PAGE, region_of(self->fd, SRAM).used);
	ASSERT_EQ(0, buffer_info(self->fd, buffer.handle, &answer));
	EXPECT_EQ(buffer.size, answer.size);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_DEVICE, answer.placement);
	EXPECT_EQ(buffer.mmap_offset, answer.mmap_offset);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE + 1, 0, &buffer));
	EXPECT_EQ(2 * PAGE, buffer.size);
}

TEST_F(card, its_engine_and_the_cpu_see_the_same_memory)
{
	struct accel_buffer_create buffer;
	unsigned char *memory;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_TRUE(all_bytes(memory, 0, 8 * PAGE));
	EXPECT_EQ(0, fill_card(self->fd, buffer.handle, PAGE + 1, PAGE, 3));
	EXPECT_TRUE(all_bytes(memory, 0, PAGE + 1));
	EXPECT_TRUE(all_bytes(memory + PAGE + 1, 3, PAGE));
	EXPECT_TRUE(all_bytes(memory + 2 * PAGE + 1, 0, 6 * PAGE - 1));
	memset(memory, FILLED, 8 * PAGE);
	EXPECT_TRUE(card_sees(self->fd, buffer.handle, 8 * PAGE, FILLED));
}

TEST_F(card, jobs_that_make_no_sense_are_refused)
{
	struct accel_memcard_job good = { .op = ACCEL_MEMCARD_COPY, .src = 1, .size = PAGE };
	struct accel_memcard_job job;
	struct accel_buffer_create dst, src;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, 0, &dst));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, 0, &src));
	EXPECT_EQ(0, run_mover(self->fd, good, dst.handle, src.handle));
	job = good;
	job.op = 7;
	EXPECT_EQ(-EINVAL, run_mover(self->fd, job, dst.handle, src.handle));
	job = good;
	job.src = 2;
	EXPECT_EQ(-EINVAL, run_mover(self->fd, job, dst.handle, src.handle));
	job = good;
	job.src_offset = 1;
	EXPECT_EQ(-EINVAL, run_mover(self->fd, job, dst.handle, src.handle));
	job = good;
	job.dst_offset = UINT64_MAX;
	EXPECT_EQ(-EINVAL, run_mover(self->fd, job, dst.handle, src.handle));
	job = good;
	job.src = 0;
	EXPECT_EQ(-EACCES, run_mover(self->fd, job, dst.handle, src.handle));
}

TEST_F(card, what_the_cpu_cannot_reach_works_but_for_mmap)
{
	struct accel_buffer_create hidden, visible;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, 0, &hidden));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &visible));
	EXPECT_EQ(-EOPNOTSUPP, map_error(self->fd, hidden.mmap_offset, PAGE, PROT_READ,
					 MAP_SHARED));
	EXPECT_EQ(0, map_error(self->fd, visible.mmap_offset, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(0, fill_card(self->fd, hidden.handle, 0, 4 * PAGE, FILLED));
	EXPECT_TRUE(card_sees(self->fd, hidden.handle, 4 * PAGE, FILLED));
	EXPECT_TRUE(card_sees(self->fd, visible.handle, 4 * PAGE, 0));
}

/* Fills a region with buffers of @size; returns how many, their handles in @handles. */
static int fill_region(int fd, __u32 region, __u64 size, __u32 flags, __u32 *handles, int most)
{
	struct accel_buffer_create buffer;
	int count = 0;

	while (count < most && !create_in(fd, region, size, flags, &buffer))
		handles[count++] = buffer.handle;
	return count;
}

/* Waits until the region may be told of again, and forgets what was told. */
static int open_late_reader(void)
{
	int monitor = open_reader(card_index(0));

	sleep_ms(1100);
	read_all(monitor);
	return monitor;
}

TEST_F(card, monitors_are_told_that_memory_ran_out_once_a_second)
{
	struct accel_buffer_create buffer;
	struct accel_event event;
	int monitor = open_late_reader();

	ASSERT_LE(0, monitor);
	EXPECT_EQ(-ENOSPC, create_once(self->fd, LOCAL, 24 * MIB + 1, 0, &buffer));
	EXPECT_EQ(-ENOSPC, create_once(self->fd, LOCAL, 25 * MIB, 0, &buffer));
	EXPECT_EQ(-ENOSPC, create_once(self->fd, SRAM, 9 * MIB, 0, &buffer));
	ASSERT_EQ(0, next_event(monitor, &event));
	EXPECT_EQ((__u32)ACCEL_EVENT_MEMORY, event.kind);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_WARNING, event.severity);
	EXPECT_EQ((__u64)LOCAL, event.data[0]);
	EXPECT_EQ(24 * MIB + 1, event.data[1]);
	EXPECT_EQ(24 * MIB, event.data[2]);
	ASSERT_EQ(0, next_event(monitor, &event));
	EXPECT_EQ((__u64)SRAM, event.data[0]);
	EXPECT_EQ(-EAGAIN, next_event(monitor, &event));
	close(monitor);
}

TEST_F(card, the_list_of_clients_tells_who_has_made_how_much)
{
	struct accel_info_client clients[2];
	struct accel_buffer_create local, system;
	int monitor = open_monitor(card_index(0));

	ASSERT_EQ(0, create_in(self->fd, LOCAL, MIB, 0, &local));
	ASSERT_EQ(0, create(self->fd, 3 * PAGE, &system));
	ASSERT_EQ(1, array(monitor, ACCEL_INFO_CLIENT_LIST, clients, sizeof(clients)));
	EXPECT_EQ(MIB, clients[0].local);
	EXPECT_EQ(3 * PAGE, clients[0].system);
	ASSERT_EQ(0, close_buffer(self->fd, local.handle));
	ASSERT_EQ(1, array(monitor, ACCEL_INFO_CLIENT_LIST, clients, sizeof(clients)));
	EXPECT_EQ(0ULL, clients[0].local);
	close(monitor);
}

TEST_F_TIMEOUT(card, all_of_a_region_can_be_had_and_had_again, 120)
{
	struct accel_buffer_create buffer;
	__u32 handles[64];

	for (int round = 0; round < 3; round++) {
		int count = fill_region(self->fd, LOCAL, MIB, 0, handles, 64);

		EXPECT_EQ(24, count);
		EXPECT_EQ(24 * MIB, region_of(self->fd, LOCAL).used);
		EXPECT_EQ(0ULL, region_of(self->fd, LOCAL).largest_free);
		EXPECT_EQ(-ENOSPC, create_once(self->fd, LOCAL, PAGE, 0, &buffer));
		EXPECT_EQ(0, create_in(self->fd, SRAM, PAGE, 0, &buffer));
		EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
		for (int i = 0; i < count; i++) {
			EXPECT_TRUE(card_sees(self->fd, handles[i], MIB, 0));
			EXPECT_EQ(0, fill_card(self->fd, handles[i], 0, MIB, FILLED));
		}
		/* What was freed is the only thing that can be had. */
		EXPECT_EQ(0, close_buffer(self->fd, handles[7]));
		EXPECT_EQ(23 * MIB, region_of(self->fd, LOCAL).used);
		ASSERT_EQ(0, create_in(self->fd, LOCAL, MIB, 0, &buffer));
		handles[7] = buffer.handle;
		EXPECT_TRUE(card_sees(self->fd, handles[7], MIB, 0));
		EXPECT_EQ(0, fill_card(self->fd, handles[7], 0, MIB, FILLED));
		for (int i = 0; i < count; i++)
			EXPECT_EQ(0, close_buffer(self->fd, handles[i]));
		EXPECT_EQ(0ULL, settled_region(self->fd, LOCAL));
		EXPECT_EQ(16 * MIB, region_of(self->fd, LOCAL).largest_free);
	}
}

TEST_F_TIMEOUT(card, memory_that_is_being_scrubbed_is_not_missing, 120)
{
	struct accel_buffer_create buffer;
	int dirty = 0;

	for (int round = 0; round < 20; round++) {
		int error;

		ASSERT_EQ(0, create_in(self->fd, LOCAL, 16 * MIB, ACCEL_CREATE_VISIBLE, &buffer));
		ASSERT_EQ(0, close_buffer(self->fd, buffer.handle));
		error = create_once(self->fd, LOCAL, 16 * MIB, ACCEL_CREATE_VISIBLE, &buffer);
		dirty += error == -EAGAIN;
		if (!error)
			close_buffer(self->fd, buffer.handle);
		else
			EXPECT_EQ(-EAGAIN, error);
	}
	EXPECT_LT(0, dirty);
}

/* A client that has work done in a buffer of a MiB again and again. */
struct worker {
	pthread_t thread;
	int rounds;
	/* Of the first call that failed. */
	int error;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	int fd = open_card(0);

	for (int round = 0; round < worker->rounds && !worker->error; round++) {
		struct accel_buffer_create buffer;

		worker->error = create_in(fd, LOCAL, MIB, 0, &buffer) ?:
				fill_card(fd, buffer.handle, 0, PAGE, FILLED) ?:
				close_buffer(fd, buffer.handle);
	}
	close(fd);
	return NULL;
}

TEST_F_TIMEOUT(card, a_job_that_was_waited_for_keeps_no_memory, 300)
{
	struct worker workers[4];
	__u32 handles[24];

	/* As many MiB are left as there are workers. */
	ASSERT_EQ(24, fill_region(self->fd, LOCAL, MIB, 0, handles, 24));
	for (unsigned int i = 0; i < ARRAY_SIZE(workers); i++) {
		EXPECT_EQ(0, close_buffer(self->fd, handles[i]));
		workers[i] = (struct worker){ .rounds = times(2000) };
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		EXPECT_EQ(0, workers[i].error);
	}
}

TEST_F_TIMEOUT(card, scattered_buffers_use_the_holes, 120)
{
	struct accel_buffer_create buffer;
	__u32 handles[64];
	unsigned char *memory;
	int count = fill_region(self->fd, LOCAL, MIB / 2, 0, handles, 64);

	ASSERT_EQ(48, count);
	/* Holes of half a MiB: buffers are where CPUs reach them from the 17th on. */
	for (int i = 0; i < count; i += 2)
		EXPECT_EQ(0, close_buffer(self->fd, handles[i]));
	EXPECT_EQ(12 * MIB, settled_region(self->fd, LOCAL));
	EXPECT_EQ(MIB / 2, region_of(self->fd, LOCAL).largest_free);
	EXPECT_EQ(-ENOSPC, create_once(self->fd, LOCAL, MIB, ACCEL_CREATE_CONTIGUOUS, &buffer));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 3 * MIB - PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (size_t page = 0; page < buffer.size / PAGE; page++)
		memset(memory + page * PAGE, page % 251, PAGE);
	for (size_t page = 0; page < buffer.size / PAGE; page += 13)
		EXPECT_TRUE(all_bytes(memory + page * PAGE, page % 251, PAGE));
	for (int i = 1; i < count; i += 2)
		EXPECT_TRUE(card_sees(self->fd, handles[i], MIB / 2, 0));
	EXPECT_EQ(0, fill_card(self->fd, buffer.handle, MIB / 2 - 1, 2, FILLED));
	EXPECT_EQ(FILLED, memory[MIB / 2 - 1]);
	EXPECT_EQ(FILLED, memory[MIB / 2]);
}

TEST_F_TIMEOUT(card, sram_is_never_in_pieces, 120)
{
	struct accel_buffer_create buffer;
	__u32 handles[16];

	ASSERT_EQ(7, fill_region(self->fd, SRAM, MIB, 0, handles, 16));
	for (int i = 0; i < 7; i += 2)
		EXPECT_EQ(0, close_buffer(self->fd, handles[i]));
	EXPECT_EQ(3 * MIB, settled_region(self->fd, SRAM));
	EXPECT_EQ(-ENOSPC, create_once(self->fd, SRAM, 2 * MIB, 0, &buffer));
	EXPECT_EQ(0, close_buffer(self->fd, handles[1]));
	EXPECT_EQ(0, create_in(self->fd, SRAM, 2 * MIB, 0, &buffer));
}

/* Takes all that is left of the visible part, fills it by the engine, and gives it back. */
static bool overwrite_the_rest(int fd)
{
	struct accel_buffer_create buffer;
	bool right = true;

	settled_region(fd, LOCAL);
	while (right && !create_once(fd, LOCAL, MIB, ACCEL_CREATE_VISIBLE, &buffer))
		right = !fill_card(fd, buffer.handle, 0, MIB, 0x11);
	return right;
}

TEST_F_TIMEOUT(card, a_mapping_keeps_its_memory, 120)
{
	struct accel_buffer_create buffer;
	int other = open_card(0);
	unsigned char *memory;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, MIB, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	memset(memory, FILLED, MIB);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	close(self->fd);
	self->fd = other;
	EXPECT_EQ(MIB, settled_region(other, LOCAL));
	EXPECT_TRUE(overwrite_the_rest(other));
	EXPECT_TRUE(all_bytes(memory, FILLED, MIB));
	/* Half of it keeps all of it. */
	EXPECT_EQ(0, munmap(memory, MIB / 2));
	EXPECT_TRUE(all_bytes(memory + MIB / 2, FILLED, MIB / 2));
	EXPECT_EQ(16 * MIB, region_of(other, LOCAL).used);
	EXPECT_EQ(0, munmap(memory + MIB / 2, MIB / 2));
	EXPECT_EQ(15 * MIB, region_of(other, LOCAL).used);
}

TEST_F(card, mappings_are_split_moved_and_copied)
{
	struct accel_buffer_create buffer;
	unsigned char *memory, *room = anonymous(4 * PAGE);
	pid_t child;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	for (int page = 0; page < 8; page++)
		memset(memory + page * PAGE, page + 1, PAGE);
	EXPECT_EQ((void *)room, (void *)mremap(memory + 2 * PAGE, 4 * PAGE, 4 * PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED, room));
	for (int page = 0; page < 4; page++)
		EXPECT_TRUE(all_bytes(room + page * PAGE, page + 3, PAGE));
	EXPECT_EQ(MAP_FAILED, mremap(room, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, mprotect(room, PAGE, PROT_READ));
	child = fork();
	if (!child) {
		bool right = all_bytes(room, 3, PAGE) && all_bytes(memory + 7 * PAGE, 8, PAGE);

		room[PAGE] = 99;
		_exit(right ? 42 : 1);
	}
	EXPECT_EQ(42, exit_code(child));
	EXPECT_EQ(99, room[PAGE]);
	EXPECT_EQ(0, munmap(memory, 2 * PAGE));
	EXPECT_EQ(8 * PAGE, region_of(self->fd, LOCAL).used);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0, munmap(memory + 6 * PAGE, 2 * PAGE));
	EXPECT_EQ(8 * PAGE, region_of(self->fd, LOCAL).used);
	EXPECT_EQ(0, munmap(room, 4 * PAGE));
	EXPECT_EQ(0ULL, region_of(self->fd, LOCAL).used);
}

TEST_F(card, ranges_outside_and_private_mappings_are_einval)
{
	struct accel_buffer_create buffer;
	__u64 offset;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	offset = buffer.mmap_offset;
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, 5 * PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset + 3 * PAGE, 2 * PAGE, PROT_READ,
				     MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_error(self->fd, offset, PAGE, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(0, map_error(self->fd, offset + 3 * PAGE, PAGE, PROT_READ, MAP_SHARED));
}

TEST_F(card, what_its_owner_takes_back_reaches_nobody_else)
{
	struct accel_memcard_job revoke = { .op = ACCEL_MEMCARD_REVOKE, .size = 4 * PAGE };
	struct accel_buffer_create taken, kept, next;
	unsigned char *memory, *moved, *other, *late;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &taken));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &kept));
	memory = map(self->fd, &taken);
	moved = mremap(map(self->fd, &taken), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       anonymous(2 * PAGE));
	other = map(self->fd, &kept);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_NE((void *)MAP_FAILED, (void *)moved);
	ASSERT_NE((void *)MAP_FAILED, (void *)other);
	memset(memory, FILLED, 4 * PAGE);
	memset(moved, FILLED, 2 * PAGE);
	memset(other, FILLED, 4 * PAGE);
	EXPECT_EQ(0, run_mover(self->fd, revoke, taken.handle, 0));
	for (int page = 0; page < 4; page++)
		EXPECT_TRUE(is_bus_error(memory + page * PAGE));
	EXPECT_TRUE(is_bus_error(moved));
	EXPECT_TRUE(is_bus_error(moved + PAGE));
	EXPECT_TRUE(all_bytes(other, FILLED, 4 * PAGE));
	other[PAGE] = 1;
	late = map(self->fd, &taken);
	ASSERT_NE((void *)MAP_FAILED, (void *)late);
	EXPECT_TRUE(is_bus_error(late));
	/* The engine still reaches it. */
	EXPECT_TRUE(card_sees(self->fd, taken.handle, 4 * PAGE, FILLED));
	EXPECT_EQ(0, close_buffer(self->fd, taken.handle));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &next));
	EXPECT_TRUE(is_bus_error(memory));
	EXPECT_TRUE(card_sees(self->fd, next.handle, 4 * PAGE, 0));
}

TEST_F(card, nobody_can_pin_it)
{
	struct accel_buffer_create buffer;
	struct iovec page;
	int ends[2];

	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	page = (struct iovec){ map(self->fd, &buffer), PAGE };
	ASSERT_NE(MAP_FAILED, page.iov_base);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, vmsplice(ends[1], &page, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ((ssize_t)PAGE, write(ends[1], page.iov_base, PAGE));
}

/* How many page faults it takes to write to each page. */
static long faults_of(unsigned char *memory, size_t size)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	for (size_t at = 0; at < size; at += PAGE)
		__atomic_store_n(memory + at, 1, __ATOMIC_RELAXED);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_minflt - before.ru_minflt;
}

TEST_F(card, faults_map_more_than_a_page)
{
	struct accel_buffer_create buffer;
	unsigned char *memory;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * MIB, ACCEL_CREATE_VISIBLE, &buffer));
	memory = map(self->fd, &buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	/* The kernel finds addresses that suit huge pages, but not for 32-bit programs. */
	EXPECT_GE(sizeof(void *) == 8 ? 2L : 65L, faults_of(memory, 4 * MIB));
	EXPECT_EQ(0, munmap(memory + MIB, PAGE));
	EXPECT_EQ(1, memory[0]);
	EXPECT_EQ(1, memory[3 * MIB]);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
}

/* Where BAR 2 of a card begins. */
static unsigned long long memory_address(int fd)
{
	struct accel_info_device device = { .index = 0 };
	unsigned long long start = 0;
	char path[PATH_MAX];
	FILE *file;

	info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", device.address);
	file = fopen(path, "r");
	if (!file)
		return 0;
	for (int bar = 0; bar < 3; bar++)
		if (fscanf(file, "%llx %*x %*x", &start) != 1)
			start = 0;
	fclose(file);
	return start;
}

TEST_F(card, a_neighbour_below_the_switch_reaches_it)
{
	int neighbour = open_card(1);
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	unsigned char *memory, *there;
	int buf;

	ASSERT_LE(0, neighbour);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE,
			       ACCEL_CREATE_VISIBLE | ACCEL_CREATE_CONTIGUOUS, &buffer));
	buf = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(neighbour, buf, &import));
	EXPECT_EQ(8 * PAGE, import.size);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_IMPORTED, import.placement);
	/* The only buffer is at the start. */
	EXPECT_NE(0ULL, memory_address(self->fd));
	EXPECT_EQ(memory_address(self->fd), where(neighbour, import.handle));
	EXPECT_EQ(0ULL, region_of(neighbour, LOCAL).used);
	memory = map(self->fd, &buffer);
	there = map_at(neighbour, import.mmap_offset, 8 * PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	ASSERT_NE((void *)MAP_FAILED, (void *)there);
	memset(memory, FILLED, 8 * PAGE);
	EXPECT_TRUE(all_bytes(there, FILLED, 8 * PAGE));
	munmap(memory, 8 * PAGE);
	munmap(there, 8 * PAGE);
	/* The importer keeps it. */
	EXPECT_EQ(0, close(buf));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(8 * PAGE, region_of(self->fd, LOCAL).used);
	EXPECT_EQ(0, close_buffer(neighbour, import.handle));
	EXPECT_EQ(0ULL, region_of(self->fd, LOCAL).used);
	close(neighbour);
}

TEST_F(card, nobody_reaches_it_through_the_root)
{
	int stranger = open_card(2), vgem = open_vgem();
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	struct drm_prime_handle prime;
	int buf;

	ASSERT_LE(0, stranger);
	ASSERT_LE(0, vgem);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	buf = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(-EOPNOTSUPP, import_buffer(stranger, buf, &import));
	/* Could not be told when the card goes away. */
	prime = (struct drm_prime_handle){ .fd = buf };
	EXPECT_EQ(-EOPNOTSUPP, call(vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	close(buf);
	/* The other way round, likewise. */
	ASSERT_EQ(0, create_in(stranger, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	buf = export_buffer(stranger, buffer.handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(-EOPNOTSUPP, import_buffer(self->fd, buf, &import));
	close(buf);
	close(stranger);
	close(vgem);
}

TEST_F(card, what_others_cannot_reach_is_not_worked_on)
{
	int neighbour = open_card(1);
	struct accel_buffer_create hidden, pieces;
	struct accel_buffer_import import;
	__u32 handles[64];
	int buf;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, 0, &hidden));
	EXPECT_EQ(-EOPNOTSUPP, export_buffer(self->fd, hidden.handle));
	ASSERT_EQ(16, fill_region(self->fd, LOCAL, MIB, ACCEL_CREATE_VISIBLE, handles, 64));
	EXPECT_EQ(0, close_buffer(self->fd, handles[3]));
	EXPECT_EQ(0, close_buffer(self->fd, handles[7]));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 2 * MIB, ACCEL_CREATE_VISIBLE, &pieces));
	buf = export_buffer(self->fd, pieces.handle);
	ASSERT_LE(0, buf);
	/* Jobs need what is not the card's own in one piece; address spaces do not. */
	ASSERT_EQ(0, import_buffer(neighbour, buf, &import));
	EXPECT_EQ(0ULL, where(neighbour, import.handle));
	EXPECT_EQ(0, close_buffer(neighbour, import.handle));
	close(buf);
	close(neighbour);
}

TEST_F(card, its_own_memory_comes_back_as_such)
{
	int other = open_card(0);
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	unsigned char *memory;
	int buf;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
	buf = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(other, buf, &import));
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_DEVICE, import.placement);
	EXPECT_EQ(0, fill_card(other, import.handle, 0, 4 * PAGE, FILLED));
	close(other);
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	EXPECT_TRUE(all_bytes(memory, FILLED, 4 * PAGE));
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	EXPECT_EQ(0, close(buf));
	EXPECT_EQ(4 * PAGE, region_of(self->fd, LOCAL).used);
	EXPECT_TRUE(all_bytes(memory, FILLED, 4 * PAGE));
	EXPECT_EQ(0, munmap(memory, 4 * PAGE));
	EXPECT_EQ(0ULL, region_of(self->fd, LOCAL).used);
}

/* Puts the caller into a cgroup that may have @bytes of the card's local memory. */
static int limit_device_memory(int fd, unsigned long bytes)
{
	struct accel_info_device device = { .index = 0 };
	char text[128];

	info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device));
	write_file("/cgroup/cgroup.subtree_control", "+dmem");
	if (mkdir("/cgroup/accel-memcard", 0755) && errno != EEXIST)
		return -errno;
	snprintf(text, sizeof(text), "accel/%s/local %lu", device.address, bytes);
	return write_file("/cgroup/accel-memcard/dmem.max", text) ?:
	       write_file("/cgroup/accel-memcard/cgroup.procs", "0");
}

TEST_F(card, a_dmem_cgroup_bounds_it)
{
	pid_t child = fork();

	if (!child) {
		struct accel_buffer_create first, second;
		int fd = self->fd;

		if (limit_device_memory(fd, 6 * MIB))
			_exit(1);
		if (create_in(fd, LOCAL, 4 * MIB, 0, &first))
			_exit(2);
		if (create_in(fd, LOCAL, 4 * MIB, 0, &second) != -ENOSPC)
			_exit(3);
		if (create_in(fd, SRAM, 4 * MIB, 0, &second))
			_exit(4);
		if (close_buffer(fd, first.handle) || create_in(fd, LOCAL, 6 * MIB, 0, &second))
			_exit(5);
		if (create_in(fd, LOCAL, PAGE, 0, &first) != -ENOSPC)
			_exit(6);
		_exit(42);
	}
	EXPECT_EQ(42, exit_code(child));
	/* Not the region was full. */
	EXPECT_EQ(6 * MIB, region_of(self->fd, LOCAL).used);
	EXPECT_EQ(0, rmdir("/cgroup/accel-memcard"));
}

/* Makes, maps and touches a buffer while the @nth allocation or so fails; 0, or what failed. */
static int create_and_touch(int fd, struct accel_buffer_create *buffer)
{
	int error = create_once(fd, LOCAL, 8 * PAGE, ACCEL_CREATE_VISIBLE, buffer);
	unsigned char *memory;

	if (error)
		return error;
	memory = map(fd, buffer);
	if (memory == MAP_FAILED)
		return -errno;
	memory[0] = memory[7 * PAGE];
	munmap(memory, 8 * PAGE);
	return 0;
}

/* Exports a buffer and imports it on another card. */
static int share(int fd, int neighbour, __u32 handle, __u32 *imported)
{
	int buf = export_buffer(fd, handle);
	struct accel_buffer_import import;
	int error;

	if (buf < 0)
		return buf;
	error = import_buffer(neighbour, buf, &import);
	*imported = error ? 0 : import.handle;
	close(buf);
	return error;
}

TEST_F_TIMEOUT(card, nothing_is_lost_where_memory_is_short, 300)
{
	int nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	bool hit = true;

	ASSERT_EQ(0, set_up_injection());
	for (unsigned int nth = 1; hit && nth < 1000; nth++) {
		struct accel_buffer_create buffer = { .handle = 0 };
		int error;

		arm(nth_file, nth);
		error = create_and_touch(self->fd, &buffer);
		hit = disarm(nth_file);
		EXPECT_TRUE(!error || error == -ENOMEM || error == -EFAULT)
			TH_LOG("error %d at %u", error, nth);
		if (buffer.handle)
			close_buffer(self->fd, buffer.handle);
		ASSERT_EQ(0ULL, settled_region(self->fd, LOCAL));
	}
	EXPECT_FALSE(hit);
	EXPECT_EQ(16 * MIB, region_of(self->fd, LOCAL).largest_free);
}

TEST_F_TIMEOUT(card, nothing_is_shared_by_half, 300)
{
	int nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	int neighbour = open_card(1);
	bool hit = true;

	ASSERT_LE(0, neighbour);
	ASSERT_EQ(0, set_up_injection());
	for (unsigned int nth = 1; hit && nth < 1000; nth++) {
		struct accel_buffer_create buffer;
		__u32 imported = 0;
		int error;

		ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE, ACCEL_CREATE_VISIBLE, &buffer));
		arm(nth_file, nth);
		error = share(self->fd, neighbour, buffer.handle, &imported);
		hit = disarm(nth_file);
		EXPECT_TRUE(!error || error == -ENOMEM || error == -EFAULT)
			TH_LOG("error %d at %u", error, nth);
		if (imported)
			close_buffer(neighbour, imported);
		close_buffer(self->fd, buffer.handle);
		ASSERT_EQ(0ULL, settled_region(self->fd, LOCAL));
	}
	EXPECT_FALSE(hit);
	close(neighbour);
}

TEST_F(card, memory_is_accounted_where_it_is)
{
	struct accel_info_client_memory memory[MAX_REGIONS];
	struct accel_buffer_create system, local, sram;
	__u64 used = settled_region(self->fd, LOCAL);
	char pdev[32], path[PATH_MAX];
	struct accel_buffer_info answer;
	struct listed list[4];

	ASSERT_EQ(0, settled_buffers(self->fd, 0));
	ASSERT_EQ(0, create(self->fd, PAGE, &system));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 4 * PAGE, ACCEL_CREATE_VISIBLE, &local));
	ASSERT_EQ(0, create_in(self->fd, SRAM, 1, 0, &sram));
	ASSERT_EQ(MEMORY_KINDS, client_memory(self->fd, memory));
	EXPECT_STREQ("memory", memory[0].name);
	EXPECT_STREQ(region_of(self->fd, LOCAL).name, memory[LOCAL].name);
	EXPECT_EQ(PAGE, memory[0].total);
	EXPECT_EQ(local.size, memory[LOCAL].total);
	EXPECT_EQ(sram.size, memory[SRAM].total);
	for (int i = 0; i < MEMORY_KINDS; i++) {
		EXPECT_EQ(memory[i].total, memory[i].resident);
		EXPECT_EQ(0ULL, memory[i].shared | memory[i].active | memory[i].purgeable);
		EXPECT_TRUE(fdinfo_agrees(self->fd, &memory[i]));
	}
	EXPECT_EQ(used + local.size, region_of(self->fd, LOCAL).used);
	EXPECT_EQ(PAGE, memory_of(self->fd).used);
	EXPECT_EQ(0, buffer_info(self->fd, local.handle, &answer));
	EXPECT_EQ((__u32)LOCAL, answer.region);
	EXPECT_EQ(0, buffer_info(self->fd, sram.handle, &answer));
	EXPECT_EQ((__u32)SRAM, answer.region);
	EXPECT_EQ(0, buffer_info(self->fd, system.handle, &answer));
	EXPECT_EQ(0U, answer.region);
	ASSERT_EQ(3, list_buffers(self->fd, list, 4));
	EXPECT_STREQ("device:sram", list[0].placement);
	EXPECT_STREQ("device:local", list[1].placement);
	EXPECT_STREQ("combined", list[1].caching);
	EXPECT_EQ(local.size, list[1].bytes);
	EXPECT_STREQ("contiguous", list[2].placement);
	card_path(index_of(self->fd), path);
	ASSERT_TRUE(fdinfo_text(self->fd, "drm-pdev", pdev, sizeof(pdev)));
	EXPECT_STREQ(strrchr(path, '/') + 1, pdev);
	close_buffer(self->fd, system.handle);
	close_buffer(self->fd, local.handle);
	close_buffer(self->fd, sram.handle);
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
}

TEST_F(card, device_memory_is_listed_while_somebody_maps_or_shares_it)
{
	struct accel_info_client_memory memory[MAX_REGIONS];
	struct accel_buffer_import imported;
	struct accel_buffer_create local;
	struct listed list[4];
	void *mapped;
	int buf;

	ASSERT_EQ(0, settled_buffers(self->fd, 0));
	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &local));
	mapped = map(self->fd, &local);
	ASSERT_NE(MAP_FAILED, mapped);
	buf = export_buffer(self->fd, local.handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(0, close_buffer(self->fd, local.handle));
	ASSERT_EQ(1, list_buffers(self->fd, list, 4));
	EXPECT_STREQ("device:local", list[0].placement);
	EXPECT_STREQ("exported", list[0].held_by);
	ASSERT_EQ(0, import_buffer(self->fd, buf, &imported));
	close(buf);
	munmap(mapped, local.size);
	ASSERT_EQ(2, settled_buffers(self->fd, 2));
	ASSERT_EQ(2, list_buffers(self->fd, list, 4));
	EXPECT_STREQ("shared", list[0].placement);
	ASSERT_EQ(MEMORY_KINDS, client_memory(self->fd, memory));
	EXPECT_EQ(local.size, memory[LOCAL].total);
	EXPECT_EQ(local.size, memory[LOCAL].shared);
	EXPECT_EQ(0, close_buffer(self->fd, imported.handle));
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
}

TEST_F(card, memory_that_the_device_has_mapped_is_given_back_as_well)
{
	static const __u32 placements[] = {
		ACCEL_PLACEMENT_SYSTEM, ACCEL_PLACEMENT_CONTIGUOUS,
	};
	struct accel_buffer_create local;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, 0, &local));
	EXPECT_EQ(-EOPNOTSUPP, advise(self->fd, local.handle, DONT));
	EXPECT_EQ(1, advise(self->fd, local.handle, WILL));
	for (unsigned int i = 0; i < ARRAY_SIZE(placements); i++) {
		struct accel_buffer_create system = {
			.size = 3 * PAGE, .placement = placements[i],
		};
		unsigned char *memory;
		int error;

		ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_CREATE, &system));
		memory = map(self->fd, &system);
		ASSERT_NE(MAP_FAILED, (void *)memory);
		ASSERT_EQ(0, fill_card(self->fd, local.handle, 0, PAGE, FILLED));
		/* A buffer in pieces may be beyond the reach of the card. */
		if (!copy_card(self->fd, system.handle, 0, local.handle, 0, PAGE))
			EXPECT_TRUE(all_bytes(memory, FILLED, PAGE));
		ASSERT_TRUE(purged(self->fd, system.handle));
		error = copy_card(self->fd, system.handle, 0, local.handle, 0, PAGE);
		if (placements[i] == ACCEL_PLACEMENT_SYSTEM && error == -EOPNOTSUPP)
			error = -EINVAL;
		EXPECT_EQ(-EINVAL, error);
		EXPECT_EQ(0, close_buffer(self->fd, system.handle));
		munmap(memory, 3 * PAGE);
	}
	close_buffer(self->fd, local.handle);
	EXPECT_EQ(0, settled_buffers(self->fd, 0));
}

TEST_HARNESS_MAIN
