/* SPDX-License-Identifier: GPL-2.0 */
/* Jobs of accel_ethosu: command streams made by hand, and the model's faults. */
#ifndef _ACCEL_SELFTESTS_ETHOSU_H
#define _ACCEL_SELFTESTS_ETHOSU_H

#include <accel/ethosu_accel.h>

#include "buffer.h"
#include "device.h"
#include "host.h"
#include "job.h"

#define ETHOSU_DRIVER	"accel_ethosu"
#define COPY_SIZE	256	/* bytes that the copying stream moves */
#define MAX_WORDS	64

/* Commands of the U65: one word, or two with an address (control field 1). */
#define OP(code, parameter)	((__u32)(parameter) << 16 | (code))
#define OP_STOP			OP(0x000, 0xffff)
#define OP_IRQ			OP(0x001, 1)
#define OP_DMA_START		OP(0x010, 0)
#define OP_DMA_WAIT		OP(0x011, 0)
#define SET_DMA0_SRC_REGION	0x130
#define SET_DMA0_DST_REGION	0x131
#define SET_DMA0_SRC		0x4030
#define SET_DMA0_DST		0x4031
#define SET_DMA0_LEN		0x4032

/* A payload: regions, then the command stream. */
struct ethosu_payload {
	struct accel_ethosu_job job;
	__u32 words[MAX_WORDS];
};

/* A submission and everything it points to. */
struct ethosu_job {
	struct ethosu_payload payload;
	unsigned int words;
	struct accel_submit_buffer buffers[2];
	struct accel_submit_job entry;
	struct accel_submit submit;
};

static inline void word(struct ethosu_job *job, __u32 value)
{
	job->payload.words[job->words++] = value;
	job->entry.payload_size = sizeof(struct accel_ethosu_job) + job->words * sizeof(__u32);
}

static inline void address(struct ethosu_job *job, __u32 command, __u64 value)
{
	word(job, OP(command, value >> 32));
	word(job, value);
}

/* A job without regions and without a stream. */
static inline void begin(struct ethosu_job *job)
{
	memset(job, 0, sizeof(*job));
	memset(&job->payload.job, 0xff, sizeof(job->payload.job));
	job->submit.jobs = user(&job->entry);
	job->submit.nr_jobs = 1;
	job->entry.payload = user(&job->payload);
	job->entry.payload_size = sizeof(struct accel_ethosu_job);
}

/* The shortest job there is. */
static inline void stop_only(struct ethosu_job *job)
{
	begin(job);
	word(job, OP_STOP);
}

/* Copies COPY_SIZE bytes at @from of buffer @in to @to of buffer @out. */
static inline void copy(struct ethosu_job *job, __u32 in, __u64 from, __u32 out, __u64 to)
{
	begin(job);
	job->buffers[0] = (struct accel_submit_buffer){ in, ACCEL_BUFFER_READ };
	job->buffers[1] = (struct accel_submit_buffer){ out, ACCEL_BUFFER_WRITE };
	job->entry.buffers = user(job->buffers);
	job->entry.nr_buffers = 2;
	job->payload.job.regions[0] = 0;
	job->payload.job.regions[1] = 1;
	word(job, OP(SET_DMA0_SRC_REGION, 0));
	word(job, OP(SET_DMA0_DST_REGION, 1));
	address(job, SET_DMA0_SRC, from);
	address(job, SET_DMA0_DST, to);
	address(job, SET_DMA0_LEN, COPY_SIZE);
	word(job, OP_DMA_START);
	word(job, OP_DMA_WAIT);
	word(job, OP_STOP);
}

static inline int submit_ethosu(int fd, struct ethosu_job *job)
{
	return call(fd, ACCEL_IOCTL_SUBMIT, &job->submit);
}

/* Submits @job and waits for its end; @status may be NULL. */
static inline int run_ethosu(int fd, struct ethosu_job *job, struct accel_job_status *status)
{
	int error = submit_ethosu(fd, job);

	if (status)
		*status = (struct accel_job_status){ 0 };
	return error ? error : wait_until(fd, job->entry.job, FOREVER, status);
}

static inline int run_stop(int fd)
{
	struct ethosu_job job;

	stop_only(&job);
	return run_ethosu(fd, &job, NULL);
}

/* Gives the model of npu0 a command; returns whether it obeyed. */
static inline bool model(const char *command)
{
	char line[128];

	snprintf(line, sizeof(line), "model npu0 %s", command);
	return host(line);
}

#endif /* _ACCEL_SELFTESTS_ETHOSU_H */
