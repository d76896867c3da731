// SPDX-License-Identifier: GPL-2.0
/* The clock, and the mean of the cheapest batch. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "bench.h"

/* Under -icount shift=0 the time stamp counter counts the instructions of the guest. */
static inline uint64_t now(void)
{
	return __rdtsc();
}

static uint64_t batch(const struct row *row, void (*call)(void))
{
	uint64_t begin;

	if (row->before)
		row->before(row->calls);
	begin = now();
	for (unsigned int i = 0; i < row->calls; i++)
		call();
	return now() - begin;
}

double instructions(const struct row *row, void (*call)(void))
{
	const struct sched_param param = { 0 };
	uint64_t best = UINT64_MAX;

	must(!sched_setscheduler(0, row->policy, &param), "sched_setscheduler");
	batch(row, call);
	for (unsigned int i = 0; i < row->batches; i++) {
		uint64_t cost = batch(row, call);

		if (cost < best)
			best = cost;
	}
	return (double)best / row->calls;
}

#define LOOPS	1000

/* LOOPS times two instructions. */
static void count_down(void)
{
	uint64_t left = LOOPS;

	asm volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
}

void check_clock(void)
{
	const struct row row = { .calls = 100, .batches = 100 };
	double seen = instructions(&row, count_down);

	if (seen < 2 * LOOPS || seen > 2 * LOOPS + 50) {
		printf("# %d instructions take %.1f ticks\n", 2 * LOOPS, seen);
		failed("the clock does not count instructions");
	}
}

void failed(const char *what)
{
	printf("Bail out! %s (errno %d)\n", what, errno);
	exit(1);
}
