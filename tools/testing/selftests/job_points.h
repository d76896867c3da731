/* SPDX-License-Identifier: GPL-2.0 */
/* Submitting jobs with points of timelines. */
#ifndef _ACCEL_SELFTESTS_JOB_POINTS_H
#define _ACCEL_SELFTESTS_JOB_POINTS_H

#include "job.h"
#include "timeline.h"

#define WAIT	ACCEL_POINT_WAIT
#define SIGNAL	ACCEL_POINT_SIGNAL
#define LOOK	0	/* a deadline that is over */

/* Submits @op with points; returns the number of the job or -errno. */
static inline __s64 submit_points(int fd, __u32 op, __u32 arg, const struct accel_point *points,
				  __u32 count)
{
	struct job job;
	int error;

	prepare(&job, op, arg, 0);
	job.entry.points = user(points);
	job.entry.nr_points = count;
	error = submit_prepared(fd, &job);
	return error ? error : (__s64)job.entry.job;
}

static inline __s64 submit_point(int fd, __u32 op, __u32 arg, __u32 handle, __u32 flags,
				 __u64 value)
{
	struct accel_point point = { handle, flags, value };

	return submit_points(fd, op, arg, &point, 1);
}

static inline bool is_queued(int fd, __u64 job)
{
	struct accel_job_status status;

	return wait_until(fd, job, LOOK, &status) == -ETIMEDOUT &&
	       status.state == ACCEL_JOB_QUEUED;
}

#endif /* _ACCEL_SELFTESTS_JOB_POINTS_H */
