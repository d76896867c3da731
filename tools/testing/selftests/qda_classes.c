// SPDX-License-Identifier: GPL-2.0
/*
 * Data of class 1, few buffers that fill a QDA card, and of class 2, very many small ones: what
 * they cost in memory, page tables, packets and submissions, and that no byte is lost. With
 * ACCEL_FIGURES, for a release kernel under icount, it prints instructions and memory of the host,
 * too (scenario classes, Documentation/driver-api/benchmarks.rst).
 */
#include "qda.h"

#define MIB		0x100000UL
/* Where buffers are mapped, of the card and of the host: tables of the two lowest levels each. */
#define AT_CARD		0x100000000ULL
#define AT_HOST		0x200000000ULL
#define AT_CHECK	0x300000000ULL
/* What a page of a page table translates: as pages of 4 KiB, and as pages of 2 MiB. */
#define TABLE_REACH	(2 * MIB)
#define FEW		4
#define LARGE		(14 * MIB)
#define MOST_SMALL	10000U

static __u64 parts_of(__u64 size, __u64 part)
{
	return (size + part - 1) / part;
}

FIXTURE(classes)
{
	int fd;
	__u32 space, queue;
	/* Bytes that were taken before, and the most that one packet moves. */
	__u64 before, most;
	long packets;
};

FIXTURE_SETUP(classes)
{
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_space(self->fd);
	self->queue = create_queue_in(self->fd, self->space);
	ASSERT_LT(0, (__s32)self->queue);
	ASSERT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	self->before = settled_region(self->fd, LOCAL);
	self->most = qda_info(self->fd).limit_bytes;
	self->packets = qda_state(0, "packets");
	ASSERT_LT(0, self->packets);
}

FIXTURE_TEARDOWN(classes)
{
	close(self->fd);
}

/* What is taken of the card's memory since the beginning. */
static __u64 taken(const FIXTURE_DATA(classes) *self)
{
	return region_of(self->fd, LOCAL).used - self->before;
}

/* Packets that move @size bytes, as few as can be; returns how many. */
static unsigned int move_all(const FIXTURE_DATA(classes) *self, __u64 from, __u64 to, __u64 size,
			     struct accel_qda_packet *packets)
{
	unsigned int count = 0;

	for (__u64 done = 0; done < size; done += self->most) {
		__u64 left = size - done;

		packets[count++] = move(from + done, to + done,
					left < self->most ? left : self->most);
	}
	return count;
}

/* Word number @i of what is written: each one is different. */
static __u32 word_of(size_t i)
{
	return i * 2654435761U + 1;
}

static void write_words(__u32 *words, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		words[i] = word_of(first + i);
}

static bool are_words(const __u32 *words, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] != word_of(first + i))
			return false;
	return true;
}

#define WORDS(size)	((size) / sizeof(__u32))

/* From the host to one half of the card, from there to the other half, and back: one submission. */
TEST_F_TIMEOUT(classes, few_large_buffers_take_one_submission_and_a_page_table, 300)
{
	struct accel_qda_packet packets[MOST_PACKETS];
	struct accel_buffer_create buffers[FEW], host;
	unsigned int count = 0;
	__u32 *words;

	for (int i = 0; i < FEW; i++) {
		ASSERT_EQ(0, create_in(self->fd, LOCAL, LARGE, 0, &buffers[i]));
		ASSERT_EQ(0, map_fixed(self->fd, self->space, buffers[i].handle, 0, LARGE,
				       AT_CARD + i * LARGE, READ_WRITE));
	}
	/* Nine tenths of what is there; all by pages of 2 MiB: one table of each level. */
	EXPECT_LE(region_of(self->fd, LOCAL).size * 9 / 10, taken(self));
	EXPECT_EQ(FEW * LARGE + 2 * PAGE, taken(self));

	words = create_mapped(self->fd, FEW * LARGE, &host);
	ASSERT_NE(MAP_FAILED, (void *)words);
	ASSERT_EQ(0, map_fixed(self->fd, self->space, host.handle, 0, FEW * LARGE, AT_HOST,
			       READ_WRITE));
	write_words(words, 0, WORDS(FEW * LARGE / 2));
	count += move_all(self, AT_HOST, AT_CARD, FEW * LARGE / 2, packets);
	count += move_all(self, AT_CARD, AT_CARD + FEW * LARGE / 2, FEW * LARGE / 2,
			  packets + count);
	count += move_all(self, AT_CARD + FEW * LARGE / 2, AT_HOST + FEW * LARGE / 2,
			  FEW * LARGE / 2, packets + count);
	EXPECT_EQ(3 * parts_of(FEW * LARGE / 2, self->most), count);
	EXPECT_EQ(0, run_packets(self->fd, self->queue, packets, count, NULL));
	EXPECT_TRUE(are_words(words + WORDS(FEW * LARGE / 2), 0, WORDS(FEW * LARGE / 2)));
	EXPECT_EQ((long)count, qda_state(0, "packets") - self->packets);
	TH_LOG("%lu MiB in %d buffers: %u packets, %lu bytes each, 1 submission",
	       FEW * LARGE / MIB, FEW, count, 3 * FEW * LARGE / 2 / count);
	munmap(words, FEW * LARGE);
}

/* Under icount, so many instructions were executed. */
static __u64 instructions_now(void)
{
	return __builtin_ia32_rdtsc();
}

static __u64 free_memory(void)
{
	char text[2048] = "", *at;

	read_file("/proc/meminfo", text, sizeof(text));
	at = strstr(text, "MemFree:");
	return at ? strtoull(at + strlen("MemFree:"), NULL, 10) * 1024 : 0;
}

/* Prints how much @what took, for each of @count. */
static void tell_figure(const char *what, __u64 taken, unsigned int count)
{
	if (getenv("ACCEL_FIGURES"))
		printf("# %5u %s: %llu each\n", count, what, taken / count);
}

/* The same of the instructions since @before. */
static void tell_cost(const char *what, __u64 before, unsigned int count)
{
	tell_figure(what, instructions_now() - before, count);
}

/* Makes @count buffers of a page: 0, or -errno. */
static int create_many(int fd, bool is_local, unsigned int count,
		       struct accel_buffer_create *buffers)
{
	int error = 0;

	for (unsigned int i = 0; i < count && !error; i++)
		error = is_local ? create_in(fd, LOCAL, PAGE, 0, &buffers[i]) :
				   create(fd, PAGE, &buffers[i]);
	return error;
}

/* Maps them one behind the other. */
static int map_many(int fd, __u32 space, unsigned int count,
		    const struct accel_buffer_create *buffers, __u64 at)
{
	int error = 0;

	for (unsigned int i = 0; i < count && !error; i++)
		error = map_fixed(fd, space, buffers[i].handle, 0, PAGE, at + i * PAGE,
				  READ_WRITE);
	return error;
}

static int close_many(int fd, unsigned int count, const struct accel_buffer_create *buffers)
{
	int error = 0;

	for (unsigned int i = 0; i < count && !error; i++)
		error = close_buffer(fd, buffers[i].handle);
	return error;
}

/* Writes what only this buffer has to each. */
static int write_many(int fd, unsigned int count, const struct accel_buffer_create *buffers)
{
	for (unsigned int i = 0; i < count; i++) {
		__u32 *words = map(fd, &buffers[i]);

		if ((void *)words == MAP_FAILED)
			return -errno;
		write_words(words, i * WORDS(PAGE), WORDS(PAGE));
		munmap(words, PAGE);
	}
	return 0;
}

/* As many of the card as of the host: a job copies these to those, another one reads them. */
static void use_many(struct __test_metadata *_metadata, FIXTURE_DATA(classes) *self,
		     unsigned int count)
{
	static struct accel_buffer_create card[MOST_SMALL], host[MOST_SMALL];
	struct accel_qda_packet packets[MOST_PACKETS];
	const __u64 size = count * PAGE;
	struct accel_buffer_create check;
	__u64 before, free = free_memory();
	unsigned int moves;
	__u32 *words;

	before = instructions_now();
	ASSERT_EQ(0, create_many(self->fd, false, count, host));
	tell_cost("of the host made, instructions", before, count);
	EXPECT_EQ(size, memory_of(self->fd).used);
	before = instructions_now();
	ASSERT_EQ(0, create_many(self->fd, true, count, card));
	tell_cost("of the card made, instructions", before, count);
	EXPECT_EQ(size, taken(self));

	before = instructions_now();
	ASSERT_EQ(0, map_many(self->fd, self->space, count, card, AT_CARD));
	tell_cost("of the card mapped, instructions", before, count);
	/* Tables of the lowest level, and one of each of the two above. */
	EXPECT_EQ(size + (parts_of(size, TABLE_REACH) + 2) * PAGE, taken(self));
	before = instructions_now();
	ASSERT_EQ(0, map_many(self->fd, self->space, count, host, AT_HOST));
	tell_cost("of the host mapped, instructions", before, count);
	EXPECT_EQ(size + (2 * parts_of(size, TABLE_REACH) + 3) * PAGE, taken(self));
	tell_figure("pairs, bytes of the host", free - free_memory(), count);

	ASSERT_EQ(0, write_many(self->fd, count, host));
	self->packets = qda_state(0, "packets");
	moves = move_all(self, AT_HOST, AT_CARD, size, packets);
	EXPECT_EQ(0, run_packets(self->fd, self->queue, packets, moves, NULL));
	EXPECT_EQ((long)moves, qda_state(0, "packets") - self->packets);
	words = create_mapped(self->fd, size, &check);
	ASSERT_NE(MAP_FAILED, (void *)words);
	ASSERT_EQ(0, map_fixed(self->fd, self->space, check.handle, 0, size, AT_CHECK,
			       READ_WRITE));
	moves = move_all(self, AT_CARD, AT_CHECK, size, packets);
	EXPECT_EQ(0, run_packets(self->fd, self->queue, packets, moves, NULL));
	EXPECT_TRUE(are_words(words, 0, WORDS(size)));
	munmap(words, size);
	EXPECT_EQ(0, unmap(self->fd, self->space, AT_CHECK, size));
	EXPECT_EQ(0, close_buffer(self->fd, check.handle));
	TH_LOG("%u buffers: %u packets, 1 submission, %llu bytes of page tables", 2 * count, moves,
	       taken(self) - size);

	before = instructions_now();
	EXPECT_EQ(0, unmap(self->fd, self->space, AT_CARD, size));
	EXPECT_EQ(0, unmap(self->fd, self->space, AT_HOST, size));
	tell_cost("pairs unmapped, instructions", before, count);
	before = instructions_now();
	EXPECT_EQ(0, close_many(self->fd, count, host));
	EXPECT_EQ(0, close_many(self->fd, count, card));
	tell_cost("pairs closed, instructions", before, count);
	EXPECT_EQ(self->before, settled_region(self->fd, LOCAL));
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
}

TEST_F_TIMEOUT(classes, many_small_buffers_cost_as_much_each_as_few, 300)
{
	/* A debug kernel takes minutes for all. The most come first: nothing is set aside. */
	const unsigned int most = is_long() ? MOST_SMALL : MOST_SMALL / 20;

	for (unsigned int count = most; count >= most / 20; count /= 4)
		use_many(_metadata, self, count);
}

TEST_HARNESS_MAIN
