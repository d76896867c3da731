/* SPDX-License-Identifier: GPL-2.0 */
/* A job (NOP) that names buffers, from its submission to the release of what it used. */
#ifndef _ACCEL_BENCH_SUBMIT_H
#define _ACCEL_BENCH_SUBMIT_H

#include <accel/accel.h>

void submit_naming(int file, const struct accel_submit_buffer *list, unsigned int count);

#endif /* _ACCEL_BENCH_SUBMIT_H */
