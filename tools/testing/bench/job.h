/* SPDX-License-Identifier: GPL-2.0 */
/* A job (NOP) that writes one buffer, from its submission to its end. */
#ifndef _ACCEL_BENCH_JOB_H
#define _ACCEL_BENCH_JOB_H

void accel_job(void);

#endif /* _ACCEL_BENCH_JOB_H */
