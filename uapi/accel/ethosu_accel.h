/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Compute accelerators: Arm Ethos-U65.
 */
#ifndef _UAPI_ACCEL_ETHOSU_ACCEL_H
#define _UAPI_ACCEL_ETHOSU_ACCEL_H

#include "accel.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define ACCEL_ETHOSU_REGIONS		8

/* A region that has no buffer. */
#define ACCEL_ETHOSU_NO_BUFFER		0xffffffffU

/**
 * struct accel_ethosu_job - payload of a job
 * @regions: for each region (base pointer) of the command stream the index of
 *           its buffer in &accel_submit_job.buffers, or ACCEL_ETHOSU_NO_BUFFER; the
 *           region starts where the buffer starts
 *
 * The command stream follows: little-endian 32-bit words that end with OP_STOP,
 * without the driver-action header that compilers put before it, at most 16 MiB.
 *
 * The kernel copies and checks the stream; &enum accel_ethosu_refusal says what is
 * wrong with it. A region that is read needs a buffer named with ACCEL_BUFFER_READ,
 * one that is written with ACCEL_BUFFER_WRITE (else EACCES), as large as what the
 * stream uses of it.
 */
struct accel_ethosu_job {
	__u32 regions[ACCEL_ETHOSU_REGIONS];
};

/**
 * enum accel_ethosu_refusal - why a payload is refused
 * @ACCEL_ETHOSU_REFUSED_TOO_LONG: the stream is longer than 16 MiB
 * @ACCEL_ETHOSU_REFUSED_NO_STOP: the stream does not end with OP_STOP
 * @ACCEL_ETHOSU_REFUSED_WORDS_AFTER_STOP: words follow OP_STOP
 * @ACCEL_ETHOSU_REFUSED_TRUNCATED: the stream ends before a command's payload
 * @ACCEL_ETHOSU_REFUSED_UNKNOWN_COMMAND: the command is not on the allow-list
 * @ACCEL_ETHOSU_REFUSED_RESERVED_BITS: a reserved bit of the command is set
 * @ACCEL_ETHOSU_REFUSED_RESERVED_VALUE: a field has a reserved value
 * @ACCEL_ETHOSU_REFUSED_EARLY_INTERRUPT: OP_IRQ would report the job as done while it runs
 * @ACCEL_ETHOSU_REFUSED_SILENT_STOP: OP_STOP with mask 0 would not report the job as done
 * @ACCEL_ETHOSU_REFUSED_UNSET: the operation needs a register that was never set; bits 31:16 of
 *	the reason are the command that sets it
 * @ACCEL_ETHOSU_REFUSED_OVERFLOW: an address range leaves the 40-bit address space
 * @ACCEL_ETHOSU_REFUSED_INPUT_SHAPE: the padding leaves no input, or the input is too large
 * @ACCEL_ETHOSU_REFUSED_INTERNAL_RANGE: an access to the internal memory leaves it
 * @ACCEL_ETHOSU_REFUSED_TABLE_NOT_LOADED: the activation uses a look-up table that was not
 *	loaded
 * @ACCEL_ETHOSU_REFUSED_INTERNAL_LAYOUT: the division of the internal memory is inconsistent
 * @ACCEL_ETHOSU_REFUSED_UNSUPPORTED_MODE: a combination of modes without a defined meaning
 * @ACCEL_ETHOSU_REFUSED_EMPTY_TRANSFER: a DMA transfer of nothing
 * @ACCEL_ETHOSU_REFUSED_MISSING_PARAMETERS: no weights, or fewer scales than output channels
 * @ACCEL_ETHOSU_REFUSED_UNALIGNED: weights or scales are not aligned to 16 bytes
 * @ACCEL_ETHOSU_REFUSED_NO_SECOND_CORE: two cores on an NPU that has one
 * @ACCEL_ETHOSU_REFUSED_BAD_SIZE: the payload is shorter than its header, or the stream is
 *	empty or not whole words; refused_at is the size
 * @ACCEL_ETHOSU_REFUSED_BAD_REGION: a region names a buffer that the job does not; refused_at
 *	is the region
 * @ACCEL_ETHOSU_REFUSED_NO_REGION: the stream uses a region without a buffer; refused_at is the
 *	region
 * @ACCEL_ETHOSU_REFUSED_REGION_TOO_SMALL: the buffer of a region is smaller than what the
 *	stream uses of it; refused_at is the region
 * @ACCEL_ETHOSU_REFUSED_REGION_READ_ONLY: the stream writes to a region whose buffer is not
 *	named for writing (EACCES); refused_at is the region
 * @ACCEL_ETHOSU_REFUSED_REGION_NOT_READABLE: the stream reads a region whose buffer is not
 *	named for reading (EACCES); refused_at is the region
 *
 * In &accel_submit.refused_reason. Unless said otherwise the errno is EINVAL and
 * &accel_submit.refused_at the index of the stream's word.
 */
enum accel_ethosu_refusal {
	ACCEL_ETHOSU_REFUSED_TOO_LONG	= 1,
	ACCEL_ETHOSU_REFUSED_NO_STOP	= 2,
	ACCEL_ETHOSU_REFUSED_WORDS_AFTER_STOP	= 3,
	ACCEL_ETHOSU_REFUSED_TRUNCATED	= 4,
	ACCEL_ETHOSU_REFUSED_UNKNOWN_COMMAND	= 5,
	ACCEL_ETHOSU_REFUSED_RESERVED_BITS	= 6,
	ACCEL_ETHOSU_REFUSED_RESERVED_VALUE	= 7,
	ACCEL_ETHOSU_REFUSED_EARLY_INTERRUPT	= 8,
	ACCEL_ETHOSU_REFUSED_SILENT_STOP	= 9,
	ACCEL_ETHOSU_REFUSED_UNSET	= 10,
	ACCEL_ETHOSU_REFUSED_OVERFLOW	= 11,
	ACCEL_ETHOSU_REFUSED_INPUT_SHAPE	= 12,
	ACCEL_ETHOSU_REFUSED_INTERNAL_RANGE	= 13,
	ACCEL_ETHOSU_REFUSED_TABLE_NOT_LOADED	= 14,
	ACCEL_ETHOSU_REFUSED_INTERNAL_LAYOUT	= 15,
	ACCEL_ETHOSU_REFUSED_UNSUPPORTED_MODE	= 16,
	ACCEL_ETHOSU_REFUSED_EMPTY_TRANSFER	= 17,
	ACCEL_ETHOSU_REFUSED_MISSING_PARAMETERS	= 18,
	ACCEL_ETHOSU_REFUSED_UNALIGNED	= 19,
	ACCEL_ETHOSU_REFUSED_NO_SECOND_CORE	= 20,
	ACCEL_ETHOSU_REFUSED_BAD_SIZE	= 0x100,
	ACCEL_ETHOSU_REFUSED_BAD_REGION	= 0x101,
	ACCEL_ETHOSU_REFUSED_NO_REGION	= 0x102,
	ACCEL_ETHOSU_REFUSED_REGION_TOO_SMALL	= 0x103,
	ACCEL_ETHOSU_REFUSED_REGION_READ_ONLY	= 0x104,
	ACCEL_ETHOSU_REFUSED_REGION_NOT_READABLE	= 0x105,
};

/**
 * enum accel_ethosu_info_id - kinds of ACCEL_IOCTL_INFO
 * @ACCEL_INFO_ETHOSU: &struct accel_info_ethosu
 */
enum accel_ethosu_info_id {
	ACCEL_INFO_ETHOSU	= 0x8000,
};

/**
 * struct accel_info_ethosu - what a compiler needs to know of the NPU
 * @id: register ID
 * @config: register CONFIG
 * @macs: 8-bit multiply-accumulates per cycle: 256 or 512
 * @pmu_counters: event counters of the performance monitor
 */
struct accel_info_ethosu {
	__u32 id;
	__u32 config;
	__u32 macs;
	__u32 pmu_counters;
};

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_ACCEL_ETHOSU_ACCEL_H */
