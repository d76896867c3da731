/* SPDX-License-Identifier: GPL-2.0 */
/* A thread with a user queue of a QDA card whose packets follow one another until that fails. */
#ifndef _ACCEL_SELFTESTS_WORKER_H
#define _ACCEL_SELFTESTS_WORKER_H

#include "user_queue.h"

struct worker {
	pthread_t thread;
	struct user_queue queue;
	/* A page that each packet fills with the number of its round. */
	__u64 address;
	__u32 *words;
	__u32 rounds;
	bool is_over;
	/* 0, or why it stopped: -EILSEQ if a page was not as it has to be. */
	int error;
};

static inline bool is_filled(const __u32 *words, __u32 value)
{
	for (size_t i = 0; i < PAGE / sizeof(value); i++)
		if (words[i] != value)
			return false;
	return true;
}

static inline int work_once(struct worker *worker, __u32 round)
{
	struct user_queue *queue = &worker->queue;
	struct accel_qda_packet packet = fill(worker->address, PAGE, round);
	int error;

	packet.flags = INTERRUPT;
	write_packet(queue, packet);
	ring(queue);
	error = wait_point(queue->fd, queue->timeline, queue->written, 0, now_ns() + PATIENCE_NS);
	return error || is_filled(worker->words, round) ? error : -EILSEQ;
}

static inline void *worker_main(void *argument)
{
	struct worker *worker = argument;

	while (!worker->error && !__atomic_load_n(&worker->is_over, __ATOMIC_ACQUIRE)) {
		worker->error = work_once(worker, worker->rounds + 1);
		if (!worker->error)
			__atomic_fetch_add(&worker->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Starts to work in a page of @space at @address, which the CPU sees at @words: 0, or -errno. */
static inline int start_worker(struct worker *worker, int fd, __u32 space, __u32 engine,
			       __u64 address, __u32 *words)
{
	int error;

	*worker = (struct worker){ .address = address, .words = words };
	error = open_user_queue(fd, space, engine, &worker->queue);
	return error ?: -pthread_create(&worker->thread, NULL, worker_main, worker);
}

static inline bool has_worked(struct worker *worker, __u32 rounds)
{
	__s64 end = now_ns() + PATIENCE_NS;

	while (__atomic_load_n(&worker->rounds, __ATOMIC_ACQUIRE) < rounds && now_ns() < end)
		sleep_ms(1);
	return worker->rounds >= rounds;
}

/* Waits until it fails; returns why. */
static inline int await_failure(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	return worker->error;
}

/* Has it stop; returns 0, or why it had stopped before. */
static inline int end_worker(struct worker *worker)
{
	__atomic_store_n(&worker->is_over, true, __ATOMIC_RELEASE);
	return await_failure(worker);
}

#endif /* _ACCEL_SELFTESTS_WORKER_H */
