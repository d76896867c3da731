/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Interface of accel_memcard: a PCI card with memory and an engine that moves it.
 */
#ifndef _ACCEL_MEMCARD_H
#define _ACCEL_MEMCARD_H

#include "accel.h"

/*
 * The MMU has pages of 4 KiB, 64 KiB and 2 MiB. Its tables are in "local"; an entry has 64
 * bits, a table 512 entries, and there are three levels:
 *
 * - addresses are 39 bits: 9 for each level, 12 within a page of 4 KiB;
 * - an entry of the middle level is a page of 2 MiB, or leads to a table of the lowest;
 * - a page of 64 KiB is 16 entries of the lowest level, all alike.
 */
#define ACCEL_MEMCARD_ENTRY_VALID	(1 << 0)
#define ACCEL_MEMCARD_ENTRY_TABLE	(1 << 1)	/* of the level below */
#define ACCEL_MEMCARD_ENTRY_READ	(1 << 2)
#define ACCEL_MEMCARD_ENTRY_WRITE	(1 << 3)
#define ACCEL_MEMCARD_ENTRY_ZEROS	(1 << 4)	/* leads nowhere: zeroes */
#define ACCEL_MEMCARD_ENTRY_SYSTEM	(1 << 5)	/* a DMA address */
#define ACCEL_MEMCARD_ENTRY_64K		(1 << 6)	/* one of 16 */

/*
 * The regions, in the order of ACCEL_INFO_MEMORY: system memory is 0.
 *
 * "local" is three quarters of the card's memory, of which CPUs see the first
 * two thirds; "sram" is the rest, in pages of 64 KiB, never in pieces, but for
 * the doorbells at its end.
 */
#define ACCEL_MEMCARD_LOCAL	1
#define ACCEL_MEMCARD_SRAM	2

/* How many doorbells a card has, pages of 4 KiB. */
#define ACCEL_MEMCARD_DOORBELLS	80

/**
 * enum accel_memcard_op - what a job does
 * @ACCEL_MEMCARD_FILL: fills bytes of buffer @dst with @value
 * @ACCEL_MEMCARD_COPY: copies bytes from buffer @src to buffer @dst
 * @ACCEL_MEMCARD_REVOKE: takes buffer @dst, all of which must be meant, from
 *                        everybody who maps it
 * @ACCEL_MEMCARD_WHERE: writes the address by which the card would reach buffer
 *                       @src, which is not in its memory, to @dst: 8 bytes
 * @ACCEL_MEMCARD_RUNG: writes what doorbell @value was last rung with to @dst: the
 *                      first 8 bytes of its page
 * @ACCEL_MEMCARD_SPACE_FILL: fills bytes at addresses of an address space
 * @ACCEL_MEMCARD_SPACE_COPY: copies bytes from some to others
 * @ACCEL_MEMCARD_SPACE_ENTRY: writes how @src_offset is translated to @dst_offset:
 *                             &struct accel_memcard_translation
 */
enum accel_memcard_op {
	ACCEL_MEMCARD_FILL	= 0,
	ACCEL_MEMCARD_COPY	= 1,
	ACCEL_MEMCARD_REVOKE	= 2,
	ACCEL_MEMCARD_WHERE	= 3,
	ACCEL_MEMCARD_SPACE_FILL	= 4,
	ACCEL_MEMCARD_SPACE_COPY	= 5,
	ACCEL_MEMCARD_SPACE_ENTRY	= 6,
	ACCEL_MEMCARD_RUNG	= 7,
};

/* Reasons in &accel_submit.refused_reason; refused_at is the byte offset of the field. */
#define ACCEL_MEMCARD_BAD_SIZE		1
#define ACCEL_MEMCARD_BAD_OP		2
#define ACCEL_MEMCARD_BAD_BUFFER	3
#define ACCEL_MEMCARD_BAD_RANGE		4
#define ACCEL_MEMCARD_BAD_VALUE		5
#define ACCEL_MEMCARD_BAD_SPACE		6

/**
 * struct accel_memcard_job - payload of a job, exactly this size
 * @op: &enum accel_memcard_op
 * @value: a byte, with ACCEL_MEMCARD_FILL; a doorbell, with ACCEL_MEMCARD_RUNG; else 0
 * @dst: which of the buffers that the submission names, for writing
 * @src: likewise, for reading, with ACCEL_MEMCARD_COPY and _WHERE, else 0
 * @dst_offset: bytes from the start of @dst
 * @src_offset: bytes from the start of @src, with ACCEL_MEMCARD_COPY, else 0
 * @size: bytes
 *
 * With ACCEL_MEMCARD_SPACE_*, @dst and @src are 0, and the offsets are addresses in the
 * address space of the context that the queue is in. The engine reaches memory of the
 * card by its MMU, but not what is behind ACCEL_MEMCARD_ENTRY_SYSTEM: that is
 * ACCEL_FAULT_BUS. It has a TLB, which caches tables, too.
 *
 * Buffers may be in the card's memory, visible or not, or in the host's. What is
 * copied from may not overlap what is copied to.
 */
struct accel_memcard_job {
	__u32 op;
	__u32 value;
	__u32 dst;
	__u32 src;
	__u64 dst_offset;
	__u64 src_offset;
	__u64 size;
};

/**
 * struct accel_memcard_translation - what the MMU finds
 * @entry: the entry of the page
 * @size: bytes of the page; 0 if there is none
 */
struct accel_memcard_translation {
	__u64 entry;
	__u64 size;
};

/**
 * struct accel_memcard_fail_flushes - ACCEL_MEMCARD_IOCTL_FAIL_FLUSHES
 * @count: in: so many flushes of the TLB fail from now on, in all address spaces
 */
struct accel_memcard_fail_flushes {
	__u64 count;
};

#define ACCEL_MEMCARD_IOCTL_FAIL_FLUSHES \
	_IOW(ACCEL_IOCTL_TYPE, 0x40, struct accel_memcard_fail_flushes)

#endif /* _ACCEL_MEMCARD_H */
