/* SPDX-License-Identifier: GPL-2.0 */
/* All-reduce between two QDA cards, a process for each: sums over link 0, again and again. */
#ifndef _ACCEL_SELFTESTS_FABRIC_H
#define _ACCEL_SELFTESTS_FABRIC_H

#include "user_queue.h"

#define CARDS		2
#define COLLECTIVE	4	/* engine */
#define GROUP		0x7374
/* Each card has so many numbers, of which half are summed by either. */
#define NUMBERS		(32 * 1024U)
#define CHUNK		(NUMBERS / CARDS * sizeof(float))
/* How long a packet waits for that of the other card. */
#define MEET_US		2000000

/* One card of the ring. */
struct side {
	int card, fd;
	__u32 space;
	struct accel_buffer_create buffer;
	float *numbers;
	__u64 address;
	struct user_queue queue;
};

static inline int open_side_in(int card, __u32 group, struct side *side)
{
	struct accel_qda_user_queue payload;
	struct accel_user_queue_create create;
	int error;

	*side = (struct side){ .card = card, .fd = open_qda(card) };
	if (side->fd < 0)
		return side->fd;
	side->space = create_space(side->fd);
	side->numbers = create_mapped(side->fd, CARDS * CHUNK, &side->buffer);
	if ((void *)side->numbers == MAP_FAILED)
		return -ENOMEM;
	side->address = map_anywhere(side->fd, side->space, side->buffer.handle, 0,
				     CARDS * CHUNK, READ_WRITE);
	error = prepare_queue(side->fd, side->space, &side->queue);
	payload = payload_of(&side->queue);
	payload.links = 1;
	payload.group = group;
	create = arguments_of(&side->queue, &payload);
	create.engine = COLLECTIVE;
	error = error ?: call(side->fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &create);
	side->queue.handle = create.handle;
	return error;
}

static inline int open_side(int card, struct side *side)
{
	return open_side_in(card, GROUP, side);
}

static inline void close_side(struct side *side)
{
	if (side->fd < 0)
		return;
	close_user_queue(&side->queue);
	munmap(side->numbers, CARDS * CHUNK);
	close(side->fd);
}

/* Where the part is that a card sends in a step; it receives that of the next step. */
static inline __u64 part_of(const struct side *side, int step)
{
	return side->address + (side->card + step) % CARDS * CHUNK;
}

static inline struct accel_qda_packet exchange_parts(const struct side *side, int step)
{
	bool sums = step == 0;

	return (struct accel_qda_packet){
		.opcode = ACCEL_QDA_EXCHANGE,
		.flags = INTERRUPT,
		.element = sums,
		.operation = sums,
		.a = part_of(side, step),
		.b = sums ? part_of(side, step + 1) : 0,
		.d = part_of(side, step + 1),
		.stride_a = step,
		.columns = CHUNK,
		.scalar = MEET_US,
	};
}

/* Starts an all-reduce of numbers that are all @round times one more than the card's. */
static inline void start_round(struct side *side, int round)
{
	for (unsigned int i = 0; i < NUMBERS; i++)
		side->numbers[i] = round * (side->card + 1);
	write_packet(&side->queue, exchange_parts(side, 0));
	write_packet(&side->queue, exchange_parts(side, 1));
	ring(&side->queue);
}

/* Waits for its end; returns 0 or -errno, -EILSEQ if a sum is wrong. */
static inline int end_round(struct side *side, int round)
{
	int error = wait_point(side->fd, side->queue.timeline, side->queue.written, 0,
			       now_ns() + PATIENCE_NS);

	for (unsigned int i = 0; !error && i < NUMBERS; i++)
		if (side->numbers[i] != round * 3)
			error = -EILSEQ;
	return error;
}

/* A process that reduces until that fails, and exits with the errno. */
static inline pid_t start_reducing(int card, __u32 *rounds)
{
	struct side side;
	pid_t child = fork();
	int error;

	if (child)
		return child;
	error = open_side(card, &side);
	for (int round = 1; !error; round = round % 1000 + 1) {
		start_round(&side, round);
		error = end_round(&side, round);
		if (!error)
			__atomic_fetch_add(rounds, 1, __ATOMIC_RELAXED);
	}
	_exit(-error);
}

/* Two of them. */
struct ring {
	pid_t children[CARDS];
	__u32 *rounds;
};

/* Starts them, and returns whether they work. */
static inline bool start_ring(struct ring *ring)
{
	__s64 end = now_ns() + PATIENCE_NS;

	ring->rounds = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if ((void *)ring->rounds == MAP_FAILED)
		return false;
	for (int card = 0; card < CARDS; card++)
		ring->children[card] = start_reducing(card, &ring->rounds[card]);
	while (__atomic_load_n(&ring->rounds[0], __ATOMIC_RELAXED) < 5 && now_ns() < end)
		sleep_ms(5);
	return ring->rounds[0] >= 5;
}

/* Whether two new sides sum up right, once the link is there. */
static inline bool can_reduce(void)
{
	__s64 end = now_ns() + PATIENCE_NS;
	int error;

	do {
		struct side sides[CARDS];

		error = 0;
		for (int card = 0; card < CARDS; card++)
			error = open_side(card, &sides[card]) ?: error;
		for (int card = 0; !error && card < CARDS; card++)
			start_round(&sides[card], 1);
		for (int card = 0; !error && card < CARDS; card++)
			error = end_round(&sides[card], 1);
		for (int card = 0; card < CARDS; card++)
			close_side(&sides[card]);
	} while (error && error != -EILSEQ && now_ns() < end);
	return !error;
}

#endif /* _ACCEL_SELFTESTS_FABRIC_H */
