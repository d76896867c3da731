/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Interface of accel_fake, the test device without hardware and size limit.
 *
 * It has four engines: engine0, which most tests use; pair0 and pair1, which are alike; and
 * deep, with four jobs in flight.
 */
#ifndef _ACCEL_FAKE_H
#define _ACCEL_FAKE_H

#include "accel.h"

/**
 * enum accel_fake_op - what a job does
 * @ACCEL_FAKE_NOP: ends well, from irq_work
 * @ACCEL_FAKE_DELAY: ends well after @arg milliseconds, from a timer; more than
 *                    200 ms is stopped by the time-out
 * @ACCEL_FAKE_HANG: never ends by itself; only a reset stops it
 * @ACCEL_FAKE_FAULT: ends with fault @arg (&enum accel_fault) at address 0xfa17
 * @ACCEL_FAKE_FILL: fills the whole of buffer 0, which must be named for
 *                   writing, with the byte @arg
 * @ACCEL_FAKE_FAIL_START: the device refuses to start the job, which ends with
 *                         ACCEL_FAULT_DEVICE
 * @ACCEL_FAKE_STALL: never ends by itself, but can be stopped without a reset
 */
enum accel_fake_op {
	ACCEL_FAKE_NOP		= 0,
	ACCEL_FAKE_DELAY	= 1,
	ACCEL_FAKE_HANG		= 2,
	ACCEL_FAKE_FAULT	= 3,
	ACCEL_FAKE_FILL		= 4,
	ACCEL_FAKE_FAIL_START	= 5,
	ACCEL_FAKE_STALL	= 6,
};

/* Reasons in &accel_submit.refused_reason; refused_at is the byte offset of the field. */
#define ACCEL_FAKE_BAD_SIZE	1
#define ACCEL_FAKE_BAD_OP	2
#define ACCEL_FAKE_BAD_ARG	3

/**
 * struct accel_fake_job - payload of a job, exactly this size
 * @op: &enum accel_fake_op
 * @arg: see there, else 0
 */
struct accel_fake_job {
	__u32 op;
	__u32 arg;
};

/**
 * struct accel_fake_echo - ACCEL_FAKE_IOCTL_ECHO
 * @value: in
 * @flags: in: must be 0 (EOPNOTSUPP)
 * @answer: out: @value + 1 (EINVAL if @value is U64_MAX)
 */
struct accel_fake_echo {
	__u64 value;
	__u64 flags;
	__u64 answer;
};

/**
 * struct accel_fake_fail_resets - ACCEL_FAKE_IOCTL_FAIL_RESETS
 * @count: in: the next @count resets fail, of engines or of the device
 * @flags: in: must be 0 (EOPNOTSUPP)
 */
struct accel_fake_fail_resets {
	__u32 count;
	__u32 flags;
};

#define ACCEL_FAKE_IOCTL_ECHO		_IOWR(ACCEL_IOCTL_TYPE, 0x40, struct accel_fake_echo)
#define ACCEL_FAKE_IOCTL_FAIL_RESETS	_IOW(ACCEL_IOCTL_TYPE, 0x41, struct accel_fake_fail_resets)

#endif /* _ACCEL_FAKE_H */
