/* SPDX-License-Identifier: GPL-2.0 */
/* What a row is, and what the functions that rows measure may use. */
#ifndef _ACCEL_BENCH_H
#define _ACCEL_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* Open files, for all rows. */
extern int null_file;	/* /dev/null */
extern int accel_file;	/* the compute node of accel_fake's first device */
extern int vgem_file;	/* the primary node of vgem */
extern int peer_file;	/* the render node of drm_peer */

void open_files(void);

/**
 * struct row - one thing that is measured on our side and on that of a peer
 * @name: name, never changed once published
 * @unit: what the figures count
 * @ours: does it once on our side
 * @peer: does it once on the peer's side; NULL if there is no peer
 * @before: called, uncounted, before each batch with the number of its calls; NULL for nothing
 * @policy: of the scheduler: with SCHED_IDLE workers of the kernel preempt the program as soon as
 *          they have something to do, so that it is counted
 * @measure: what a call takes of what @unit says; NULL for instructions
 * @calls: how often it is done in one batch; short batches are seldom disturbed by the timer
 * @batches: how many batches, of which the cheapest one counts
 * @parts: the figure is that of one call divided by this
 * @above: the row whose figure is subtracted from both sides; NULL for none
 */
struct row {
	const char *name;
	const char *unit;
	void (*ours)(void);
	void (*peer)(void);
	void (*before)(unsigned int calls);
	int policy;
	double (*measure)(const struct row *row, void (*call)(void));
	unsigned int calls;
	unsigned int batches;
	unsigned int parts;
	const struct row *above;
};

extern const struct row floor_getppid;
extern const struct row floor_ioctl;
extern const struct row info_ioctl;
extern const struct row info_device;
extern const struct row buffer_create_close;
extern const struct row buffer_touch_page;
extern const struct row handle_lookup_100k;
extern const struct row submit_private_buffer;
extern const struct row submit_shared_buffer;
extern const struct row kernel_submit_wait;
extern const struct row prepared_submit;
extern const struct row job_256_contexts;
extern const struct row user_submit;
extern const struct row context_create_destroy;
extern const struct row queue_create_destroy;
extern const struct row job_accounting;
extern const struct row monitors_100;
extern const struct row floor_ioctl_close;
extern const struct row dmabuf_reexport_close;
extern const struct row dmabuf_first_export;
extern const struct row buffer_bytes;
extern const struct row file_bytes;
extern const struct row class1_buffers;
extern const struct row class2_buffers;
extern const struct row class2_submit;

/* Ends the program unless the clock counts instructions. */
void check_clock(void);

/* Instructions of one @call, not divided and with nothing subtracted. */
double instructions(const struct row *row, void (*call)(void));

/* Ends the program. */
_Noreturn void failed(const char *what);

static inline void must(bool good, const char *what)
{
	if (__builtin_expect(!good, false))
		failed(what);
}

#endif /* _ACCEL_BENCH_H */
