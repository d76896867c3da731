// SPDX-License-Identifier: GPL-2.0
/* The clock, and the mean of the cheapest batch. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "bench.h"

/* Under -icount shift=0 the time stamp counter counts the instructions of the guest. */
static inline uint64_t instructions(void)
{
	return __rdtsc();
}

static uint64_t batch(void (*call)(void), unsigned int calls)
{
	uint64_t begin = instructions();

	for (unsigned int i = 0; i < calls; i++)
		call();
	return instructions() - begin;
}

double measure(void (*call)(void), unsigned int calls, unsigned int batches)
{
	uint64_t best = UINT64_MAX;

	batch(call, calls);
	for (unsigned int i = 0; i < batches; i++) {
		uint64_t cost = batch(call, calls);

		if (cost < best)
			best = cost;
	}
	return (double)best / calls;
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
	double seen = measure(count_down, 100, 100);

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
