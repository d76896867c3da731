/* SPDX-License-Identifier: GPL-2.0 */
/* A ring of the library, in Rust: ring/. */
#ifndef _ACCEL_BENCH_RING_H
#define _ACCEL_BENCH_RING_H

#include <stdbool.h>

struct bench_ring;

/* Makes one; NULL if that fails. */
struct bench_ring *bench_ring_open(void);

/* Submits a packet; returns whether there was room. */
bool bench_ring_submit(struct bench_ring *ring);

/* Has all packets end; returns whether that could be said. */
bool bench_ring_complete(struct bench_ring *ring);

#endif /* _ACCEL_BENCH_RING_H */
