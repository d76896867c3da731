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

/**
 * enum accel_fake_what - what the device can be told to measure or count
 * @ACCEL_FAKE_SENSOR: sensor number @index: die (temperature), core (voltage), rail
 *                     (current), board (power), board (energy), engine (frequency), fan
 * @ACCEL_FAKE_CORRECTED: corrected errors of block number @index: memory, engine0; the device
 *                        tells of those that are more than before
 * @ACCEL_FAKE_UNCORRECTED: uncorrected ones, likewise
 * @ACCEL_FAKE_ROWS: bad rows, one after the other pending, retired, stuck
 * @ACCEL_FAKE_RESTARTS: how often firmware died
 * @ACCEL_FAKE_THROTTLE: reasons, a bit each: die, power; it tells of that
 */
enum accel_fake_what {
	ACCEL_FAKE_SENSOR	= 1,
	ACCEL_FAKE_CORRECTED	= 2,
	ACCEL_FAKE_UNCORRECTED	= 3,
	ACCEL_FAKE_ROWS		= 4,
	ACCEL_FAKE_RESTARTS	= 5,
	ACCEL_FAKE_THROTTLE	= 6,
};

/* It cannot be read. */
#define ACCEL_FAKE_LOST		(1 << 0)

/**
 * struct accel_fake_set - ACCEL_FAKE_IOCTL_SET
 * @what: in: &enum accel_fake_what (EINVAL)
 * @index: in: see there
 * @value: in: from now on
 * @flags: in: ACCEL_FAKE_LOST (else EOPNOTSUPP)
 * @reserved: ignored
 */
struct accel_fake_set {
	__u32 what;
	__u32 index;
	__s64 value;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct accel_fake_hold - ACCEL_FAKE_IOCTL_HOLD, keep a reservation object locked
 * @fd: in: a dma-buf (EBADF, EINVAL)
 * @flags: in: must be 0 (EOPNOTSUPP)
 *
 * The call lasts until a signal arrives, and fails with EINTR: what a slow driver among those
 * who share a buffer does to the others.
 */
struct accel_fake_hold {
	__s32 fd;
	__u32 flags;
};

/* INFO of the device's own. */
#define ACCEL_INFO_FAKE			0x8000

/**
 * struct accel_info_fake - ACCEL_INFO_FAKE
 * @fail_resets: how many resets fail from now on
 * @reserved: 0
 */
struct accel_info_fake {
	__u32 fail_resets;
	__u32 reserved;
};

#define ACCEL_FAKE_IOCTL_ECHO		_IOWR(ACCEL_IOCTL_TYPE, 0x40, struct accel_fake_echo)
#define ACCEL_FAKE_IOCTL_FAIL_RESETS	_IOW(ACCEL_IOCTL_TYPE, 0x41, struct accel_fake_fail_resets)
#define ACCEL_FAKE_IOCTL_SET		_IOW(ACCEL_IOCTL_TYPE, 0x42, struct accel_fake_set)
#define ACCEL_FAKE_IOCTL_HOLD		_IOW(ACCEL_IOCTL_TYPE, 0x43, struct accel_fake_hold)

#endif /* _ACCEL_FAKE_H */
