/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers of both sides, by their handles. Sizes are multiples of the page size. To touch one is to
 * map it, write each page, and unmap it.
 */
#ifndef _ACCEL_BENCH_HANDLES_H
#define _ACCEL_BENCH_HANDLES_H

#include <accel/accel.h>

struct accel_buffer_create create_buffer(__u64 size);
void close_buffer(__u32 handle);
void touch_buffer(const struct accel_buffer_create *buffer);

__u32 create_dumb(__u64 size);
void destroy_dumb(__u32 handle);
void touch_dumb(__u32 handle, __u64 size);

#endif /* _ACCEL_BENCH_HANDLES_H */
