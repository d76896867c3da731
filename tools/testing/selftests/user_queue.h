/* SPDX-License-Identifier: GPL-2.0 */
/* User queues of a QDA card: memory, doorbell, and packets without system calls. */
#ifndef _ACCEL_SELFTESTS_USER_QUEUE_H
#define _ACCEL_SELFTESTS_USER_QUEUE_H

#include "qda.h"
#include "timeline.h"

#define ORDER		4
#define RING		16U	/* 2^ORDER */
#define RECORDS_AT	(RING * sizeof(struct accel_qda_packet))
#define REPORT_AT	(RECORDS_AT + RING * sizeof(struct accel_qda_record))
#define RECORD		ACCEL_QDA_PACKET_RECORD
#define INTERRUPT	ACCEL_QDA_PACKET_INTERRUPT
/* How long a packet, or what a card says of it, may take. */
#define PATIENCE_NS	(20 * NSEC_PER_SEC)

struct user_queue {
	int fd;
	__u32 handle, context, timeline;
	struct accel_doorbell_create doorbell;
	volatile __u64 *page;
	/* Its own memory, by CPU and card. */
	struct accel_buffer_create buffer;
	unsigned char *memory;
	__u64 address;
	__u64 written;
};

static inline volatile struct accel_qda_report *report_of(const struct user_queue *queue)
{
	return (void *)(queue->memory + REPORT_AT);
}

static inline volatile struct accel_qda_record *record_of(const struct user_queue *queue,
							  __u64 packet)
{
	return (volatile struct accel_qda_record *)(queue->memory + RECORDS_AT) + packet % RING;
}

static inline struct accel_qda_user_queue payload_of(const struct user_queue *queue)
{
	return (struct accel_qda_user_queue){
		.ring = queue->address,
		.records = queue->address + RECORDS_AT,
		.report = queue->address + REPORT_AT,
		.order = ORDER,
	};
}

static inline struct accel_user_queue_create
arguments_of(const struct user_queue *queue, const struct accel_qda_user_queue *payload)
{
	return (struct accel_user_queue_create){
		.context = queue->context,
		.doorbell = queue->doorbell.handle,
		.timeline = queue->timeline,
		.payload = user(payload),
		.payload_size = sizeof(*payload),
	};
}

/* Makes all that a user queue in @space needs. */
static inline int prepare_queue(int fd, __u32 space, struct user_queue *queue)
{
	struct accel_context_create context = { .address_space = space };
	int error = call(fd, ACCEL_IOCTL_CONTEXT_CREATE, &context);

	*queue = (struct user_queue){ .fd = fd, .context = context.handle };
	queue->memory = create_mapped(fd, PAGE, &queue->buffer);
	queue->timeline = timeline_at(fd, 0);
	error = error ?: create_doorbell(fd, &queue->doorbell);
	if (error || (void *)queue->memory == MAP_FAILED)
		return error ?: -ENOMEM;
	memset(queue->memory, 0, PAGE);
	queue->page = map_at(fd, queue->doorbell.mmap_offset, PAGE);
	queue->address = map_anywhere(fd, space, queue->buffer.handle, 0, PAGE, READ_WRITE);
	return (void *)queue->page == MAP_FAILED || !queue->address ? -ENOMEM : 0;
}

/* Makes a user queue for @engine; returns 0 or -errno. */
static inline int open_user_queue(int fd, __u32 space, __u32 engine, struct user_queue *queue)
{
	int error = prepare_queue(fd, space, queue);
	struct accel_qda_user_queue payload = payload_of(queue);
	struct accel_user_queue_create create = arguments_of(queue, &payload);

	create.engine = engine;
	error = error ?: call_settled(fd, ACCEL_IOCTL_USER_QUEUE_CREATE, &create);
	queue->handle = create.handle;
	return error;
}

static inline int destroy_user_queue(int fd, __u32 handle)
{
	struct accel_user_queue_destroy argument = { .handle = handle };

	return call(fd, ACCEL_IOCTL_USER_QUEUE_DESTROY, &argument);
}

/* Gives back all that open_user_queue() made. */
static inline void close_user_queue(struct user_queue *queue)
{
	destroy_user_queue(queue->fd, queue->handle);
	munmap((void *)queue->page, PAGE);
	munmap(queue->memory, PAGE);
	close_doorbell(queue->fd, queue->doorbell.handle);
	close_timeline(queue->fd, queue->timeline);
	destroy_context(queue->fd, queue->context);
	close_buffer(queue->fd, queue->buffer.handle);
}

/* Writes a packet behind those that are there; the card does not know of it. */
static inline void write_packet(struct user_queue *queue, struct accel_qda_packet packet)
{
	((struct accel_qda_packet *)queue->memory)[queue->written++ % RING] = packet;
}

static inline void ring_at(const struct user_queue *queue, __u64 index)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*queue->page = index;
}

static inline void ring(const struct user_queue *queue)
{
	ring_at(queue, queue->written);
}

/* Waits, without a system call that would help, for all packets to end; returns the status. */
static inline __s64 finish(const struct user_queue *queue)
{
	volatile struct accel_qda_report *report = report_of(queue);
	__s64 end = now_ns() + PATIENCE_NS;

	while (report->completed < queue->written && !report->status)
		if (now_ns() > end)
			return -ETIMEDOUT;
	return report->status;
}

static inline __s64 execute(struct user_queue *queue, struct accel_qda_packet packet)
{
	write_packet(queue, packet);
	ring(queue);
	return finish(queue);
}

static inline struct accel_user_queue_query query_user_queue(int fd, __u32 handle)
{
	struct accel_user_queue_query argument = { .handle = handle };
	int error = call(fd, ACCEL_IOCTL_USER_QUEUE_QUERY, &argument);

	if (error)
		argument.error = error;
	return argument;
}

/* Waits until the kernel says that a queue has failed; returns how. */
static inline struct accel_user_queue_query failure_of_within(const struct user_queue *queue,
							      __s64 patience_ns)
{
	__s64 end = now_ns() + patience_ns;
	struct accel_user_queue_query answer;

	do
		answer = query_user_queue(queue->fd, queue->handle);
	while (answer.state == ACCEL_USER_QUEUE_ACTIVE && now_ns() < end);
	return answer;
}

static inline struct accel_user_queue_query failure_of(const struct user_queue *queue)
{
	return failure_of_within(queue, PATIENCE_NS);
}

#endif /* _ACCEL_SELFTESTS_USER_QUEUE_H */
