// SPDX-License-Identifier: GPL-2.0
/* accel_qda: one client does all the harm it can, seven others work: they do not notice. */
#include "user_queue.h"

#define HONEST		7
#define RIOT_MS		4000
/* How long a packet that waits for ever has: not as long as the driver wants. */
#define LIMIT_MS	500
#define TENSOR		2
/* Matrices of N x N. */
#define N		16
#define COPY_SIZE	(16 * 1024UL)
#define BYTES		(4 * COPY_SIZE)

/* What the processes know of each other. */
struct shared {
	bool is_over;
	/* Of the honest ones: what they have done well. */
	__u32 rounds[HONEST];
};

/* Where work comes from and goes to. */
struct place {
	int fd;
	__u32 space;
	struct accel_buffer_create buffer;
	unsigned char *bytes;
	__u64 address;
};

/* Takes memory of the card, or of the host. */
static int furnish(struct place *place, bool on_card)
{
	int error = on_card ? create_in(place->fd, LOCAL, BYTES, ACCEL_CREATE_VISIBLE,
					&place->buffer) :
			      create(place->fd, BYTES, &place->buffer);

	place->space = create_space(place->fd);
	place->bytes = error ? MAP_FAILED : map(place->fd, &place->buffer);
	if ((void *)place->bytes == MAP_FAILED)
		return -ENOMEM;
	place->address = map_anywhere(place->fd, place->space, place->buffer.handle, 0, BYTES,
				      READ_WRITE);
	return place->space && place->address ? 0 : -ENOMEM;
}

static int open_place(struct place *place, bool on_card)
{
	place->fd = open_qda(0);
	return place->fd < 0 ? place->fd : furnish(place, on_card);
}

static __s64 create_queue_for(const struct place *place, __u32 engine)
{
	struct accel_context_create context = { .address_space = place->space };
	struct accel_queue_create queue = { .engine = engine };
	int error = call(place->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context);

	queue.context = context.handle;
	error = error ?: call(place->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue);
	destroy_context(place->fd, context.handle);
	return error ? error : (__s64)queue.handle;
}

/* D = A x B: two matrices of bytes at the start of the buffer, and one of numbers behind them. */
static struct accel_qda_packet multiply(const struct place *place)
{
	return (struct accel_qda_packet){
		.opcode = ACCEL_QDA_GEMM,
		.element = 4,
		.a = place->address,
		.b = place->address + N * N,
		.d = place->address + COPY_SIZE,
		.stride_a = N,
		.stride_b = N,
		.stride_d = N * sizeof(__s32),
		.rows = N,
		.columns = N,
		.depth = N,
	};
}

static bool is_product(const struct place *place)
{
	const __s8 *a = (__s8 *)place->bytes, *b = a + N * N;
	const __s32 *d = (__s32 *)(place->bytes + COPY_SIZE);

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			__s32 sum = 0;

			for (int k = 0; k < N; k++)
				sum += a[i * N + k] * b[k * N + j];
			if (d[i * N + j] != sum)
				return false;
		}
	return true;
}

/* Executes a packet in a user queue, and sleeps meanwhile. */
static int execute_asleep(struct user_queue *queue, struct accel_qda_packet packet)
{
	packet.flags = INTERRUPT;
	write_packet(queue, packet);
	ring(queue);
	return wait_point(queue->fd, queue->timeline, queue->written, 0,
			  now_ns() + PATIENCE_NS);
}

/*
 * Computes until it is over; returns 0, or what went wrong. Even numbers copy, others multiply, on
 * either engine for that, and in memory of the card or of the host.
 */
static int work_honestly(int number, struct shared *shared)
{
	bool copies = number % 2 == 0, by_user_queue = number >= HONEST / 2;
	__u32 engine = (copies ? 0 : TENSOR) + number / 4;
	unsigned int seed = number * 1000;
	struct user_queue user;
	struct place place;
	__s64 queue = 0;
	int error = open_place(&place, number / 2 % 2 == 0);

	if (error)
		return 1;
	if (by_user_queue)
		error = open_user_queue(place.fd, place.space, engine, &user);
	else
		queue = create_queue_for(&place, engine);
	if (error || queue < 0)
		return 2;
	while (!__atomic_load_n(&shared->is_over, __ATOMIC_RELAXED)) {
		struct accel_qda_packet packet = copies ?
			move(place.address, place.address + COPY_SIZE, COPY_SIZE) :
			multiply(&place);

		seed++;
		for (unsigned int i = 0; i < COPY_SIZE; i++)
			place.bytes[i] = i * 31 + (i >> 8) + seed;
		memset(place.bytes + COPY_SIZE, seed, BYTES - COPY_SIZE);
		error = by_user_queue ? execute_asleep(&user, packet) :
					run_packet(place.fd, queue, packet, NULL);
		if (error)
			return 3;
		if (copies ? !!memcmp(place.bytes, place.bytes + COPY_SIZE, COPY_SIZE) :
			     !is_product(&place))
			return 4;
		/* Nor has anything come behind it. */
		if (!all_bytes(place.bytes + 2 * COPY_SIZE, (__u8)seed, BYTES - 2 * COPY_SIZE))
			return 5;
		__atomic_fetch_add(&shared->rounds[number], 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* The hostile client. */
struct rioter {
	struct place place;
	__u32 queue;
	struct user_queue user;
	unsigned int seed;
	/* Of its wild addresses: without any the test would be none. */
	unsigned int faults;
	/* How often it was given memory that was not empty. */
	unsigned int leaks;
};

static __u64 dice(struct rioter *rioter)
{
	return (__u64)rand_r(&rioter->seed) << 40 ^ (__u64)rand_r(&rioter->seed) << 20 ^
	       rand_r(&rioter->seed);
}

static struct accel_qda_packet garbage(struct rioter *rioter)
{
	union {
		struct accel_qda_packet packet;
		__u64 words[sizeof(struct accel_qda_packet) / 8];
	} any;

	for (size_t i = 0; i < ARRAY_SIZE(any.words); i++)
		any.words[i] = dice(rioter);
	any.packet.flags = 0;
	/* Every other one is something that the card knows, if badly. */
	if (dice(rioter) % 2) {
		any.packet.opcode = 1 + dice(rioter) % ACCEL_QDA_EXCHANGE;
		any.packet.reserved = 0;
		any.packet.options = 0;
		any.packet.extra = 0;
	}
	return any.packet;
}

static void renew_user_queue(struct rioter *rioter)
{
	close_user_queue(&rioter->user);
	open_user_queue(rioter->place.fd, rioter->place.space, dice(rioter) % 5, &rioter->user);
}

static bool has_user_queue(const struct rioter *rioter)
{
	return rioter->user.handle && (void *)rioter->user.memory != MAP_FAILED &&
	       (void *)rioter->user.page != MAP_FAILED;
}

static void wild_addresses(struct rioter *rioter)
{
	__u64 address = rioter->place.address;
	const struct accel_qda_packet wild[] = {
		fill(dice(rioter) & ~3ULL, PAGE, 0),
		move(dice(rioter), address, PAGE),
		move(address + BYTES - 8, dice(rioter), PAGE),
		fill(address + BYTES - PAGE, 2 * PAGE, 0),
	};

	/* Its other queues may be blocked by garbage, or gone. */
	__s64 queue = create_queue_for(&rioter->place, 0);

	for (size_t i = 0; queue > 0 && i < ARRAY_SIZE(wild); i++)
		rioter->faults += run_packet(rioter->place.fd, queue, wild[i], NULL) == -EIO;
	destroy_queue(rioter->place.fd, queue);
}

static void garbage_packets(struct rioter *rioter)
{
	struct accel_qda_packet packets[4];

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++)
		packets[i] = garbage(rioter);
	submit_packets(rioter->place.fd, rioter->queue, packets, ARRAY_SIZE(packets));
	if (!has_user_queue(rioter))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++)
		write_packet(&rioter->user, packets[i]);
	ring(&rioter->user);
}

static void garbage_payloads(struct rioter *rioter)
{
	struct accel_qda_packet packets[2] = { garbage(rioter), garbage(rioter) };
	struct accel_qda_user_queue payload;
	struct accel_user_queue_create create = arguments_of(&rioter->user, &payload);
	struct accel_submit submit;

	packets[0].flags = dice(rioter);
	submit_payload(rioter->place.fd, rioter->queue, packets, dice(rioter) % sizeof(packets),
		       &submit);
	submit_payload(rioter->place.fd, dice(rioter) % 64, packets, sizeof(packets), &submit);
	submit_payload(rioter->place.fd, rioter->queue, NOWHERE, sizeof(packets), &submit);
	payload = (struct accel_qda_user_queue){
		.ring = dice(rioter) & ~63ULL,
		.records = dice(rioter) & ~63ULL,
		.report = dice(rioter) & ~63ULL,
		.order = dice(rioter) % 32,
	};
	create.engine = dice(rioter) % 8;
	call(rioter->place.fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &create);
}

/* Indices without sense, those of others, and a page for each that the file may map. */
static void wild_doorbells(struct rioter *rioter)
{
	struct accel_qda_user_queue payload = payload_of(&rioter->user);
	struct accel_user_queue_create create = arguments_of(&rioter->user, &payload);
	struct accel_doorbell_create doorbell;
	volatile __u64 *page;

	if (has_user_queue(rioter))
		ring_at(&rioter->user, dice(rioter));
	create.doorbell = dice(rioter) % 256;
	call(rioter->place.fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &create);
	if (create_doorbell(rioter->place.fd, &doorbell))
		return;
	/* Its neighbours are of the others. */
	for (int at = -2; at <= 2; at++) {
		page = map_at(rioter->place.fd, doorbell.mmap_offset + at * PAGE, PAGE);
		if ((void *)page == MAP_FAILED)
			continue;
		*page = dice(rioter);
		munmap((void *)page, PAGE);
	}
	close_doorbell(rioter->place.fd, doorbell.handle);
}

/* Takes away what is in use. */
static void pull_rugs(struct rioter *rioter)
{
	struct place *place = &rioter->place;
	struct accel_qda_packet packet = move(place->address, place->address + COPY_SIZE,
					      COPY_SIZE);

	submit_packets(place->fd, rioter->queue, &packet, 1);
	if (has_user_queue(rioter)) {
		write_packet(&rioter->user, packet);
		write_packet(&rioter->user, await(place->address, ~0ULL, 0));
		ring(&rioter->user);
	}
	switch (dice(rioter) % 4) {
	case 0:
		unmap(place->fd, place->space, place->address, BYTES);
		map_fixed(place->fd, place->space, place->buffer.handle, 0, BYTES, place->address,
			  READ_WRITE);
		break;
	case 1:
		destroy_context(place->fd, rioter->user.context);
		close_buffer(place->fd, rioter->user.buffer.handle);
		break;
	case 2:
		unmap(place->fd, place->space, rioter->user.address, PAGE);
		break;
	default:
		destroy_space(place->fd, place->space);
		destroy_queue(place->fd, rioter->queue);
		close_buffer(place->fd, place->buffer.handle);
		munmap(place->bytes, BYTES);
		close_user_queue(&rioter->user);
		/* The file, and with it the record of the client, is another one's, too. */
		*rioter = (struct rioter){ .place.fd = place->fd, .seed = rioter->seed,
					   .faults = rioter->faults, .leaks = rioter->leaks };
		if (!furnish(place, dice(rioter) % 2))
			rioter->leaks += !all_bytes(place->bytes, 0, BYTES);
	}
	rioter->queue = create_queue_for(place, dice(rioter) % 5);
	open_user_queue(place->fd, place->space, dice(rioter) % 5, &rioter->user);
}

/* Has packets wait for ever, until none is taken any more; returns how it is told so. */
static __s64 hang_until_banned(struct place *place)
{
	for (int i = 0; i < 20; i++) {
		__s64 queue = create_queue_for(place, 0), job;

		if (queue < 0)
			return queue;
		memset(place->bytes, 0, PAGE);
		job = submit_packets(place->fd, queue, (struct accel_qda_packet[]){
				     await(place->address, 1, 0) }, 1);
		if (job < 0)
			return job;
		wait_in(place->fd, queue, job, FOREVER, NULL);
		destroy_queue(place->fd, queue);
	}
	return 0;
}

static void riot(struct rioter *rioter, __s64 until)
{
	static void (*const ways[])(struct rioter *rioter) = {
		wild_addresses, garbage_packets, garbage_payloads, wild_doorbells, pull_rugs,
		renew_user_queue,
	};

	while (now_ns() < until)
		ways[dice(rioter) % ARRAY_SIZE(ways)](rioter);
}

/* As long as the test is allowed to take. */
static int riot_ms(void)
{
	const char *given = getenv("ACCEL_RIOT_MS");

	return given ? atoi(given) : is_long() ? 10 * RIOT_MS : RIOT_MS;
}

FIXTURE(crowd)
{
	int index, monitor;
	struct shared *shared;
};

FIXTURE_SETUP(crowd)
{
	self->index = qda_index(0);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
	self->shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
	ASSERT_EQ(0, limit_jobs(self->index, LIMIT_MS));
}

FIXTURE_TEARDOWN(crowd)
{
	EXPECT_EQ(0, limit_jobs(self->index, 0));
	munmap(self->shared, PAGE);
	close(self->monitor);
}

/* Whether every honest client does two rounds more than it had done. */
static bool all_go_on(const struct shared *shared)
{
	struct shared before = *shared;
	__s64 end = now_ns() + 4 * SLACK_NS;
	int idle = HONEST;

	for (; idle && now_ns() < end; sleep_ms(10)) {
		idle = 0;
		for (int i = 0; i < HONEST; i++)
			idle += __atomic_load_n(&shared->rounds[i], __ATOMIC_RELAXED) <
				before.rounds[i] + 2;
	}
	return !idle;
}

TEST_F_TIMEOUT(crowd, seven_clients_do_not_notice_a_hostile_one, 300)
{
	__u32 epoch = status_of(self->monitor).epoch;
	const char *seed = getenv("ACCEL_SEED");
	struct rioter rioter = { .seed = seed ? (unsigned int)atoi(seed) : (unsigned int)now_ns() };
	pid_t children[HONEST];

	TH_LOG("ACCEL_SEED=%u", rioter.seed);
	for (int i = 0; i < HONEST; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(work_honestly(i, self->shared));
	}
	EXPECT_TRUE(all_go_on(self->shared));
	EXPECT_EQ(0, open_place(&rioter.place, true));
	rioter.queue = create_queue_for(&rioter.place, 0);
	open_user_queue(rioter.place.fd, rioter.place.space, 0, &rioter.user);
	wild_addresses(&rioter);
	/* What is behind the buffer may be its own ring. */
	EXPECT_LE(3U, rioter.faults);
	riot(&rioter, in_ms(riot_ms()));
	TH_LOG("%u wild addresses", rioter.faults);
	/* As documented: it is slowed down, then banned, whatever else it does. */
	EXPECT_EQ(-ECANCELED, hang_until_banned(&rioter.place));
	EXPECT_EQ(-ECANCELED, create_queue_for(&rioter.place, 0));
	riot(&rioter, in_ms(riot_ms() / 10));
	EXPECT_TRUE(all_go_on(self->shared));
	__atomic_store_n(&self->shared->is_over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < HONEST; i++) {
		EXPECT_EQ(0, exit_code(children[i]))
			TH_LOG("client %d, after %u rounds", i, self->shared->rounds[i]);
	}
	EXPECT_EQ(0U, rioter.leaks);
	EXPECT_EQ(epoch, status_of(self->monitor).epoch);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->monitor).health);
	close(rioter.place.fd);
}

TEST_HARNESS_MAIN
