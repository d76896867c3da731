/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Compute accelerators: QDA (Documentation/devices/qda.rst).
 */
#ifndef _UAPI_ACCEL_QDA_ACCEL_H
#define _UAPI_ACCEL_QDA_ACCEL_H

#include "accel.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* The region of the card's memory in ACCEL_INFO_MEMORY: system memory is 0. */
#define ACCEL_QDA_MEMORY		1

/**
 * struct accel_qda_packet - what an engine does
 * @opcode: &enum accel_qda_opcode
 * @flags: ACCEL_QDA_PACKET_*; 0 in jobs
 * @element: type of elements, "type" in the specification
 * @operation: as the opcode says
 * @options: as the opcode says
 * @reserved: 0
 * @a: address of the first operand
 * @b: address of the second operand, or a value
 * @d: address of the result
 * @stride_a: bytes from one row of the first operand to the next
 * @stride_b: bytes from one row of the second operand to the next
 * @stride_d: bytes from one row of the result to the next
 * @rows: rows
 * @columns: columns; copy engines: bytes of a row
 * @depth: as the opcode says
 * @scalar: as the opcode says
 * @extra: as the opcode says
 *
 * Little endian. The specification says which opcode uses what, and that the rest is 0.
 */
struct accel_qda_packet {
	__u8 opcode;
	__u8 flags;
	__u8 element;
	__u8 operation;
	__u16 options;
	__u16 reserved;
	__u64 a;
	__u64 b;
	__u64 d;
	__u32 stride_a;
	__u32 stride_b;
	__u32 stride_d;
	__u32 rows;
	__u32 columns;
	__u32 depth;
	__u32 scalar;
	__u32 extra;
};

/* Write a completion record; say that there is something to see. */
#define ACCEL_QDA_PACKET_RECORD		(1 << 0)
#define ACCEL_QDA_PACKET_INTERRUPT	(1 << 1)

/**
 * enum accel_qda_opcode - what packets do
 * @ACCEL_QDA_NOP: nothing; all engines
 * @ACCEL_QDA_WAIT: wait for a number in memory; all engines
 * @ACCEL_QDA_SIGNAL: write a number; all engines
 * @ACCEL_QDA_COPY: move bytes; copy engines
 * @ACCEL_QDA_FILL: set bytes; copy engines
 * @ACCEL_QDA_GEMM: multiply matrices; tensor engines
 * @ACCEL_QDA_ELEMENTWISE: compute with each element; tensor engines
 * @ACCEL_QDA_REDUCE: compute with rows or columns; tensor engines
 * @ACCEL_QDA_CONVERT: change the type of elements; tensor engines
 * @ACCEL_QDA_SEND: send to another card; collective engine
 * @ACCEL_QDA_RECEIVE: receive from another card; collective engine
 * @ACCEL_QDA_EXCHANGE: both; collective engine
 */
enum accel_qda_opcode {
	ACCEL_QDA_NOP		= 0x01,
	ACCEL_QDA_WAIT		= 0x02,
	ACCEL_QDA_SIGNAL	= 0x03,
	ACCEL_QDA_COPY		= 0x10,
	ACCEL_QDA_FILL		= 0x11,
	ACCEL_QDA_GEMM		= 0x20,
	ACCEL_QDA_ELEMENTWISE	= 0x21,
	ACCEL_QDA_REDUCE	= 0x22,
	ACCEL_QDA_CONVERT	= 0x23,
	ACCEL_QDA_SEND		= 0x30,
	ACCEL_QDA_RECEIVE	= 0x31,
	ACCEL_QDA_EXCHANGE	= 0x32,
};

/**
 * struct accel_qda_user_queue - payload of ACCEL_IOCTL_USER_QUEUE_CREATE
 * @ring: address of 2^@order packets (&struct accel_qda_packet)
 * @records: address of as many completion records (&struct accel_qda_record)
 * @report: address of a &struct accel_qda_report
 * @order: log2 of the packets in the ring, 4 to &accel_info_qda.order_max
 * @links: collective engine: bit L allows link L; else 0
 * @group: collective engine: of its messages, which only queues of the same group
 *         receive; else 0. It is one user's at a time, on all cards of the machine, from
 *         the first queue with it and a link until the last one is gone; EBUSY:
 *         another user's; ENOSPC: there are too many
 * @reserved: 0
 *
 * Addresses are those of the address space, multiples of 64; records and report must be
 * zeroes. Queue N is rung by writing, as one u64, the index behind the last packet to the
 * start of its doorbell. A packet with ACCEL_QDA_PACKET_INTERRUPT has the queue's timeline
 * come to the number of packets that have ended. A packet that fails has the queue fail.
 */
struct accel_qda_user_queue {
	__u64 ring;
	__u64 records;
	__u64 report;
	__u32 order;
	__u32 links;
	__u32 group;
	__u32 reserved;
};

/**
 * struct accel_qda_record - how a packet ended
 * @sequence: index of the packet + 1, written last
 * @status: 0, or why it failed: chapter "Status codes" of the specification
 * @detail: as the status says
 * @address: as the status says
 * @start_ns: when it started, time of the card
 * @end_ns: when it ended, likewise
 * @busy_ns: how long it occupied the engine
 * @reserved: 0
 *
 * Written if the packet has ACCEL_QDA_PACKET_RECORD, or fails.
 */
struct accel_qda_record {
	__u64 sequence;
	__u32 status;
	__u32 detail;
	__u64 address;
	__u64 start_ns;
	__u64 end_ns;
	__u64 busy_ns;
	__u8 reserved[16];
};

/**
 * struct accel_qda_report - how far a queue is
 * @completed: how many packets have ended well, written last
 * @status: 0, or why the queue has failed
 * @detail: as the status says
 * @address: as the status says
 * @reserved: 0
 */
struct accel_qda_report {
	__u64 completed;
	__u32 status;
	__u32 detail;
	__u64 address;
	__u8 reserved[40];
};

/**
 * enum accel_qda_refusal - why a payload is refused
 * @ACCEL_QDA_REFUSED_SIZE: it has no packet, a part of one, or too many (EINVAL); refused_at
 *	is the size
 * @ACCEL_QDA_REFUSED_SPACE: the queue is of a context without address space (EINVAL)
 * @ACCEL_QDA_REFUSED_FLAGS: a packet has flags, which are the kernel's (EINVAL); refused_at is
 *	the index of the packet
 * @ACCEL_QDA_REFUSED_FIELD: a field of &struct accel_qda_user_queue is out of range, or not
 *	0 as it should be (EINVAL); refused_at is its offset
 *
 * In &accel_submit.refused_reason. The payload of a job is packets: &struct accel_qda_packet, at
 * least one and at most as many as &accel_info_qda.job_packets says, with addresses of the
 * address space of the queue's context. The engine executes them one after the other; one
 * that fails ends the job. What it reports is the job's fault: ACCEL_FAULT_COMMAND for a
 * packet that is refused, ACCEL_FAULT_PAGE with the address for one that is translated to
 * nothing, or may not do there what it wants to; ACCEL_FAULT_BUS if memory failed,
 * ACCEL_FAULT_TIMEOUT for a time-out, the packet's own included, else ACCEL_FAULT_DEVICE.
 *
 * In &accel_user_queue_create.refused_reason: ACCEL_QDA_REFUSED_SIZE, refused_at is the size;
 * ACCEL_QDA_REFUSED_FIELD.
 *
 * Other queues have no payload. Making any may fail with EAGAIN while the firmware is brought
 * back, EIO if the card did not answer, ENOSPC if it has no more queues.
 */
enum accel_qda_refusal {
	ACCEL_QDA_REFUSED_SIZE		= 1,
	ACCEL_QDA_REFUSED_SPACE		= 2,
	ACCEL_QDA_REFUSED_FLAGS		= 3,
	ACCEL_QDA_REFUSED_FIELD		= 4,
};

/**
 * enum accel_qda_info_id - kinds of ACCEL_IOCTL_INFO
 * @ACCEL_INFO_QDA: &struct accel_info_qda
 */
enum accel_qda_info_id {
	ACCEL_INFO_QDA	= 0x8000,
};

/**
 * struct accel_info_qda - what a card is, besides what every device says of itself
 * @revision: of the specification: bits 31:16 major, 15:0 minor
 * @firmware_api: of the firmware's mailbox: bits 31:16 major, 15:0 minor
 * @queues: how many queues it has
 * @contexts: how many address spaces it can have
 * @limit_bytes: LIMIT_BYTES, of copy engines
 * @limit_macs: LIMIT_MACS, of tensor engines
 * @limit_elements: LIMIT_ELEMENTS, of tensor engines
 * @limit_message: LIMIT_MESSAGE, of the collective engine
 * @packet_ms: the longest time that a packet may occupy its engine, milliseconds
 * @job_packets: the most packets of a job
 * @order_max: log2 of the most packets in the ring of a user queue
 * @reserved: 0
 */
struct accel_info_qda {
	__u32 revision;
	__u32 firmware_api;
	__u32 queues;
	__u32 contexts;
	__u32 limit_bytes;
	__u32 limit_macs;
	__u32 limit_elements;
	__u32 limit_message;
	__u32 packet_ms;
	__u32 job_packets;
	__u32 order_max;
	__u32 reserved;
};

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_ACCEL_QDA_ACCEL_H */
