// SPDX-License-Identifier: GPL-2.0
/* Contexts, queues, and what a program does to give a user queue work. */
#include <stddef.h>
#include <sys/ioctl.h>

#include <accel/accel.h>
#include <qda_accel.h>

#include "bench.h"
#include "ring.h"

#define RING	512U	/* packets */

static void context(void)
{
	struct accel_context_create create = { .flags = 0 };
	struct accel_context_destroy destroy;

	must(!ioctl(accel_file, ACCEL_IOCTL_CONTEXT_CREATE, &create), "CONTEXT_CREATE");
	destroy = (struct accel_context_destroy){ .handle = create.handle };
	must(!ioctl(accel_file, ACCEL_IOCTL_CONTEXT_DESTROY, &destroy), "CONTEXT_DESTROY");
}

static void queue(void)
{
	struct accel_queue_create create = { .flags = 0 };
	struct accel_queue_destroy destroy;

	must(!ioctl(accel_file, ACCEL_IOCTL_QUEUE_CREATE, &create), "QUEUE_CREATE");
	destroy = (struct accel_queue_destroy){ .handle = create.handle };
	must(!ioctl(accel_file, ACCEL_IOCTL_QUEUE_DESTROY, &destroy), "QUEUE_DESTROY");
}

/* What a user queue of QDA is to the program: memory, and the page that it is rung by. */
struct user_queue {
	struct accel_qda_packet ring[RING];
	volatile struct accel_qda_report report;
	volatile __u64 doorbell;
	__u64 written;
};

/*
 * Writes a packet where there is room and rings, as Documentation/devices/qda/queues.rst says. All
 * of it is done by the program, so it is the same whatever is behind the memory: here the report
 * of a card that has done everything.
 */
static void submit(struct user_queue *queue, const struct accel_qda_packet *packet)
{
	__u64 completed = queue->report.completed;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	must(queue->written - completed < RING && !queue->report.status, "room");
	queue->ring[queue->written++ % RING] = *packet;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	queue->doorbell = queue->written;
}

static struct user_queue own_queue;

static void own_packet(void)
{
	const struct accel_qda_packet packet = {
		.opcode = ACCEL_QDA_COPY, .flags = ACCEL_QDA_PACKET_INTERRUPT,
		.a = 0x1000, .d = 0x2000, .rows = 1, .columns = 4096,
	};

	submit(&own_queue, &packet);
}

/* The same by the library, as programs have it. */
static struct bench_ring *library_queue;

static void library_packet(void)
{
	must(bench_ring_submit(library_queue), "a packet by the library");
}

/* All packets so far have ended: there is room for a batch. */
static void complete(unsigned int calls)
{
	must(calls <= RING, "room for a batch");
	library_queue = library_queue ?: bench_ring_open();
	must(library_queue && bench_ring_complete(library_queue), "a ring by the library");
	own_queue.report.completed = own_queue.written;
}

const struct row context_create_destroy = {
	.name = "context_create_destroy", .unit = "instructions",
	.ours = context,
	.calls = 64, .batches = 128, .parts = 1,
};

const struct row queue_create_destroy = {
	.name = "queue_create_destroy", .unit = "instructions",
	.ours = queue,
	.calls = 16, .batches = 128, .parts = 1,
};

const struct row user_submit = {
	.name = "user_submit", .unit = "instructions",
	.ours = library_packet, .peer = own_packet, .before = complete,
	.calls = 256, .batches = 128, .parts = 1,
};
