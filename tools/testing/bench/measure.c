// SPDX-License-Identifier: GPL-2.0
/* The clock, and the mean of the cheapest batch. */
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "bench.h"

/* Under -icount shift=0 the time stamp counter counts the instructions of the guest. */
static inline uint64_t instructions(void)
{
	return __rdtsc();
}

void check_clock(void)
{
	const uint64_t loops = 1000000;
	uint64_t left = loops, begin = instructions(), seen;

	asm volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
	seen = instructions() - begin;
	if (seen < 2 * loops || seen > 2 * loops + loops / 50) {
		printf("# %lu instructions are %lu ticks\n", 2 * loops, seen);
		failed("the clock does not count instructions");
	}
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

void failed(const char *what)
{
	printf("Bail out! %s: %m\n", what);
	exit(1);
}
