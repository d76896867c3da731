// SPDX-License-Identifier: GPL-2.0
/* Device memory in user mappings when its device goes away: unbound, and taken out. */
#include "binding.h"
#include "host.h"
#include "memcard.h"
#include "share.h"
#include "timeline.h"

#define LOCAL	ACCEL_MEMCARD_LOCAL
#define VICTIM	2	/* the card at a root port */
#define PAGES	1024UL	/* huge pages, too */
#define SIZE	(PAGES * PAGE)

static int take_out(const char *address)
{
	(void)address;
	return host("remove card2") ? 0 : -EIO;
}

static int put_in(const char *address)
{
	(void)address;
	return host("insert card2 ivshmem-plain rp0 memdev=spare") ? 0 : -EIO;
}

FIXTURE(gone)
{
	int fd;
	struct accel_buffer_create buffer;
	unsigned char *memory, *part, *bell;
	struct accel_doorbell_create doorbell;
	char address[48];
};

FIXTURE_VARIANT(gone)
{
	int (*out)(const char *address);
	int (*in)(const char *address);
};

FIXTURE_VARIANT_ADD(gone, unbound)
{
	.out = unbind,
	.in = come_back,
};

FIXTURE_VARIANT_ADD(gone, taken_out)
{
	.out = take_out,
	.in = put_in,
};

FIXTURE_SETUP(gone)
{
	self->fd = reopen(VICTIM);
	ASSERT_LE(0, self->fd);
	address_of(self->fd, self->address);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &self->buffer));
	self->memory = map(self->fd, &self->buffer);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->memory);
	memset(self->memory, FILLED, SIZE);
	/* One that was never touched, split and moved. */
	self->part = map_at(self->fd, self->buffer.mmap_offset, 4 * PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->part);
	ASSERT_EQ(0, munmap(self->part + PAGE, PAGE));
	ASSERT_EQ(0, create_doorbell(self->fd, &self->doorbell));
	self->bell = map_at(self->fd, self->doorbell.mmap_offset, PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->bell);
	self->bell[0] = FILLED;
}

FIXTURE_TEARDOWN(gone)
{
	munmap(self->memory, SIZE);
	close(self->fd);
}

TEST_F_TIMEOUT(gone, mappings_are_zero_and_work, 120)
{
	struct accel_buffer_create buffer;
	pid_t child;
	int fd;

	ASSERT_EQ(0, variant->out(self->address));
	EXPECT_TRUE(all_bytes(self->memory, 0, SIZE));
	EXPECT_TRUE(all_bytes(self->part, 0, PAGE));
	EXPECT_TRUE(all_bytes(self->part + 2 * PAGE, 0, 2 * PAGE));
	self->memory[5 * PAGE + 7] = 42;
	EXPECT_EQ(42, self->memory[5 * PAGE + 7]);
	EXPECT_EQ(-ENODEV, create_once(self->fd, LOCAL, PAGE, 0, &buffer));
	EXPECT_EQ(-ENODEV, map_error(self->fd, self->buffer.mmap_offset, PAGE, PROT_READ,
				     MAP_SHARED));
	/* Ringing is no mistake. */
	EXPECT_EQ(0, self->bell[0]);
	self->bell[0] = 1;
	EXPECT_EQ(-ENODEV, create_doorbell(self->fd, &self->doorbell));
	EXPECT_EQ(-ENODEV, close_doorbell(self->fd, 1));
	child = fork();
	if (!child) {
		self->memory[PAGE] = 1;
		_exit(self->memory[5 * PAGE + 7] == 42 ? 42 : 1);
	}
	EXPECT_EQ(42, exit_code(child));
	EXPECT_EQ(0, munmap(self->part, PAGE));

	ASSERT_EQ(0, variant->in(self->address));
	fd = reopen(VICTIM);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0ULL, settled_region(fd, LOCAL));
	/* A card that stays keeps its memory: the next owner finds nothing of it. */
	ASSERT_EQ(0, create_in(fd, LOCAL, 16 << 20, ACCEL_CREATE_VISIBLE, &buffer));
	EXPECT_TRUE(card_sees(fd, buffer.handle, 16 << 20, 0));
	EXPECT_EQ(0, fill_card(fd, buffer.handle, 0, 16 << 20, 0x55));
	EXPECT_EQ(42, self->memory[5 * PAGE + 7]);
	EXPECT_EQ(0, self->memory[SIZE - 1]);
	memset(self->memory, 0x66, SIZE);
	EXPECT_TRUE(card_sees(fd, buffer.handle, 16 << 20, 0x55));
	EXPECT_EQ(1, self->bell[0]);
	/* Doorbells end with their file, memory does not. */
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(is_bus_error(self->bell));
	EXPECT_EQ(0x66, self->memory[0]);
	close(fd);
}

/* Two cards, the first one's memory in use by the second. */
FIXTURE(peers)
{
	int fd, neighbour, buf;
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;
	char address[48], neighbour_address[48];
	unsigned char *memory;
};

FIXTURE_SETUP(peers)
{
	self->fd = reopen(0);
	self->neighbour = reopen(1);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->neighbour);
	address_of(self->fd, self->address);
	address_of(self->neighbour, self->neighbour_address);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, 8 * PAGE,
			       ACCEL_CREATE_VISIBLE | ACCEL_CREATE_CONTIGUOUS, &self->buffer));
	self->buf = export_buffer(self->fd, self->buffer.handle);
	ASSERT_LE(0, self->buf);
	ASSERT_EQ(0, import_buffer(self->neighbour, self->buf, &self->import));
	EXPECT_NE(0ULL, where(self->neighbour, self->import.handle));
	self->memory = map_at(self->neighbour, self->import.mmap_offset, 8 * PAGE);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->memory);
	memset(self->memory, FILLED, 8 * PAGE);
}

FIXTURE_TEARDOWN(peers)
{
	munmap(self->memory, 8 * PAGE);
	close(self->buf);
	close(self->neighbour);
	close(self->fd);
}

TEST_F_TIMEOUT(peers, the_exporter_goes_away, 120)
{
	struct accel_buffer_import again;

	ASSERT_EQ(0, unbind(self->address));
	EXPECT_TRUE(all_bytes(self->memory, 0, 8 * PAGE));
	/* Nobody reaches it any more, and nobody can try. */
	EXPECT_EQ(0ULL, where(self->neighbour, self->import.handle));
	EXPECT_EQ(-EOPNOTSUPP, fill_card(self->neighbour, self->import.handle, 0, PAGE, 1));
	EXPECT_EQ(-ENODEV, import_buffer(self->neighbour, self->buf, &again));
	ASSERT_EQ(0, come_back(self->address));
	EXPECT_EQ(-ENODEV, import_buffer(self->neighbour, self->buf, &again));
	EXPECT_EQ(0, close_buffer(self->neighbour, self->import.handle));
	EXPECT_EQ(0, create_in(self->neighbour, LOCAL, PAGE, 0, &self->buffer));
}

/* A job that was good when it was submitted, but is still to begin. */
TEST_F_TIMEOUT(peers, the_exporter_goes_away_before_a_job_that_is_kept, 120)
{
	struct accel_memcard_job fill = { .op = ACCEL_MEMCARD_FILL, .value = 1, .size = PAGE };
	struct accel_point point = { timeline_at(self->neighbour, 0), ACCEL_POINT_WAIT, 1 };
	struct accel_buffer_create own;
	__s64 kept, behind;

	ASSERT_EQ(0, create_in(self->neighbour, LOCAL, PAGE, 0, &own));
	kept = submit_mover(self->neighbour, fill, self->import.handle, 0, &point);
	behind = submit_mover(self->neighbour, fill, own.handle, 0, NULL);
	ASSERT_LT(0LL, kept);
	ASSERT_LT(0LL, behind);
	ASSERT_EQ(0, unbind(self->address));
	ASSERT_EQ(0, signal_point(self->neighbour, point.handle, 1));
	EXPECT_EQ(-ECANCELED, wait_mover(self->neighbour, kept));
	EXPECT_EQ(0, wait_mover(self->neighbour, behind));
	ASSERT_EQ(0, come_back(self->address));
}

TEST_F_TIMEOUT(peers, the_importer_goes_away, 120)
{
	ASSERT_EQ(0, unbind(self->neighbour_address));
	EXPECT_TRUE(all_bytes(self->memory, FILLED, 8 * PAGE));
	EXPECT_TRUE(card_sees(self->fd, self->buffer.handle, 8 * PAGE, FILLED));
	ASSERT_EQ(0, unbind(self->address));
	EXPECT_TRUE(all_bytes(self->memory, 0, 8 * PAGE));
	ASSERT_EQ(0, come_back(self->neighbour_address));
	ASSERT_EQ(0, come_back(self->address));
}

struct toucher {
	pthread_t thread;
	int fd;
	__u64 offset;
	bool stop;
};

/* Faults all the time, in new mappings for as long as there are any. */
static void *touch(void *argument)
{
	struct toucher *toucher = argument;
	unsigned char *memory = MAP_FAILED;
	unsigned int at = 0;

	while (!__atomic_load_n(&toucher->stop, __ATOMIC_RELAXED)) {
		unsigned char *other = map_at(toucher->fd, toucher->offset, SIZE);

		if (other != MAP_FAILED && memory != MAP_FAILED)
			munmap(memory, SIZE);
		if (other != MAP_FAILED)
			memory = other;
		for (int i = 0; i < 50; i++) {
			at = (at * 1103515245 + 12345) % PAGES;
			if (memory != MAP_FAILED)
				__atomic_store_n(memory + at * PAGE, 1, __ATOMIC_RELAXED);
		}
	}
	return memory;
}

FIXTURE(storm)
{
	struct toucher touchers[3];
};

FIXTURE_SETUP(storm)
{
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(storm)
{
}

TEST_F_TIMEOUT(storm, nobody_dies_of_it_in_the_middle_of_a_fault, 600)
{
	for (int round = 0; round < times(60); round++) {
		struct accel_buffer_create buffer;
		char address[48];
		int fd = reopen(VICTIM);

		ASSERT_LE(0, fd);
		address_of(fd, address);
		ASSERT_EQ(0, create_in(fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &buffer));
		for (unsigned int i = 0; i < ARRAY_SIZE(self->touchers); i++) {
			struct toucher *toucher = &self->touchers[i];

			*toucher = (struct toucher){
				.fd = fd,
				.offset = buffer.mmap_offset,
			};
			ASSERT_EQ(0, pthread_create(&toucher->thread, NULL, touch, toucher));
		}
		sleep_ms(20 + round * 3);
		ASSERT_EQ(0, unbind(address));
		ASSERT_EQ(0, come_back(address));
		for (unsigned int i = 0; i < ARRAY_SIZE(self->touchers); i++) {
			struct toucher *toucher = &self->touchers[i];
			void *memory;

			__atomic_store_n(&toucher->stop, true, __ATOMIC_RELAXED);
			pthread_join(toucher->thread, &memory);
			if (memory != MAP_FAILED)
				munmap(memory, SIZE);
		}
		close(fd);
		/* They wrote to what was theirs only. */
		fd = reopen(VICTIM);
		ASSERT_EQ(0ULL, settled_region(fd, LOCAL));
		ASSERT_EQ(0, create_in(fd, LOCAL, 16 << 20, ACCEL_CREATE_VISIBLE, &buffer));
		EXPECT_TRUE(card_sees(fd, buffer.handle, 16 << 20, 0));
		close(fd);
	}
}

TEST_HARNESS_MAIN
