// SPDX-License-Identifier: GPL-2.0
/* Contexts, queues, and what a program does itself to give a user queue work. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <accel/accel.h>
#include <qda_accel.h>

#include "bench.h"

#define RING	64U	/* packets */

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

static void user_packet(void)
{
	static struct user_queue *queue;
	struct accel_qda_packet packet = {
		.opcode = ACCEL_QDA_COPY, .a = 0x1000, .d = 0x2000, .rows = 1, .columns = 4096,
	};

	if (!queue) {
		queue = aligned_alloc(4096, 8192);
		must(queue, "aligned_alloc");
		memset(queue, 0, 8192);
	}
	submit(queue, &packet);
	queue->report.completed = queue->doorbell;
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
	.ours = user_packet,
	.calls = 256, .batches = 128, .parts = 1,
};
